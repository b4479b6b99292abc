import { BOATS, startApi } from './testing/api-fixture.ts';
import type { TestApi } from './testing/api-fixture.ts';
import { boat } from './testing/boat-definitions.ts';

const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
const METADATA = { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' };

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.server.close());

const one = (name: string) => `${BOATS}/${name}`;

describe('objects over HTTP', () => {
  test('are made, read, replaced and deleted', async () => {
    const made = await api.request('POST', BOATS, boat('a'));
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ kind: 'Boat', spec: { seats: 2, colour: 'white' } });
    expect((await api.request('GET', one('a'))).body).toEqual(made.body);

    const replaced = await api.request('PUT', one('a'), { ...made.body, spec: { seats: 3 } });
    expect([replaced.status, replaced.body.spec.seats]).toEqual([200, 3]);
    const stale = await api.request('PUT', one('a'), { ...made.body, spec: { seats: 4 } });
    expect(stale.body).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      code: 409,
      reason: 'Conflict',
      details: { name: 'a', group: 'harbour.example', kind: 'boats' },
    });

    const deleted = await api.request('DELETE', one('a'));
    expect(deleted.body).toMatchObject({ kind: 'Status', status: 'Success', details: { name: 'a', kind: 'boats' } });
    expect((await api.request('GET', one('a'))).body).toMatchObject({ code: 404, reason: 'NotFound' });
  });

  test('take their namespace from the path and their names from the API', async () => {
    const body = { apiVersion: 'harbour.example/v1', kind: 'Boat', metadata: { generateName: 'g-' } };
    const made = await api.request('POST', BOATS, body);
    expect(made.body.metadata).toMatchObject({ namespace: 'default', name: expect.stringMatching(/^g-.{5}$/) });
  });

  test('can be sent and read as YAML', async () => {
    const yaml = 'apiVersion: harbour.example/v1\nkind: Boat\nmetadata:\n  name: y\nspec: {seats: 4}\n';
    const made = await api.request('POST', BOATS, yaml, { 'content-type': 'application/yaml' });
    expect([made.status, made.body.spec.seats]).toEqual([201, 4]);
    const read = await api.request('GET', one('y'), undefined, { accept: 'application/yaml' });
    expect([read.contentType, read.text.includes('seats: 4')]).toEqual(['application/yaml', true]);
  });

  test('of the cluster and of its namespaces are kept apart', async () => {
    await api.request('POST', '/api/v1/namespaces', { metadata: { name: 'two' } });
    await api.request('POST', BOATS, boat('a'));
    await api.request('POST', BOATS.replace('default', 'two'), boat('b', {}, { namespace: 'two' }));
    const all = await api.request('GET', '/apis/harbour.example/v1/boats');
    expect(all.body.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(['a', 'b']);
    expect((await api.request('GET', BOATS)).body.items).toHaveLength(1);
    expect((await api.request('GET', '/api/v1/namespaces/two')).body).toMatchObject({ kind: 'Namespace' });
  });

  test('are not changed by a dry run', async () => {
    const made = await api.request('POST', `${BOATS}?dryRun=All`, boat('a'));
    expect([made.status, made.body.metadata.resourceVersion]).toEqual([201, undefined]);
    expect((await api.request('GET', one('a'))).status).toBe(404);
    await api.request('POST', BOATS, boat('a'));
    await api.request('DELETE', `${one('a')}?dryRun=All`);
    await api.request('DELETE', one('a'), { kind: 'DeleteOptions', dryRun: ['All'] });
    expect((await api.request('GET', one('a'))).status).toBe(200);
  });

  test('with finalizers answer a delete with themselves', async () => {
    await api.request('POST', BOATS, boat('a', {}, { finalizers: ['x.y/z'] }));
    const deleted = await api.request('DELETE', one('a'));
    expect(deleted.body).toMatchObject({ kind: 'Boat', metadata: { deletionTimestamp: expect.any(String) } });
  });

  test('are deleted only for the uid and version that are asked for', async () => {
    await api.request('POST', BOATS, boat('a'));
    const wrong = await api.request('DELETE', one('a'), { preconditions: { uid: 'nope' } });
    expect(wrong.body).toMatchObject({ code: 409, reason: 'Conflict' });
    expect((await api.request('GET', one('a'))).status).toBe(200);
  });

  test('are deleted by selector', async () => {
    for (const name of ['a', 'b', 'c']) {
      await api.request('POST', BOATS, boat(name, {}, { labels: { keep: String(name === 'b') } }));
    }
    const deleted = await api.request('DELETE', `${BOATS}?labelSelector=keep%3Dfalse`);
    expect([deleted.status, deleted.body.items.length]).toEqual([200, 2]);
    expect(api.store.list('boats').map(({ metadata }) => metadata.name)).toEqual(['b']);
  });

  test('warn of unknown fields, refuse them or let them pass, as asked', async () => {
    const body = boat('a', { seats: 1, wings: 2 });
    const strict = await api.request('POST', `${BOATS}?fieldValidation=Strict`, body);
    expect(strict.body).toMatchObject({ code: 400, reason: 'BadRequest' });
    expect(strict.body.message).toContain('strict decoding error: unknown field "spec.wings"');
    const warned = await api.request('POST', `${BOATS}?dryRun=All`, body);
    expect(warned.headers.get('warning')).toBe('299 - "unknown field \\"spec.wings\\""');
    const ignored = await api.request('POST', `${BOATS}?fieldValidation=Ignore`, body);
    expect([ignored.status, ignored.headers.get('warning')]).toEqual([201, null]);
    const odd = await api.request('POST', `${BOATS}?dryRun=All`, boat('b', { 'schön\n': 1 }));
    expect([odd.status, odd.headers.get('warning')]).toEqual([201, '299 - "unknown field \\"spec.sch?n?\\""']);
  });
});

describe('subresources', () => {
  beforeEach(() => api.request('POST', BOATS, boat('a')));

  test('status takes the status alone', async () => {
    const { body } = await api.request('GET', one('a'));
    const sent = { ...body, spec: { seats: 8 }, status: { taken: 1 } };
    const written = await api.request('PUT', `${one('a')}/status`, sent);
    expect(written.body).toMatchObject({ spec: { seats: 2 }, status: { taken: 1 } });
    const merge = { 'content-type': 'application/merge-patch+json' };
    await api.request('PATCH', one('a'), { status: { taken: 7 } }, merge);
    expect((await api.request('GET', `${one('a')}/status`)).body).toMatchObject({ status: { taken: 1 } });
  });

  test('scale shows and sets the replicas', async () => {
    const scale = await api.request('GET', `${one('a')}/scale`);
    expect(scale.body).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'a', namespace: 'default' },
      spec: { replicas: 2 },
      status: { replicas: 0 },
    });
    const put = await api.request('PUT', `${one('a')}/scale`, { ...scale.body, spec: { replicas: 3 } });
    expect([put.status, put.body.spec.replicas]).toEqual([200, 3]);
    const merge = { 'content-type': 'application/merge-patch+json' };
    const patched = await api.request('PATCH', `${one('a')}/scale`, { spec: { replicas: 4 } }, merge);
    expect(patched.body.spec.replicas).toBe(4);
    expect(api.store.get('boats', 'default', 'a')).toMatchObject({ spec: { seats: 4 } });
    const negative = await api.request('PATCH', `${one('a')}/scale`, { spec: { replicas: -1 } }, merge);
    expect(negative.body).toMatchObject({ code: 422, details: { causes: [{ field: '.spec.seats' }] } });
  });

  test('that a kind does not have are not found', async () => {
    await api.request('POST', BOATS.replace('boats', 'crews'), { ...boat('c'), kind: 'Crew' });
    for (const subresource of ['status', 'scale', 'other']) {
      const answer = await api.request('GET', `${BOATS.replace('boats', 'crews')}/c/${subresource}`);
      expect(answer.body).toMatchObject({ code: 404, reason: 'NotFound' });
    }
  });
});

describe('lists', () => {
  beforeEach(async () => {
    for (const [index, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      const colour = index < 3 ? 'red' : 'blue';
      await api.request('POST', BOATS, boat(name, { seats: index, colour }, { labels: { index: String(index) } }));
    }
  });

  const names = (body: { items: { metadata: { name: string } }[] }) => body.items.map(({ metadata }) => metadata.name);

  test.each([
    ['labelSelector=index%3D3', ['d']],
    ['labelSelector=index%20in%20(1%2C2)', ['b', 'c']],
    ['fieldSelector=metadata.name%3Db', ['b']],
    ['fieldSelector=metadata.name!%3Db,spec.colour%3Dred', ['a', 'c']],
    ['fieldSelector=spec.colour%3Dblue&labelSelector=index!%3D4', ['d']],
  ])('%s gives %j', async (query, expected) => {
    expect(names((await api.request('GET', `${BOATS}?${query}`)).body)).toEqual(expected);
  });

  test('come in pages, of the state the first page had', async () => {
    const first = await api.request('GET', `${BOATS}?limit=2`);
    expect([names(first.body), first.body.metadata.remainingItemCount]).toEqual([['a', 'b'], 3]);
    await api.request('DELETE', one('c'));
    await api.request('POST', BOATS, boat('cc'));
    const query = (page: typeof first) =>
      `${BOATS}?limit=2&continue=${encodeURIComponent(page.body.metadata.continue)}`;
    const second = await api.request('GET', query(first));
    expect(names(second.body)).toEqual(['c', 'd']);
    const third = await api.request('GET', query(second));
    expect([names(third.body), third.body.metadata.continue]).toEqual([['e'], undefined]);
    expect(third.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
  });

  test('of an exact version show what was; of a version to come answer 504', async () => {
    const { body } = await api.request('GET', BOATS);
    const { resourceVersion } = body.metadata;
    await api.request('DELETE', one('a'));
    const exact = `${BOATS}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`;
    expect((await api.request('GET', exact)).body.items).toEqual(body.items);
    expect(names((await api.request('GET', `${BOATS}?resourceVersion=0`)).body)).toHaveLength(4);
    const future = await api.request('GET', `${BOATS}?resourceVersion=999999`);
    expect(future.body).toMatchObject({ code: 504, reason: 'Timeout' });
  });

  test('come as tables, with the metadata, the object or nothing beside the cells', async () => {
    const table = await api.request('GET', `${BOATS}?limit=1`, undefined, TABLE);
    expect(table.body).toMatchObject({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { continue: expect.any(String), resourceVersion: expect.any(String) },
      columnDefinitions: [{ name: 'Name', format: 'name' }, { name: 'Seats' }, { name: 'Age' }],
      rows: [{ cells: ['a', 0, expect.stringMatching(/^\d+s$/)], object: { kind: 'PartialObjectMetadata' } }],
    });
    const whole = await api.request('GET', `${one('b')}?includeObject=Object`, undefined, TABLE);
    expect(whole.body.rows[0].object).toMatchObject({ kind: 'Boat', spec: { seats: 1 } });
    const bare = await api.request('GET', `${one('b')}?includeObject=None`, undefined, TABLE);
    expect(bare.body.rows[0].object).toBeNull();
    const ageOnly = await api.request('GET', '/api/v1/namespaces', undefined, TABLE);
    expect(ageOnly.body.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual(['Name', 'Age']);
  });

  test('come as metadata alone', async () => {
    const accept = METADATA.accept.replace('PartialObjectMetadata', 'PartialObjectMetadataList');
    const list = await api.request('GET', BOATS, undefined, { accept });
    expect(list.body).toMatchObject({
      kind: 'PartialObjectMetadataList',
      items: [{ kind: 'PartialObjectMetadata' }, {}, {}, {}, {}],
    });
    const object = await api.request('GET', one('a'), undefined, METADATA);
    expect(Object.keys(object.body)).toEqual(['kind', 'apiVersion', 'metadata']);
    expect((await api.request('GET', BOATS, undefined, METADATA)).status).toBe(406);
  });
});
