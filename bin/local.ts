import { join, relative } from 'node:path';
import type { GameServer } from '../lib/agones.ts';
import type { Local } from '../local/local.ts';
import { applyManifests } from './apply-manifests.ts';
import type { Manifest } from './apply-manifests.ts';
import { fakeFleet, readFakeCount } from './fake-fleet.ts';
import { requireFreePorts } from './free-ports.ts';
import { LOCAL_OPTIONS, localEnvironment, readLocalOptions } from './local-options.ts';
import { logFileIn, runLocalHere } from './run-local-here.ts';
import { passedOverLine, Terminal } from './terminal.ts';
import { readOptions, readPort } from './usage.ts';

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
  const terminal = new Terminal(process.stdout);
  await runLocalHere({
    terminal,
    environment: {
      ...localEnvironment(settings),
      ...(servicePort === undefined
        ? {}
        : { LOCAL_ALLOCATOR_HTTP_PORT: String(servicePort), LOCAL_ALLOCATOR_GRPC_PORT: String(servicePort) }),
      ...(values['fake-ready-ms'] === undefined ? {} : { LOCAL_FAKE_READY_MS: values['fake-ready-ms'] }),
      ...(values['fake-session-ms'] === undefined ? {} : { LOCAL_FAKE_SESSION_MS: values['fake-session-ms'] }),
    },
    logFile: logFileIn(settings.stateDirectory, 'local'),
    showLogLines: !values['no-logs'],
    async whenUp(local, config) {
      terminal.say(`Agones is up: ${local.url}`);
      terminal.print(`\n  kubectl:  --kubeconfig ${relative(process.cwd(), local.kubeconfigPath)} get fleets,gs`);
      terminal.print(`  logs:     ${relative(process.cwd(), join(config.stateDirectory, 'logs'))}/\n`);
      if (servicePort !== undefined) terminal.say(`the allocator service is up: localhost:${servicePort}`);
      tellReadyGameServers(terminal, local);
      await applyAndTell(terminal, local, manifests);
    },
  });
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
