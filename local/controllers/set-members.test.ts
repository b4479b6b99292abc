import fc from 'fast-check';
import type { GameServer, GameServerState } from '../../lib/agones.ts';
import { GAME_SERVER_STATES } from '../../lib/agones.ts';
import { SetMembers } from './set-members.ts';

const gameServers: fc.Arbitrary<GameServer> = fc
  .record({
    number: fc.nat(8),
    state: fc.constantFrom<GameServerState>(...GAME_SERVER_STATES),
    isDeleted: fc.boolean(),
    count: fc.nat(5),
    players: fc.option(fc.array(fc.string(), { maxLength: 3 })),
  })
  .map(({ number, state, isDeleted, count, players }) => ({
    apiVersion: 'agones.dev/v1',
    kind: 'GameServer',
    metadata: { name: `gs-${number}`, ...(isDeleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { template: { spec: { containers: [] } } },
    status: {
      state,
      counters: { rooms: { count, capacity: 5 } },
      ...(players === null ? {} : { lists: { players: { values: players, capacity: 9 } } }),
    },
  }));

const steps = fc.array(
  fc.oneof(
    gameServers,
    fc.nat(8).map((number) => `gs-${number}`),
  ),
  { maxLength: 30 },
);

function isLeaving({ metadata, status }: GameServer): boolean {
  return metadata.deletionTimestamp !== undefined || status?.state === 'Shutdown';
}

function total(among: readonly GameServer[], value: (gameServer: GameServer) => number): number {
  return among.reduce((sum, gameServer) => sum + value(gameServer), 0);
}

test('the members of a set are counted and summed as if each time anew, however they come, change and go', () => {
  fc.assert(
    fc.property(steps, (happened) => {
      const members = new SetMembers();
      const expected = new Map<string, GameServer>();
      for (const step of happened) {
        if (typeof step === 'string') {
          members.remove(step);
          expected.delete(step);
        } else {
          members.put(step);
          expected.set(step.metadata.name, step);
        }
      }
      const all = [...expected.values()];
      const staying = all.filter((gameServer) => !isLeaving(gameServer));
      const allocated = staying.filter(({ status }) => status?.state === 'Allocated');
      const listed = staying.filter(({ status }) => status?.lists !== undefined);
      const rooms = ({ status }: GameServer): number => status?.counters?.['rooms']?.count ?? 0;
      const players = ({ status }: GameServer): number => status?.lists?.['players']?.values?.length ?? 0;

      expect(members.size).toBe(all.length);
      expect(members.in('leaving').size).toBe(all.length - staying.length);
      expect(new Set(members.in('Allocated').values())).toEqual(new Set(allocated));
      const removable = staying.filter(({ status }) => status?.state !== 'Allocated' && status?.state !== 'Reserved');
      expect(new Set(members.removable())).toEqual(new Set(removable));
      expect(members.sums.counters['rooms']?.count ?? 0).toBe(total(staying, rooms));
      expect(members.sums.counters['rooms']?.allocatedCount ?? 0).toBe(total(allocated, rooms));
      expect(members.sums.lists['players']).toEqual(
        listed.length === 0
          ? undefined
          : {
              allocatedCount: total(allocated, players),
              allocatedCapacity: 9 * allocated.filter((one) => listed.includes(one)).length,
              count: total(staying, players),
              capacity: 9 * listed.length,
            },
      );
    }),
    { numRuns: 300, seed: 11 },
  );
});
