import type { Fleet, GameServerSet } from '../../../lib/agones.ts';
import { FleetHistory } from '../harness/fleet-history.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import { puppetContainer } from '../puppet/puppet.ts';

const cluster = useCluster();

const pathOf = ({ metadata }: Fleet) => `${PATHS.fleets}/${metadata.name}`;

/** Changes the template by a label, as a new version of a game would. */
function release(fleet: Fleet, version: string): Promise<Fleet> {
  return cluster.patched<Fleet>(pathOf(fleet), { spec: { template: { metadata: { labels: { version } } } } });
}

/** Waits until there is one set, of the version, with all of the Fleet Ready. */
function rolledOut(fleet: Fleet, version: string | undefined, replicas = fleet.spec.replicas): Promise<GameServerSet> {
  return cluster.eventually(`${fleet.metadata.name} at ${version}`, async () => {
    const sets = await cluster.gameServerSetsOf(fleet.metadata.name);
    const { status } = await cluster.fleet(fleet.metadata.name);
    const [only] = sets;
    const isDone =
      sets.length === 1 &&
      only?.metadata.labels?.['version'] === version &&
      only?.status?.readyReplicas === replicas &&
      status?.readyReplicas === replicas &&
      status.replicas === replicas;
    return isDone ? only : undefined;
  });
}

describe('a rolling update', () => {
  it.each([
    ['numbers', { maxSurge: 1, maxUnavailable: 1 }, 1, 1],
    ['numbers', { maxSurge: 3, maxUnavailable: 2 }, 3, 2],
    ['percentages', { maxSurge: '25%', maxUnavailable: '25%' }, 2, 2],
    ['percentages, maxSurge rounded up and maxUnavailable down', { maxSurge: '30%', maxUnavailable: '30%' }, 3, 2],
    ['a percentage too small for one', { maxSurge: '1%', maxUnavailable: '1%' }, 1, 1],
  ])('by %s goes by steps', async (_how, rollingUpdate, surge, unavailable) => {
    const fleet = await cluster.readyDevFleet({ replicas: 8, strategy: { type: 'RollingUpdate', rollingUpdate } });
    const [old] = await cluster.gameServerSetsOf(fleet.metadata.name);
    const history = await FleetHistory.open(cluster, fleet);
    await release(fleet, 'two');
    const next = await rolledOut(fleet, 'two');

    const counts = history.counts();
    expect(Math.max(...counts.map(({ total }) => total))).toBeLessThanOrEqual(8 + surge);
    // After the first step more than maxUnavailable may be missing: what became Ready since the Fleet's status was
    // written is taken on top, and that again and again on a slow cluster. There are always some.
    expect(Math.min(...counts.map(({ ready }) => ready))).toBeGreaterThan(0);
    const ofOld = history.wantedOf(old!.metadata.name);
    expect(ofOld.slice(0, 2)).toEqual([8, 8 - unavailable]);
    expect(ofOld).toEqual(ofOld.toSorted((a, b) => b - a));
    const ofNext = history.wantedOf(next.metadata.name);
    expect(ofNext[0]).toBe(surge);
    expect(ofNext.at(-1)).toBe(8);
    expect(ofNext).toEqual(ofNext.toSorted((a, b) => a - b));
  });

  it('waits for GameServers that do not get Ready, keeping what is left of the old, and goes on with the next', async () => {
    const name = cluster.name('fleet');
    await cluster.createFleet(name, { replicas: 2, template: cluster.puppetTemplate({ ready: true }) });
    const fleet = await cluster.fleetSettled(name, 2);
    const containers = [puppetContainer()];
    await cluster.patched(pathOf(fleet), { spec: { template: { spec: { template: { spec: { containers } } } } } });
    // One of two may be missing and one more be there: the old set keeps one, and the new gets as many as it can.
    await cluster.eventually('it waits', async () => {
      const sets = await cluster.gameServerSetsOf(name);
      const sizes = sets.map(({ spec, status }) => `${spec.replicas}/${status?.replicas}/${status?.readyReplicas}`);
      return sizes.toSorted().join(' ') === '1/1/1 2/2/0' ? true : undefined;
    });
    await cluster.patched(pathOf(fleet), {
      spec: {
        template: {
          metadata: { labels: { version: 'three' } },
          spec: { template: { spec: { containers: [puppetContainer({ ready: true })] } } },
        },
      },
    });
    await rolledOut(fleet, 'three');
  });

  it('starts again from where it is when the template changes once more, and leaves nothing of what was between', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 6 });
    for (const version of ['two', 'three', 'four']) await release(fleet, version);
    await rolledOut(fleet, 'four');
    const gameServers = await cluster.eventually('six', async () => {
      const found = await cluster.gameServersOf(fleet.metadata.name);
      return found.length === 6 ? found : undefined;
    });
    expect(gameServers.every(({ metadata }) => metadata.labels?.['version'] === 'four')).toBe(true);
  });

  it('may be scaled meanwhile', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 6 });
    await release(fleet, 'two');
    await cluster.patched(pathOf(fleet), { spec: { replicas: 3 } });
    await rolledOut(fleet, 'two', 3);
    await release(fleet, 'three');
    await cluster.patched(pathOf(fleet), { spec: { replicas: 5 } });
    await rolledOut(fleet, 'three', 5);
  });

  it('of a Fleet of none makes a set of none', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 0 });
    const [old] = await cluster.gameServerSetsOf(fleet.metadata.name);
    await release(fleet, 'two');
    const next = await rolledOut(fleet, 'two');
    expect(next.metadata.uid).not.toBe(old?.metadata.uid);
  });
});

describe('Recreate', () => {
  it('takes all old GameServers and makes all new ones in one step each', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 5, strategy: { type: 'Recreate' } });
    const [old] = await cluster.gameServerSetsOf(fleet.metadata.name);
    const history = await FleetHistory.open(cluster, fleet);
    await release(fleet, 'two');
    const next = await rolledOut(fleet, 'two');
    expect(history.wantedOf(old!.metadata.name)).toEqual([5, 0]);
    expect(history.wantedOf(next.metadata.name)).toEqual([5]);
  });

  it('may become a rolling update, and a rolling update Recreate, without a new set', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 1, strategy: { type: 'Recreate' } });
    const [set] = await cluster.gameServerSetsOf(fleet.metadata.name);
    const rollingUpdate = { maxSurge: 1, maxUnavailable: 1 };
    await cluster.patched(pathOf(fleet), { spec: { strategy: { type: 'RollingUpdate', rollingUpdate } } });
    await cluster.patched(pathOf(fleet), { spec: { strategy: { type: 'Recreate', rollingUpdate: null } } });
    await cluster.patched(pathOf(fleet), { spec: { replicas: 2 } });
    await cluster.fleetSettled(fleet.metadata.name, 2);
    expect((await cluster.gameServerSetsOf(fleet.metadata.name)).map(({ metadata }) => metadata.uid)).toEqual([
      set?.metadata.uid,
    ]);
  });
});

describe('a change of a Fleet', () => {
  it('of its number, scheduling or priorities reaches its set, and replaces no GameServer', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 2 });
    const [before] = await cluster.gameServerSetsOf(fleet.metadata.name);
    const names = (await cluster.gameServersOf(fleet.metadata.name)).map(({ metadata }) => metadata.name);
    const priorities = [{ type: 'Counter', key: 'rooms', order: 'Descending' }];
    await cluster.patched(pathOf(fleet), { spec: { replicas: 3, scheduling: 'Distributed', priorities } });
    await cluster.fleetSettled(fleet.metadata.name, 3);
    const after = await cluster.eventually('all of it in the set', async () => {
      const sets = await cluster.gameServerSetsOf(fleet.metadata.name);
      return sets[0]?.spec.priorities === undefined ? undefined : sets;
    });
    expect(after).toHaveLength(1);
    expect(after[0]).toMatchObject({
      metadata: { uid: before?.metadata.uid },
      spec: { replicas: 3, scheduling: 'Distributed', priorities },
    });
    const gameServers = await cluster.gameServersOf(fleet.metadata.name);
    expect(gameServers.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(names));
    const made = gameServers.find(({ metadata }) => !names.includes(metadata.name));
    expect(
      gameServers.filter(({ metadata }) => names.includes(metadata.name)).map(({ spec }) => spec.scheduling),
    ).toEqual(['Packed', 'Packed']);
    expect(['Packed', 'Distributed']).toContain(made?.spec.scheduling);
  });

  it('of its own labels and annotations changes nothing else', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 1 });
    const [before] = await cluster.gameServerSetsOf(fleet.metadata.name);
    await cluster.patched(pathOf(fleet), {
      metadata: { labels: { berth: 'north' }, annotations: { 'regatta.dev/note': 'a' } },
    });
    // A scaling after it is through, so it would be.
    await cluster.patched(pathOf(fleet), { spec: { replicas: 2 } });
    await cluster.fleetSettled(fleet.metadata.name, 2);
    const [after] = await cluster.gameServerSetsOf(fleet.metadata.name);
    expect(after?.metadata).toMatchObject({ uid: before?.metadata.uid, labels: before?.metadata.labels });
  });

  it.each([
    ['a label', { metadata: { labels: { version: 'two' } } }],
    ['an annotation', { metadata: { annotations: { 'regatta.dev/note': 'b' }, labels: { version: 'two' } } }],
    ['health', { metadata: { labels: { version: 'two' } }, spec: { health: { periodSeconds: 9 } } }],
  ])('of %s in its template replaces every GameServer', async (_what, template) => {
    const fleet = await cluster.readyDevFleet({ replicas: 2 });
    const names = (await cluster.gameServersOf(fleet.metadata.name)).map(({ metadata }) => metadata.name);
    await cluster.patched(pathOf(fleet), { spec: { template } });
    await rolledOut(fleet, 'two');
    for (const name of names) await cluster.gone(name);
    const gameServers = await cluster.gameServersOf(fleet.metadata.name);
    expect(gameServers).toHaveLength(2);
    for (const gameServer of gameServers) expect(gameServer).toMatchObject(template);
  });

  it('of nothing in its template, written again, replaces none', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 1 });
    const [before] = await cluster.gameServerSetsOf(fleet.metadata.name);
    const { labels } = fleet.spec.template.metadata ?? {};
    // What is empty and what is not there are the same.
    await cluster.patched(pathOf(fleet), {
      spec: { replicas: 2, template: { metadata: { labels, finalizers: [] }, spec: { counters: {}, lists: {} } } },
    });
    await cluster.fleetSettled(fleet.metadata.name, 2);
    expect((await cluster.gameServerSetsOf(fleet.metadata.name)).map(({ metadata }) => metadata.uid)).toEqual([
      before?.metadata.uid,
    ]);
  });
});
