import type { GameServerAllocation } from '../../lib/agones.ts';
import { silentLogger } from '../../lib/logger.ts';
import { seededRandom } from '../../lib/seeded-random.ts';
import { TestCluster } from '../controllers/testing/test-cluster.ts';
import { createAllocationEngine } from './allocation-engine.ts';
import type { AllocationEngine } from './allocation-engine.ts';
import type { ClusterConnection } from './allocation-policies.ts';
import { createMultiClusterEngine, RemoteAllocationError } from './multi-cluster-allocation.ts';
import type { RemoteAllocation } from './multi-cluster-allocation.ts';

const UNAVAILABLE = 14;
const RESOURCE_EXHAUSTED = 8;

let cluster: TestCluster;
let engine: AllocationEngine;
/** Calls of other clusters, with the time of each. */
let calls: (RemoteAllocation & { atMs: number })[];
/** What the other cluster does. */
let answer: (call: RemoteAllocation) => Promise<GameServerAllocation>;

beforeEach(() => {
  cluster = new TestCluster();
  calls = [];
  const { store, clock } = cluster;
  engine = createMultiClusterEngine({
    store,
    clock,
    logger: silentLogger,
    engine: createAllocationEngine({ store, clock, record() {}, batchWaitMs: 0 }),
    // The port to other clusters; who really asks them is tried with two clusters.
    allocateRemotely: (call) => {
      calls.push({ ...call, atMs: clock.nowMs() });
      return answer(call);
    },
    random: seededRandom(9),
    maxPendingRequests: 2,
  });
});

afterEach(() => {
  engine.stop();
  cluster.stop();
});

function createPolicy(
  name: string,
  priority: number,
  connectionInfo: Partial<ClusterConnection>,
  labels: Record<string, string> = {},
): void {
  cluster.store.create('gameserverallocationpolicies', {
    apiVersion: 'multicluster.agones.dev/v1',
    kind: 'GameServerAllocationPolicy',
    metadata: { name, namespace: 'default', labels },
    spec: { priority, weight: 1, connectionInfo: { clusterName: name, namespace: 'default', ...connectionInfo } },
  } as never);
}

function createSecret(data: Record<string, string> = { 'tls.crt': 'Y2VydA==', 'tls.key': 'a2V5' }): void {
  cluster.store.create('secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'there', namespace: 'default' },
    data,
  } as never);
}

function createReady(name: string, namespace = 'default'): void {
  cluster.createGameServer(
    name,
    { ports: [{ name: 'ws', portPolicy: 'Static', hostPort: 21_000, containerPort: 8000, protocol: 'TCP' }] },
    { annotations: { 'agones.dev/dev-address': '127.0.0.1' }, namespace },
  );
  cluster.settle();
}

/** Allocates, time passing in steps until there is an answer. */
async function allocate(spec: GameServerAllocation['spec'] = {}): Promise<GameServerAllocation> {
  const request = {
    apiVersion: 'allocation.agones.dev/v1',
    kind: 'GameServerAllocation',
    spec: { ...spec, multiClusterSetting: { enabled: true, ...spec.multiClusterSetting } },
  } as GameServerAllocation;
  let settled = false;
  const asked = engine.allocate('default', request).finally(() => {
    settled = true;
  });
  asked.catch(() => {});
  while (!settled) {
    await new Promise(setImmediate);
    cluster.clock.advance(50);
  }
  return asked;
}

function refuse(code: number, details: string) {
  return () => Promise.reject(new RemoteAllocationError(code, details));
}

const GIVEN = { status: { state: 'Allocated', gameServerName: 'far' } } as unknown as GameServerAllocation;
const THERE = { allocationEndpoints: ['one.example'], secretName: 'there' };

describe('a request for several clusters', () => {
  it('is refused without a policy', async () => {
    await expect(allocate()).rejects.toMatchObject({
      code: 500,
      message: 'no multi-cluster allocation policy is specified',
    });
  });

  it('goes by the policies that its selector matches alone', async () => {
    createPolicy('here', 1, {}, { region: 'north' });
    createReady('near');
    const select = (matchLabels: Record<string, string>) => ({
      multiClusterSetting: { policySelector: { matchLabels } },
    });
    await expect(allocate(select({ region: 'south' }))).rejects.toMatchObject({ code: 500 });
    expect((await allocate(select({ region: 'north' }))).status).toMatchObject({
      gameServerName: 'near',
      source: 'local',
    });
  });

  it('stays here for a policy without endpoints, in the namespace that it names', async () => {
    cluster.store.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'games' } });
    createPolicy('here', 1, { namespace: 'games' });
    createReady('near');
    expect((await allocate()).status?.state).toBe('UnAllocated');
    createReady('nearer', 'games');
    expect(await allocate()).toMatchObject({
      metadata: { namespace: 'games' },
      status: { state: 'Allocated', gameServerName: 'nearer', source: 'local' },
    });
  });

  it('goes to another cluster with what the Secret holds, the port that is usual, and all it selects by', async () => {
    createPolicy('there', 1, { ...THERE, namespace: 'games', serverCa: Buffer.from('trust').toString('base64') });
    createSecret();
    answer = () => Promise.resolve(GIVEN);
    const preferred = [{ matchLabels: { mode: 'race' } }];
    expect(await allocate({ preferred })).toBe(GIVEN);
    expect(calls).toHaveLength(1);
    const { endpoint, namespace, credentials, request, timeoutMs } = calls[0]!;
    expect({ endpoint, namespace, timeoutMs }).toEqual({
      endpoint: 'one.example:443',
      namespace: 'games',
      timeoutMs: 10_000,
    });
    expect(request.spec.selectors).toEqual([
      { matchLabels: { mode: 'race' }, gameServerState: 'Ready' },
      { gameServerState: 'Ready' },
    ]);
    const texts = Object.entries(credentials).map(([name, bytes]) => [name, String(bytes).trim()]);
    expect(Object.fromEntries(texts)).toEqual({ certificate: 'cert', key: 'key', authorities: 'trust' });
  });

  it('goes on to the next cluster at once when one has nothing left', async () => {
    createPolicy('there', 1, THERE);
    createPolicy('here', 2, {});
    createSecret();
    createReady('near');
    answer = refuse(RESOURCE_EXHAUSTED, 'nothing left');
    expect((await allocate()).status?.gameServerName).toBe('near');
    expect(calls).toHaveLength(1);
  });

  it('is answered as the last cluster answers', async () => {
    createPolicy('there', 1, THERE);
    createPolicy('here', 2, {});
    createSecret();
    answer = refuse(RESOURCE_EXHAUSTED, 'nothing left');
    expect((await allocate()).status?.state).toBe('UnAllocated');
    cluster.store.delete('gameserverallocationpolicies', 'default', 'here');
    await expect(allocate()).rejects.toMatchObject({
      code: 500,
      grpcCode: RESOURCE_EXHAUSTED,
      message: 'rpc error: code = ResourceExhausted desc = nothing left',
    });
  });

  it('tries a cluster seven times, each wait twice the one before', async () => {
    createPolicy('there', 1, THERE);
    createSecret();
    answer = refuse(UNAVAILABLE, 'down');
    await expect(allocate()).rejects.toMatchObject({ grpcCode: UNAVAILABLE, details: 'down' });
    const waits = calls.slice(1).map(({ atMs }, index) => atMs - calls[index]!.atMs);
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200]);
  });

  it('tries every endpoint before it waits', async () => {
    createPolicy('there', 1, { ...THERE, allocationEndpoints: ['one.example:8443', '10.0.0.7'] });
    createSecret();
    answer = ({ endpoint }) =>
      endpoint.startsWith('one') ? refuse(RESOURCE_EXHAUSTED, 'nothing left')() : Promise.resolve(GIVEN);
    expect(await allocate()).toBe(GIVEN);
    expect(calls.map(({ endpoint }) => endpoint)).toEqual(['one.example:8443', '10.0.0.7:443']);
    expect(calls[1]!.atMs).toBe(calls[0]!.atMs);
  });

  it('gives up a cluster after thirty seconds', async () => {
    createPolicy('there', 1, THERE);
    createSecret();
    answer = ({ timeoutMs }) =>
      new Promise((_resolve, reject) => {
        cluster.clock.after(timeoutMs, () => {
          reject(new RemoteAllocationError(4, 'too slow'));
        });
      });
    await expect(allocate()).rejects.toMatchObject({
      grpcCode: 4,
      details: 'remote allocation total timeout exceeded',
    });
    expect(calls.map(({ timeoutMs }) => timeoutMs)).toEqual([10_000, 10_000, expect.any(Number)]);
    expect(calls[2]!.timeoutMs).toBeLessThan(9800);
  });

  it.each<[string, Record<string, string> | undefined]>([
    ['is not there', undefined],
    ['has no key', { 'tls.crt': 'Y2VydA==' }],
  ])('does not ask a cluster whose Secret %s', async (_how, data) => {
    createPolicy('there', 1, THERE);
    if (data !== undefined) createSecret(data);
    await expect(allocate()).rejects.toMatchObject({ code: 500, name: 'PlainTextRefusal' });
    expect(calls).toEqual([]);
  });

  it('is refused when too many wait, and when the engine stops', async () => {
    createPolicy('there', 1, THERE);
    createSecret();
    answer = ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new RemoteAllocationError(1, 'cancelled'));
        });
      });
    const request = { spec: { multiClusterSetting: { enabled: true } } } as GameServerAllocation;
    const waiting = [engine.allocate('default', request), engine.allocate('default', request)];
    await expect(engine.allocate('default', request)).rejects.toMatchObject({ code: 429 });
    engine.stop();
    for (const each of waiting) await expect(each).rejects.toMatchObject({ code: 503 });
  });
});
