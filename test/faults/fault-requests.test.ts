import { ManualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { BOATS, startApi } from '../../local/api/testing/api-fixture.ts';
import type { TestApi, TestAnswer } from '../../local/api/testing/api-fixture.ts';
import { apiFaults } from '../../local/faults/api-faults.ts';
import { FAULTS_PATH } from '../../local/faults/fault-requests.ts';
import { FaultSet } from '../../local/faults/fault-set.ts';

const STORM = { kind: 'error-storm', status: 503, target: { resource: 'boats' } };

let clock: ManualClock;
let api: TestApi;

beforeEach(async () => {
  clock = new ManualClock(Date.UTC(2026, 0, 1));
  const bounds = { defaultDurationMs: 30_000, maxDurationMs: 60_000, maxActive: 3 };
  const faults = new FaultSet({ clock, logger: silentLogger, bounds });
  api = await startApi(apiFaults({ faults, clock }));
});

afterEach(() => api.server.close());

function ask(body: unknown): Promise<TestAnswer> {
  return api.request('POST', FAULTS_PATH, body);
}

/** The answers to so many lists, in order. */
async function statuses(count: number): Promise<number[]> {
  const all: number[] = [];
  for (let each = 0; each < count; each += 1) all.push((await api.request('GET', BOATS)).status);
  return all;
}

test('a fault is told with what was asked for, its defaults and its end', async () => {
  const { status, body } = await ask(STORM);
  expect(status).toBe(201);
  expect(body).toEqual({
    id: 'fault-1',
    ...STORM,
    forMs: 30_000,
    seed: expect.any(Number),
    startedAt: '2026-01-01T00:00:00.000Z',
    endsAt: '2026-01-01T00:00:30.000Z',
    considered: 0,
    struck: 0,
    active: true,
  });
});

test('ends when its time is over, and is remembered with what it did', async () => {
  await ask({ ...STORM, forMs: 1000 });
  expect(await statuses(2)).toEqual([503, 503]);
  clock.advance(999);
  expect(await statuses(1)).toEqual([503]);
  clock.advance(1);
  expect(await statuses(1)).toEqual([200]);
  const { body } = await api.request('GET', `${FAULTS_PATH}/fault-1`);
  expect(body).toMatchObject({ active: false, endedBecause: 'time', considered: 3, struck: 3 });
});

test('ends as soon as it has struck as often as it may', async () => {
  await ask({ ...STORM, count: 2 });
  expect(await statuses(4)).toEqual([503, 503, 200, 200]);
  const { body } = await api.request('GET', FAULTS_PATH);
  expect(body.faults).toMatchObject([{ id: 'fault-1', active: false, endedBecause: 'spent', struck: 2 }]);
});

test('one or all are ended before their time', async () => {
  await ask({ ...STORM, target: { namespace: 'elsewhere' } });
  await ask(STORM);
  await ask(STORM);
  const ended = await api.request('DELETE', `${FAULTS_PATH}/fault-2`);
  expect(ended.body).toMatchObject({ id: 'fault-2', active: false, endedBecause: 'asked' });
  expect(await statuses(1)).toEqual([503]);
  const rest = await api.request('DELETE', FAULTS_PATH);
  expect(rest.body.faults).toMatchObject([{ id: 'fault-1' }, { id: 'fault-3' }]);
  expect(await statuses(1)).toEqual([200]);
});

test('the same seed strikes the same requests, another one others', async () => {
  const hitsOf = async (seed: number): Promise<number[]> => {
    const { body } = await ask({ ...STORM, seed, probability: 0.5 });
    const seen = await statuses(24);
    await api.request('DELETE', `${FAULTS_PATH}/${body.id}`);
    return seen;
  };
  const first = await hitsOf(7);
  expect(await hitsOf(7)).toEqual(first);
  expect(await hitsOf(8)).not.toEqual(first);
  expect(new Set(first)).toEqual(new Set([200, 503]));
});

test('strikes in the order of its own draws, whatever other faults meet', async () => {
  const { body: alone } = await ask({ ...STORM, seed: 3, probability: 0.5 });
  const first = await statuses(12);
  await api.request('DELETE', `${FAULTS_PATH}/${alone.id}`);
  await ask({ kind: 'api-slow', latencyMs: 0, seed: 9, probability: 0.5 });
  await ask({ ...STORM, seed: 3, probability: 0.5 });
  expect(await statuses(12)).toEqual(first);
});

test.each([
  [{}, 'kind', 'FieldValueRequired'],
  [{ kind: 'flood' }, 'kind', 'FieldValueNotSupported'],
  [{ kind: 'api-slow' }, 'latencyMs', 'FieldValueRequired'],
  [{ kind: 'api-slow', latencyMs: '1s' }, 'latencyMs', 'FieldValueInvalid'],
  [{ ...STORM, forMs: 60_001 }, 'forMs', 'FieldValueInvalid'],
  [{ ...STORM, forMs: 0 }, 'forMs', 'FieldValueInvalid'],
  [{ ...STORM, probability: 1.5 }, 'probability', 'FieldValueInvalid'],
  [{ ...STORM, count: 0 }, 'count', 'FieldValueInvalid'],
  [{ ...STORM, seed: -1 }, 'seed', 'FieldValueInvalid'],
  [{ ...STORM, status: 418 }, 'status', 'FieldValueNotSupported'],
  [{ ...STORM, target: { methods: ['GET', 'TRACE'] } }, 'target.methods[1]', 'FieldValueNotSupported'],
  [{ ...STORM, target: { planet: 'mars' } }, 'target.planet', 'FieldValueInvalid'],
  [{ kind: 'no-capacity', target: { labelSelector: 'a in b' } }, 'target.labelSelector', 'FieldValueInvalid'],
  [{ kind: 'slow-ready' }, 'readyDelayMs', 'FieldValueInvalid'],
])('refuses %j with 422 naming the field', async (body, field, reason) => {
  const answer = await ask(body);
  expect(answer.status).toBe(422);
  expect(answer.body).toMatchObject({ kind: 'Status', reason: 'Invalid', code: 422 });
  expect(answer.body.details.causes).toEqual([{ field, reason, message: expect.any(String) }]);
  expect((await api.request('GET', FAULTS_PATH)).body).toEqual({ faults: [] });
});

test('tells all that is wrong at once', async () => {
  const { body } = await ask({ ...STORM, count: 0, probability: 2, surprise: true });
  expect(body.details.causes.map(({ field }: { field: string }) => field).toSorted()).toEqual([
    'count',
    'probability',
    'surprise',
  ]);
});

test.each([
  ['POST', '', '{', 'application/json', 400],
  ['POST', '', '[]', 'application/json', 400],
  ['POST', '', '{}', 'text/plain', 415],
  ['POST', '', `{"kind":"${'x'.repeat(70_000)}"}`, 'application/json', 413],
  ['PUT', '', '{}', 'application/json', 405],
  ['PATCH', '/fault-1', '{}', 'application/json', 405],
  ['GET', '/fault-1', undefined, 'application/json', 404],
  ['DELETE', '/fault-1', undefined, 'application/json', 404],
])('answers %s on faults%s of %.10s as %s with %d', async (method, path, body, contentType, status) => {
  const answer = await api.request(method, FAULTS_PATH + path, body, { 'content-type': contentType });
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({ kind: 'Status', code: status });
});

test('there are only so many at once', async () => {
  for (let each = 0; each < 3; each += 1) await ask(STORM);
  expect(await ask(STORM)).toMatchObject({ status: 429, body: { reason: 'TooManyRequests' } });
  await api.request('DELETE', `${FAULTS_PATH}/fault-1`);
  expect((await ask(STORM)).status).toBe(201);
});

test('no fault strikes the asking for faults', async () => {
  await ask({ kind: 'api-black-hole' });
  await ask({ kind: 'error-storm' });
  expect((await api.request('GET', FAULTS_PATH)).status).toBe(200);
  expect((await api.request('DELETE', FAULTS_PATH)).status).toBe(200);
});
