import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../lib/clock.ts';
import { StatusError } from '../local/api/status-error.ts';
import { GameServerFileError } from '../local/standalone-sdk/game-server-file.ts';
import { StandaloneSdk } from '../local/standalone-sdk/standalone-sdk.ts';
import { requireFreePorts } from './free-ports.ts';
import { logFileIn, runLocalHere } from './run-local-here.ts';
import { Terminal } from './terminal.ts';
import { readOptions, readPort, UsageError } from './usage.ts';

/** Options of Agones' sdk-server that mean nothing here, with or without a value. */
const WITHOUT_MEANING = /^--(local|graceful-termination|log-level|health-port)(=.*)?$/;

/** `regatta sdk`: the SDK server of a game that is started by hand, in place of Agones' `sdk-server --local`. */
export async function runSdk(parameters: string[]): Promise<void> {
  const { values } = readOptions(
    parameters.filter((parameter) => !WITHOUT_MEANING.test(parameter)),
    {
      file: { type: 'string', short: 'f' },
      address: { type: 'string', default: 'localhost' },
      'grpc-port': { type: 'string', default: '9357' },
      'http-port': { type: 'string', default: '9358' },
      'api-port': { type: 'string', default: '8090' },
      'allocator-service-port': { type: 'string' },
      'feature-gates': { type: 'string', default: '' },
      timeout: { type: 'string', default: '0' },
      delay: { type: 'string', default: '0' },
      'state-dir': { type: 'string', default: '.regatta' },
    },
  );
  const grpcPort = readPort('grpc-port', values['grpc-port']);
  const httpPort = readPort('http-port', values['http-port']);
  const apiPort = readPort('api-port', values['api-port']);
  const serviceText = values['allocator-service-port'];
  const servicePort = serviceText === undefined ? undefined : readPort('allocator-service-port', serviceText);
  const timeoutSeconds = readSeconds('timeout', values.timeout);
  const delaySeconds = readSeconds('delay', values.delay);
  const playerTracking = readFeatureGates(values['feature-gates']);
  const file = values.file === undefined ? undefined : resolve(values.file);
  if (file !== undefined && !existsSync(file)) throw new UsageError(`-f ${values.file}: no such file`);
  await requireFreePorts([
    { port: grpcPort, option: 'grpc-port', purpose: 'the SDK over gRPC' },
    { port: httpPort, option: 'http-port', purpose: 'the SDK over HTTP' },
    { port: apiPort, option: 'api-port', purpose: 'the Kubernetes API' },
    ...(servicePort === undefined
      ? []
      : [{ port: servicePort, option: 'allocator-service-port', purpose: "Agones' allocator service" }]),
  ]);
  await wait(delaySeconds * 1000);
  const stateDirectory = resolve(values['state-dir']);
  const terminal = new Terminal(process.stdout);
  await runLocalHere({
    terminal,
    environment: {
      LOCAL_PORT: String(apiPort),
      LOCAL_STATE_DIR: join(stateDirectory, 'sdk'),
      // As Agones' local mode: what a call changes is seen by the next.
      LOCAL_SDK_WRITE_INTERVAL_MS: process.env['LOCAL_SDK_WRITE_INTERVAL_MS'] ?? '0',
      ...(servicePort === undefined
        ? {}
        : { LOCAL_ALLOCATOR_HTTP_PORT: String(servicePort), LOCAL_ALLOCATOR_GRPC_PORT: String(servicePort) }),
    },
    logFile: logFileIn(stateDirectory, 'sdk'),
    showLogLines: false,
    ...(timeoutSeconds === 0 ? {} : { timeoutMs: timeoutSeconds * 1000 }),
    async whenUp(local, config, lifecycle) {
      const sdk = await startOrExplain(values.file, {
        store: local.store,
        clock: systemClock,
        record: local.events.from('gameserver-sidecar'),
        ...(file === undefined ? {} : { file }),
        // By both names of this machine a client may try, this is the one that is always there.
        listen: { host: values.address === 'localhost' ? '127.0.0.1' : values.address, grpcPort, httpPort },
        writeIntervalMs: config.sdkWriteIntervalMs,
        playerTracking,
        say(line) {
          terminal.say(line);
        },
        tell(notice) {
          terminal.notice(notice);
        },
      });
      lifecycle.onStop('sdk', () => sdk.stop());
      terminal.say(`the SDK is up: gRPC ${values.address}:${sdk.grpcPort}, HTTP ${values.address}:${sdk.httpPort}`);
      terminal.print(
        `\n  allocate: POST ${local.url}/apis/allocation.agones.dev/v1/namespaces/${sdk.namespace}/gameserverallocations`,
      );
      terminal.print(`  kubectl:  --kubeconfig ${relative(process.cwd(), local.kubeconfigPath)} get gs\n`);
      if (servicePort !== undefined) terminal.say(`the allocator service is up: localhost:${servicePort}`);
    },
  });
}

/** @param name - of the file, as the user wrote it */
async function startOrExplain(
  name: string | undefined,
  options: Parameters<typeof StandaloneSdk.start>[0],
): Promise<StandaloneSdk> {
  try {
    return await StandaloneSdk.start(options);
  } catch (error) {
    if (error instanceof GameServerFileError) throw new UsageError(error.message, { cause: error });
    if (error instanceof StatusError)
      throw new UsageError(`-f ${name} was refused: ${error.message}`, { cause: error });
    throw error;
  }
}

/** @throws UsageError */
function readSeconds(option: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new UsageError(`--${option} ${text}: not a number of seconds`);
  return Number(text);
}

/**
 * @returns whether players are tracked, which is the only gate there is
 * @throws UsageError
 */
function readFeatureGates(text: string): boolean {
  const gates = new URLSearchParams(text);
  for (const [gate, value] of gates) {
    if (gate === 'PlayerTracking' && (value === 'true' || value === 'false')) continue;
    // What Agones has on by default is on here.
    if (gate === 'CountsAndLists' && value === 'true') continue;
    throw new UsageError(`--feature-gates ${text}: only PlayerTracking=true and PlayerTracking=false are known`);
  }
  return gates.get('PlayerTracking') === 'true';
}
