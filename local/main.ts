import { enableCompileCache } from 'node:module';

// Before anything else is loaded: imports are most of a start.
enableCompileCache();

const { ConfigError } = await import('../lib/config.ts');
const { Lifecycle } = await import('../lib/lifecycle.ts');
const { createLogger } = await import('../lib/logger.ts');
const { runUntilSignal } = await import('../lib/run-until-signal.ts');
const { systemClock } = await import('../lib/clock.ts');
const { loadConfig } = await import('./config.ts');

const STOP_DEADLINE_MS = 12_000;

const config = readConfig();
const logger = createLogger('local', config.logLevel);
const lifecycle = new Lifecycle({ logger, stopDeadlineMs: STOP_DEADLINE_MS });
runUntilSignal(lifecycle, logger);

try {
  const { startLocal } = await import('./local.ts');
  const { url, kubeconfigPath, stop } = await startLocal({ config, clock: systemClock, logger });
  lifecycle.onStop('local', stop);
  lifecycle.markReady();
  logger.info({ url, kubeconfig: kubeconfigPath, images: [...config.images.keys()] }, 'ready');
  process.send?.({ ready: true, url, kubeconfig: kubeconfigPath });
} catch (error) {
  const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  if (taken) process.stderr.write(`local: port ${config.port} is taken; LOCAL_PORT chooses another\n`);
  else logger.error({ err: error }, 'cannot start');
  await lifecycle.stop();
  process.exit(taken ? 2 : 1);
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
