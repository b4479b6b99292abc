import type { Fleet, GameServer, Priority } from '../../../lib/agones.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

const pathOf = ({ metadata }: Fleet) => `${PATHS.fleets}/${metadata.name}`;

function namesOf(gameServers: GameServer[]): string[] {
  return gameServers.map(({ metadata }) => metadata.name).toSorted();
}

async function scaled(fleet: Fleet, replicas: number): Promise<GameServer[]> {
  await cluster.patched(pathOf(fleet), { spec: { replicas } });
  await cluster.fleetSettled(fleet.metadata.name, replicas);
  return cluster.eventually(`${replicas} left`, async () => {
    const gameServers = await cluster.gameServersOf(fleet.metadata.name);
    return gameServers.length === replicas ? gameServers : undefined;
  });
}

/** The names in the order in which scaling down one by one takes them. */
async function orderOfRemoval(fleet: Fleet): Promise<string[]> {
  let left = await cluster.gameServersOf(fleet.metadata.name);
  const order: string[] = [];
  while (left.length > 0) {
    const before = namesOf(left);
    left = await scaled(fleet, left.length - 1);
    const after = namesOf(left);
    order.push(...before.filter((name) => !after.includes(name)));
  }
  return order;
}

describe('scaling a Fleet', () => {
  it('up adds GameServers and keeps those there are', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 2 });
    const before = namesOf(await cluster.gameServersOf(fleet.metadata.name));
    const after = namesOf(await scaled(fleet, 5));
    expect(after).toHaveLength(5);
    expect(after).toEqual(expect.arrayContaining(before));
    expect(await cluster.gameServerSetsOf(fleet.metadata.name)).toHaveLength(1);
  });

  it('up makes more than one batch holds, and down removes them all', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 70 });
    expect(await cluster.gameServersOf(fleet.metadata.name)).toHaveLength(70);
    expect(await scaled(fleet, 0)).toEqual([]);
  });

  it('down shuts GameServers down, which removes them, and keeps the others', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 4 });
    const before = namesOf(await cluster.gameServersOf(fleet.metadata.name));
    const watch = await cluster.watchFromNow(PATHS.gameservers);
    const after = namesOf(await scaled(fleet, 1));
    expect(before).toEqual(expect.arrayContaining(after));
    for (const name of before) {
      if (after.includes(name)) expect(watch.statesOf(name)).toEqual([]);
      else expect(watch.statesOf(name)).toEqual(['Shutdown']);
    }
  });

  it('is told of by events: of the Fleet about its set, of the set about its GameServers', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 1 });
    const { name } = fleet.metadata;
    await scaled(fleet, 0);
    const [set] = await cluster.gameServerSetsOf(name);
    const reasons = await cluster.eventually('the events', async () => {
      const ofFleet = await cluster.eventsAbout(name, 'Fleet');
      const ofSet = await cluster.eventsAbout(set!.metadata.name, 'GameServerSet');
      const all = [ofFleet, ofSet].map((events) => events.map(({ type, reason }) => `${type} ${reason}`));
      return ofFleet.length > 1 && ofSet.length > 1 ? all : undefined;
    });
    expect(reasons).toEqual([
      ['Normal CreatingGameServerSet', 'Normal ScalingGameServerSet'],
      ['Normal SuccessfulCreate', 'Normal SuccessfulDelete'],
    ]);
  });
});

describe('scaling down', () => {
  const rooms = { rooms: { count: 0, capacity: 10 } };

  /** A Fleet whose GameServers have these counts of `rooms`; gives their names in the order of the counts. */
  async function fleetWithCounts(spec: Partial<Fleet['spec']>, counts: number[]): Promise<[Fleet, string[]]> {
    const fleet = await cluster.readyDevFleet({ replicas: counts.length, ...spec }, { spec: { counters: rooms } });
    const names = namesOf(await cluster.gameServersOf(fleet.metadata.name));
    // Given out against the order of names, by which one would be removed first without the counts.
    for (const [at, count] of counts.entries()) {
      const path = `${PATHS.gameservers}/${names.at(-1 - at)}`;
      await cluster.patched(path, { status: { counters: { rooms: { count } } } });
    }
    await cluster.eventually('the counts', async () => {
      const { status } = await cluster.fleet(fleet.metadata.name);
      const sum = counts.reduce((total, count) => total + count, 0);
      return (status?.counters as typeof rooms | undefined)?.rooms.count === sum ? true : undefined;
    });
    return [fleet, names.toReversed()];
  }

  const by = (order: Priority['order'], key = 'rooms'): Priority[] => [{ type: 'Counter', key, order: order! }];

  it('goes by name among GameServers that are otherwise alike', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 4 });
    const names = namesOf(await cluster.gameServersOf(fleet.metadata.name));
    expect(await orderOfRemoval(fleet)).toEqual(names);
  });

  it.each(['Packed', 'Distributed'] as const)(
    '%s takes by a priority: Ascending those with the least room first, Descending those with the most',
    async (scheduling) => {
      const [ascending, ofAscending] = await fleetWithCounts({ scheduling, priorities: by('Ascending') }, [9, 5, 2]);
      expect(await orderOfRemoval(ascending)).toEqual(ofAscending);
      const [descending, ofDescending] = await fleetWithCounts({ scheduling, priorities: by('Descending') }, [2, 5, 9]);
      expect(await orderOfRemoval(descending)).toEqual(ofDescending);
    },
  );

  it('goes by the next priority where the first does not tell apart, and knows Lists by their room', async () => {
    const priorities: Priority[] = [...by('Ascending'), { type: 'List', key: 'players', order: 'Descending' }];
    const fleet = await cluster.readyDevFleet(
      { replicas: 3, priorities },
      { spec: { counters: rooms, lists: { players: { capacity: 10, values: [] } } } },
    );
    const names = namesOf(await cluster.gameServersOf(fleet.metadata.name)).toReversed();
    const [first, second, third] = names;
    const write = (name: string | undefined, status: object) =>
      cluster.patched(`${PATHS.gameservers}/${name}`, { status });
    await write(first, { counters: { rooms: { count: 5 } } });
    await write(third, { lists: { players: { values: ['a', 'b'] } } });
    await cluster.eventually('both in the status', async () => {
      const { status } = await cluster.fleet(fleet.metadata.name);
      return JSON.stringify(status?.counters).includes('"count":5') &&
        JSON.stringify(status?.lists).includes('"count":2')
        ? true
        : undefined;
    });
    expect(await orderOfRemoval(fleet)).toEqual([first, second, third]);
  });

  it('takes those without the Counter of a priority last, in both orders', async () => {
    for (const order of ['Ascending', 'Descending'] as const) {
      const [fleet, [first, second]] = await fleetWithCounts({ priorities: by(order) }, [5, 5]);
      // The one that is first by name loses it.
      await cluster.patched(`${PATHS.gameservers}/${second}`, { status: { counters: { rooms: null } } });
      await cluster.eventually('one counted', async () => {
        const { status } = await cluster.fleet(fleet.metadata.name);
        return JSON.stringify(status?.counters).includes('"count":5') ? true : undefined;
      });
      expect(await orderOfRemoval(fleet)).toEqual([first, second]);
    }
  });

  it('Distributed takes the oldest first', async () => {
    let fleet = await cluster.readyDevFleet({ replicas: 1, scheduling: 'Distributed' });
    const byAge = namesOf(await cluster.gameServersOf(fleet.metadata.name));
    for (const replicas of [2, 3, 4]) {
      // Age is told in whole seconds.
      const startedAtMs = Date.now();
      await cluster.eventually('another second', () => (Date.now() - startedAtMs > 1100 ? true : undefined));
      const all = await scaled(fleet, replicas);
      byAge.push(...namesOf(all).filter((name) => !byAge.includes(name)));
    }
    fleet = await cluster.fleet(fleet.metadata.name);
    expect(await orderOfRemoval(fleet)).toEqual(byAge);
  });

  it('goes by the priorities and the scheduling that hold when it happens', async () => {
    const [fleet, byRoom] = await fleetWithCounts({ replicas: 3 }, [9, 5, 2]);
    await cluster.patched(pathOf(fleet), { spec: { priorities: by('Ascending') } });
    const [set] = await cluster.eventually('the priorities in the set', async () => {
      const sets = await cluster.gameServerSetsOf(fleet.metadata.name);
      return sets[0]?.spec.priorities === undefined ? undefined : sets;
    });
    expect(set?.spec.priorities).toEqual(by('Ascending'));
    expect(await orderOfRemoval(fleet)).toEqual(byRoom);
  });

  it('takes what is not yet Ready before what is', async () => {
    const name = cluster.name('fleet');
    await cluster.createFleet(name, { replicas: 3, template: cluster.puppetTemplate() });
    const gameServers = await cluster.eventually('all Scheduled', async () => {
      const found = await cluster.gameServersOf(name);
      return found.length === 3 && found.every(({ status }) => status?.state === 'Scheduled') ? found : undefined;
    });
    // By name it would be the first to go.
    const [ready] = namesOf(gameServers);
    await (await cluster.reach(ready!)).sdk('POST', '/ready', {});
    await cluster.fleetSettled(name, 1, 3);
    const left = await scaled(await cluster.fleet(name), 1);
    expect(namesOf(left)).toEqual([ready]);
  });
});
