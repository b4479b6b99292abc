import fc from 'fast-check';
import type { GameServer, GameServerAllocation, GameServerSet } from '../../lib/agones.ts';
import { createAllocationEngine } from '../allocation/allocation-engine.ts';
import { seededRandom } from '../../lib/seeded-random.ts';
import { createFleet, FLEETS, happen, happenings, strategies } from './testing/happenings.ts';
import type { Happening, Strategy } from './testing/happenings.ts';
import { TestCluster } from './testing/test-cluster.ts';
import { Watchman } from './testing/watchman.ts';

/** For a busy machine; alone it takes some 10 s. */
const DEADLINE_MS = 180_000;

test(
  'Fleets come to what they should be, hold on to what is in use, and no port is given twice, whatever happens',
  async () => {
    const many = fc.array(happenings, { maxLength: 40, size: 'max' });
    await fc.assert(fc.asyncProperty(many, fc.tuple(strategies, strategies), fc.nat(), runThrough), {
      numRuns: 100,
      seed: 20_261_124,
    });
  },
  DEADLINE_MS,
);

async function runThrough(events: Happening[], ofFleets: [Strategy, Strategy], seed: number): Promise<void> {
  const cluster = new TestCluster({ minPort: 7000, maxPort: 7063, random: seededRandom(seed) });
  const { store, clock } = cluster;
  const engine = createAllocationEngine({ store, clock, record() {}, batchWaitMs: 0 });
  const watchman = new Watchman(cluster);
  const answers: Promise<unknown>[] = [];
  const allocate = (fleet: string) => {
    answers.push(engine.allocate('default', allocationOf(fleet)));
    clock.advance(0);
  };
  try {
    for (const [at, name] of FLEETS.entries()) createFleet(cluster, name, ofFleets[at]!);
    cluster.settle();
    for (const event of events) happen({ cluster, watchman, allocate }, event);
    cluster.gamesBecomeReady = () => true;
    cluster.settle();
    await Promise.all(answers);
    expect(watchman.faults).toEqual([]);
    for (const name of FLEETS) endWhatHoldsUpdates(cluster, name);
    for (const name of FLEETS) expectConverged(cluster, name);
  } finally {
    engine.stop();
    cluster.stop();
  }
}

function allocationOf(fleet: string): GameServerAllocation {
  return {
    apiVersion: 'allocation.agones.dev/v1',
    kind: 'GameServerAllocation',
    metadata: { name: '' },
    spec: { selectors: [{ matchLabels: { 'agones.dev/fleet': fleet } }] },
  };
}

/**
 * As with Agones, an old set that has Allocated and Reserved GameServers both holds a rolling update up: the Reserved
 * ones end.
 */
function endWhatHoldsUpdates(cluster: TestCluster, name: string): void {
  const holding = setsOf(cluster, name).filter(
    ({ spec, status }) =>
      spec.replicas > 0 && (status?.allocatedReplicas ?? 0) > 0 && (status?.reservedReplicas ?? 0) > 0,
  );
  for (const { metadata } of holding) {
    if (metadata.labels?.['version'] === cluster.fleet(name).spec.template.metadata?.labels?.['version']) continue;
    for (const gameServer of cluster.gameServers(`agones.dev/gameserverset=${metadata.name}`)) {
      if (gameServer.status?.state === 'Reserved') cluster.setState(gameServer.metadata.name, 'Shutdown');
    }
  }
  cluster.settle();
}

function setsOf(cluster: TestCluster, name: string): GameServerSet[] {
  return cluster.store.list<GameServerSet>('gameserversets', { labelSelector: `agones.dev/fleet=${name}` });
}

function expectConverged(cluster: TestCluster, name: string): void {
  const fleet = cluster.fleet(name);
  const { replicas, template } = fleet.spec;
  const version = template.metadata?.labels?.['version'];
  const gameServers = cluster.gameServers(`agones.dev/fleet=${name}`);
  const isHeld = ({ status }: GameServer) => status?.state === 'Allocated' || status?.state === 'Reserved';
  const held = gameServers.filter(isHeld);
  const ready = gameServers.filter(({ status }) => status?.state === 'Ready');
  expect(gameServers).toHaveLength(held.length + ready.length);
  expect(ready.every(({ metadata }) => metadata.labels?.['version'] === version)).toBe(true);
  expect(gameServers).toHaveLength(Math.max(replicas, held.length));
  expect(fleet.status).toMatchObject({ replicas: gameServers.length, readyReplicas: ready.length });
  const sets = setsOf(cluster, name);
  expect(sets.filter(({ spec }) => spec.template.metadata?.labels?.['version'] === version)).toHaveLength(1);
}
