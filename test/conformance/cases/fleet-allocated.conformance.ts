import type { Fleet, GameServer } from '../../../lib/agones.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

const pathOf = ({ metadata }: Fleet) => `${PATHS.fleets}/${metadata.name}`;

const labelled = (version: string) => ({ spec: { template: { metadata: { labels: { version } } } } });

async function allocateOf(fleet: Fleet): Promise<string> {
  const selectors = [{ matchLabels: { 'agones.dev/fleet': fleet.metadata.name } }];
  return (await cluster.allocated({ selectors })).gameServerName ?? '';
}

/** Has one more GameServer Reserved, as its game would. */
async function reserveOf(fleet: Fleet): Promise<string> {
  const ready = (await cluster.gameServersOf(fleet.metadata.name)).find(({ status }) => status?.state === 'Ready');
  const { metadata } = await cluster.patched<GameServer>(`${PATHS.gameservers}/${ready?.metadata.name}`, {
    status: { state: 'Reserved' },
  });
  return metadata.name;
}

function shutDown(name: string): Promise<unknown> {
  return cluster.patched(`${PATHS.gameservers}/${name}`, { status: { state: 'Shutdown' } });
}

type Counts = Partial<NonNullable<Fleet['status']>>;

/** Waits until the status of a Fleet has these numbers. */
function counted(fleet: Fleet, counts: Counts): Promise<Fleet> {
  return cluster.eventually(`${fleet.metadata.name} at ${JSON.stringify(counts)}`, async () => {
    const found = await cluster.fleet(fleet.metadata.name);
    const isThere = Object.entries(counts).every(([key, value]) => found.status?.[key as keyof Counts] === value);
    return isThere ? found : undefined;
  });
}

/** The sizes of a Fleet's sets, by the label `version`. */
async function sizes(fleet: Fleet): Promise<Record<string, string>> {
  const sets = await cluster.gameServerSetsOf(fleet.metadata.name);
  return Object.fromEntries(
    sets.map(({ metadata, spec, status }) => [
      metadata.labels?.['version'] ?? 'one',
      `${spec.replicas} wanted, ${status?.replicas} there`,
    ]),
  );
}

function sized(fleet: Fleet, expected: Record<string, string>): Promise<true> {
  return cluster.eventually(`${fleet.metadata.name} at ${JSON.stringify(expected)}`, async () => {
    const found = await sizes(fleet);
    const isSame =
      Object.keys(found).length === Object.keys(expected).length &&
      Object.entries(expected).every(([version, size]) => found[version] === size);
    return isSame ? true : undefined;
  });
}

describe('GameServers that are Allocated or Reserved', () => {
  it('stay when the Fleet is scaled below them, down to 0, and are not replaced when they end', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 5 });
    const held = [await allocateOf(fleet), await allocateOf(fleet), await reserveOf(fleet)];
    await counted(fleet, { readyReplicas: 2, allocatedReplicas: 2, reservedReplicas: 1 });
    await cluster.patched(pathOf(fleet), { spec: { replicas: 1 } });
    await counted(fleet, { replicas: 3, readyReplicas: 0, allocatedReplicas: 2, reservedReplicas: 1 });
    await cluster.patched(pathOf(fleet), { spec: { replicas: 0 } });
    await sized(fleet, { one: '0 wanted, 3 there' });
    const left = await cluster.gameServersOf(fleet.metadata.name);
    expect(left.map(({ metadata }) => metadata.name).toSorted()).toEqual(held.toSorted());
    for (const name of held) await shutDown(name);
    await counted(fleet, { replicas: 0, allocatedReplicas: 0, reservedReplicas: 0 });
    expect(await cluster.gameServerSetsOf(fleet.metadata.name)).toHaveLength(1);
  });

  it('count as GameServers of the Fleet: as many Ready are added as are missing with them', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 3 });
    await allocateOf(fleet);
    await reserveOf(fleet);
    await counted(fleet, { replicas: 3, readyReplicas: 1, allocatedReplicas: 1, reservedReplicas: 1 });
    await cluster.patched(pathOf(fleet), { spec: { replicas: 4 } });
    await counted(fleet, { replicas: 4, readyReplicas: 2, allocatedReplicas: 1, reservedReplicas: 1 });
  });

  it('are replaced when they end and the Fleet is not scaled below them', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 2 });
    const name = await allocateOf(fleet);
    await counted(fleet, { readyReplicas: 1, allocatedReplicas: 1 });
    await shutDown(name);
    await cluster.gone(name);
    await counted(fleet, { replicas: 2, readyReplicas: 2, allocatedReplicas: 0 });
  });

  it('stay as they are in an update when Allocated, which makes fewer new ones for them; their set stays with them', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 4 });
    const held = [await allocateOf(fleet), await allocateOf(fleet)];
    await counted(fleet, { readyReplicas: 2, allocatedReplicas: 2 });
    await cluster.patched(pathOf(fleet), labelled('two'));
    await sized(fleet, { one: '0 wanted, 2 there', two: '2 wanted, 2 there' });
    await counted(fleet, { replicas: 4, readyReplicas: 2, allocatedReplicas: 2 });
    for (const name of held) expect((await cluster.gameServer(name))?.status?.state).toBe('Allocated');

    await shutDown(held[0]!);
    await sized(fleet, { one: '0 wanted, 1 there', two: '3 wanted, 3 there' });
    await shutDown(held[1]!);
    await sized(fleet, { two: '4 wanted, 4 there' });
    await counted(fleet, { replicas: 4, readyReplicas: 4 });
  });

  it('stay as they are in an update when Reserved, as long as they are', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 3 });
    const reserved = await reserveOf(fleet);
    await counted(fleet, { readyReplicas: 2, reservedReplicas: 1 });
    await cluster.patched(pathOf(fleet), labelled('two'));
    await sized(fleet, { one: '0 wanted, 1 there', two: '2 wanted, 2 there' });
    await counted(fleet, { replicas: 3, readyReplicas: 2, reservedReplicas: 1 });
    await cluster.patched(`${PATHS.gameservers}/${reserved}`, { status: { state: 'Ready' } });
    await cluster.gone(reserved);
    await sized(fleet, { two: '3 wanted, 3 there' });
  });

  it('of both kinds in one set may hold an update up, with one GameServer more than wanted, until one of them ends', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 4 });
    const allocated = await allocateOf(fleet);
    const reserved = await reserveOf(fleet);
    await counted(fleet, { readyReplicas: 2, allocatedReplicas: 1, reservedReplicas: 1 });
    await cluster.patched(pathOf(fleet), labelled('two'));
    // By how far the old set came down at its last step, it is left at one wanted or at none.
    const held = { one: '1 wanted, 2 there', two: '3 wanted, 3 there' };
    const free = { one: '0 wanted, 2 there', two: '2 wanted, 2 there' };
    await cluster.eventually('nothing left to replace', async () => {
      const found = await sizes(fleet);
      return [held, free].some(({ one, two }) => found['one'] === one && found['two'] === two) ? true : undefined;
    });
    await counted(fleet, { allocatedReplicas: 1, reservedReplicas: 1 });
    await shutDown(reserved);
    await sized(fleet, { one: '0 wanted, 1 there', two: '3 wanted, 3 there' });
    await shutDown(allocated);
    await sized(fleet, { two: '4 wanted, 4 there' });
  });

  it('stay with Recreate, too', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 4, strategy: { type: 'Recreate' } });
    const allocated = await allocateOf(fleet);
    const reserved = await reserveOf(fleet);
    await counted(fleet, { readyReplicas: 2, allocatedReplicas: 1, reservedReplicas: 1 });
    await cluster.patched(pathOf(fleet), labelled('two'));
    await sized(fleet, { one: '0 wanted, 2 there', two: '2 wanted, 2 there' });
    const left = await cluster.eventually('the old ones gone', async () => {
      const found = await cluster.gameServersOf(fleet.metadata.name);
      return found.length === 4 ? found : undefined;
    });
    expect(left.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining([allocated, reserved]));
  });

  it('may be more than the Fleet: an update makes none until there is room', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 3 });
    const held = [await allocateOf(fleet), await allocateOf(fleet), await allocateOf(fleet)];
    await counted(fleet, { allocatedReplicas: 3 });
    await cluster.patched(pathOf(fleet), { spec: { replicas: 2, ...labelled('two').spec } });
    await sized(fleet, { one: '0 wanted, 3 there', two: '0 wanted, 0 there' });
    await shutDown(held[0]!);
    await counted(fleet, { replicas: 2, allocatedReplicas: 2, readyReplicas: 0 });
    await shutDown(held[1]!);
    await sized(fleet, { one: '0 wanted, 1 there', two: '1 wanted, 1 there' });
    await counted(fleet, { replicas: 2, allocatedReplicas: 1, readyReplicas: 1 });
  });

  it('of an old template are back in their set when the template comes back', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 3 });
    const [first] = await cluster.gameServerSetsOf(fleet.metadata.name);
    const allocated = await allocateOf(fleet);
    await counted(fleet, { readyReplicas: 2, allocatedReplicas: 1 });
    await cluster.patched(pathOf(fleet), labelled('two'));
    await sized(fleet, { one: '0 wanted, 1 there', two: '2 wanted, 2 there' });
    await cluster.patched(pathOf(fleet), { spec: { template: { metadata: { labels: { version: null } } } } });
    await sized(fleet, { one: '3 wanted, 3 there' });
    const [back] = await cluster.gameServerSetsOf(fleet.metadata.name);
    expect(back?.metadata.uid).toBe(first?.metadata.uid);
    expect((await cluster.gameServer(allocated))?.status?.state).toBe('Allocated');
  });
});

describe('the overflow of a Fleet', () => {
  const allocationOverflow = { labels: { drain: 'yes' }, annotations: { 'regatta.dev/why': 'fewer are wanted' } };

  async function markedOf(fleet: Fleet): Promise<GameServer[]> {
    const all = await cluster.gameServersOf(fleet.metadata.name);
    return all.filter(({ metadata }) => metadata.labels?.['drain'] === 'yes');
  }

  function marked(fleet: Fleet, count: number): Promise<GameServer[]> {
    return cluster.eventually(`${count} marked`, async () => {
      const found = await markedOf(fleet);
      return found.length === count ? found : undefined;
    });
  }

  it('is as many of its Allocated GameServers as are too many: they get its labels and annotations', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 4, allocationOverflow });
    for (let count = 0; count < 3; count += 1) await allocateOf(fleet);
    await counted(fleet, { readyReplicas: 1, allocatedReplicas: 3 });
    await cluster.patched(pathOf(fleet), { spec: { replicas: 3 } });
    await counted(fleet, { replicas: 3, readyReplicas: 0 });
    expect(await markedOf(fleet)).toEqual([]);

    await cluster.patched(pathOf(fleet), { spec: { replicas: 1 } });
    const overflow = await marked(fleet, 2);
    for (const { metadata, status } of overflow) {
      expect(metadata.annotations).toMatchObject(allocationOverflow.annotations);
      expect(status?.state).toBe('Allocated');
    }
    await cluster.patched(pathOf(fleet), { spec: { replicas: 0 } });
    await marked(fleet, 3);
    // What is marked stays so, also when it is no longer too many.
    await cluster.patched(pathOf(fleet), { spec: { replicas: 4 } });
    await counted(fleet, { replicas: 4, readyReplicas: 1, allocatedReplicas: 3 });
    expect(await markedOf(fleet)).toHaveLength(3);
  });

  it('takes those first that scaling down would take first', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 3, allocationOverflow });
    const names = [await allocateOf(fleet), await allocateOf(fleet), await allocateOf(fleet)].toSorted();
    await counted(fleet, { allocatedReplicas: 3 });
    await cluster.patched(pathOf(fleet), { spec: { replicas: 2 } });
    const [first] = await marked(fleet, 1);
    expect(first?.metadata.name).toBe(names[0]);
  });

  it('is what an update leaves Allocated with the old template', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 3, allocationOverflow });
    const allocated = await allocateOf(fleet);
    await counted(fleet, { readyReplicas: 2, allocatedReplicas: 1 });
    await cluster.patched(pathOf(fleet), labelled('two'));
    const [only] = await marked(fleet, 1);
    expect(only?.metadata.name).toBe(allocated);
  });

  it('of a Fleet that changes it is as it was until there is a new set', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 1, allocationOverflow });
    const [before] = await cluster.gameServerSetsOf(fleet.metadata.name);
    await cluster.patched(pathOf(fleet), { spec: { allocationOverflow: { labels: { drain: 'now' } }, replicas: 2 } });
    await cluster.fleetSettled(fleet.metadata.name, 2);
    const [after] = await cluster.gameServerSetsOf(fleet.metadata.name);
    expect(after?.metadata.uid).toBe(before?.metadata.uid);
    expect(after?.spec.allocationOverflow).toEqual(allocationOverflow);
    await cluster.patched(pathOf(fleet), labelled('two'));
    const next = await cluster.eventually('the new set', async () =>
      (await cluster.gameServerSetsOf(fleet.metadata.name)).find(
        ({ metadata }) => metadata.uid !== before?.metadata.uid,
      ),
    );
    expect(next.spec.allocationOverflow).toEqual({ ...allocationOverflow, labels: { drain: 'now' } });
  });
});
