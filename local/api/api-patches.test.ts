import { BOATS, startApi } from './testing/api-fixture.ts';
import type { TestApi, TestAnswer } from './testing/api-fixture.ts';
import { boat } from './testing/boat-definitions.ts';

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
  await api.request('POST', `${BOATS}?fieldManager=maker`, boat('a', { seats: 2 }, { labels: { l: '1' } }));
});
afterEach(() => api.server.close());

const A = `${BOATS}/a`;

function patch(type: string, body: unknown, path = A): Promise<TestAnswer> {
  return api.request('PATCH', path, body, { 'content-type': `application/${type}` });
}

function apply(manager: string, body: object, query = '', path = A): Promise<TestAnswer> {
  const whole = { apiVersion: 'harbour.example/v1', kind: 'Boat', ...body };
  return patch('apply-patch+yaml', whole, `${path}?fieldManager=${manager}${query}`);
}

interface ManagedFields {
  manager: string;
  operation: string;
  subresource?: string;
  fieldsV1: Record<string, unknown>;
}

function managersOf(answer: TestAnswer): Record<string, unknown> {
  // What the API answers for managed fields is what this checks.
  const entries = answer.body.metadata.managedFields as ManagedFields[];
  return Object.fromEntries(entries.map(({ manager, fieldsV1 }) => [manager, fieldsV1]));
}

describe('a patch', () => {
  test('of the merge type sets and removes', async () => {
    const patched = await patch('merge-patch+json', { metadata: { labels: { l: null, m: '2' } }, spec: { seats: 5 } });
    expect([patched.status, patched.body.metadata.labels, patched.body.spec.seats]).toEqual([200, { m: '2' }, 5]);
  });

  test('of the JSON type is done whole or not at all', async () => {
    const operations = [
      { op: 'add', path: '/metadata/labels/m', value: '2' },
      { op: 'test', path: '/metadata/name', value: 'b' },
    ];
    const failed = await patch('json-patch+json', operations);
    expect(failed.body).toMatchObject({ code: 422, reason: 'Invalid' });
    const done = await patch('json-patch+json', operations.slice(0, 1));
    expect(done.body.metadata.labels).toEqual({ l: '1', m: '2' });
  });

  test('of the strategic type is for built-in kinds alone', async () => {
    expect((await patch('strategic-merge-patch+json', { metadata: { labels: { x: 'y' } } })).body).toMatchObject({
      code: 415,
      reason: 'UnsupportedMediaType',
    });
    const path = '/api/v1/namespaces/default';
    const patched = await patch('strategic-merge-patch+json', { metadata: { labels: { x: 'y' } } }, path);
    expect(patched.body.metadata.labels).toEqual({ x: 'y' });
  });

  test('with an old resourceVersion is a conflict, with the present one it is not', async () => {
    const { resourceVersion } = (await api.request('GET', A)).body.metadata;
    const fresh = await patch('merge-patch+json', { metadata: { resourceVersion }, spec: { seats: 3 } });
    expect(fresh.status).toBe(200);
    const stale = await patch('merge-patch+json', { metadata: { resourceVersion }, spec: { seats: 4 } });
    expect(stale.body).toMatchObject({ code: 409, reason: 'Conflict' });
  });

  test('that changes nothing keeps the version', async () => {
    const before = (await api.request('GET', A)).body.metadata.resourceVersion;
    const patched = await patch('merge-patch+json', { spec: { seats: 2 } });
    expect(patched.body.metadata.resourceVersion).toBe(before);
  });

  test('of a wrong field, name or namespace is refused', async () => {
    expect((await patch('merge-patch+json', { spec: { seats: 9 } })).body).toMatchObject({ code: 422 });
    expect((await patch('merge-patch+json', { spec: 'x' })).body).toMatchObject({ code: 422 });
    expect((await patch('merge-patch+json', { metadata: { name: 'b' } })).body).toMatchObject({ code: 400 });
    expect((await patch('merge-patch+json', { metadata: { namespace: 'b' } })).body).toMatchObject({ code: 400 });
    expect((await patch('merge-patch+json', { metadata: null })).body).toMatchObject({ code: 400 });
    expect((await patch('merge-patch+json', {}, `${BOATS}/none`)).body).toMatchObject({ code: 404 });
  });
});

describe('managed fields', () => {
  test('name who set what, also through subresources', async () => {
    await patch('merge-patch+json', { spec: { seats: 4 } }, `${A}?fieldManager=changer`);
    const { body } = await api.request('GET', A);
    const answer = await api.request('PUT', `${A}/status?fieldManager=reporter`, { ...body, status: { taken: 1 } });
    expect(managersOf(answer)).toEqual({
      maker: { 'f:metadata': { 'f:labels': { 'f:l': {} } } },
      changer: { 'f:spec': { 'f:seats': {} } },
      reporter: { 'f:status': { 'f:taken': {} } },
    });
    expect(answer.body.metadata.managedFields.at(-1)).toMatchObject({ operation: 'Update', subresource: 'status' });
  });

  test('are named after the client where it gives no name', async () => {
    const answer = await api.request('POST', BOATS, boat('u'), { 'user-agent': 'captain/1.2 (x)' });
    expect(Object.keys(managersOf(answer))).toEqual(['captain']);
  });

  test('forget fields that are gone, and are cleared by an empty list', async () => {
    const gone = await patch('merge-patch+json', { metadata: { labels: null } }, `${A}?fieldManager=other`);
    expect(managersOf(gone)).toEqual({ maker: { 'f:spec': { 'f:seats': {} } } });
    const cleared = await patch('merge-patch+json', { metadata: { managedFields: [] } });
    expect(cleared.body.metadata.managedFields).toBeUndefined();
  });

  test('are bounded', async () => {
    for (let index = 0; index < 15; index += 1) {
      await patch('merge-patch+json', { metadata: { labels: { [`l${index}`]: 'x' } } }, `${A}?fieldManager=m${index}`);
    }
    const answer = await api.request('GET', A);
    expect(answer.body.metadata.managedFields.length).toBeLessThanOrEqual(10);
    expect(Object.keys(managersOf(answer))).toContain('ancient-changes');
  });

  test('that are nonsense do no harm', async () => {
    const managedFields = [
      { manager: 'x', operation: 'Update', fieldsV1: { 'k:{broken': { 'f:a': 1 }, 'f:spec': { 'f:seats': {} } } },
      { manager: 5 },
    ];
    const sent = await patch('merge-patch+json', { metadata: { managedFields } });
    expect(sent.status).toBe(200);
    const applied = await apply('me', { metadata: { name: 'a' }, spec: { seats: 4 } });
    expect(applied.body).toMatchObject({ code: 409, details: { causes: [{ field: '.spec.seats' }] } });
  });
});

describe('server-side apply', () => {
  test('makes what is not there', async () => {
    const made = await apply('me', { metadata: { name: 'n' }, spec: { seats: 1 } }, '', `${BOATS}/n`);
    expect([made.status, made.body.spec]).toEqual([201, { seats: 1, colour: 'white' }]);
    expect(made.body.metadata.managedFields).toMatchObject([{ manager: 'me', operation: 'Apply' }]);
  });

  test('again with the same changes nothing', async () => {
    const body = { metadata: { name: 'n' }, spec: { seats: 1 } };
    const first = await apply('me', body, '', `${BOATS}/n`);
    const second = await apply('me', body, '', `${BOATS}/n`);
    expect([second.status, second.body]).toEqual([200, first.body]);
  });

  test('removes what it applied before and leaves what others set', async () => {
    const path = `${BOATS}/n`;
    const metadata = { name: 'n', labels: { mine: '1', ours: '1' } };
    await apply('me', { metadata, spec: { seats: 1, sails: [{ name: 'jib', area: 5 }, { name: 'main' }] } }, '', path);
    await patch('merge-patch+json', { metadata: { labels: { theirs: '1' } } }, `${path}?fieldManager=they`);
    await apply('other', { metadata: { name: 'n', labels: { ours: '1' } } }, '', path);
    const answer = await apply(
      'me',
      { metadata: { name: 'n' }, spec: { sails: [{ name: 'main', area: 9 }] } },
      '',
      path,
    );
    expect(answer.body.metadata.labels).toEqual({ ours: '1', theirs: '1' });
    expect(answer.body.spec).toEqual({ colour: 'white', sails: [{ name: 'main', area: 9 }] });
  });

  test('merges lists by key and replaces the others', async () => {
    await patch(
      'merge-patch+json',
      { spec: { sails: [{ name: 'jib' }], flags: ['x', 'y'] } },
      `${A}?fieldManager=they`,
    );
    const answer = await apply(
      'me',
      { metadata: { name: 'a' }, spec: { sails: [{ name: 'main' }], flags: ['z'] } },
      '&force=true',
    );
    expect(answer.body.spec).toMatchObject({ sails: [{ name: 'jib' }, { name: 'main' }], flags: ['z'] });
  });

  test('is a conflict where another manager has set another value, unless it is forced', async () => {
    const body = { metadata: { name: 'a', labels: { l: '1' } }, spec: { seats: 7 } };
    const refused = await apply('me', body);
    expect(refused.body).toMatchObject({
      code: 409,
      reason: 'Conflict',
      details: { causes: [{ reason: 'FieldManagerConflict', field: '.spec.seats' }] },
    });
    expect((await api.request('GET', A)).body.spec.seats).toBe(2);
    const forced = await apply('me', body, '&force=true');
    expect(forced.body.spec.seats).toBe(7);
    expect(managersOf(forced)).toMatchObject({
      maker: { 'f:metadata': { 'f:labels': { 'f:l': {} } } },
      me: { 'f:spec': { 'f:seats': {} } },
    });
  });

  test('names the conflict of a subresource', async () => {
    await patch('merge-patch+json', { spec: { replicas: 5 } }, `${A}/scale?fieldManager=scaler`);
    const refused = await apply('me', { metadata: { name: 'a' }, spec: { seats: 1 } });
    expect(refused.body.message).toContain('conflict with "scaler" with subresource "scale" using harbour.example/v1');
  });

  test.each([
    ['without a field manager', `${A}`, { metadata: { name: 'a' } }, 422],
    ['of no object', `${A}?fieldManager=me`, [], 400],
    ['with managed fields', `${A}?fieldManager=me`, { metadata: { name: 'a', managedFields: [] } }, 400],
    ['of another name', `${A}?fieldManager=me`, { metadata: { name: 'b' } }, 400],
    ['with a manager of control characters', `${A}?fieldManager=%00`, { metadata: { name: 'a' } }, 422],
    ['of a wrong type', `${A}?fieldManager=me`, { metadata: { name: 'a' }, spec: { sails: [1] } }, 422],
  ])('%s is refused', async (_title, path, body, code) => {
    const whole = Array.isArray(body) ? body : { apiVersion: 'harbour.example/v1', kind: 'Boat', ...body };
    const before = api.store.resourceVersion;
    expect((await patch('apply-patch+yaml', whole, path)).body).toMatchObject({ kind: 'Status', code });
    expect(api.store.resourceVersion).toBe(before);
  });
});
