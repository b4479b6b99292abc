import fc from 'fast-check';
import type {
  Fleet,
  GameServer,
  GameServerPort,
  GameServerSet,
  GameServerState,
  SchedulingStrategy,
} from '../../../lib/agones.ts';
import type { TestCluster } from './test-cluster.ts';
import type { Watchman } from './watchman.ts';

export type Strategy = NonNullable<Fleet['spec']['strategy']>;

/** What may happen to Fleets. `pick` chooses a GameServer, or a set, among those there are. */
export type Happening = { fleet: string } & (
  | { what: 'scale'; replicas: number }
  | { what: 'template'; version: string }
  | { what: 'strategy'; strategy: Strategy }
  | { what: 'scheduling'; scheduling: SchedulingStrategy }
  | { what: 'delete fleet'; policy: 'Background' | 'Foreground' }
  | { what: 'delete set'; pick: number }
  | { what: 'exit'; pick: number; phase: 'Succeeded' | 'Failed' }
  | { what: 'state'; pick: number; state: 'Shutdown' | 'Reserved' | 'Unhealthy' | 'RequestReady' }
  | { what: 'delete'; pick: number; kind: 'gameservers' | 'pods' }
  | { what: 'allocate' | 'settle' | 'controllers' | 'wait' | 'slow games' | 'quick games' }
);

export const FLEETS = ['race', 'cup'] as const;

/** The ports of each Fleet's GameServers: every policy and protocol that is given a host port, and those that are not. */
const PORTS: Record<string, GameServerPort[]> = {
  race: [
    { name: 'ws', portPolicy: 'Dynamic', containerPort: 8000, protocol: 'TCP' },
    { name: 'fixed', portPolicy: 'Static', containerPort: 8001, hostPort: 7003 },
  ],
  cup: [
    { name: 'through', portPolicy: 'Passthrough', protocol: 'UDP' },
    { name: 'both', portPolicy: 'Dynamic', containerPort: 8000, protocol: 'TCPUDP' },
    { name: 'inside', portPolicy: 'None', containerPort: 8001 },
  ],
};

const pick = fc.nat(50);
const fleet = fc.constantFrom(...FLEETS);
const step = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constantFrom('1%', '25%', '50%', '99%'));

export const strategies: fc.Arbitrary<Strategy> = fc.oneof(
  fc.record({ type: fc.constant('Recreate') }),
  fc.record({
    type: fc.constant('RollingUpdate'),
    rollingUpdate: fc.record({ maxSurge: step, maxUnavailable: step }),
  }),
);

const scale = fc.record({ fleet, what: fc.constant('scale'), replicas: fc.nat(6) });
const template = fc.record({ fleet, what: fc.constant('template'), version: fc.constantFrom('one', 'two', 'three') });
const strategy = fc.record({ fleet, what: fc.constant('strategy'), strategy: strategies });
const scheduling = fc.record({
  fleet,
  what: fc.constant('scheduling'),
  scheduling: fc.constantFrom('Packed', 'Distributed'),
});
const exit = fc.record({ fleet, what: fc.constant('exit'), pick, phase: fc.constantFrom('Succeeded', 'Failed') });
const state = fc.record({
  fleet,
  what: fc.constant('state'),
  pick,
  state: fc.constantFrom('Shutdown', 'Reserved', 'Reserved', 'Reserved', 'Unhealthy', 'RequestReady'),
});
const deletion = fc.record({ fleet, what: fc.constant('delete'), pick, kind: fc.constantFrom('gameservers', 'pods') });
const deletionOfSet = fc.record({ fleet, what: fc.constant('delete set'), pick });
const deletionOfFleet = fc.record({
  fleet,
  what: fc.constant('delete fleet'),
  policy: fc.constantFrom('Background', 'Foreground'),
});
const allocation = fc.record({ fleet, what: fc.constant('allocate') });
const games = fc.record({ fleet, what: fc.constantFrom('slow games', 'quick games') });
const time = fc.record({ fleet, what: fc.constantFrom('settle', 'controllers', 'wait') });

/** Weighed so that many GameServers are in use, and stay so, while all else goes on. */
export const happenings: fc.Arbitrary<Happening> = fc.oneof(
  weighed(8, time),
  weighed(6, allocation),
  weighed(4, template),
  weighed(3, scale),
  weighed(3, state),
  weighed(2, games),
  weighed(2, exit),
  weighed(2, deletion),
  weighed(1, strategy),
  weighed(1, scheduling),
  weighed(1, deletionOfSet),
  weighed(1, deletionOfFleet),
);

function weighed(weight: number, arbitrary: fc.Arbitrary<Happening>) {
  return { weight, arbitrary };
}

/** Makes one of the Fleets, as it is at first and again after it was deleted. */
export function createFleet(cluster: TestCluster, name: string, strategyOfIt: Strategy): void {
  cluster.createFleet(name, {
    replicas: 3,
    strategy: strategyOfIt,
    template: {
      metadata: { labels: { version: 'one' } },
      spec: {
        ports: structuredClone(PORTS[name] ?? []),
        template: { spec: { containers: [{ name: 'game', image: 'game:1' }] } },
      },
    },
  });
}

export interface Stage {
  cluster: TestCluster;
  watchman: Watchman;
  /** Asks for a GameServer of the Fleet, and does not wait for the answer. */
  allocate(fleetName: string): void;
}

/** Lets it happen, and tells the watchman what is given up by it. */
export function happen({ cluster, watchman, allocate }: Stage, event: Happening): void {
  const { fleet: name } = event;
  const gameServers = cluster.gameServers(`agones.dev/fleet=${name}`);
  const chosen = 'pick' in event ? gameServers[event.pick % Math.max(1, gameServers.length)] : undefined;
  const change = (write: (copy: Fleet) => void) => cluster.store.modify<Fleet>('fleets', 'default', name, write);
  switch (event.what) {
    case 'scale':
      change(({ spec }) => (spec.replicas = event.replicas));
      return;
    case 'template':
      change(
        ({ spec }) => (spec.template.metadata = { ...spec.template.metadata, labels: { version: event.version } }),
      );
      return;
    case 'strategy':
      change(({ spec }) => (spec.strategy = event.strategy));
      return;
    case 'scheduling':
      change(({ spec }) => (spec.scheduling = event.scheduling));
      return;
    case 'delete fleet':
      deleteFleet({ cluster, watchman, allocate }, name, event.policy);
      return;
    case 'delete set':
      deleteSet({ cluster, watchman, allocate }, name, event.pick);
      return;
    case 'exit':
      if (chosen !== undefined) endProcess({ cluster, watchman, allocate }, chosen, event.phase);
      return;
    case 'state':
      if (chosen !== undefined) speak({ cluster, watchman, allocate }, chosen, event.state);
      return;
    case 'delete':
      if (chosen === undefined || cluster.store.find(event.kind, 'default', chosen.metadata.name) === undefined) return;
      watchman.giveUp(chosen);
      cluster.store.delete(event.kind, 'default', chosen.metadata.name);
      return;
    case 'allocate':
      allocate(name);
      return;
    case 'settle':
      cluster.settle();
      return;
    case 'controllers':
      cluster.settleControllers();
      return;
    case 'wait':
      cluster.clock.advance(1000);
      return;
    default:
      cluster.gamesBecomeReady = () => event.what === 'quick games';
  }
}

/** Takes everything of it along; another of its name comes at once. */
function deleteFleet({ cluster, watchman }: Stage, name: string, policy: 'Background' | 'Foreground'): void {
  const { spec } = cluster.fleet(name);
  for (const gameServer of cluster.gameServers(`agones.dev/fleet=${name}`)) watchman.giveUp(gameServer);
  cluster.store.delete('fleets', 'default', name, { propagationPolicy: policy });
  if (policy === 'Foreground') cluster.settle();
  createFleet(cluster, name, spec.strategy ?? { type: 'Recreate' });
}

function deleteSet({ cluster, watchman }: Stage, name: string, which: number): void {
  const sets = cluster.store.list<GameServerSet>('gameserversets', { labelSelector: `agones.dev/fleet=${name}` });
  const set = sets[which % Math.max(1, sets.length)];
  if (set === undefined) return;
  const ofSet = `agones.dev/gameserverset=${set.metadata.name}`;
  for (const gameServer of cluster.gameServers(ofSet)) watchman.giveUp(gameServer);
  cluster.store.delete('gameserversets', 'default', set.metadata.name);
}

function endProcess({ cluster, watchman }: Stage, gameServer: GameServer, phase: 'Succeeded' | 'Failed'): void {
  if (cluster.store.find('pods', 'default', gameServer.metadata.name) === undefined) return;
  watchman.giveUp(gameServer);
  cluster.exit(gameServer.metadata.name, phase);
}

/** A sidecar runs only beside a process, and does nothing more once its GameServer is on its way out. */
function speak({ cluster, watchman }: Stage, { metadata, status }: GameServer, said: GameServerState): void {
  if (cluster.store.find('pods', 'default', metadata.name) === undefined || status?.nodeName === '') return;
  if (status?.state === 'Shutdown' || status?.state === 'Unhealthy') return;
  if (said === 'Shutdown') watchman.giveUp({ metadata });
  cluster.setState(metadata.name, said);
}
