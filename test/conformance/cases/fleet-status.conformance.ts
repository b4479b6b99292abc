import type { Fleet } from '../../../lib/agones.ts';
import { PATHS, selectorText } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

const pathOf = ({ metadata }: Fleet) => `${PATHS.fleets}/${metadata.name}`;
const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

/** Waits until the status of a Fleet is exactly this. */
function hasStatus(fleet: Fleet, status: object): Promise<true> {
  return cluster.eventually(`${fleet.metadata.name} at ${JSON.stringify(status)}`, async () => {
    const found = (await cluster.fleet(fleet.metadata.name)).status;
    return JSON.stringify(sorted(found)) === JSON.stringify(sorted(status)) ? true : undefined;
  });
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([key, below]) => [key, sorted(below)]),
  );
}

async function writeStatus(name: string | undefined, status: object): Promise<void> {
  await cluster.patched(`${PATHS.gameservers}/${name}`, { status });
}

async function namesOf(fleet: Fleet): Promise<string[]> {
  return (await cluster.gameServersOf(fleet.metadata.name)).map(({ metadata }) => metadata.name);
}

describe('the status of a Fleet', () => {
  it('counts its GameServers by what they are', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 4 });
    await hasStatus(fleet, { replicas: 4, readyReplicas: 4, reservedReplicas: 0, allocatedReplicas: 0 });
    const [first, second] = await namesOf(fleet);
    await writeStatus(first, { state: 'Reserved' });
    await writeStatus(second, { state: 'Allocated' });
    await hasStatus(fleet, { replicas: 4, readyReplicas: 2, reservedReplicas: 1, allocatedReplicas: 1 });
    await writeStatus(first, { state: 'Allocated' });
    await hasStatus(fleet, { replicas: 4, readyReplicas: 2, reservedReplicas: 0, allocatedReplicas: 2 });
  });

  it('counts what is not Ready yet as there, and not as Ready', async () => {
    const name = cluster.name('fleet');
    const fleet = await cluster.createFleet(name, { replicas: 1, template: cluster.puppetTemplate() });
    await hasStatus(fleet, { replicas: 1, readyReplicas: 0, reservedReplicas: 0, allocatedReplicas: 0 });
    const [gameServer] = await namesOf(fleet);
    await (await cluster.reach(gameServer!)).sdk('POST', '/ready', {});
    await hasStatus(fleet, { replicas: 1, readyReplicas: 1, reservedReplicas: 0, allocatedReplicas: 0 });
  });

  it('sums Counters and Lists, those of what is Allocated apart', async () => {
    const fleet = await cluster.readyDevFleet(
      { replicas: 3 },
      {
        spec: {
          counters: { rooms: { count: 1, capacity: 4 } },
          lists: { players: { capacity: 3, values: ['a'] }, teams: {} },
        },
      },
    );
    const counts = { replicas: 3, readyReplicas: 3, reservedReplicas: 0, allocatedReplicas: 0 };
    const none = { allocatedCount: 0, allocatedCapacity: 0 };
    await hasStatus(fleet, {
      ...counts,
      counters: { rooms: { ...none, count: 3, capacity: 12 } },
      lists: { players: { ...none, count: 3, capacity: 9 }, teams: { ...none, count: 0, capacity: 3000 } },
    });
    const [first, second] = await namesOf(fleet);
    await writeStatus(first, {
      counters: { rooms: { count: 3, capacity: 10 } },
      lists: { players: { values: ['a', 'b'] } },
    });
    await writeStatus(first, { state: 'Allocated' });
    await writeStatus(second, { state: 'Reserved' });
    await hasStatus(fleet, {
      ...counts,
      readyReplicas: 1,
      reservedReplicas: 1,
      allocatedReplicas: 1,
      counters: { rooms: { allocatedCount: 3, allocatedCapacity: 10, count: 5, capacity: 18 } },
      lists: {
        players: { allocatedCount: 2, allocatedCapacity: 3, count: 4, capacity: 9 },
        teams: { allocatedCount: 0, allocatedCapacity: 1000, count: 0, capacity: 3000 },
      },
    });
  });

  it('has the Counters and Lists of the template at zero while there is no GameServer', async () => {
    const fleet = await cluster.readyDevFleet(
      { replicas: 0 },
      { spec: { counters: { rooms: { capacity: 4 } }, lists: { players: {} } } },
    );
    const zero = { allocatedCount: 0, allocatedCapacity: 0, count: 0, capacity: 0 };
    await hasStatus(fleet, {
      replicas: 0,
      readyReplicas: 0,
      reservedReplicas: 0,
      allocatedReplicas: 0,
      counters: { rooms: zero },
      lists: { players: zero },
    });
  });

  it('is the sum of its sets’ statuses, which count what is being shut down apart', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 2 });
    const [first] = await namesOf(fleet);
    await writeStatus(first, { state: 'Allocated' });
    await cluster.patched(pathOf(fleet), { spec: { template: { metadata: { labels: { version: 'two' } } } } });
    const sets = await cluster.eventually('one there in both sets', async () => {
      const found = await cluster.gameServerSetsOf(fleet.metadata.name);
      const isDone =
        found.length === 2 &&
        found.some(({ spec }) => spec.replicas === 0) &&
        found.every(({ status }) => status?.replicas === 1 && status.shutdownReplicas === 0) &&
        found.some(({ status }) => status?.readyReplicas === 1);
      return isDone ? found : undefined;
    });
    const ofSet = { replicas: 1, reservedReplicas: 0, shutdownReplicas: 0 };
    const statuses = sets.toSorted((a, b) => a.spec.replicas - b.spec.replicas).map(({ status }) => status);
    expect(statuses).toEqual([
      { ...ofSet, allocatedReplicas: 1, readyReplicas: 0 },
      { ...ofSet, allocatedReplicas: 0, readyReplicas: 1 },
    ]);
    await hasStatus(fleet, { replicas: 2, readyReplicas: 1, reservedReplicas: 0, allocatedReplicas: 1 });
  });

  it('cannot be written with the Fleet; by its subresource it can, until it is counted again', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 1 });
    const truth = { replicas: 1, readyReplicas: 1, reservedReplicas: 0, allocatedReplicas: 0 };
    const main = await cluster.patched<Fleet>(pathOf(fleet), { status: { replicas: 99 } });
    expect(main.status).toEqual(truth);
    const own = await cluster.patched<Fleet>(`${pathOf(fleet)}/status`, {
      status: { replicas: 99 },
      spec: { replicas: 7 },
    });
    expect([own.status?.replicas, own.spec.replicas]).toEqual([99, 1]);
    await hasStatus(fleet, truth);
  });
});

describe('the table of', () => {
  const columns = ['Name', 'Scheduling', 'Desired', 'Current', 'Allocated', 'Ready', 'Age'];
  const types = ['string', 'string', 'integer', 'integer', 'integer', 'integer', 'date'];

  it('Fleets has what kubectl prints', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 2, scheduling: 'Distributed' });
    const { body } = await cluster.request('GET', pathOf(fleet), undefined, TABLE);
    expect(body.kind).toBe('Table');
    expect(body.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual(columns);
    expect(body.columnDefinitions.map(({ type }: { type: string }) => type)).toEqual(types);
    expect(body.rows).toHaveLength(1);
    expect(body.rows[0].cells).toEqual([
      fleet.metadata.name,
      'Distributed',
      2,
      2,
      0,
      2,
      expect.stringMatching(/^\d+s$/),
    ]);
    expect(body.rows[0].object).toMatchObject({
      kind: 'PartialObjectMetadata',
      metadata: { name: fleet.metadata.name },
    });
  });

  it('GameServerSets has the same', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 1 });
    const [set] = await cluster.gameServerSetsOf(fleet.metadata.name);
    const selector = selectorText({ 'agones.dev/fleet': fleet.metadata.name });
    const { body } = await cluster.request(
      'GET',
      `${PATHS.gameserversets}?labelSelector=${selector}`,
      undefined,
      TABLE,
    );
    expect(body.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual(columns);
    expect(body.rows.map(({ cells }: { cells: unknown[] }) => cells.slice(0, 6))).toEqual([
      [set?.metadata.name, 'Packed', 1, 1, 0, 1],
    ]);
  });

  it('a Fleet without a status yet has empty cells', async () => {
    const { body } = await cluster.request(
      'POST',
      `${PATHS.fleets}?dryRun=All`,
      {
        apiVersion: 'agones.dev/v1',
        kind: 'Fleet',
        metadata: { name: cluster.name('asked') },
        spec: { replicas: 2, template: cluster.devTemplate() },
      },
      TABLE,
    );
    expect(body.rows[0].cells.slice(1, 6)).toEqual(['Packed', 2, null, null, null]);
  });
});
