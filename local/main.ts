import { enableCompileCache } from 'node:module';

// Before anything else is loaded: imports are most of a start.
enableCompileCache();

const { ConfigError } = await import('../lib/config.ts');
const { Lifecycle } = await import('../lib/lifecycle.ts');
const { createLogger } = await import('../lib/logger.ts');
const { runUntilSignal } = await import('../lib/run-until-signal.ts');
const { systemClock } = await import('../lib/clock.ts');
const { loadConfig } = await import('./config.ts');
const { explainStartError } = await import('./start-error.ts');

/** On top of what GameServers get to end themselves. */
const STOP_DEADLINE_MS = 7000;

const MAX_UNSENT_REPORTS = 1000;
let unsentReports = 0;

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
    onNotice(notice) {
      report({ notice });
    },
    ...(config.sendLogLines ? { onLogLine: (gameServer, line) => report({ gameServer, line }) } : {}),
  });
  lifecycle.onStop('local', stop);
  lifecycle.markReady();
  logger.info({ url, kubeconfig: kubeconfigPath, images: [...config.images.keys()] }, 'ready');
  const servicePorts =
    allocatorService === undefined
      ? undefined
      : { httpPort: allocatorService.httpPort, grpcPort: allocatorService.grpcPort };
  if (servicePorts !== undefined) {
    const certificates = config.allocatorService?.tls?.directory;
    logger.info({ ...servicePorts, certificates }, 'allocator service ready');
  }
  process.send?.({ ready: true, url, kubeconfig: kubeconfigPath, allocatorService: servicePorts });
} catch (error) {
  const explained = explainStartError(error, config);
  if (explained === undefined) logger.error({ err: error }, 'cannot start');
  else process.stderr.write(`local: ${explained}\n`);
  await lifecycle.stop();
  process.exit(explained === undefined ? 1 : 2);
}

/** A parent that does not keep up misses some: files have all. */
function report(what: { notice: string } | { gameServer: string; line: string }): void {
  if (unsentReports >= MAX_UNSENT_REPORTS || process.send === undefined) return;
  unsentReports += 1;
  process.send({ report: what }, () => {
    unsentReports -= 1;
  });
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
