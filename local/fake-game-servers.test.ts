import { jest } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet, GameServer, GameServerAllocation } from '../lib/agones.ts';
import type { Pod } from './controllers/pods.ts';
import { eventually } from './testing/conditions.ts';
import { LocalProgram } from './testing/local-program.ts';

// Programs start in these, on machines that may be busy.
jest.setTimeout(60_000);

const FLEETS = '/apis/agones.dev/v1/namespaces/default/fleets';
const PODS = '/api/v1/namespaces/default/pods';

let directory: string;
let program: LocalProgram;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'regatta-fakes-'));
});

afterEach(async () => {
  program.child.kill('SIGTERM');
  await program.exited;
  rmSync(directory, { recursive: true, force: true });
});

async function start(environment: Record<string, string> = {}): Promise<void> {
  program = await LocalProgram.start(join(directory, 'state'), {
    LOCAL_FAKE_READY_MS: '20',
    LOCAL_ALLOCATION_BATCH_WAIT_MS: '1',
    ...environment,
  });
}

async function createFakes(replicas: number): Promise<void> {
  await program.request<Fleet>('POST', FLEETS, {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name: 'fake' },
    spec: {
      replicas,
      template: {
        spec: {
          ports: [{ name: 'game', portPolicy: 'None', containerPort: 7654 }],
          template: { spec: { containers: [{ name: 'game', image: 'regatta.dev/fake' }] } },
        },
      },
    },
  });
}

async function scaleTo(replicas: number): Promise<void> {
  await program.request('PATCH', `${FLEETS}/fake`, { spec: { replicas } });
}

async function pods(): Promise<Pod[]> {
  return (await program.request<{ items: Pod[] }>('GET', PODS)).items;
}

async function allocate(): Promise<string> {
  const { status } = await program.request<GameServerAllocation>(
    'POST',
    '/apis/allocation.agones.dev/v1/namespaces/default/gameserverallocations',
    {
      apiVersion: 'allocation.agones.dev/v1',
      kind: 'GameServerAllocation',
      spec: { selectors: [{ matchLabels: { 'agones.dev/fleet': 'fake' } }] },
    },
  );
  expect(status).toMatchObject({ state: 'Allocated', address: '127.0.0.1', ports: [{ name: 'game', port: 7654 }] });
  return status?.gameServerName ?? '';
}

function untilGone(name: string): Promise<GameServer[] | undefined> {
  return eventually(`${name} gone`, async () => {
    const all = await program.gameServers();
    return all.every(({ metadata }) => metadata.name !== name) ? all : undefined;
  });
}

test('a Fleet of fakes comes up with Pods and without a process', async () => {
  await start();
  await createFakes(30);
  await program.ready(30);
  const all = await pods();
  expect(all).toHaveLength(30);
  expect(new Set(all.map(({ status }) => status?.phase))).toEqual(new Set(['Running']));
  expect(program.processIds()).toEqual([]);
});

test('an allocated fake ends its session, and the Fleet makes another', async () => {
  await start({ LOCAL_FAKE_SESSION_MS: '100' });
  await createFakes(2);
  await program.ready(2);
  const name = await allocate();
  await untilGone(name);
  const [one, other] = await program.ready(2);
  expect([one?.metadata.name, other?.metadata.name]).not.toContain(name);
});

test('a FleetAutoscaler keeps its buffer of fakes as they are allocated and end', async () => {
  await start({ LOCAL_FAKE_SESSION_MS: '4000' });
  await createFakes(2);
  await program.ready(2);
  await program.request('POST', '/apis/autoscaling.agones.dev/v1/namespaces/default/fleetautoscalers', {
    apiVersion: 'autoscaling.agones.dev/v1',
    kind: 'FleetAutoscaler',
    metadata: { name: 'fake' },
    spec: {
      fleetName: 'fake',
      policy: { type: 'Buffer', buffer: { bufferSize: 3, minReplicas: 3, maxReplicas: 20 } },
      sync: { type: 'FixedInterval', fixedInterval: { seconds: 1 } },
    },
  });
  await program.ready(3);
  await allocate();
  await allocate();
  const replicas = async (): Promise<number> => (await program.request<Fleet>('GET', `${FLEETS}/fake`)).spec.replicas;
  await eventually('two more', async () => (await replicas()) === 5);
  await eventually('two fewer', async () => (await replicas()) === 3);
  await program.ready(3);
});

test('scaling down ends fakes at once, though their Pods have thirty seconds', async () => {
  await start();
  await createFakes(100);
  await program.ready(100);
  await scaleTo(0);
  await eventually('all gone', async () => (await program.gameServers()).length + (await pods()).length === 0);
});

test('fakes and programs have bounds of their own', async () => {
  await start({ LOCAL_MAX_PODS: '1', LOCAL_MAX_FAKE_PODS: '3' });
  await createFakes(4);
  await program.createFleet('boats', 2);
  const ready = await eventually('four Ready', async () => {
    const good = (await program.gameServers()).filter(({ status }) => status?.state === 'Ready');
    return good.length === 4 ? good : undefined;
  });
  const fleetOf = ({ metadata }: GameServer): string => metadata.labels?.['agones.dev/fleet'] ?? '';
  expect(ready.map(fleetOf).toSorted()).toEqual(['boats', 'fake', 'fake', 'fake']);
  expect(program.processIds()).toHaveLength(1);
  const waiting = (await pods()).filter(({ spec }) => spec.nodeName === undefined);
  expect(waiting).toHaveLength(2);
});
