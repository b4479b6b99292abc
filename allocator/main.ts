import { enableCompileCache } from 'node:module';

// Before anything else is loaded: the Kubernetes client alone is most of a cold start.
enableCompileCache();

const { loadConfig, loggableConfig } = await import('./config.ts');
const { ConfigError } = await import('../lib/config.ts');
const { Lifecycle } = await import('../lib/lifecycle.ts');
const { createLogger } = await import('../lib/logger.ts');
const { runUntilSignal } = await import('../lib/run-until-signal.ts');

const config = readConfig();
const logger = createLogger('allocator', config.LOG_LEVEL);
const lifecycle = new Lifecycle({ logger, stopDeadlineMs: config.STOP_DEADLINE_MS });
runUntilSignal(lifecycle, logger);

try {
  const { startAllocator } = await import('./start-allocator.ts');
  const { url, ready } = await startAllocator(config, { logger, lifecycle });
  logger.info({ url, ...loggableConfig(config) }, 'listening');
  await ready;
  logger.info({ url }, 'ready');
  process.send?.({ ready: true, url });
} catch (error) {
  logger.error({ err: error }, 'cannot start');
  await lifecycle.stop();
  process.exit(1);
}

function readConfig(): ReturnType<typeof loadConfig> {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`allocator: the environment is not right\n${error.message}\n`);
    process.exit(2);
  }
}
