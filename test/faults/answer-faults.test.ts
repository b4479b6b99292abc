import { ALLOCATIONS, FaultyLocal, until } from './faulty-local.ts';

let local: FaultyLocal;

beforeAll(async () => {
  local = await FaultyLocal.start();
  await local.createFleet('boats', 5);
  await local.inState(5, 'Ready');
}, 60_000);

afterEach(() => local.request('DELETE', '/regatta.dev/v1/faults'));
afterAll(() => local.stop());

function allocatedCount(): number {
  return local.gameServers().filter(({ status }) => status?.state === 'Allocated').length;
}

test('the allocation is made, and the connection breaks before its answer', async () => {
  const before = allocatedCount();
  const { id } = await local.fault({ kind: 'answer-lost', count: 1 });
  const { status, body } = await local.allocate();
  expect(status).toBe(0);
  expect(body.cause.code).toBe('ECONNRESET');
  expect(allocatedCount()).toBe(before + 1);
  expect(await local.report(id)).toMatchObject({ struck: 1, endedBecause: 'spent' });
  expect((await local.allocate()).body.status.state).toBe('Allocated');
});

test('the allocation is made, and no answer ever comes', async () => {
  const before = allocatedCount();
  const { id } = await local.fault({ kind: 'answer-lost', how: 'silence', count: 1 });
  const lost = local.allocate();
  await until('the allocation', () => allocatedCount() === before + 1);
  expect(await local.report(id)).toMatchObject({ struck: 1, active: true });
  await local.endFault(id);
  expect((await lost).status).toBe(0);
});

test('an answer that says UnAllocated is not lost, nor one of a dry run, nor of another write', async () => {
  const { id } = await local.fault({ kind: 'answer-lost' });
  expect((await local.allocate('rafts')).body.status.state).toBe('UnAllocated');
  const dry = await local.request('POST', `${ALLOCATIONS}?dryRun=All`, { spec: {} });
  expect(dry.body.status.state).toBe('Allocated');
  expect((await local.createConfigMap('chart')).status).toBe(201);
  expect((await local.report(id)).considered).toBe(0);
});

test('any write can lose its answer, chosen by the labels of what was written', async () => {
  await local.fault({ kind: 'answer-lost', target: { resource: 'fleets', labelSelector: 'lost=yes' } });
  const path = '/apis/agones.dev/v1/namespaces/default/fleets/boats';
  expect((await local.request('PATCH', path, { metadata: { labels: { lost: 'no' } } })).status).toBe(200);
  expect((await local.request('PATCH', path, { metadata: { labels: { lost: 'yes' } } })).status).toBe(0);
  expect(local.object('fleets', 'boats')?.metadata.labels).toEqual({ lost: 'yes' });
});

test('is aimed at one Fleet by its label', async () => {
  const target = { labelSelector: 'agones.dev/fleet=rafts' };
  const { id } = await local.fault({ kind: 'answer-lost', target });
  expect((await local.allocate()).status).toBe(201);
  expect((await local.report(id)).considered).toBe(0);
});
