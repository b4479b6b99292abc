import { jest } from '@jest/globals';
import { identifyProcess } from '../../local/node/process-identity.ts';
import type { KubernetesObject } from '../../lib/agones.ts';
import { FaultyLocal, until } from './faulty-local.ts';

jest.setTimeout(60_000);

let local: FaultyLocal;

beforeEach(async () => {
  local = await FaultyLocal.start();
});

afterEach(() => local.stop());

interface SeenNode extends KubernetesObject {
  spec?: { taints?: { key: string; effect: string }[] };
  status: { conditions: { type: string; status: string }[] };
}

async function node(): Promise<{ ready: string | undefined; taints: string[] }> {
  const { body } = await local.request('GET', '/api/v1/nodes/local');
  const { spec, status } = body as SeenNode;
  return {
    ready: status.conditions.find(({ type }) => type === 'Ready')?.status,
    taints: (spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`),
  };
}

const names = (): string[] => local.gameServers().map(({ metadata }) => metadata.name);

test('a Fleet loses all its GameServers, has others that wait for the node, and is whole when it is back', async () => {
  await local.createFleet('boats', 3);
  await local.inState(3, 'Ready');
  const before = names();
  const processes = before.map((name) => local.processIdOf(name) ?? 0);
  const { id } = await local.fault({ kind: 'node-gone' });
  expect(await node()).toEqual({
    ready: 'Unknown',
    taints: ['node.kubernetes.io/unreachable:NoSchedule', 'node.kubernetes.io/unreachable:NoExecute'],
  });
  await until('other GameServers', () => {
    const now = names();
    return (
      now.length === 3 && now.every((name) => !before.includes(name) && local.pod(name)?.spec.nodeName === undefined)
    );
  });
  for (const pid of processes) expect(await identifyProcess(pid)).toBeUndefined();
  for (const name of names()) expect(local.eventsOf(name)).toContain('FailedScheduling');
  await local.endFault(id);
  await local.inState(3, 'Ready');
  expect(await node()).toEqual({ ready: 'True', taints: [] });
});

test('until the Pods are lost they look as if they ran, and GameServers are given out', async () => {
  await local.createGameServer('boat');
  await local.becomes('boat', 'Ready');
  const pid = local.processIdOf('boat') ?? 0;
  await local.fault({ kind: 'node-gone', podsLostAfterMs: 1500 });
  await until('the end of its process', async () => (await identifyProcess(pid)) === undefined);
  expect(local.pod('boat')?.status.phase).toBe('Running');
  const { body } = await local.request(
    'POST',
    '/apis/allocation.agones.dev/v1/namespaces/default/gameserverallocations',
    {
      spec: {},
    },
  );
  expect(body.status).toMatchObject({ state: 'Allocated', gameServerName: 'boat' });
  await local.becomes('boat', 'Unhealthy');
  await until('its Pod gone', () => local.pod('boat') === undefined);
});

test('a node that is back before its Pods are lost tells how they ended', async () => {
  await local.createGameServer('boat');
  await local.becomes('boat', 'Ready');
  const { id } = await local.fault({ kind: 'node-gone', podsLostAfterMs: 60_000 });
  await local.endFault(id);
  await local.becomes('boat', 'Unhealthy');
  expect(local.pod('boat')?.status).toMatchObject({
    phase: 'Failed',
    containerStatuses: [{ state: { terminated: { exitCode: 137 } } }],
  });
});

test('a Pod that is deleted stays as long as the node cannot say that it has ended, unless it is forced', async () => {
  for (const name of ['boat', 'raft']) {
    await local.createGameServer(name);
    await local.becomes(name, 'Ready');
  }
  const { id } = await local.fault({ kind: 'node-gone', podsLostAfterMs: 60_000 });
  await local.request('DELETE', '/api/v1/namespaces/default/pods/boat');
  await local.request('DELETE', '/api/v1/namespaces/default/pods/raft?gracePeriodSeconds=0');
  await until('raft gone', () => local.pod('raft') === undefined);
  expect(local.pod('boat')?.metadata.deletionTimestamp).toBeDefined();
  await local.endFault(id);
  await until('boat gone', () => local.pod('boat') === undefined);
});

test('a Pod that waited for its ConfigMap starts after all', async () => {
  const env = [{ name: 'WIND', valueFrom: { configMapKeyRef: { name: 'chart', key: 'value' } } }];
  const containers = [{ name: 'game', image: 'boat:1', env }];
  await local.createGameServer('boat', { template: { spec: { containers } } });
  await until('the Pod to wait', () => local.eventsOf('boat').includes('Failed'));
  const { id } = await local.fault({ kind: 'node-gone', podsLostAfterMs: 60_000 });
  await local.createConfigMap('chart');
  await local.patchConfigMap('chart', 'gale');
  await local.endFault(id);
  await local.becomes('boat', 'Ready');
});

test('the node is gone for as long as one of two faults wants it', async () => {
  const first = await local.fault({ kind: 'node-gone' });
  const second = await local.fault({ kind: 'node-gone' });
  await local.endFault(first.id);
  expect((await node()).ready).toBe('Unknown');
  await local.endFault(second.id);
  expect((await node()).ready).toBe('True');
});
