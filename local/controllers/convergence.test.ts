import fc from 'fast-check';
import type { GameServer } from '../../lib/agones.ts';
import { createAllocationEngine } from '../allocation/allocation-engine.ts';
import { seededRandom } from '../../lib/seeded-random.ts';
import { TestCluster } from './testing/test-cluster.ts';

/** What may happen to a Fleet. `pick` chooses a GameServer among those there are. */
type Happening =
  | { what: 'scale'; replicas: number }
  | { what: 'template'; version: string }
  | { what: 'exit'; pick: number; phase: 'Succeeded' | 'Failed' }
  | { what: 'allocate' }
  | { what: 'state'; pick: number; state: 'Shutdown' | 'Reserved' | 'Unhealthy' | 'RequestReady' }
  | { what: 'delete'; pick: number; kind: 'gameservers' | 'pods' }
  | { what: 'settle' }
  | { what: 'controllers' }
  | { what: 'wait' };

const pick = fc.nat(50);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ what: fc.constant('scale' as const), replicas: fc.nat(6) }),
  fc.record({ what: fc.constant('template' as const), version: fc.constantFrom('one', 'two', 'three') }),
  fc.record({
    what: fc.constant('exit' as const),
    pick,
    phase: fc.constantFrom('Succeeded' as const, 'Failed' as const),
  }),
  fc.record({ what: fc.constant('allocate' as const) }),
  fc.record({
    what: fc.constant('state' as const),
    pick,
    state: fc.constantFrom('Shutdown' as const, 'Reserved' as const, 'Unhealthy' as const, 'RequestReady' as const),
  }),
  fc.record({
    what: fc.constant('delete' as const),
    pick,
    kind: fc.constantFrom('gameservers' as const, 'pods' as const),
  }),
  fc.record({ what: fc.constantFrom('settle' as const, 'controllers' as const, 'wait' as const) }),
);

/** Notes what must never happen, whatever does. */
class Watchman {
  readonly faults: string[] = [];
  /** Those somebody outside has given up: the game, or who deletes through the API. */
  readonly givenUp = new Set<string>();
  readonly #holders = new Map<number, string>();

  constructor(cluster: TestCluster) {
    cluster.store.subscribe<GameServer>('gameservers', ({ type, object, previous }) => {
      this.#watchPorts(type, object);
      const before = previous?.status?.state;
      const held = before === 'Allocated' || before === 'Reserved';
      const ends = type === 'DELETED' || object.status?.state === 'Shutdown';
      if (held && ends && !this.givenUp.has(object.metadata.name)) {
        this.faults.push(`${object.metadata.name} was ${before} and was removed`);
      }
    });
  }

  #watchPorts(type: string, { metadata: { name }, spec }: GameServer): void {
    for (const { hostPort } of spec.ports ?? []) {
      if (hostPort === undefined) continue;
      const holder = this.#holders.get(hostPort);
      if (holder !== undefined && holder !== name) this.faults.push(`${hostPort} is ${holder}'s and ${name}'s`);
      if (type === 'DELETED') this.#holders.delete(hostPort);
      else this.#holders.set(hostPort, name);
    }
  }
}

function make(cluster: TestCluster, watchman: Watchman, event: Happening, allocate: () => void): void {
  const gameServers = cluster.gameServers();
  const chosen = 'pick' in event ? gameServers[event.pick % Math.max(1, gameServers.length)] : undefined;
  const name = chosen?.metadata.name ?? '';
  switch (event.what) {
    case 'scale':
      cluster.scale('race', event.replicas);
      break;
    case 'template':
      cluster.changeVersion('race', event.version);
      break;
    case 'exit':
      if (cluster.store.find('pods', 'default', name) === undefined) break;
      watchman.givenUp.add(name);
      cluster.exit(name, event.phase);
      break;
    case 'allocate':
      allocate();
      break;
    case 'state':
      // A sidecar runs only beside a process, and does nothing more once its GameServer is on its way out.
      if (cluster.store.find('pods', 'default', name) === undefined || chosen?.status?.nodeName === '') break;
      if (chosen?.status?.state === 'Shutdown' || chosen?.status?.state === 'Unhealthy') break;
      watchman.givenUp.add(name);
      cluster.setState(name, event.state);
      if (event.state === 'Reserved') watchman.givenUp.delete(name);
      break;
    case 'delete':
      if (cluster.store.find(event.kind, 'default', name) === undefined) break;
      watchman.givenUp.add(name);
      cluster.store.delete(event.kind, 'default', name);
      break;
    case 'settle':
      cluster.settle();
      break;
    case 'controllers':
      cluster.settleControllers();
      break;
    case 'wait':
      cluster.clock.advance(1000);
      break;
  }
}

const strategies = fc.constantFrom(
  { type: 'Recreate' as const },
  { type: 'RollingUpdate' as const, rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
  { type: 'RollingUpdate' as const, rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
);

describe('whatever happens', () => {
  it('a Fleet comes to what it should be, holds on to what is in use, and gives no port twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 25 }), strategies, fc.nat(), async (events, strategy, seed) => {
        const cluster = new TestCluster({ minPort: 7000, maxPort: 7030, random: seededRandom(seed) });
        const engine = createAllocationEngine({
          store: cluster.store,
          clock: cluster.clock,
          record() {},
          batchWaitMs: 0,
        });
        const watchman = new Watchman(cluster);
        const answers: Promise<unknown>[] = [];
        const allocate = () => {
          const spec = { selectors: [{ matchLabels: { 'agones.dev/fleet': 'race' } }] };
          const request = {
            apiVersion: 'allocation.agones.dev/v1',
            kind: 'GameServerAllocation',
            metadata: { name: '' },
            spec,
          };
          answers.push(engine.allocate('default', request));
          cluster.clock.advance(0);
        };
        try {
          cluster.createFleet('race', { replicas: 3, strategy });
          for (const event of events) make(cluster, watchman, event, allocate);
          cluster.settle();
          await Promise.all(answers);
          expect(watchman.faults).toEqual([]);
          expectConverged(cluster);
        } finally {
          engine.stop();
          cluster.stop();
        }
      }),
      { numRuns: 150, seed: 20_261_124 },
    );
  });
});

function expectConverged(cluster: TestCluster): void {
  const fleet = cluster.fleet('race');
  const { replicas } = fleet.spec;
  const version = fleet.spec.template.metadata?.labels?.['version'];
  const gameServers = cluster.gameServers();
  const held = gameServers.filter(({ status }) => status?.state === 'Allocated' || status?.state === 'Reserved');
  const ready = gameServers.filter(({ status }) => status?.state === 'Ready');
  expect(gameServers).toHaveLength(held.length + ready.length);
  expect(ready.every(({ metadata }) => metadata.labels?.['version'] === version)).toBe(true);
  expect(gameServers).toHaveLength(Math.max(replicas, held.length));
  expect(fleet.status).toMatchObject({ replicas: gameServers.length, readyReplicas: ready.length });
}
