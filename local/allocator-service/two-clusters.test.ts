import { Client, credentials, status } from '@grpc/grpc-js';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GameServer, GameServerAllocation } from '../../lib/agones.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { loadConfig } from '../config.ts';
import { startLocal } from '../local.ts';
import type { Local } from '../local.ts';
import { eventually } from '../testing/conditions.ts';
import { callAllocate } from './testing/service-fixture.ts';

const multiClusterSetting = { enabled: true, policySelector: null };

let directory: string;
/** Asks; its policies name the other one. */
let near: Cluster;
let far: Cluster;

interface Cluster extends Local {
  endpoint: string;
}

async function startCluster(name: string): Promise<Cluster> {
  const config = loadConfig({
    LOCAL_PORT: '0',
    LOCAL_STATE_DIR: join(directory, name),
    LOCAL_ALLOCATION_BATCH_WAIT_MS: '0',
    LOCAL_ALLOCATOR_HTTP_PORT: '0',
    LOCAL_ALLOCATOR_GRPC_PORT: '0',
  });
  const local = await startLocal({ config, clock: systemClock, logger: silentLogger });
  return { ...local, endpoint: `localhost:${local.allocatorService?.grpcPort}` };
}

async function api<T>({ url }: Cluster, method: string, path: string, body?: object): Promise<T> {
  const init =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const response = await fetch(url + path, { method, ...init });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return JSON.parse(text) as T;
}

function createPolicy(name: string, priority: number, connectionInfo: object): Promise<unknown> {
  return api(near, 'POST', '/apis/multicluster.agones.dev/v1/namespaces/default/gameserverallocationpolicies', {
    apiVersion: 'multicluster.agones.dev/v1',
    kind: 'GameServerAllocationPolicy',
    metadata: { name },
    spec: { priority, weight: 100, connectionInfo: { clusterName: name, namespace: 'default', ...connectionInfo } },
  });
}

async function createReady(cluster: Cluster, name: string): Promise<void> {
  const path = '/apis/agones.dev/v1/namespaces/default/gameservers';
  await api(cluster, 'POST', path, {
    apiVersion: 'agones.dev/v1',
    kind: 'GameServer',
    metadata: { name, annotations: { 'agones.dev/dev-address': '127.0.0.1' } },
    spec: {
      ports: [{ name: 'ws', portPolicy: 'Static', hostPort: 21_000, containerPort: 8000, protocol: 'TCP' }],
      lists: { players: { capacity: 3, values: ['ada'] } },
      template: { spec: { containers: [{ name: 'game', image: 'game:1' }] } },
    },
  });
  await eventually(`${name} Ready`, async () => {
    const { status } = await api<GameServer>(cluster, 'GET', `${path}/${name}`);
    return status?.state === 'Ready';
  });
}

function allocate(spec: GameServerAllocation['spec'] = {}): Promise<GameServerAllocation> {
  return api(near, 'POST', '/apis/allocation.agones.dev/v1/namespaces/default/gameserverallocations', {
    apiVersion: 'allocation.agones.dev/v1',
    kind: 'GameServerAllocation',
    spec: { ...spec, multiClusterSetting: { enabled: true } },
  });
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'regatta-two-clusters-'));
  [near, far] = await Promise.all([startCluster('near'), startCluster('far')]);
  // As an operator does it: the far cluster's client pair becomes a Secret here, its authority goes into the policy.
  const secret = await api<{ data: object }>(far, 'GET', '/api/v1/namespaces/default/secrets/allocator-client.default');
  const metadata = { name: 'to-far' };
  await api(near, 'POST', '/api/v1/namespaces/default/secrets', { ...secret, metadata });
  const authority = readFileSync(join(directory, 'far', 'allocator-service', 'client', 'ca.crt')).toString('base64');
  await createPolicy('near', 1, {});
  await createPolicy('far', 2, { allocationEndpoints: [far.endpoint], secretName: 'to-far', serverCa: authority });
});

afterEach(async () => {
  await Promise.all([near.stop(), far.stop()]);
  rmSync(directory, { recursive: true, force: true });
});

describe('two clusters on one machine', () => {
  it('serve a request one after the other, by their policies', async () => {
    await createReady(near, 'here');
    await createReady(far, 'there');
    expect((await allocate()).status).toMatchObject({ gameServerName: 'here', source: 'local' });

    const answer = await allocate({
      metadata: { labels: { from: 'near' } },
      lists: { players: { addValues: ['bea'] } },
    });
    expect(answer.status).toMatchObject({
      state: 'Allocated',
      gameServerName: 'there',
      source: far.endpoint,
      ports: [{ name: 'ws', port: 21_000 }],
      lists: { players: { capacity: 3, values: ['ada', 'bea'] } },
      metadata: { labels: { from: 'near' } },
    });
    const there = await api<GameServer>(far, 'GET', '/apis/agones.dev/v1/namespaces/default/gameservers/there');
    expect(there).toMatchObject({ metadata: { labels: { from: 'near' } }, status: { state: 'Allocated' } });

    await expect(allocate()).rejects.toThrow(
      '500 rpc error: code = ResourceExhausted desc = there is no available GameServer to allocate',
    );
  });

  it('serve the allocator service of one of them in the same way', async () => {
    await createReady(far, 'there');
    const read = (file: string) => readFileSync(join(directory, 'near', 'allocator-service', 'client', file));
    const client = new Client(near.endpoint, credentials.createSsl(read('ca.crt'), read('tls.key'), read('tls.crt')));
    const ask = () => callAllocate(client, { namespace: 'default', multiClusterSetting });
    expect(await ask()).toMatchObject({ gameServerName: 'there', source: far.endpoint });
    await expect(ask()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    client.close();
  });

  it('do not trust each other by themselves', async () => {
    await createReady(far, 'there');
    const secrets = '/api/v1/namespaces/default/secrets';
    await api(near, 'DELETE', `${secrets}/to-far`);
    const own = await api<{ data: object }>(near, 'GET', `${secrets}/allocator-client.default`);
    await api(near, 'POST', secrets, { ...own, metadata: { name: 'to-far' } });
    await expect(allocate()).rejects.toThrow('500 rpc error: code = Unavailable');
  }, 20_000);
});
