import fc from 'fast-check';
import type { GameServer, GameServerAllocation, GameServerSelector } from '../../lib/agones.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createObjectStore } from '../api/memory-store.ts';
import { resourceDefinitions } from '../resources/resource-definitions.ts';
import { AllocatableGameServers } from './allocatable-game-servers.ts';
import { pick } from './selection.ts';

type Spec = GameServerAllocation['spec'];

interface Row {
  state: 'Ready' | 'Allocated' | 'Reserved';
  color: string;
  nodeName: string;
  count: number;
}

const rows: fc.Arbitrary<Row> = fc.record({
  state: fc.constantFrom('Ready' as const, 'Allocated' as const, 'Reserved' as const),
  color: fc.constantFrom('red', 'green', 'blue'),
  nodeName: fc.constantFrom('one', 'two', 'three'),
  count: fc.nat(5),
});

const specs: fc.Arbitrary<Spec> = fc.record({
  selectors: fc.array(
    fc.record({
      matchLabels: fc.oneof(fc.constant({}), fc.record({ color: fc.constantFrom('red', 'green', 'none') })),
      gameServerState: fc.constantFrom('Ready' as const, 'Allocated' as const),
      counters: fc.oneof(fc.constant({}), fc.record({ rooms: fc.record({ minAvailable: fc.nat(3) }) })),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  scheduling: fc.constantFrom('Packed' as const, 'Distributed' as const),
  priorities: fc.constantFrom(
    [],
    [{ type: 'Counter' as const, key: 'rooms', order: 'Ascending' as const }],
    [{ type: 'Counter' as const, key: 'rooms', order: 'Descending' as const }],
  ),
});

/** A GameServer comes, or the one of this number becomes another, or goes. */
const changes = fc.array(fc.record({ number: fc.nat(15), row: fc.option(rows, { freq: 4 }) }), { maxLength: 25 });

function storeOfGameServers() {
  const store = createObjectStore(resourceDefinitions, { clock: systemClock, logger: silentLogger });
  store.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  return {
    store,
    all: () => store.list<GameServer>('gameservers'),
    set(number: number, row: Row | null): void {
      const name = `gs-${number}`;
      const isThere = store.find('gameservers', 'default', name) !== undefined;
      if (row === null) {
        if (!isThere) return;
        store.modify('gameservers', 'default', name, ({ metadata }) => {
          metadata.finalizers = [];
        });
        store.delete('gameservers', 'default', name);
        return;
      }
      const { state, nodeName, color, count } = row;
      const status = { state, nodeName, counters: { rooms: { count, capacity: 5 } } };
      if (isThere) {
        store.modify<GameServer>('gameservers', 'default', name, (copy) => {
          copy.metadata.labels = { color };
          copy.status = { ...copy.status, ...status };
        });
        return;
      }
      store.create<GameServer>('gameservers', {
        apiVersion: 'agones.dev/v1',
        kind: 'GameServer',
        metadata: { name, namespace: 'default', labels: { color } },
        spec: {
          template: { spec: { containers: [{ name: 'game', image: 'game:1' }] } },
          counters: { rooms: { count, capacity: 5 } },
        },
        status,
      });
    },
  };
}

/** All that the first selector with a match lets through, in the order in which Agones offers them. */
function offered(all: readonly GameServer[], spec: Spec, taken: ReadonlySet<string>): GameServer[] {
  const on = (nodeName: string | undefined, state: string): number =>
    all.filter(({ status }) => status?.nodeName === nodeName && status?.state === state).length;
  const room = ({ status }: GameServer): number => {
    const { count = 0, capacity = 0 } = status?.counters?.['rooms'] ?? {};
    return capacity - count;
  };
  const matches = (selector: GameServerSelector, gameServer: GameServer): boolean =>
    gameServer.status?.state === selector.gameServerState &&
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => gameServer.metadata.labels?.[key] === value) &&
    room(gameServer) >= (selector.counters?.['rooms']?.minAvailable ?? 0);
  const { order } = spec.priorities?.[0] ?? {};
  const sorted = all.toSorted((left, right) => {
    const [leftNode, rightNode] = [left.status?.nodeName, right.status?.nodeName];
    const byNode =
      spec.scheduling === 'Distributed'
        ? 0
        : on(rightNode, 'Allocated') - on(leftNode, 'Allocated') || on(rightNode, 'Ready') - on(leftNode, 'Ready');
    const byRoom =
      order === undefined ? 0 : order === 'Ascending' ? room(left) - room(right) : room(right) - room(left);
    return byNode || byRoom || (left.metadata.name < right.metadata.name ? -1 : 1);
  });
  for (const selector of spec.selectors ?? []) {
    const found = sorted.filter((gameServer) => !taken.has(gameServer.metadata.name) && matches(selector, gameServer));
    if (found.length > 0) return found;
  }
  return [];
}

describe('picking', () => {
  it('gives what sorting all GameServers and looking from the first on gives, whatever changed in between', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(changes, specs, fc.nat(3)), { maxLength: 4 }), (steps) => {
        const { store, all, set } = storeOfGameServers();
        const gameServers = new AllocatableGameServers(store);
        for (const [made, spec, takenCount] of steps) {
          for (const { number, row } of made) set(number, row);
          const taken = new Set(
            all()
              .slice(0, takenCount)
              .map(({ metadata }) => metadata.name),
          );
          const expected = offered(all(), spec, taken).map(({ metadata }) => metadata.name);
          const isOffered = ({ metadata }: GameServer): boolean => !taken.has(metadata.name);
          const picked = pick(spec, 'default', gameServers, { isOffered, random: Math.random })?.metadata.name;
          const any = spec.scheduling === 'Distributed' && spec.priorities?.length === 0;
          if (any && expected.length > 0) expect(expected).toContain(picked);
          else expect(picked).toBe(expected[0]);
        }
        gameServers.stop();
      }),
      { numRuns: 200, seed: 5 },
    );
  }, 60_000);
});
