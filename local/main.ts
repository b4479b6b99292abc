import { enableCompileCache } from 'node:module';

// Before anything else is loaded: imports are most of a start.
enableCompileCache();

const { ConfigError } = await import('../lib/config.ts');
const { Lifecycle } = await import('../lib/lifecycle.ts');
const { createLogger } = await import('../lib/logger.ts');
const { runUntilSignal } = await import('../lib/run-until-signal.ts');
const { systemClock } = await import('../lib/clock.ts');
const { loadConfig } = await import('./config.ts');
const { colouredLine } = await import('./node/coloured-lines.ts');
const { StateDirectoryInUseError } = await import('./node/state-directory.ts');

/** On top of what GameServers get to end themselves. */
const STOP_DEADLINE_MS = 7000;

const config = readConfig();
const logger = createLogger('local', config.logLevel);
const lifecycle = new Lifecycle({ logger, stopDeadlineMs: config.stopGraceMs + STOP_DEADLINE_MS });
runUntilSignal(lifecycle, logger);

try {
  const { startLocal } = await import('./local.ts');
  const { url, kubeconfigPath, allocatorService, stop } = await startLocal({
    config,
    clock: systemClock,
    logger,
    // In a terminal all GameServers are seen as they go; elsewhere their files and `kubectl logs` have them.
    ...(process.stdout.isTTY ? { onLogLine: printLine } : {}),
  });
  lifecycle.onStop('local', stop);
  lifecycle.markReady();
  logger.info({ url, kubeconfig: kubeconfigPath, images: [...config.images.keys()] }, 'ready');
  if (allocatorService !== undefined) {
    const { httpPort, grpcPort } = allocatorService;
    logger.info(
      { httpPort, grpcPort, certificates: config.allocatorService?.tls?.directory },
      'allocator service ready',
    );
  }
  process.send?.({ ready: true, url, kubeconfig: kubeconfigPath });
} catch (error) {
  const explained = explain(error);
  if (explained === undefined) logger.error({ err: error }, 'cannot start');
  else process.stderr.write(`local: ${explained}\n`);
  await lifecycle.stop();
  process.exit(explained === undefined ? 1 : 2);
}

function printLine(gameServer: string, line: string): void {
  process.stdout.write(colouredLine(gameServer, line));
}

function explain(error: unknown): string | undefined {
  if (error instanceof StateDirectoryInUseError) return error.message;
  const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  if (!taken) return undefined;
  const isApi = !('port' in error) || error.port === config.port;
  return isApi
    ? `port ${config.port} is taken; LOCAL_PORT chooses another`
    : `port ${String(error.port)} is taken; LOCAL_ALLOCATOR_HTTP_PORT and LOCAL_ALLOCATOR_GRPC_PORT choose others`;
}

function readConfig(): ReturnType<typeof loadConfig> {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`local: the environment is not right\n${error.message}\n`);
    process.exit(2);
  }
}
