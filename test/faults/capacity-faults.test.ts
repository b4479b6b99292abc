import { jest } from '@jest/globals';
import { Client, credentials } from '@grpc/grpc-js';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { callAllocate } from '../../local/allocator-service/testing/service-fixture.ts';
import { ALLOCATIONS, FaultyLocal } from './faulty-local.ts';

jest.setTimeout(60_000);

let local: FaultyLocal;

beforeAll(async () => {
  local = await FaultyLocal.start({
    LOCAL_ALLOCATOR_HTTP_PORT: '0',
    // Apart, as in the clear they cannot share one.
    LOCAL_ALLOCATOR_GRPC_PORT: String(await chooseFreePort()),
    LOCAL_ALLOCATOR_DISABLE_TLS: 'true',
  });
  await local.createFleet('boats', 3);
  await local.createFleet('rafts', 3);
  await local.inState(6, 'Ready');
}, 60_000);

afterEach(() => local.request('DELETE', '/regatta.dev/v1/faults'));
afterAll(() => local.stop());

const noBoats = { kind: 'no-capacity', target: { labelSelector: 'agones.dev/fleet=boats' } };

async function viaRest(): Promise<{ status: number; code: number }> {
  const answer = await fetch(`http://127.0.0.1:${local.local.allocatorService?.httpPort}/gameserverallocation`, {
    method: 'POST',
    body: JSON.stringify({ namespace: 'default' }),
  });
  return { status: answer.status, code: ((await answer.json()) as { code: number }).code };
}

async function viaGrpc(): Promise<unknown> {
  const client = new Client(`127.0.0.1:${local.local.allocatorService?.grpcPort}`, credentials.createInsecure());
  try {
    return await callAllocate(client, { namespace: 'default' });
  } catch (error) {
    return error;
  } finally {
    client.close();
  }
}

test.each([
  ['UnAllocated', { status: 429, code: 8 }],
  ['Contention', { status: 409, code: 10 }],
])('%s is the answer of the Kubernetes API and of the allocator service alike', async (answer, refusal) => {
  const { id } = await local.fault({ kind: 'no-capacity', answer });
  const allocation = await local.allocate();
  expect(allocation.status).toBe(201);
  expect(allocation.body.status.state).toBe(answer);
  expect(await viaRest()).toEqual(refusal);
  expect(await viaGrpc()).toMatchObject({ code: refusal.code });
  expect(local.gameServers().every(({ status }) => status?.state === 'Ready')).toBe(true);
  expect(await local.report(id)).toMatchObject({ considered: 3, struck: 3 });
});

test('a Fleet without capacity has requests go on to their next selector', async () => {
  await local.fault(noBoats);
  const selectors = ['boats', 'rafts'].map((fleet) => ({ matchLabels: { 'agones.dev/fleet': fleet } }));
  const { body } = await local.request('POST', `${ALLOCATIONS}?dryRun=All`, { spec: { selectors } });
  expect(body.status.metadata.labels['agones.dev/fleet']).toBe('rafts');
  expect((await local.allocate('boats')).body.status.state).toBe('UnAllocated');
});

test('strikes no request that would get another GameServer, or none', async () => {
  const { id } = await local.fault(noBoats);
  expect((await local.allocate('rafts')).body.status.state).toBe('Allocated');
  expect((await local.allocate('canoes')).body.status.state).toBe('UnAllocated');
  expect((await local.report(id)).considered).toBe(0);
});

test('is over after as many as it may strike', async () => {
  await local.fault({ ...noBoats, count: 2 });
  const states: string[] = [];
  for (let each = 0; each < 3; each += 1) states.push((await local.allocate()).body.status.state as string);
  expect(states).toEqual(['UnAllocated', 'UnAllocated', 'Allocated']);
});
