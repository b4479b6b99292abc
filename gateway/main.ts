import { enableCompileCache } from 'node:module';

// Before anything else is imported: imports are most of a start.
enableCompileCache();
const { readFileSync } = await import('node:fs');
const { ConfigError } = await import('../lib/config.ts');
const { systemClock } = await import('../lib/clock.ts');
const { KeyFileError, openKeyFile } = await import('../lib/key-set.ts');
const { Lifecycle } = await import('../lib/lifecycle.ts');
const { createLogger } = await import('../lib/logger.ts');
const { runUntilSignal } = await import('../lib/run-until-signal.ts');
const { loadConfig } = await import('./config.ts');
const { Gateway } = await import('./gateway.ts');
const { HealthEndpoint } = await import('./health-endpoint.ts');

const KEY_RECHECK_MS = 5000;

/** The port is not to be had; the message names the variable that changes it. */
class PortError extends Error {
  constructor(variable: string, port: number, code: string) {
    const why = code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be listened on (${code})`;
    super(`port ${port} ${why}: set ${variable} to another one`);
    this.name = 'PortError';
  }
}

async function start(): Promise<void> {
  const config = loadConfig(process.env);
  const logger = createLogger('gateway', config.LOG_LEVEL);
  const lifecycle = new Lifecycle({ logger, stopDeadlineMs: config.STOP_DEADLINE_MS });
  const sealingKeys = openKeyFile(config.SEALING_KEYS_FILE, 'seal', {
    clock: systemClock,
    logger,
    recheckMs: KEY_RECHECK_MS,
  });
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = config;
  const tls =
    certFile === undefined || keyFile === undefined
      ? {}
      : { tls: { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') } };
  const health = new HealthEndpoint({
    port: config.HEALTH_PORT,
    listenAddress: config.LISTEN_ADDRESS,
    isReady: () => lifecycle.isReady,
  });
  const healthPort = await orPortError('HEALTH_PORT', config.HEALTH_PORT, health.listen());
  lifecycle.onStop('health endpoint', () => health.close());
  const gateway = new Gateway({ config, sealingKeys, clock: systemClock, logger, ...tls });
  const url = await orPortError('PORT', config.PORT, gateway.listen());
  lifecycle.onStop('gateway', () => gateway.drain());
  lifecycle.markReady();
  runUntilSignal(lifecycle, logger);
  logger.info({ url, healthPort, trustProxy: config.TRUST_PROXY }, 'the gateway is up');
  process.send?.({ ready: true, url, healthPort });
}

async function orPortError<Value>(variable: string, port: number, listening: Promise<Value>): Promise<Value> {
  try {
    return await listening;
  } catch (error) {
    throw new PortError(variable, port, (error as NodeJS.ErrnoException).code ?? 'unknown');
  }
}

try {
  await start();
} catch (error) {
  const isExpected = error instanceof ConfigError || error instanceof KeyFileError || error instanceof PortError;
  // Anything else is a bug: the trace is the message.
  process.stderr.write(`gateway: ${isExpected ? error.message : String((error as Error).stack)}\n`);
  process.exit(isExpected ? 2 : 1);
}
