import type { GameServer, GameServerAllocation } from '../../../lib/agones.ts';
import { allocatableGroup } from '../harness/allocatable-group.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

type Spec = GameServerAllocation['spec'];
type CounterAction = NonNullable<Spec['counters']>[string];
type ListAction = NonNullable<Spec['lists']>[string];

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** A Ready GameServer of the case alone. */
async function ready(spec: Partial<GameServer['spec']> = {}, metadata: object = {}) {
  const { labels, names } = await allocatableGroup(cluster, [{ spec, ...metadata }]);
  const name = names[0] ?? '';
  const selectorOf = (gameServerState?: 'Ready' | 'Allocated') => ({
    selectors: [{ matchLabels: labels, ...(gameServerState === undefined ? {} : { gameServerState }) }],
  });
  return { name, first: selectorOf(), again: selectorOf('Allocated') };
}

/** What a request says of the GameServer is what it is. */
async function allocated(name: string, spec: Spec) {
  const status = await cluster.allocated(spec);
  const gameServer = await cluster.gameServer(name);
  expect(gameServer?.status).toMatchObject({
    state: 'Allocated',
    ...(status.counters === undefined ? {} : { counters: status.counters }),
    ...(status.lists === undefined ? {} : { lists: status.lists }),
  });
  expect(gameServer?.metadata).toMatchObject({
    labels: status.metadata?.labels,
    annotations: status.metadata?.annotations,
  });
  return status;
}

const faultsOf = async (name: string) =>
  (await cluster.eventsAbout(name, 'GameServer'))
    .filter(({ reason }) => reason !== 'Allocated')
    .map(({ type, reason }) => `${type} ${reason}`);

describe('the metadata of an allocation', () => {
  it('comes onto the GameServer, over what it had, and when it was allocated', async () => {
    const { name, first } = await ready(
      {},
      { labels: { kept: 'yes', changed: 'no' }, annotations: { kept: 'yes', changed: 'no' } },
    );
    const metadata = {
      labels: { changed: 'yes', 'game.dev/mode': 'race', empty: '' },
      annotations: { changed: 'yes', 'game.dev/session': '{"players":["ann","bob"]}' },
    };
    const status = await allocated(name, { ...first, metadata });
    expect(status.metadata?.labels).toMatchObject({ kept: 'yes', ...metadata.labels });
    expect(status.metadata?.annotations).toMatchObject({ kept: 'yes', ...metadata.annotations });
    const lastAllocated = status.metadata?.annotations?.['agones.dev/last-allocated'] ?? '';
    expect(lastAllocated).toMatch(RFC_3339);
    expect(Math.abs(Date.now() - Date.parse(lastAllocated))).toBeLessThan(60_000);
  });

  it('can lock a GameServer against the next allocation', async () => {
    const { name, first } = await ready({}, { labels: { open: 'yes' } });
    const [selector] = first.selectors;
    await cluster.allocated(first);
    const open: Spec = {
      selectors: [{ matchLabels: { ...selector?.matchLabels, open: 'yes' }, gameServerState: 'Allocated' }],
      metadata: { labels: { open: 'no' } },
    };
    expect((await cluster.allocated(open)).gameServerName).toBe(name);
    expect((await cluster.allocate(open)).body.status.state).toBe('UnAllocated');
  });

  it('is in one write with the state, the Counters and the Lists', async () => {
    const { name, first } = await ready({
      counters: { rooms: { count: 0, capacity: 5 } },
      lists: { players: { capacity: 5, values: [] } },
    });
    const watch = await cluster.watchFromNow(PATHS.gameservers);
    await cluster.allocated({
      ...first,
      metadata: { labels: { mode: 'race' } },
      counters: { rooms: { action: 'Increment', amount: 2 } },
      lists: { players: { addValues: ['ann'] } },
    });
    const isIt = ({ object }: { object: GameServer }) =>
      object.metadata.name === name && object.metadata.labels?.['mode'] === 'race';
    const { object } = await watch.until('the allocation', isIt);
    expect(object.status).toMatchObject({
      state: 'Allocated',
      counters: { rooms: { count: 2, capacity: 5 } },
      lists: { players: { capacity: 5, values: ['ann'] } },
    });
    expect(watch.events.filter((event) => event.object.metadata.name === name)).toHaveLength(1);
  });
});

describe('what an allocation does to a Counter at 3 of 10', () => {
  it.each<[what: string, action: CounterAction, count: number, capacity: number]>([
    ['adds', { action: 'Increment', amount: 4 }, 7, 10],
    ['takes away', { action: 'Decrement', amount: 2 }, 1, 10],
    ['adds up to the capacity at most', { action: 'Increment', amount: 50 }, 10, 10],
    ['takes away down to 0 at most', { action: 'Decrement', amount: 50 }, 0, 10],
    ['adds nothing', { action: 'Increment', amount: 0 }, 3, 10],
    ['sets the capacity', { capacity: 20 }, 3, 20],
    ['sets the capacity below the count, which follows', { capacity: 2 }, 2, 2],
    ['sets the capacity to 0', { capacity: 0 }, 0, 0],
    ['sets the capacity before it adds', { action: 'Increment', amount: 15, capacity: 20 }, 18, 20],
    ['cuts the count off before it takes away', { action: 'Decrement', amount: 1, capacity: 2 }, 1, 2],
    ['does nothing', {}, 3, 10],
  ])('%s', async (_what, action, count, capacity) => {
    const { name, first } = await ready({
      counters: { rooms: { count: 3, capacity: 10 }, other: { count: 1, capacity: 2 } },
    });
    const { counters } = await allocated(name, { ...first, counters: { rooms: action } });
    expect(counters).toEqual({ rooms: { count, capacity }, other: { count: 1, capacity: 2 } });
    expect(await faultsOf(name)).toEqual([]);
  });

  it('adds up over allocations of the same GameServer', async () => {
    const { name, first, again } = await ready({ counters: { rooms: { count: 0, capacity: 3 } } });
    const counters = { rooms: { action: 'Increment', amount: 1 } };
    await cluster.allocated({ ...first, counters });
    await cluster.allocated({ ...again, counters });
    expect((await allocated(name, { ...again, counters })).counters?.['rooms']?.count).toBe(3);
    const withRoom = { ...again.selectors[0], counters: { rooms: { minAvailable: 1 } } };
    expect((await cluster.allocate({ selectors: [withRoom], counters })).body.status.state).toBe('UnAllocated');
  });
});

describe('what an allocation does to a List with a and b of 4', () => {
  it.each<[what: string, action: ListAction, values: string[], capacity: number]>([
    ['adds at its end, in order', { addValues: ['d', 'c'] }, ['a', 'b', 'd', 'c'], 4],
    ['adds what is not there yet', { addValues: ['b', 'c', 'c'] }, ['a', 'b', 'c'], 4],
    ['adds as long as there is room', { addValues: ['c', 'd', 'e'] }, ['a', 'b', 'c', 'd'], 4],
    ['deletes, and passes over what is not there', { deleteValues: ['a', 'x'] }, ['b'], 4],
    ['deletes all', { deleteValues: ['a', 'b'] }, [], 4],
    [
      'adds before it deletes, which makes no room for it',
      { addValues: ['c', 'd', 'e'], deleteValues: ['a', 'c'] },
      ['b', 'd'],
      4,
    ],
    ['sets the capacity', { capacity: 1000 }, ['a', 'b'], 1000],
    ['sets the capacity below the length, which cuts values off', { capacity: 1 }, ['a'], 1],
    [
      'sets the capacity before it adds',
      { capacity: 5, addValues: ['c', 'd', 'e', 'f'] },
      ['a', 'b', 'c', 'd', 'e'],
      5,
    ],
    ['does nothing', {}, ['a', 'b'], 4],
  ])('%s', async (_what, action, values, capacity) => {
    const { name, first } = await ready({ lists: { players: { capacity: 4, values: ['a', 'b'] } } });
    const { lists } = await allocated(name, { ...first, lists: { players: action } });
    expect(lists).toEqual({ players: { capacity, values } });
    expect(await faultsOf(name)).toEqual([]);
  });
});

describe('what cannot be done while allocating', () => {
  const COUNTER = 'Warning CounterActionError';
  const LIST = 'Warning ListActionError';

  it.each<[what: string, spec: Spec, faults: string[]]>([
    ['to a Counter that is not there', { counters: { nope: { action: 'Increment', amount: 1 } } }, [COUNTER]],
    ['to the capacity of a Counter that is not there', { counters: { nope: { capacity: 1 } } }, [COUNTER]],
    ['by an action that is none', { counters: { rooms: { action: 'Explode', amount: 1 } } }, [COUNTER]],
    ['to a List that is not there', { lists: { nope: { addValues: ['x'] } } }, [LIST]],
    ['to a List that is not there, by deleting', { lists: { nope: { deleteValues: ['x'] } } }, [LIST]],
    ['to a List of more than 1000', { lists: { players: { capacity: 1001 } } }, [LIST]],
    ['to both', { counters: { nope: { capacity: 1 } }, lists: { nope: { capacity: 1 } } }, [COUNTER, LIST]],
  ])('%s, leaves an event and the allocation as it is', async (_what, spec, faults) => {
    const { name, first } = await ready({
      counters: { rooms: { count: 3, capacity: 10 } },
      lists: { players: { capacity: 4, values: ['a'] } },
    });
    const { counters, lists } = await allocated(name, { ...first, ...spec });
    expect(counters).toEqual({ rooms: { count: 3, capacity: 10 } });
    expect(lists).toEqual({ players: { capacity: 4, values: ['a'] } });
    const seen = await cluster.eventually('the events', async () => {
      const events = await faultsOf(name);
      return events.length >= faults.length ? events : undefined;
    });
    expect(seen).toEqual(faults);
  });

  it('is left out, and the rest is done', async () => {
    const { name, first } = await ready({
      counters: { rooms: { count: 3, capacity: 10 } },
      lists: { players: { capacity: 4, values: ['a'] } },
    });
    const { counters, lists } = await allocated(name, {
      ...first,
      counters: { rooms: { action: 'Explode', amount: 1, capacity: 20 }, nope: { capacity: 1 } },
      lists: { players: { capacity: 5000, addValues: ['b'], deleteValues: ['a'] } },
    });
    expect(counters).toEqual({ rooms: { count: 3, capacity: 20 } });
    expect(lists).toEqual({ players: { capacity: 4, values: ['b'] } });
  });

  it('is nothing where nothing is asked for, even of a name that is not there', async () => {
    const { name, first } = await ready();
    await allocated(name, { ...first, counters: { nope: {} }, lists: { nope: {}, none: { addValues: [] } } });
    await cluster.eventually('the event of the allocation', async () =>
      (await cluster.eventsAbout(name, 'GameServer')).some(({ reason }) => reason === 'Allocated') ? true : undefined,
    );
    expect(await faultsOf(name)).toEqual([]);
  });
});
