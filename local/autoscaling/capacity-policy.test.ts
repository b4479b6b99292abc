import fc from 'fast-check';
import type { Fleet, GameServer, GameServerState } from '../../lib/agones.ts';
import { applyCapacity } from './capacity-policy.ts';
import { PolicyError } from './policy.ts';
import type { CapacityPolicy } from './policy.ts';

interface Room {
  count: number;
  capacity: number;
  state?: GameServerState;
}

function gameServerWith({ count, capacity, state = 'Ready' }: Room, index: number): GameServer {
  const values = Array.from({ length: count }, (_, value) => `player-${value}`);
  return {
    apiVersion: 'agones.dev/v1',
    kind: 'GameServer',
    metadata: { name: `game-${index}`, namespace: 'default' },
    spec: { template: { spec: { containers: [] } } },
    status: { state, counters: { rooms: { count, capacity } }, lists: { rooms: { values, capacity } } },
  };
}

function totalOf(rooms: readonly Room[]): { count: number; capacity: number } {
  return {
    count: rooms.reduce((sum, { count }) => sum + count, 0),
    capacity: rooms.reduce((sum, { capacity }) => sum + capacity, 0),
  };
}

function fleetWith(added: Room, rooms: readonly Room[]): Fleet {
  const allocated = totalOf(rooms.filter(({ state }) => state === 'Allocated'));
  const total = { ...totalOf(rooms), allocatedCount: allocated.count, allocatedCapacity: allocated.capacity };
  const template = gameServerWith(added, 0).status;
  return {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name: 'race', namespace: 'default' },
    spec: {
      replicas: rooms.length,
      template: {
        spec: {
          template: { spec: { containers: [] } },
          counters: template?.counters ?? {},
          lists: template?.lists ?? {},
        },
      },
    },
    status: {
      replicas: rooms.length,
      readyReplicas: 0,
      reservedReplicas: 0,
      allocatedReplicas: 0,
      counters: { rooms: total },
      lists: { rooms: total },
    },
  };
}

/** What the policy says of a Fleet that loses its GameServers in the order given. */
function decide(kind: 'Counter' | 'List', settings: Partial<CapacityPolicy>, rooms: readonly Room[], added: Room) {
  const policy = { key: 'rooms', bufferSize: 5, minCapacity: 0, maxCapacity: 1000, ...settings };
  return applyCapacity(kind, policy, fleetWith(added, rooms), () => rooms.map(gameServerWith));
}

const EMPTY: Room = { count: 0, capacity: 10 };
const FULL: Room = { count: 10, capacity: 10, state: 'Allocated' };
const times = (count: number, room: Room): Room[] => Array.from({ length: count }, () => room);

describe.each(['Counter', 'List'] as const)('the %s policy', (kind) => {
  it.each([
    {
      why: 'grows until the buffer is free',
      rooms: times(3, FULL),
      settings: { bufferSize: 25 },
      replicas: 6,
      limited: false,
    },
    {
      why: 'stays when exactly the buffer is free',
      rooms: [...times(2, FULL), EMPTY],
      settings: { bufferSize: 10 },
      replicas: 3,
      limited: false,
    },
    {
      why: 'grows no further than the most capacity',
      rooms: times(3, FULL),
      settings: { bufferSize: 25, maxCapacity: 45 },
      replicas: 4,
      limited: true,
    },
    { why: 'grows to the least capacity', rooms: [EMPTY], settings: { minCapacity: 35 }, replicas: 4, limited: true },
    {
      why: 'shrinks by the first to go',
      rooms: times(4, EMPTY),
      settings: { bufferSize: 15 },
      replicas: 2,
      limited: false,
    },
    {
      why: 'shrinks no further than the least capacity',
      rooms: times(4, EMPTY),
      settings: { minCapacity: 25 },
      replicas: 3,
      limited: true,
    },
    {
      why: 'shrinks to the most capacity',
      rooms: times(4, FULL),
      settings: { maxCapacity: 25 },
      replicas: 2,
      limited: true,
    },
    {
      why: 'leaves one',
      rooms: times(3, EMPTY),
      settings: { bufferSize: 1, minCapacity: 0 },
      replicas: 1,
      limited: false,
    },
    {
      why: 'keeps a share of the capacity free',
      rooms: [...times(3, FULL), EMPTY],
      settings: { bufferSize: '50%', minCapacity: 1 },
      replicas: 6,
      limited: false,
    },
    {
      why: 'with a share and nothing Allocated wants one',
      rooms: times(3, EMPTY),
      settings: { bufferSize: '50%', minCapacity: 1 },
      replicas: 1,
      limited: true,
    },
  ])('$why', ({ rooms, settings, replicas, limited }) => {
    expect(decide(kind, settings, rooms, EMPTY)).toEqual({ replicas, limited });
  });

  it.each([
    { why: 'a new GameServer is full', added: { count: 10, capacity: 10 }, rooms: times(1, FULL), settings: {} },
    {
      why: 'a new GameServer has no capacity',
      added: { count: 0, capacity: 0 },
      rooms: [],
      settings: { minCapacity: 5 },
    },
    { why: 'the template lacks the key', added: EMPTY, rooms: [EMPTY], settings: { key: 'constructor' } },
  ])('cannot say when $why', ({ added, rooms, settings }) => {
    expect(() => decide(kind, settings, rooms, added)).toThrow(PolicyError);
  });

  const room = fc
    .record({ count: fc.nat(10), spare: fc.nat(10), state: fc.constantFrom('Ready' as const, 'Allocated' as const) })
    .map(({ count, spare, state }) => ({ count, capacity: count + spare, state }));
  const bufferSize = fc.integer({ min: 1, max: 60 });

  it('keeps the buffer free unless a bound holds it back, and stays within the bounds it can reach', () => {
    const bounds = fc.record({ min: fc.nat(40), extra: fc.nat(100) });
    fc.assert(
      fc.property(fc.array(room, { maxLength: 12 }), bufferSize, bounds, (rooms, buffer, { min, extra }) => {
        const minCapacity = min === 0 ? 0 : Math.max(min, buffer);
        const maxCapacity = Math.max(minCapacity, buffer) + extra;
        const { replicas, limited } = decide(kind, { bufferSize: buffer, minCapacity, maxCapacity }, rooms, EMPTY);
        const after =
          replicas >= rooms.length
            ? [...rooms, ...times(replicas - rooms.length, EMPTY)]
            : rooms.slice(rooms.length - replicas);
        const { count, capacity } = totalOf(after);
        const grew = replicas > rooms.length;
        if (!limited && replicas !== 1) expect(capacity - count).toBeGreaterThanOrEqual(buffer);
        if (limited && grew && totalOf(rooms).capacity >= minCapacity) {
          expect(capacity).toBeLessThanOrEqual(maxCapacity);
          expect(capacity + EMPTY.capacity).toBeGreaterThan(maxCapacity);
        }
        if (grew && !limited) expect(capacity - count - EMPTY.capacity).toBeLessThan(buffer);
        if (replicas < rooms.length && replicas > 1 && totalOf(rooms).capacity <= maxCapacity) {
          expect(capacity).toBeGreaterThanOrEqual(minCapacity);
        }
        expect(replicas >= 1 || rooms.length === 0).toBe(true);
      }),
      { seed: 20_261_124, numRuns: 1000 },
    );
  });
});
