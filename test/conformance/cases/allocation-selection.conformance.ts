import type { GameServerAllocation, GameServerSelector } from '../../../lib/agones.ts';
import { allocatableGroup } from '../harness/allocatable-group.ts';
import type { AllocatableGroup, Member } from '../harness/allocatable-group.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

type Spec = GameServerAllocation['spec'];

/** The name of the GameServer that a request gets, or the state of one that gets none. */
async function given(spec: Spec): Promise<string> {
  const { status } = (await cluster.allocate(spec)).body;
  return status.state === 'Allocated' ? status.gameServerName : status.state;
}

/** What so many requests get, one after the other. */
async function givenInTurn(count: number, spec: Spec): Promise<string[]> {
  const names: string[] = [];
  for (let turn = 0; turn < count; turn += 1) names.push(await given(spec));
  return names;
}

const group = (members: readonly Member[]) => allocatableGroup(cluster, members);

/** The places in the group of the GameServers that were given. */
const placesOf = ({ names }: AllocatableGroup, given: readonly string[]) => given.map((name) => names.indexOf(name));

describe('selectors of an allocation', () => {
  it('get a Ready GameServer with their labels, once', async () => {
    const { labels, names } = await group([{ labels: { map: 'lake' } }, { labels: { map: 'sea' } }]);
    const selectors = [{ matchLabels: { ...labels, map: 'sea' } }];
    expect(await givenInTurn(2, { selectors })).toEqual([names[1], 'UnAllocated']);
    expect((await cluster.gameServer(names[0] ?? ''))?.status?.state).toBe('Ready');
    expect((await cluster.gameServer(names[1] ?? ''))?.status?.state).toBe('Allocated');
  });

  it('look at labels by expressions', async () => {
    const { labels, names } = await group([
      { labels: { map: 'lake' } },
      { labels: { map: 'sea', night: '' } },
      { labels: { map: 'pond' } },
      {},
    ]);
    const by = (...matchExpressions: NonNullable<GameServerSelector['matchExpressions']>) =>
      given({ selectors: [{ matchLabels: labels, matchExpressions }] });
    expect(await by({ key: 'night', operator: 'Exists' })).toBe(names[1]);
    expect(await by({ key: 'night', operator: 'Exists' })).toBe('UnAllocated');
    expect(await by({ key: 'map', operator: 'In', values: ['river', 'pond'] })).toBe(names[2]);
    expect(await by({ key: 'map', operator: 'NotIn', values: ['lake'] })).toBe(names[3]);
    expect(await by({ key: 'map', operator: 'DoesNotExist' })).toBe('UnAllocated');
    expect(await by({ key: 'map', operator: 'Exists' }, { key: 'night', operator: 'DoesNotExist' })).toBe(names[0]);
  });

  it('are tried in order: the first that anything meets decides', async () => {
    const { labels, names } = await group([{ labels: { map: 'lake' } }, { labels: { map: 'sea' } }]);
    const selectors = ['river', 'sea', 'lake'].map((map) => ({ matchLabels: { ...labels, map } }));
    expect(await givenInTurn(3, { selectors })).toEqual([names[1], names[0], 'UnAllocated']);
  });

  it('must hold in all their parts', async () => {
    const { labels, names } = await group([
      { labels: { map: 'sea' }, spec: { counters: { rooms: { count: 3, capacity: 3 } } } },
      { labels: { map: 'lake' }, spec: { counters: { rooms: { count: 0, capacity: 3 } } } },
      { labels: { map: 'sea' }, spec: { counters: { rooms: { count: 0, capacity: 3 } } } },
    ]);
    const selectors = [{ matchLabels: { ...labels, map: 'sea' }, counters: { rooms: { minAvailable: 1 } } }];
    expect(await givenInTurn(2, { selectors })).toEqual([names[2], 'UnAllocated']);
  });

  it('may be given the old way, preferred ones before the required one', async () => {
    const { labels, names } = await group([{}, { labels: { map: 'sea' } }, { labels: { map: 'lake' } }]);
    const preferred = ['lake', 'sea'].map((map) => ({ matchLabels: { ...labels, map } }));
    const spec = { required: { matchLabels: labels }, preferred };
    expect(await givenInTurn(4, spec)).toEqual([names[2], names[1], names[0], 'UnAllocated']);
  });

  it('make those given the old way count for nothing', async () => {
    const { labels, names } = await group([{ labels: { map: 'sea' } }, { labels: { map: 'lake' } }]);
    const of = (map: string) => ({ matchLabels: { ...labels, map } });
    const spec = { selectors: [of('lake')], required: of('sea'), preferred: [of('sea')] };
    expect(await givenInTurn(2, spec)).toEqual([names[1], 'UnAllocated']);
  });

  it('with state Allocated get what is Allocated, again and again', async () => {
    const { labels, names } = await group([{}, {}]);
    const again: Spec = { selectors: [{ matchLabels: labels, gameServerState: 'Allocated' }] };
    expect(await given(again)).toBe('UnAllocated');
    const first = await cluster.allocated({ selectors: [{ matchLabels: labels }] });
    const second = await cluster.allocated(again);
    expect([first.gameServerName, second.gameServerName]).toEqual([names[0], names[0]]);
    const lastAllocated = [first, second].map(({ metadata }) => metadata?.annotations?.['agones.dev/last-allocated']);
    expect(new Set(lastAllocated).size).toBe(2);
    expect(await given(again)).toBe(names[0]);
  });

  it.each(['Reserved', 'Scheduled', 'Unhealthy'])('do not get what is %s', async (state) => {
    const { labels, names } = await group([{}]);
    await cluster.patched(`${PATHS.gameservers}/${names[0]}`, { status: { state } });
    await cluster.allocationsCaughtUp();
    expect(await given({ selectors: [{ matchLabels: labels }] })).toBe('UnAllocated');
    expect((await cluster.gameServer(names[0] ?? ''))?.status?.state).toBe(state);
  });

  it('do not get what is being deleted', async () => {
    const { labels, names } = await group([{}]);
    const path = `${PATHS.gameservers}/${names[0]}`;
    await cluster.patched(path, { metadata: { finalizers: ['agones.dev/controller', 'regatta.dev/held'] } });
    await cluster.request('DELETE', path);
    await cluster.allocationsCaughtUp();
    expect(await given({ selectors: [{ matchLabels: labels }] })).toBe('UnAllocated');
    expect((await cluster.gameServer(names[0] ?? ''))?.metadata.deletionTimestamp).toBeDefined();
    await cluster.eventually('its controller is done', async () =>
      (await cluster.gameServer(names[0] ?? ''))?.metadata.finalizers?.length === 1 ? true : undefined,
    );
    await cluster.patched(path, { metadata: { finalizers: null } });
    await cluster.gone(names[0] ?? '');
  });
});

describe('Counters and Lists in a selector', () => {
  let labels: Record<string, string> = {};

  beforeAll(async () => {
    ({ labels } = await group([
      {
        spec: {
          counters: { rooms: { count: 3, capacity: 10 } },
          lists: { players: { capacity: 5, values: ['ann', 'bob'] } },
        },
      },
    ]));
    await cluster.allocated({ selectors: [{ matchLabels: labels }] });
  });

  /** Whether the one that is Allocated, with 3 of 10 rooms and 2 of 5 players, meets it. */
  const meets = async (selector: GameServerSelector) =>
    (await given({ selectors: [{ ...selector, matchLabels: labels, gameServerState: 'Allocated' }] })) !==
    'UnAllocated';

  it.each([
    [{ minCount: 3 }, true],
    [{ minCount: 4 }, false],
    [{ maxCount: 3 }, true],
    [{ maxCount: 2 }, false],
    [{ minAvailable: 7 }, true],
    [{ minAvailable: 8 }, false],
    [{ maxAvailable: 7 }, true],
    [{ maxAvailable: 6 }, false],
    [{ minCount: 3, maxCount: 3, minAvailable: 7, maxAvailable: 7 }, true],
    [{ maxCount: 0, maxAvailable: 0 }, true],
    [{}, true],
  ])('a Counter at 3 of 10 against %j: %s', async (rooms, met) => {
    expect(await meets({ counters: { rooms } })).toBe(met);
  });

  it.each([
    [{ containsValue: 'ann' }, true],
    [{ containsValue: 'eve' }, false],
    [{ containsValue: '' }, true],
    [{ minAvailable: 3 }, true],
    [{ minAvailable: 4 }, false],
    [{ maxAvailable: 3 }, true],
    [{ maxAvailable: 2 }, false],
    [{ maxAvailable: 0 }, true],
    [{ containsValue: 'bob', minAvailable: 4 }, false],
  ])('a List of 2 of 5 against %j: %s', async (players, met) => {
    expect(await meets({ lists: { players } })).toBe(met);
  });

  it('that the GameServer has not are not met', async () => {
    expect(await meets({ counters: { boats: {} } })).toBe(false);
    expect(await meets({ lists: { boats: {} } })).toBe(false);
    expect(await meets({ counters: { rooms: {}, boats: {} } })).toBe(false);
  });

  it('of players are passed over, as player tracking is off', async () => {
    expect(await meets({ players: { minAvailable: 50, maxAvailable: 60 } })).toBe(true);
  });
});

describe('priorities of an allocation', () => {
  const rooms = (count: number, capacity: number): Member => ({ spec: { counters: { rooms: { count, capacity } } } });
  const players = (length: number, capacity: number): Member => ({
    spec: { lists: { players: { capacity, values: Array.from({ length }, (_, index) => `p${index}`) } } },
  });

  it.each([
    // By what is free: 5, 1, none to speak of, 9.
    [{ type: 'Counter', key: 'rooms', order: 'Ascending' }, [1, 0, 3, 2]],
    [{ type: 'Counter', key: 'rooms' }, [1, 0, 3, 2]],
    [{ type: 'Counter', key: 'rooms', order: 'Descending' }, [3, 0, 1, 2]],
  ] as const)('%j sort by the room in a Counter', async (priority, places) => {
    const made = await group([rooms(0, 5), rooms(9, 10), {}, rooms(91, 100)]);
    const spec: Spec = { selectors: [{ matchLabels: made.labels }], priorities: [priority] };
    expect(placesOf(made, await givenInTurn(4, spec))).toEqual(places);
  });

  it.each([
    [{ type: 'List', key: 'players', order: 'Ascending' }, [2, 0, 3, 1]],
    [{ type: 'List', key: 'players', order: 'Descending' }, [3, 0, 2, 1]],
  ] as const)('%j sort by the room in a List', async (priority, places) => {
    const made = await group([players(1, 3), {}, players(3, 4), players(4, 7)]);
    const spec: Spec = { selectors: [{ matchLabels: made.labels }], priorities: [priority] };
    expect(placesOf(made, await givenInTurn(4, spec))).toEqual(places);
  });

  it('count in their order, and then the name', async () => {
    const both = (count: number, length: number): Member => ({
      spec: { ...rooms(count, 5).spec, ...players(length, 5).spec },
    });
    const made = await group([both(1, 2), both(2, 1), both(1, 3), both(1, 2)]);
    const spec: Spec = {
      selectors: [{ matchLabels: made.labels }],
      priorities: [
        { type: 'Counter', key: 'rooms', order: 'Descending' },
        { type: 'List', key: 'players', order: 'Ascending' },
      ],
    };
    expect(placesOf(made, await givenInTurn(4, spec))).toEqual([2, 0, 3, 1]);
  });
});

describe('the scheduling of an allocation', () => {
  /** An address is a node, for games that run elsewhere; these two are of this case alone. */
  const addresses = () => [1, 2].map(() => `10.${[0, 0, 0].map(() => 1 + Math.floor(Math.random() * 250)).join('.')}`);
  const at = (address = ''): Member => ({ annotations: { 'agones.dev/dev-address': address } });
  const priorities = [{ type: 'Counter', key: 'rooms', order: 'Descending' }] as const;

  it('Packed, which is the default, goes by name within a node', async () => {
    const made = await group([{}, {}, {}, {}]);
    const selectors = [{ matchLabels: made.labels }];
    expect(placesOf(made, await givenInTurn(2, { selectors }))).toEqual([0, 1]);
    expect(placesOf(made, await givenInTurn(2, { selectors, scheduling: 'Packed' }))).toEqual([2, 3]);
  });

  it('Packed fills up the node with the most Ready, and then stays with it', async () => {
    const [few, many] = addresses();
    const made = await group([at(few), at(many), at(many)]);
    expect(placesOf(made, await givenInTurn(3, { selectors: [{ matchLabels: made.labels }] }))).toEqual([1, 2, 0]);
  });

  it('Packed prefers the node with the most Allocated, priorities or not', async () => {
    const [busy, idle] = addresses();
    const made = await group([
      { ...at(idle), spec: { counters: { rooms: { count: 0, capacity: 9 } } } },
      { ...at(idle), spec: { counters: { rooms: { count: 0, capacity: 9 } } } },
      { ...at(idle), spec: { counters: { rooms: { count: 0, capacity: 9 } } } },
      { ...at(busy), spec: { counters: { rooms: { count: 5, capacity: 9 } } } },
      { ...at(busy), labels: { first: 'yes' } },
    ]);
    await cluster.allocated({ selectors: [{ matchLabels: { ...made.labels, first: 'yes' } }] });
    await cluster.allocationsCaughtUp();
    const spec: Spec = { selectors: [{ matchLabels: made.labels }], priorities: [...priorities] };
    expect(placesOf(made, await givenInTurn(1, spec))).toEqual([3]);
  });

  it('Distributed gives any', async () => {
    const made = await group(Array.from({ length: 12 }, () => ({})));
    const spec: Spec = { selectors: [{ matchLabels: made.labels }], scheduling: 'Distributed' };
    const places = placesOf(made, await givenInTurn(8, spec));
    expect(new Set(places).size).toBe(8);
    // In order of their names by chance: once in twenty million times.
    expect(places).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('Distributed with priorities goes by these alone, whatever the node', async () => {
    const [one, other] = addresses();
    const rooms = (capacity: number) => ({ counters: { rooms: { count: 0, capacity } } });
    const made = await group([
      { ...at(one), spec: rooms(3) },
      { ...at(one), spec: rooms(1) },
      { ...at(one), spec: rooms(2) },
      { ...at(other), spec: rooms(4) },
      { ...at(other), spec: rooms(2) },
    ]);
    const selectors = [{ matchLabels: made.labels }];
    const spec: Spec = { selectors, priorities: [...priorities], scheduling: 'Distributed' };
    expect(placesOf(made, await givenInTurn(5, spec))).toEqual([3, 0, 2, 4, 1]);
  });
});

describe('many allocations at once', () => {
  it('get a GameServer each, and those that come too late get none', async () => {
    const { labels, names } = await group(Array.from({ length: 50 }, () => ({})));
    const got = await Promise.all(Array.from({ length: 55 }, () => given({ selectors: [{ matchLabels: labels }] })));
    expect(got.filter((name) => name === 'UnAllocated')).toHaveLength(5);
    expect(got.filter((name) => name !== 'UnAllocated').toSorted()).toEqual(names);
  });
});
