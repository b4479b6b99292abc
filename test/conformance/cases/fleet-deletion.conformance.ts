import type { Fleet } from '../../../lib/agones.ts';
import { FleetHistory } from '../harness/fleet-history.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import type { WatchedObjects, WatchEvent } from '../harness/watched-objects.ts';

const cluster = useCluster();

const pathOf = ({ metadata }: Fleet) => `${PATHS.fleets}/${metadata.name}`;

/** The place of an event in the order of all that happens in the cluster. */
const at = ({ object }: WatchEvent) => Number(object.metadata.resourceVersion);

function deleted(watch: WatchedObjects, name: string): Promise<WatchEvent> {
  return watch.until(`${name} gone`, ({ type, object }) => type === 'DELETED' && object.metadata.name === name);
}

function marked(watch: WatchedObjects, name: string): Promise<WatchEvent> {
  return watch.until(`${name} being deleted`, ({ object }) => {
    return object.metadata.name === name && object.metadata.deletionTimestamp !== undefined;
  });
}

/** A Fleet of two, one Allocated, and what is seen of it from now on. */
async function watchedFleet() {
  const fleet = await cluster.readyDevFleet({ replicas: 2 });
  const { name } = fleet.metadata;
  const [set] = await cluster.gameServerSetsOf(name);
  const gameServers = (await cluster.gameServersOf(name)).map(({ metadata }) => metadata.name);
  await cluster.allocated({ selectors: [{ matchLabels: { 'agones.dev/fleet': name } }] });
  const { gameServers: ofGameServers, sets: ofSets } = await FleetHistory.open(cluster, fleet);
  const ofFleets = await cluster.watchFromNow(PATHS.fleets);
  return { fleet, name, set: set!.metadata.name, gameServers, ofFleets, ofSets, ofGameServers };
}

describe('deleting a Fleet', () => {
  it('takes it away at once, then its set, then its GameServers, Allocated or not', async () => {
    const { fleet, name, set, gameServers, ofFleets, ofSets, ofGameServers } = await watchedFleet();
    const { status, body } = await cluster.request('DELETE', pathOf(fleet));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name, group: 'agones.dev', kind: 'fleets', uid: fleet.metadata.uid },
    });
    expect((await cluster.request('GET', pathOf(fleet))).status).toBe(404);
    const order = [await deleted(ofFleets, name), await deleted(ofSets, set)].map(at);
    for (const gameServer of gameServers) {
      expect([
        ...order,
        at(await marked(ofGameServers, gameServer)),
        at(await deleted(ofGameServers, gameServer)),
      ]).toEqual(
        [...order, at(await marked(ofGameServers, gameServer)), at(await deleted(ofGameServers, gameServer))].toSorted(
          (a, b) => a - b,
        ),
      );
    }
  });

  it('in the foreground keeps it, and its set, until the GameServers are gone', async () => {
    const { fleet, name, set, gameServers, ofFleets, ofSets, ofGameServers } = await watchedFleet();
    const { status, body } = await cluster.request('DELETE', pathOf(fleet), { propagationPolicy: 'Foreground' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      kind: 'Fleet',
      metadata: { name, finalizers: ['foregroundDeletion'], deletionGracePeriodSeconds: 0 },
    });
    expect(body.metadata.deletionTimestamp).toBeDefined();
    const begun = [await marked(ofFleets, name), await marked(ofSets, set)].map(at);
    const ended = [await deleted(ofSets, set), await deleted(ofFleets, name)].map(at);
    for (const gameServer of gameServers) {
      const own = [await marked(ofGameServers, gameServer), await deleted(ofGameServers, gameServer)].map(at);
      const order = [...begun, ...own, ...ended];
      expect(order).toEqual(order.toSorted((a, b) => a - b));
    }
  });

  it('with orphans leaves its set and GameServers to nobody, and they live on', async () => {
    const { fleet, name, set, gameServers, ofFleets } = await watchedFleet();
    const { status, body } = await cluster.request('DELETE', `${pathOf(fleet)}?propagationPolicy=Orphan`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: 'Fleet', metadata: { name, finalizers: ['orphan'] } });
    await deleted(ofFleets, name);
    const setPath = `${PATHS.gameserversets}/${set}`;
    const orphan = (await cluster.request('GET', setPath)).body;
    expect(orphan.metadata.ownerReferences).toBeUndefined();
    expect(orphan.metadata.labels['agones.dev/fleet']).toBe(name);
    // The set goes on as one of nobody: it scales, and is replaced by nothing when it goes.
    await cluster.patched(`${setPath}/scale`, { spec: { replicas: 3 } });
    await cluster.eventually('three', async () => {
      const found = await cluster.gameServersOf(name);
      return found.length === 3 && gameServers.every((one) => found.some(({ metadata }) => metadata.name === one))
        ? true
        : undefined;
    });
    await cluster.request('DELETE', setPath);
    await cluster.eventually('all gone', async () =>
      (await cluster.gameServersOf(name)).length === 0 ? true : undefined,
    );
  });

  it('that has no GameServers takes its set away', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 0 });
    const { sets } = await FleetHistory.open(cluster, fleet);
    const [set] = await cluster.gameServerSetsOf(fleet.metadata.name);
    await cluster.request('DELETE', pathOf(fleet), { propagationPolicy: 'Background' });
    await deleted(sets, set!.metadata.name);
  });

  it('ends the Pods of its GameServers', async () => {
    const name = cluster.name('fleet');
    await cluster.createFleet(name, { replicas: 2, template: cluster.puppetTemplate({ ready: true }) });
    const fleet = await cluster.fleetSettled(name, 2);
    const gameServers = (await cluster.gameServersOf(name)).map(({ metadata }) => metadata.name);
    const pods = await cluster.watchFromNow(PATHS.pods);
    const watch = await cluster.watchFromNow(PATHS.gameservers);
    await cluster.request('DELETE', pathOf(fleet));
    for (const gameServer of gameServers) {
      const [podGone, gone] = [await deleted(pods, gameServer), await deleted(watch, gameServer)].map(at);
      expect(podGone).toBeLessThan(gone!);
    }
  });

  it('makes room for one of the same name, which has nothing of the old', async () => {
    const { fleet, name, gameServers } = await watchedFleet();
    await cluster.request('DELETE', pathOf(fleet));
    await cluster.createFleet(name, { replicas: 1, template: cluster.devTemplate() });
    for (const gameServer of gameServers) await cluster.gone(gameServer);
    const again = await cluster.fleetSettled(name, 1);
    expect(again.metadata.uid).not.toBe(fleet.metadata.uid);
    expect(again.status?.allocatedReplicas).toBe(0);
  });

  it('of many at once by their labels', async () => {
    const berth = cluster.name('berth');
    for (let made = 0; made < 2; made += 1) {
      const { metadata } = await cluster.readyDevFleet({ replicas: 1 });
      await cluster.patched(`${PATHS.fleets}/${metadata.name}`, { metadata: { labels: { berth } } });
    }
    const { status, body } = await cluster.request('DELETE', `${PATHS.fleets}?labelSelector=berth%3D${berth}`);
    expect([status, body.kind, body.items.length]).toEqual([200, 'FleetList', 2]);
    expect((await cluster.request('GET', `${PATHS.fleets}?labelSelector=berth%3D${berth}`)).body.items).toEqual([]);
  });
});
