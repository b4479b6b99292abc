import { mkdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { GameServer } from '../lib/agones.ts';
import { systemClock } from '../lib/clock.ts';
import { Lifecycle } from '../lib/lifecycle.ts';
import { ConfigError } from '../lib/config.ts';
import { createLogger } from '../lib/logger.ts';
import type { LogDestination } from '../lib/logger.ts';
import { loadConfig } from '../local/config.ts';
import type { LocalConfig } from '../local/config.ts';
import { startLocal } from '../local/local.ts';
import type { Local } from '../local/local.ts';
import { LogFile } from '../local/node/log-file.ts';
import { explainStartError } from '../local/start-error.ts';
import { applyManifests } from './apply-manifests.ts';
import type { Manifest } from './apply-manifests.ts';
import { fakeFleet, readFakeCount } from './fake-fleet.ts';
import { requireFreePorts } from './free-ports.ts';
import { interruption } from './interruption.ts';
import { LOCAL_OPTIONS, localEnvironment, readLocalOptions } from './local-options.ts';
import { passedOverLine, Terminal } from './terminal.ts';
import { readOptions, readPort, UsageError } from './usage.ts';

/** On top of what GameServers get to end themselves. */
const STOP_DEADLINE_MS = 7000;
/** GameServers that become Ready together are told of together. */
const GATHER_READY_MS = 200;
const MAX_TOLD_PLACES = 4;

/** `regatta local`: Agones alone, in this very process, until Ctrl-C. */
export async function runLocal(parameters: string[]): Promise<void> {
  const { values } = readOptions(parameters, {
    ...LOCAL_OPTIONS,
    'allocator-service-port': { type: 'string' },
    fake: { type: 'string' },
    'fake-ready-ms': { type: 'string' },
    'fake-session-ms': { type: 'string' },
    'no-logs': { type: 'boolean', default: false },
  });
  const { manifests = [], ...settings } = readLocalOptions(values);
  if (values.fake !== undefined) manifests.push(fakeFleet(readFakeCount(values.fake)));
  const serviceText = values['allocator-service-port'];
  const servicePort = serviceText === undefined ? undefined : readPort('allocator-service-port', serviceText);
  await requireFreePorts([
    { port: settings.apiPort, option: 'api-port', purpose: 'the Kubernetes API' },
    ...(servicePort === undefined
      ? []
      : [{ port: servicePort, option: 'allocator-service-port', purpose: "Agones' allocator service" }]),
  ]);
  const config = readConfig({
    ...localEnvironment(settings),
    ...(servicePort === undefined
      ? {}
      : { LOCAL_ALLOCATOR_HTTP_PORT: String(servicePort), LOCAL_ALLOCATOR_GRPC_PORT: String(servicePort) }),
    ...(values['fake-ready-ms'] === undefined ? {} : { LOCAL_FAKE_READY_MS: values['fake-ready-ms'] }),
    ...(values['fake-session-ms'] === undefined ? {} : { LOCAL_FAKE_SESSION_MS: values['fake-session-ms'] }),
  });
  const terminal = new Terminal(process.stdout);
  const logFile = join(settings.stateDirectory, 'logs', 'local.log');
  const logger = createLogger('local', config.logLevel, openedLate(logFile, config.logFileBytes));
  const lifecycle = new Lifecycle({ logger, stopDeadlineMs: config.stopGraceMs + STOP_DEADLINE_MS });
  const ended = interruption();
  try {
    const local = await startLocal({
      config,
      clock: systemClock,
      logger,
      onNotice(notice) {
        terminal.notice(notice);
      },
      ...(values['no-logs']
        ? {}
        : {
            onLogLine(gameServer, line) {
              terminal.logLine(gameServer, line);
            },
          }),
    });
    lifecycle.onStop('local', local.stop);
    terminal.say(`Agones is up: ${local.url}`);
    terminal.print(`\n  kubectl:  --kubeconfig ${relative(process.cwd(), local.kubeconfigPath)} get fleets,gs`);
    terminal.print(`  logs:     ${relative(process.cwd(), join(config.stateDirectory, 'logs'))}/\n`);
    if (local.allocatorService !== undefined) terminal.say(`the allocator service is up: localhost:${servicePort}`);
    tellReadyGameServers(terminal, local);
    await applyAndTell(terminal, local, manifests);
    await ended;
    terminal.say('stopping');
  } catch (error) {
    await lifecycle.stop();
    const explained = explainStartError(error, config);
    throw explained === undefined ? error : new UsageError(explained, { cause: error });
  }
  const clean = await lifecycle.stop();
  terminal.say(clean ? 'stopped' : `stopped, not everything in time: see ${logFile}`);
  process.exit(clean ? 0 : 1);
}

/** @throws UsageError naming every fault */
function readConfig(environment: Record<string, string>): LocalConfig {
  try {
    return loadConfig({ ...process.env, ...environment });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(`the environment is not right\n${error.message}`, { cause: error });
  }
}

/** Opened with the first line, which comes once the folder is this process's own. */
function openedLate(path: string, maxBytes: number): LogDestination {
  let file: LogFile | undefined;
  return {
    write(line) {
      if (file === undefined) mkdirSync(dirname(path), { recursive: true });
      file ??= new LogFile(path, maxBytes);
      file.write(line);
    },
  };
}

/** Applies what `-f` named. */
async function applyAndTell(terminal: Terminal, local: Local, manifests: Manifest[]): Promise<void> {
  if (manifests.length === 0) return;
  const { applied, passedOver } = await applyManifests(local.url, manifests);
  const names = Map.groupBy(applied, ({ file }) => file);
  for (const [file, ofFile] of names) {
    terminal.say(`applied ${file}: ${ofFile.map(({ object }) => `${object.kind} ${object.metadata.name}`).join(', ')}`);
  }
  if (passedOver.length > 0) terminal.notice(passedOverLine(passedOver));
}

/** Says how many GameServers are Ready, and where, whenever that are more than before. */
function tellReadyGameServers(terminal: Terminal, { store }: Local): void {
  const ready = new Map<string, string>();
  let told = 0;
  let timer: NodeJS.Timeout | undefined;
  const tell = (): void => {
    timer = undefined;
    const isMore = ready.size > told;
    told = ready.size;
    if (!isMore) return;
    const places = [...ready.values()].filter((place) => place !== '');
    const where = places.length === 0 || places.length > MAX_TOLD_PLACES ? '' : `: ${places.join(', ')}`;
    terminal.say(`${told} GameServer${told === 1 ? ' is' : 's are'} Ready${where}`);
  };
  store.subscribe<GameServer>('gameservers', ({ type, object: { metadata, status } }) => {
    if (type === 'DELETED' || status?.state !== 'Ready') ready.delete(metadata.uid ?? '');
    else ready.set(metadata.uid ?? '', (status.ports ?? []).map(({ port }) => `${status.address}:${port}`).join(' '));
    timer ??= setTimeout(tell, GATHER_READY_MS).unref();
  });
}
