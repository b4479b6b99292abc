import { enableCompileCache } from 'node:module';
import type { Logger } from '../lib/logger.ts';
import type { GatewayConfig } from './config.ts';
import type { MetricsSource } from './metrics.ts';
import type { ToWorker } from './workers/messages.ts';

// Before anything else is loaded: loading is most of a start. What one process alone does not need is loaded by who does.
enableCompileCache();
const { CertificateFilesError } = await import('../lib/certificate-files.ts');
const { ConfigError } = await import('../lib/config.ts');
const { systemClock: clock } = await import('../lib/clock.ts');
const { KeyFileError, openKeyFile } = await import('../lib/key-set.ts');
const { Lifecycle } = await import('../lib/lifecycle.ts');
const { createLogger } = await import('../lib/logger.ts');
const { runUntilSignal } = await import('../lib/run-until-signal.ts');
const { loadConfig } = await import('./config.ts');
const { HealthEndpoint } = await import('./health-endpoint.ts');
const { RouteAuthority } = await import('./route-authority.ts');
const { startGateway } = await import('./start-gateway.ts');

/** First parameter of a process that a supervisor starts; its number is the second. */
const WORKER = 'worker';

/** The port is not to be had; the message names the variable that changes it. */
class PortError extends Error {
  constructor(variable: string, port: number, code: string) {
    const why = code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be listened on (${code})`;
    super(`port ${port} ${why}: set ${variable} to another one`);
    this.name = 'PortError';
  }
}

/** A program that is about to start. */
interface Program {
  config: GatewayConfig;
  logger: Logger;
  lifecycle: InstanceType<typeof Lifecycle>;
}

/** One process, which listens and serves. */
async function startAlone({ config, logger, lifecycle }: Program): Promise<void> {
  const running = startGateway(config, { clock, logger, processes: 1 });
  const healthPort = await startHealth(config, lifecycle, {
    isServing: () => true,
    tally: () => running.gateway.tally(),
    workers: () => 1,
    workerRestarts: () => 0,
    certificateExpiresAtMs: running.certificateExpiresAtMs,
  });
  const url = await orPortError('PORT', config.PORT, running.gateway.listen());
  lifecycle.onStop('gateway', running.drain);
  await startAuthority({ config, logger, lifecycle });
  lifecycle.markReady();
  runUntilSignal(lifecycle, logger);
  announce(config, logger, { url, healthPort });
}

/** One process that listens, and several that serve. */
async function startSupervisor({ config, logger, lifecycle }: Program): Promise<void> {
  const { fork } = await import('node:child_process');
  const { Supervisor } = await import('./workers/supervisor.ts');
  const { WorkerStartError } = await import('./workers/worker-pool.ts');
  const supervisor = new Supervisor({
    config,
    clock,
    logger,
    fork: (number) => fork(import.meta.filename, [WORKER, String(number)]),
  });
  const { pool } = supervisor;
  const healthPort = await startHealth(config, lifecycle, {
    isServing: () => pool.isReady,
    tally: () => supervisor.tally(),
    workers: () => pool.readyWorkers,
    workerRestarts: () => pool.restarts,
    certificateExpiresAtMs: () => pool.certificateExpiresAtMs,
  });
  const starting = supervisor.start().catch((error: unknown) => {
    // The worker has said itself what is wrong.
    if (error instanceof WorkerStartError) process.exit(error.exitCode);
    throw error;
  });
  const address = await orPortError('PORT', config.PORT, starting);
  lifecycle.onStop('workers', () => supervisor.drain());
  await startAuthority({ config, logger, lifecycle });
  lifecycle.markReady();
  runUntilSignal(lifecycle, logger);
  const url = `${config.TLS_CERT_FILE === undefined ? 'http' : 'https'}://${address}`;
  announce(config, logger, { url, healthPort });
}

/** A process that serves what its supervisor hands it. */
async function startWorker({ config, logger, lifecycle }: Program): Promise<void> {
  const { WorkerChannel } = await import('./workers/worker-channel.ts');
  const running = startGateway(config, { clock, logger, processes: config.WORKERS });
  const end = runUntilSignal(lifecycle, logger);
  const channel = new WorkerChannel({
    running,
    clock,
    send(message) {
      // Without a supervisor there is nobody to tell, and this process is ending.
      if (process.connected) process.send?.(message);
    },
    onDrain() {
      end('supervisor');
    },
  });
  lifecycle.onStop('channel', () => {
    channel.close();
  });
  lifecycle.onStop('gateway', async () => {
    channel.leave();
    await running.drain();
  });
  process.on('message', (message, socket) => {
    // Only our own supervisor has the other end.
    channel.receive(message as ToWorker, socket);
  });
  lifecycle.markReady();
  channel.open();
}

async function startHealth(
  config: GatewayConfig,
  lifecycle: Program['lifecycle'],
  source: MetricsSource & { isServing: () => boolean },
): Promise<number> {
  const health = new HealthEndpoint({
    port: config.HEALTH_PORT,
    listenAddress: config.LISTEN_ADDRESS,
    isReady: () => lifecycle.isReady && source.isServing(),
    // Loaded when first asked for: a start need not wait for it.
    metrics: lazily(async () => (await import('./metrics.ts')).createMetrics(source)),
  });
  const healthPort = await orPortError('HEALTH_PORT', config.HEALTH_PORT, health.listen());
  lifecycle.onStop('health endpoint', () => health.close());
  return healthPort;
}

/** Where a stock proxy may ask, if it may. */
async function startAuthority({ config, logger, lifecycle }: Program): Promise<void> {
  const { AUTHORITY_PORT: port, LISTEN_ADDRESS: listenAddress, ALLOWED_NETWORKS: isAllowed } = config;
  if (port === undefined) return;
  const { SEALING_KEYS_FILE: keyFile, KEY_RECHECK_MS: recheckMs } = config;
  const sealingKeys = openKeyFile(keyFile, 'seal', { clock, logger, recheckMs });
  const authority = new RouteAuthority({ port, listenAddress, sealingKeys, isAllowed, clock, logger });
  await orPortError('AUTHORITY_PORT', port, authority.listen());
  lifecycle.onStop('route authority', () => authority.close());
}

function lazily(
  create: () => Promise<{ contentType: string; metrics: () => Promise<string> }>,
): () => Promise<{ contentType: string; text: string }> {
  let creating: ReturnType<typeof create> | undefined;
  return async () => {
    creating ??= create();
    const registry = await creating;
    return { contentType: registry.contentType, text: await registry.metrics() };
  };
}

function announce(
  config: GatewayConfig,
  logger: Logger,
  { url, healthPort }: { url: string; healthPort: number },
): void {
  const { WORKERS: workers, TRUST_PROXY: trustProxy, TRUST_PROXY_PROTOCOL: trustProxyProtocol } = config;
  logger.info({ url, healthPort, workers, trustProxy, trustProxyProtocol }, 'the gateway is up');
  process.send?.({ ready: true, url, healthPort });
}

async function orPortError<Value>(variable: string, port: number, listening: Promise<Value>): Promise<Value> {
  try {
    return await listening;
  } catch (error) {
    throw new PortError(variable, port, (error as NodeJS.ErrnoException).code ?? 'unknown');
  }
}

const EXPECTED = [ConfigError, KeyFileError, CertificateFilesError, PortError];

try {
  const config = loadConfig(process.env);
  const [, , role, number] = process.argv;
  const fields = role === WORKER ? { worker: Number(number) } : {};
  const logger = createLogger('gateway', config.LOG_LEVEL).child(fields);
  const program = { config, logger, lifecycle: new Lifecycle({ logger, stopDeadlineMs: config.STOP_DEADLINE_MS }) };
  if (role === WORKER) await startWorker(program);
  else if (config.WORKERS > 1) await startSupervisor(program);
  else await startAlone(program);
} catch (error) {
  const isExpected = EXPECTED.some((kind) => error instanceof kind);
  // Anything else is a bug: the trace is the message.
  process.stderr.write(`gateway: ${isExpected ? (error as Error).message : String((error as Error).stack)}\n`);
  process.exit(isExpected ? 2 : 1);
}
