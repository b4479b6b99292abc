import fc from 'fast-check';
import type { GameServer } from '../../lib/agones.ts';
import { comparePriorities } from '../controllers/priorities.ts';
import { pick } from './selection.ts';

const gameServers = fc
  .array(
    fc.record({
      state: fc.constantFrom('Ready' as const, 'Allocated' as const),
      color: fc.constantFrom('red', 'green', 'blue'),
      count: fc.nat(5),
    }),
    { maxLength: 12 },
  )
  .map((rows) =>
    rows.map(({ state, color, count }, index): GameServer => ({
      apiVersion: 'agones.dev/v1',
      kind: 'GameServer',
      metadata: { name: `gs-${index}`, labels: { color } },
      spec: { template: { spec: { containers: [] } } },
      status: { state, counters: { rooms: { count, capacity: 5 } } },
    })),
  );

const selectors = fc.array(
  fc.record({
    matchLabels: fc.record({ color: fc.constantFrom('red', 'green', 'blue', 'none') }),
    gameServerState: fc.constantFrom('Ready' as const, 'Allocated' as const),
  }),
  { minLength: 1, maxLength: 3 },
);

describe('picking', () => {
  it('gives the same GameServer whether they were sorted first or not', () => {
    const priorities = [{ type: 'Counter' as const, key: 'rooms' }];
    const order = (left: GameServer, right: GameServer) =>
      comparePriorities(priorities, left, right) || (left.metadata.name < right.metadata.name ? -1 : 1);
    fc.assert(
      fc.property(gameServers, selectors, (unsorted, given) => {
        const spec = { selectors: given, priorities };
        const sorted = unsorted.toSorted(order);
        expect(unsorted[pick(spec, unsorted, order, Math.random)]).toBe(
          sorted[pick(spec, sorted, undefined, Math.random)],
        );
      }),
      { numRuns: 500, seed: 5 },
    );
  });
});
