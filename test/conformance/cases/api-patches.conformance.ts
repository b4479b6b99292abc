import type { KubernetesObject } from '../../../lib/agones.ts';
import { refusalIn } from '../harness/refusals.ts';
import type { Refusal } from '../harness/refusals.ts';
import { NAMESPACE, PATHS, RUN_LABEL } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;

const MERGE = { 'content-type': 'application/merge-patch+json' };
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };
const APPLY = { 'content-type': 'application/apply-patch+yaml' };

const BAD: Refusal = { status: 400, reason: 'BadRequest' };
const INVALID: Refusal = { status: 422, reason: 'Invalid' };
/** A patch that leaves what is no object of the kind. */
const NO_OBJECT: Refusal = { ...INVALID, causes: [['FieldValueInvalid', 'patch']] };

interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
}

/** What the patches of this file are put on, each as a dry run or on one of its own. */
let name: string;
let path: string;

describe('an object of core/v1', () => {
  const made: string[] = [];

  async function create(data: Record<string, string>): Promise<string> {
    const own = cluster.name('map');
    made.push(own);
    const metadata = { name: own, labels: { [RUN_LABEL]: cluster.run } };
    await cluster.created(CONFIG_MAPS, { metadata, data });
    return `${CONFIG_MAPS}/${own}`;
  }

  beforeAll(async () => {
    path = await create({ a: 'b' });
    name = path.slice(CONFIG_MAPS.length + 1);
  });

  afterAll(async () => {
    for (const own of made) await cluster.request('DELETE', `${CONFIG_MAPS}/${own}`);
  });

  it.each<[string, Record<string, string>, object]>([
    ['a merge patch', MERGE, { data: { c: 'd', a: null } }],
    ['a strategic merge patch', STRATEGIC, { data: { c: 'd', a: null } }],
    ['a strategic merge patch that replaces', STRATEGIC, { data: { $patch: 'replace', c: 'd' } }],
    [
      'a JSON patch',
      JSON_PATCH,
      [
        { op: 'add', path: '/data/c', value: 'd' },
        { op: 'remove', path: '/data/a' },
      ],
    ],
  ])('is changed by %s', async (_what, headers, patch) => {
    const answer = await cluster.request('PATCH', await create({ a: 'b' }), patch, headers);
    expect([answer.status, answer.body.data]).toEqual([200, { c: 'd' }]);
  });

  it.each<[string, Record<string, string>, object | string, Refusal]>([
    ['a merge patch that is a list', MERGE, [], BAD],
    ['a merge patch that is broken off', MERGE, '{', BAD],
    ['a merge patch without metadata', MERGE, { metadata: null }, BAD],
    ['a merge patch of metadata that is a list', MERGE, { metadata: [] }, NO_OBJECT],
    ['a merge patch of labels that are a list', MERGE, { metadata: { labels: [] } }, NO_OBJECT],
    ['a merge patch of the kind', MERGE, { kind: 'Secret' }, NO_OBJECT],
    ['a merge patch of the version', MERGE, { apiVersion: 'v9' }, NO_OBJECT],
    ['a merge patch of a field to another type', MERGE, { data: { a: 5 } }, NO_OBJECT],
    ['a merge patch of the name', MERGE, { metadata: { name: 'another' } }, BAD],
    ['a merge patch of the namespace', MERGE, { metadata: { namespace: 'another' } }, BAD],
    [
      'a merge patch of an old version',
      MERGE,
      { metadata: { resourceVersion: '1' } },
      { status: 409, reason: 'Conflict' },
    ],
    ['a strategic merge patch that is a list', STRATEGIC, [], BAD],
    ['a strategic merge patch that deletes all', STRATEGIC, { $patch: 'delete' }, BAD],
    ['a strategic merge patch with keys that are no list', STRATEGIC, { $retainKeys: 'x' }, BAD],
    ['a strategic merge patch to another type', STRATEGIC, { data: { a: 5 } }, NO_OBJECT],
    ['a strategic merge patch of owners that are none', STRATEGIC, { metadata: { ownerReferences: ['x'] } }, NO_OBJECT],
    ['a JSON patch that is an object', JSON_PATCH, {}, BAD],
    ['a JSON patch of nothing', JSON_PATCH, [{}], INVALID],
    ['a JSON patch with an unknown operation', JSON_PATCH, [{ op: 'jump', path: '/data' }], INVALID],
    ['a JSON patch to no pointer', JSON_PATCH, [{ op: 'add', path: 'data', value: 1 }], INVALID],
    ['a JSON patch of what is not there', JSON_PATCH, [{ op: 'remove', path: '/nothing' }], INVALID],
    ['a JSON patch from nowhere', JSON_PATCH, [{ op: 'move', path: '/data' }], INVALID],
    ['a JSON patch that leaves a number', JSON_PATCH, [{ op: 'add', path: '', value: 5 }], INVALID],
    ['a JSON patch that leaves nothing', JSON_PATCH, [{ op: 'replace', path: '', value: {} }], BAD],
    ['a patch of no type', { 'content-type': '' }, {}, { status: 415, reason: 'UnsupportedMediaType' }],
    ['a patch as JSON', { 'content-type': 'application/json' }, {}, { status: 415, reason: 'UnsupportedMediaType' }],
  ])('refuses %s', async (_what, headers, patch, refusal) => {
    const before = await cluster.request('GET', path);
    expect(refusalIn(await cluster.request('PATCH', path, patch, headers))).toEqual(refusal);
    expect((await cluster.request('GET', path)).text).toBe(before.text);
  });

  it('never gets another uid, nor a time of deletion by a patch', async () => {
    for (const metadata of [{ uid: 'another' }, { deletionTimestamp: '2020-01-01T00:00:00Z' }]) {
      const answer = await cluster.request('PATCH', `${path}?dryRun=All`, { metadata });
      expect(answer.status).toBe(422);
      expect(answer.body.details.causes[0].field).toBe(`metadata.${Object.keys(metadata)[0]}`);
    }
    const other = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, uid: 'another' } };
    expect(refusalIn(await cluster.request('PUT', path, other))).toEqual({ status: 409, reason: 'Conflict' });
  });

  it('keeps what only the API writes', async () => {
    const own = await create({ a: 'b' });
    const { metadata } = (await cluster.request('GET', own)).body as KubernetesObject;
    const changed = { creationTimestamp: null, generation: 99, selfLink: 'x', labels: { l: 'v' } };
    const after = await cluster.patched<KubernetesObject>(own, { metadata: changed });
    expect(after.metadata.creationTimestamp).toBe(metadata.creationTimestamp);
    expect(after.metadata.uid).toBe(metadata.uid);
    expect(after.metadata.labels).toMatchObject({ l: 'v' });
  });

  it('is answered as it would be by a dry run, and stays', async () => {
    const before = await cluster.request('GET', path);
    const answer = await cluster.request('PATCH', `${path}?dryRun=All`, { data: { dry: 'run' } }, MERGE);
    expect([answer.status, answer.body.data]).toEqual([200, { a: 'b', dry: 'run' }]);
    expect((await cluster.request('GET', path)).text).toBe(before.text);
  });

  it('is replaced without a resourceVersion, and needs its name', async () => {
    const own = await create({ a: 'b' });
    const metadata = { name: own.slice(CONFIG_MAPS.length + 1) };
    const replaced = await cluster.request('PUT', own, { metadata, data: { c: 'd' } });
    expect([replaced.status, replaced.body.data]).toEqual([200, { c: 'd' }]);
    expect(refusalIn(await cluster.request('PUT', own, { data: {} }))).toEqual(BAD);
    expect(refusalIn(await cluster.request('PUT', own, { metadata: { name: 'another' } }))).toEqual(BAD);
    expect(refusalIn(await cluster.request('PUT', own, { metadata: { ...metadata, resourceVersion: '1' } }))).toEqual({
      status: 409,
      reason: 'Conflict',
    });
  });

  describe('by server-side apply', () => {
    const apply = (own: string, manager: string, data: Record<string, string>, query = '') =>
      cluster.request(
        'PATCH',
        `${own}?fieldManager=${manager}${query}`,
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: own.slice(CONFIG_MAPS.length + 1) }, data },
        APPLY,
      );

    it('is made where it is not there, and must be named then', async () => {
      const own = `${CONFIG_MAPS}/${cluster.name('applied')}`;
      made.push(own.slice(CONFIG_MAPS.length + 1));
      const nameless = { apiVersion: 'v1', kind: 'ConfigMap' };
      expect(refusalIn(await cluster.request('PATCH', `${own}?fieldManager=one`, nameless, APPLY))).toEqual(BAD);
      expect((await apply(own, 'one', { a: 'b' })).status).toBe(201);
      expect((await cluster.request('PATCH', `${own}?fieldManager=two`, nameless, APPLY)).status).toBe(200);
    });

    it('has each field of who applied it; fields that agree are shared, and others are a Conflict', async () => {
      const own = await create({});
      await apply(own, 'one', { a: '1', b: '1' });
      const shared = await apply(own, 'two', { b: '1', c: '2' });
      expect(shared.body.data).toEqual({ a: '1', b: '1', c: '2' });
      expect(fieldsOf(shared.body as ConfigMap, 'one')).toEqual(['a', 'b']);
      expect(fieldsOf(shared.body as ConfigMap, 'two')).toEqual(['b', 'c']);
      const refused = await apply(own, 'two', { a: '2', b: '2' });
      expect(refusalIn(refused)).toEqual({
        status: 409,
        reason: 'Conflict',
        causes: [
          ['FieldManagerConflict', '.data.a'],
          ['FieldManagerConflict', '.data.b'],
        ],
      });
      const forced = await apply(own, 'two', { a: '2', b: '2' }, '&force=true');
      // What it applied no more and nobody else has is gone.
      expect(forced.body.data).toEqual({ a: '2', b: '2' });
      expect(fieldsOf(forced.body as ConfigMap, 'two')).toEqual(['a', 'b']);
      expect(managersOf(forced.body as ConfigMap)).not.toContain('one Apply');
    });

    it('conflicts with what was written in another way, which takes fields over without asking', async () => {
      const own = await create({});
      await apply(own, 'one', { a: '1' });
      const written = await cluster.request('PATCH', `${own}?fieldManager=writer`, { data: { a: '9' } }, MERGE);
      expect(managersOf(written.body as ConfigMap)).toContain('writer Update');
      expect(fieldsOf(written.body as ConfigMap, 'one')).toEqual([]);
      expect(refusalIn(await apply(own, 'one', { a: '1' }))).toMatchObject({
        status: 409,
        causes: [['FieldManagerConflict', '.data.a']],
      });
    });

    it('applied again changes nothing', async () => {
      const own = await create({});
      const first = await apply(own, 'one', { a: '1' });
      const second = await apply(own, 'one', { a: '1' });
      expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    });

    it('notes managers with time, version, kind of operation and fields', async () => {
      const own = await create({});
      const { body } = await apply(own, 'one', { a: '1' });
      const entry = entriesOf(body as ConfigMap).find(({ manager }) => manager === 'one');
      expect(entry).toEqual({
        manager: 'one',
        operation: 'Apply',
        apiVersion: 'v1',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { 'f:a': {} } },
      });
    });

    it.each<[string, object | string, Refusal]>([
      ['that is no object', '[]', BAD],
      ['that is no YAML', '{a: [', BAD],
      ['without a kind', { apiVersion: 'v1' }, BAD],
      ['of another kind', { apiVersion: 'v1', kind: 'Secret' }, BAD],
      ['of another version', { apiVersion: 'v9', kind: 'ConfigMap' }, BAD],
      ['with managed fields', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { managedFields: [{}] } }, BAD],
      [
        'of an old version',
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { resourceVersion: '1' } },
        { status: 409, reason: 'Conflict' },
      ],
    ])('refuses a configuration %s', async (_what, configuration, refusal) => {
      const answer = await cluster.request('PATCH', `${path}?fieldManager=one&dryRun=All`, configuration, APPLY);
      expect(refusalIn(answer)).toEqual(refusal);
    });

    it('alone may be forced', async () => {
      expect(refusalIn(await cluster.request('PATCH', `${path}?dryRun=All&force=true`, {}, MERGE))).toEqual({
        ...INVALID,
        causes: [['FieldValueForbidden', 'force']],
      });
    });
  });
});

describe('a custom object', () => {
  let own: string;

  beforeAll(async () => {
    own = `${PATHS.gameservers}/${(await cluster.readyDevGameServer()).metadata.name}`;
  });

  it.each<[string, Record<string, string>, object, Refusal]>([
    ['a patch that takes its kind away', MERGE, { kind: null }, NO_OBJECT],
    ['a patch to another kind', MERGE, { kind: 'Fleet' }, { ...INVALID, causes: [['FieldValueInvalid', 'kind']] }],
    [
      'a patch to another version',
      MERGE,
      { apiVersion: 'v9' },
      { ...INVALID, causes: [['FieldValueInvalid', 'apiVersion']] },
    ],
    ['a patch to a version that is no text', MERGE, { apiVersion: 5 }, NO_OBJECT],
    ['a patch of metadata that is a list', MERGE, { metadata: [] }, NO_OBJECT],
    ['a patch without metadata', MERGE, { metadata: null }, BAD],
    ['a JSON patch that leaves nothing', JSON_PATCH, [{ op: 'replace', path: '', value: {} }], NO_OBJECT],
    ['a JSON patch of what is not there', JSON_PATCH, [{ op: 'add', path: '/data/z' }], INVALID],
  ])('refuses %s', async (_what, headers, patch, refusal) => {
    expect(refusalIn(await cluster.request('PATCH', `${own}?dryRun=All`, patch, headers))).toEqual(refusal);
  });

  it('is replaced by what names its kind and version, and the resourceVersion it had', async () => {
    const current = (await cluster.request('GET', own)).body as KubernetesObject;
    expect(refusalIn(await cluster.request('PUT', `${own}?dryRun=All`, {}))).toEqual(BAD);
    const { resourceVersion: _left, ...metadata } = current.metadata;
    for (const wrong of [metadata, { ...metadata, resourceVersion: '0' }]) {
      expect(refusalIn(await cluster.request('PUT', `${own}?dryRun=All`, { ...current, metadata: wrong }))).toEqual({
        ...INVALID,
        causes: [['FieldValueInvalid', 'metadata.resourceVersion']],
      });
    }
  });
});

interface Manager {
  manager: string;
  operation: string;
  fieldsV1?: { 'f:data'?: object };
}

function entriesOf({ metadata }: ConfigMap): Manager[] {
  // Cases look at what the API wrote.
  return (metadata.managedFields ?? []) as Manager[];
}

/** `NAME OPERATION` of each manager. */
function managersOf(object: ConfigMap): string[] {
  return entriesOf(object).map(({ manager, operation }) => `${manager} ${operation}`);
}

/** The keys of the data that a manager has by server-side apply. */
function fieldsOf(object: ConfigMap, wanted: string): string[] {
  const entry = entriesOf(object).find(({ manager, operation }) => manager === wanted && operation === 'Apply');
  return Object.keys(entry?.fieldsV1?.['f:data'] ?? {})
    .filter((key) => key !== '.')
    .map((key) => key.slice('f:'.length))
    .toSorted();
}
