import type { Fleet, GameServer } from '../../../lib/agones.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

type Kind = 'Counter' | 'List';

/** How much of a Counter or List of 10, or of another capacity, is taken in one GameServer. */
interface Member {
  taken?: number;
  capacity?: number;
  allocated?: boolean;
}

interface Settings {
  bufferSize: number | string;
  minCapacity?: number;
  maxCapacity: number;
}

const KEY = 'seats';
const CAPACITY = 10;

const holdings = (
  kind: Kind,
  { taken = 0, capacity = CAPACITY }: Member,
): Pick<GameServer['spec'], 'counters' | 'lists'> =>
  kind === 'Counter'
    ? { counters: { [KEY]: { count: taken, capacity } } }
    : { lists: { [KEY]: { capacity, values: Array.from({ length: taken }, (_, index) => `v${index}`) } } };

/** A Fleet whose template has all of 10 free, and whose GameServers are as told, by its own count as well. */
async function fleetOf(kind: Kind, members: readonly Member[], spec: Partial<Fleet['spec']> = {}): Promise<string> {
  const { metadata } = await cluster.readyDevFleet({ replicas: members.length, ...spec }, { spec: holdings(kind, {}) });
  const gameServers = await cluster.gameServersOf(metadata.name);
  for (const [index, member] of members.entries()) {
    const state = member.allocated === true ? { state: 'Allocated' } : {};
    const status = { ...holdings(kind, member), ...state };
    await cluster.patched(`${PATHS.gameservers}/${gameServers[index]?.metadata.name}`, { status });
  }
  const sum = (of: (member: Member) => number) => members.reduce((total, member) => total + of(member), 0);
  const expected = {
    count: sum(({ taken = 0 }) => taken),
    capacity: sum(({ capacity = CAPACITY }) => capacity),
    allocatedCount: sum(({ taken = 0, allocated }) => (allocated === true ? taken : 0)),
    allocatedCapacity: sum(({ capacity = CAPACITY, allocated }) => (allocated === true ? capacity : 0)),
  };
  await cluster.eventually('the Fleet counts them', async () => {
    const { status } = await cluster.fleet(metadata.name);
    const counted = (kind === 'Counter' ? status?.counters : status?.lists)?.[KEY] as typeof expected | undefined;
    const same = Object.entries(expected).every(([key, value]) => counted?.[key as keyof typeof expected] === value);
    return same ? true : undefined;
  });
  return metadata.name;
}

const withCapacity = (kind: Kind, fleet: string, settings: Settings, key = KEY) =>
  cluster.createFleetAutoscaler(fleet, { type: kind, [kind.toLowerCase()]: { key, ...settings } });

const free: Member = {};
const full: Member = { taken: CAPACITY };

describe.each<Kind>(['Counter', 'List'])('a policy by %s', (kind) => {
  it.each<[what: string, members: Member[], settings: Settings, replicas: number, limited: boolean]>([
    ['leaves as it is what has just enough room', [free], { bufferSize: 10, maxCapacity: 100 }, 1, false],
    ['grows as far as the room needs it', [free], { bufferSize: 25, maxCapacity: 100 }, 3, false],
    ['grows to its most', [free], { bufferSize: 25, maxCapacity: 30 }, 3, false],
    ['grows no further than its most', [full, full], { bufferSize: 20, maxCapacity: 35 }, 3, true],
    ['shrinks as long as there is room', [free, free, free], { bufferSize: 10, maxCapacity: 100 }, 1, false],
    [
      'shrinks by whole GameServers',
      [free, { taken: 4 }, { taken: 4 }],
      { bufferSize: 15, maxCapacity: 100 },
      3,
      false,
    ],
    ['shrinks to its least', [free, free, free], { bufferSize: 5, minCapacity: 20, maxCapacity: 100 }, 2, true],
    ['grows to its least though there is room', [free], { bufferSize: 5, minCapacity: 25, maxCapacity: 100 }, 3, true],
    ['shrinks to its most though there is no room', [full, full, full], { bufferSize: 10, maxCapacity: 20 }, 2, true],
    ['shrinks to one GameServer at most', [free, free], { bufferSize: 1, maxCapacity: 100 }, 1, false],
    [
      'in percent grows with what is taken in those Allocated',
      [{ taken: 9, allocated: true }],
      { bufferSize: '50%', minCapacity: 1, maxCapacity: 100 },
      2,
      false,
    ],
    [
      'in percent shrinks with it',
      [{ taken: 4, allocated: true }, free, free],
      { bufferSize: '50%', minCapacity: 1, maxCapacity: 100 },
      1,
      false,
    ],
    [
      'in percent of nothing Allocated is one GameServer',
      [{ taken: 5 }, free],
      { bufferSize: '50%', minCapacity: 5, maxCapacity: 100 },
      1,
      true,
    ],
  ])('%s', async (_what, members, settings, replicas, limited) => {
    const fleet = await fleetOf(kind, members);
    const { metadata } = await withCapacity(kind, fleet, settings);
    const status = await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
    expect(status).toMatchObject({
      currentReplicas: members.length,
      desiredReplicas: replicas,
      lastAppliedPolicy: kind,
      scalingLimited: limited,
    });
    expect(status.lastScaleTime === null).toBe(replicas === members.length);
    expect((await cluster.fleet(fleet)).spec.replicas).toBe(replicas);
  });

  it.each([
    ['Ascending', 1],
    ['Descending', 2],
  ] as const)('looks at what goes first: %s, %i of three stay', async (order, replicas) => {
    const members: Member[] = [{ capacity: 30 }, { capacity: 10 }, { capacity: 20 }];
    const fleet = await fleetOf(kind, members, { priorities: [{ type: kind, key: KEY, order }] });
    const { metadata } = await withCapacity(kind, fleet, { bufferSize: 30, maxCapacity: 100 });
    const status = await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
    expect(status).toMatchObject({ currentReplicas: 3, desiredReplicas: replicas, scalingLimited: false });
  });

  it.each([
    ['the Fleet has not', 'other'],
    ['nobody named', ''],
  ])('whose key %s cannot scale', async (_what, key) => {
    const fleet = await fleetOf(kind, [free]);
    const { metadata } = await withCapacity(kind, fleet, { bufferSize: 5, maxCapacity: 100 }, key);
    const [event] = await cluster.eventually('an event', async () => {
      const events = await cluster.eventsAbout(metadata.name, 'FleetAutoscaler');
      return events.length > 0 ? events : undefined;
    });
    expect(event).toMatchObject({ type: 'Warning', reason: 'FleetAutoscaler' });
    expect((await cluster.fleet(fleet)).spec.replicas).toBe(1);
  });

  it('cannot grow where another GameServer brings no room', async () => {
    const { metadata: fleet } = await cluster.readyDevFleet({ replicas: 1 }, { spec: holdings(kind, full) });
    const { metadata } = await withCapacity(kind, fleet.name, { bufferSize: 5, maxCapacity: 100 });
    const [event] = await cluster.eventually('an event', async () => {
      const events = await cluster.eventsAbout(metadata.name, 'FleetAutoscaler');
      return events.length > 0 ? events : undefined;
    });
    expect(event).toMatchObject({ type: 'Warning', reason: 'FleetAutoscaler' });
    expect((await cluster.fleet(fleet.name)).spec.replicas).toBe(1);
  });
});
