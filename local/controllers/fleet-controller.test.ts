import type { Fleet, GameServer, GameServerSet } from '../../lib/agones.ts';
import { TestCluster } from './testing/test-cluster.ts';

let cluster: TestCluster;
beforeEach(() => {
  cluster = new TestCluster();
});
afterEach(() => {
  cluster.stop();
});

function names(version?: string): string[] {
  const selector = version === undefined ? undefined : `version=${version}`;
  return cluster.gameServers(selector).map(({ metadata }) => metadata.name);
}

function states(version?: string): string[] {
  const selector = version === undefined ? undefined : `version=${version}`;
  return cluster
    .gameServers(selector)
    .map(({ status }) => status?.state ?? '')
    .toSorted();
}

describe('a Fleet', () => {
  it('gets one set, its GameServers with names and labels after both, and a true status', () => {
    cluster.createFleet('race', { replicas: 2 });
    cluster.settle();

    const [set] = cluster.store.list<GameServerSet>('gameserversets');
    expect(set?.metadata.name).toMatch(/^race-[a-z0-9]{5}$/);
    expect(set?.metadata.labels).toMatchObject({ 'agones.dev/fleet': 'race', version: 'one' });
    expect(set?.metadata.ownerReferences).toMatchObject([{ kind: 'Fleet', name: 'race', controller: true }]);
    expect(set?.status).toEqual({
      replicas: 2,
      readyReplicas: 2,
      reservedReplicas: 0,
      allocatedReplicas: 0,
      shutdownReplicas: 0,
    });
    const gameServers = cluster.gameServers();
    expect(gameServers).toHaveLength(2);
    for (const gameServer of gameServers) {
      expect(gameServer.metadata.name).toMatch(new RegExp(`^${set?.metadata.name}-[a-z0-9]{5}$`));
      expect(gameServer.metadata.labels).toEqual({
        'agones.dev/fleet': 'race',
        'agones.dev/gameserverset': set?.metadata.name,
        version: 'one',
      });
      expect(gameServer.status?.state).toBe('Ready');
    }
    expect(cluster.fleet('race').status).toEqual({
      replicas: 2,
      readyReplicas: 2,
      reservedReplicas: 0,
      allocatedReplicas: 0,
    });
  });

  it('makes more GameServers than one batch holds', () => {
    cluster.createFleet('race', { replicas: 150 });
    cluster.settle();
    expect(cluster.fleet('race').status?.readyReplicas).toBe(150);
  });

  it('sums Counters and Lists, what is Allocated apart, and shows them at zero without GameServers', () => {
    const template = {
      spec: {
        counters: { rooms: { count: 1, capacity: 4 } },
        lists: { players: { capacity: 3, values: ['a'] } },
        template: { spec: { containers: [{ name: 'game', image: 'game:1' }] } },
      },
    };
    cluster.createFleet('race', { replicas: 2, template });
    cluster.settle();
    cluster.setState(names()[0] ?? '', 'Allocated');
    cluster.settle();
    expect(cluster.fleet('race').status).toMatchObject({
      counters: { rooms: { allocatedCount: 1, allocatedCapacity: 4, count: 2, capacity: 8 } },
      lists: { players: { allocatedCount: 1, allocatedCapacity: 3, count: 2, capacity: 6 } },
    });
    cluster.createFleet('empty', { replicas: 0, template });
    cluster.settle();
    expect(cluster.fleet('empty').status?.counters).toEqual({
      rooms: { allocatedCount: 0, allocatedCapacity: 0, count: 0, capacity: 0 },
    });
  });

  it('replaces an Unhealthy GameServer', () => {
    cluster.createFleet('race', { replicas: 2 });
    cluster.settle();
    const [first = ''] = names();
    cluster.exit(first, 'Failed');
    cluster.settle();
    expect(names()).not.toContain(first);
    expect(states()).toEqual(['Ready', 'Ready']);
  });

  it('keeps a GameServer in Error for 30 seconds and then replaces it', () => {
    cluster.createFleet('race', { replicas: 1 });
    cluster.settle();
    const [first = ''] = names();
    cluster.store.modify<GameServer>('gameservers', 'default', first, (gameServer) => {
      gameServer.metadata.annotations = {
        ...gameServer.metadata.annotations,
        'agones.dev/errored-at': '2026-01-01T00:00:00Z',
      };
      gameServer.status = { ...gameServer.status, state: 'Error' };
    });
    cluster.settle();
    cluster.clock.advance(29_000);
    cluster.settle();
    expect(states()).toEqual(['Error']);
    cluster.clock.advance(2000);
    cluster.settle();
    expect(states()).toEqual(['Ready']);
    expect(names()).not.toContain(first);
  });

  it('takes everything with it when it is deleted, Allocated GameServers too', () => {
    cluster.createFleet('race', { replicas: 3 });
    cluster.settle();
    cluster.setState(names()[0] ?? '', 'Allocated');
    cluster.settle();
    cluster.store.delete('fleets', 'default', 'race');
    cluster.settle();
    expect(names()).toEqual([]);
    expect(cluster.store.list('gameserversets')).toEqual([]);
    expect(cluster.store.list('pods')).toEqual([]);
  });

  it('leaves its set behind when it is deleted with orphans', () => {
    cluster.createFleet('race', { replicas: 1 });
    cluster.settle();
    cluster.store.delete('fleets', 'default', 'race', { propagationPolicy: 'Orphan' });
    cluster.settle();
    expect(cluster.store.find('fleets', 'default', 'race')).toBeUndefined();
    const sets = cluster.store.list<GameServerSet>('gameserversets');
    expect(sets.map(({ metadata }) => metadata.ownerReferences)).toEqual([undefined]);
    expect(states()).toEqual(['Ready']);
  });
});

describe('scaling down', () => {
  it('never takes what is Allocated or Reserved', () => {
    cluster.createFleet('race', { replicas: 5 });
    cluster.settle();
    const [allocated = '', reserved = ''] = names();
    cluster.setState(allocated, 'Allocated');
    cluster.setState(reserved, 'Reserved');
    cluster.scale('race', 0);
    cluster.settle();
    expect(names().toSorted()).toEqual([allocated, reserved].toSorted());
    expect(cluster.fleet('race').status).toMatchObject({ replicas: 2, allocatedReplicas: 1, reservedReplicas: 1 });
  });

  it('takes what is not Ready yet before what is', () => {
    const becomesReady = new Set<string>();
    cluster.gamesBecomeReady = ({ metadata }) => {
      if (becomesReady.size < 2) becomesReady.add(metadata.name);
      return becomesReady.has(metadata.name);
    };
    cluster.createFleet('race', { replicas: 4 });
    cluster.settle();
    cluster.scale('race', 2);
    cluster.settle();
    expect(names().toSorted()).toEqual([...becomesReady].toSorted());
  });

  it('marks the Allocated GameServers that are too many', () => {
    cluster.createFleet('race', {
      replicas: 3,
      allocationOverflow: { labels: { drain: 'yes' }, annotations: { why: 'scaled' } },
    });
    cluster.settle();
    for (const name of names()) cluster.setState(name, 'Allocated');
    cluster.settle();
    expect(cluster.gameServers('drain=yes')).toEqual([]);
    cluster.scale('race', 1);
    cluster.settle();
    const marked = cluster.gameServers('drain=yes');
    expect(marked).toHaveLength(2);
    expect(marked[0]?.metadata.annotations?.['why']).toBe('scaled');
  });
});

describe('a rolling update', () => {
  /** Lets games of the new version become ready one settle at a time. */
  function holdNew(): void {
    cluster.gamesBecomeReady = ({ metadata }) => metadata.labels?.['version'] !== 'two';
  }

  function letNewBecomeReady(): void {
    cluster.gamesBecomeReady = () => true;
  }

  it('goes through the sizes the real one goes through, with one of three Allocated', () => {
    cluster.createFleet('race', { replicas: 3 });
    cluster.settle();
    const [allocated = ''] = names();
    cluster.setState(allocated, 'Allocated');
    cluster.settle();

    holdNew();
    cluster.changeVersion('race', 'two');
    cluster.settle();
    expect(cluster.sizes('race')).toEqual({ one: '2/2', two: '2/2' });
    expect(states('one')).toEqual(['Allocated', 'Ready']);

    letNewBecomeReady();
    cluster.settle();
    expect(cluster.sizes('race')).toEqual({ one: '0/1', two: '2/2' });
    expect(names('one')).toEqual([allocated]);
    expect(cluster.fleet('race').status).toMatchObject({ replicas: 3, readyReplicas: 2, allocatedReplicas: 1 });

    cluster.setState(allocated, 'Shutdown');
    cluster.settle();
    expect(cluster.sizes('race')).toEqual({ two: '3/3' });
  });

  it('makes no more than maxSurge on top, and takes what became Ready meanwhile on top of maxUnavailable', () => {
    cluster.createFleet('race', {
      replicas: 8,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 2 } },
    });
    cluster.settle();
    let fewestReady = 8;
    let most = 8;
    const end = cluster.store.subscribe('gameservers', () => {
      const all = cluster.gameServers();
      fewestReady = Math.min(fewestReady, all.filter(({ status }) => status?.state === 'Ready').length);
      most = Math.max(most, all.filter(({ status }) => status?.state !== 'Shutdown').length);
    });
    cluster.changeVersion('race', 'two');
    cluster.settle();
    end();
    expect(cluster.sizes('race')).toEqual({ two: '8/8' });
    // Fewer than maxUnavailable allows, as with Agones.
    expect(fewestReady).toBeLessThan(6);
    expect(fewestReady).toBeGreaterThanOrEqual(8 - 2 - 2);
    expect(most).toBeLessThanOrEqual(10);
  });

  it('gets out of a version whose games never become ready', () => {
    cluster.createFleet('race', { replicas: 4 });
    cluster.settle();
    holdNew();
    cluster.changeVersion('race', 'two');
    cluster.settle();
    expect(states('one').length).toBeGreaterThanOrEqual(3);
    cluster.changeVersion('race', 'three');
    cluster.settle();
    expect(cluster.sizes('race')).toEqual({ three: '4/4' });
  });

  it('goes back to the set of a template that comes again', () => {
    cluster.createFleet('race', { replicas: 2 });
    cluster.settle();
    const [allocated = ''] = names();
    cluster.setState(allocated, 'Allocated');
    cluster.changeVersion('race', 'two');
    cluster.settle();
    cluster.changeVersion('race', 'one');
    cluster.settle();
    expect(cluster.sizes('race')).toEqual({ one: '2/2' });
    expect(names()).toContain(allocated);
  });

  it('by Recreate takes all old ones at once, and leaves what is Allocated', () => {
    cluster.createFleet('race', { replicas: 4, strategy: { type: 'Recreate' } });
    cluster.settle();
    const [allocated = ''] = names();
    cluster.setState(allocated, 'Allocated');
    cluster.settle();
    holdNew();
    cluster.changeVersion('race', 'two');
    cluster.settle();
    expect(names('one')).toEqual([allocated]);
    expect(names('two')).toHaveLength(3);
  });

  it('is not begun by a change of priorities or scheduling, which reaches the set', () => {
    cluster.createFleet('race', { replicas: 2 });
    cluster.settle();
    const before = names();
    cluster.store.modify<Fleet>('fleets', 'default', 'race', (fleet) => {
      fleet.spec.scheduling = 'Distributed';
      fleet.spec.priorities = [{ type: 'Counter', key: 'rooms', order: 'Ascending' }];
    });
    cluster.settle();
    expect(names()).toEqual(before);
    const [set] = cluster.store.list<GameServerSet>('gameserversets');
    expect(set?.spec).toMatchObject({ scheduling: 'Distributed', priorities: [{ key: 'rooms' }] });
  });
});
