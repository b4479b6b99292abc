import { refusalIn } from '../harness/refusals.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import type { GameServer } from '../../../lib/agones.ts';

const cluster = useCluster();
let name: string;
let path: string;

beforeAll(async () => {
  ({ name } = (await cluster.readyDevGameServer({ labels: { kept: 'yes' } })).metadata);
  path = `${PATHS.gameservers}/${name}`;
});

async function current(): Promise<GameServer> {
  return (await cluster.gameServer(name))!;
}

describe('an object of the API', () => {
  it('is made once; a second of its name is AlreadyExists', async () => {
    const answer = await cluster.request('POST', PATHS.gameservers, {
      apiVersion: 'agones.dev/v1',
      kind: 'GameServer',
      ...cluster.devTemplate({ name }),
    });
    expect(refusalIn(answer)).toEqual({ status: 409, reason: 'AlreadyExists' });
    expect(answer.body.details).toEqual({ name, group: 'agones.dev', kind: 'gameservers' });
  });

  it('is NotFound under a name that nothing has', async () => {
    const answer = await cluster.request('GET', `${PATHS.gameservers}/none-${cluster.run}`);
    expect(refusalIn(answer)).toEqual({ status: 404, reason: 'NotFound' });
    expect(answer.body.details).toEqual({ name: `none-${cluster.run}`, group: 'agones.dev', kind: 'gameservers' });
  });

  it('takes a generated name of five letters, and a dry run makes nothing', async () => {
    const generateName = cluster.name('gen') + '-';
    const answer = await cluster.request('POST', `${PATHS.gameservers}?dryRun=All`, {
      apiVersion: 'agones.dev/v1',
      kind: 'GameServer',
      ...cluster.devTemplate({ generateName }),
    });
    expect(answer.status).toBe(201);
    expect(answer.body.metadata.name).toMatch(new RegExp(`^${generateName}[a-z0-9]{5}$`));
    expect(answer.body.metadata.resourceVersion).toBeUndefined();
    expect(await cluster.gameServer(answer.body.metadata.name as string)).toBeUndefined();
  });

  it('has no status subresource when it is a GameServer', async () => {
    expect((await cluster.request('GET', `${path}/status`)).status).toBe(404);
  });

  it('counts a generation for a change of its spec or status, and none for its labels', async () => {
    const before = await current();
    const labelled = await cluster.patched<GameServer>(path, { metadata: { labels: { generation: 'same' } } });
    expect(labelled.metadata.generation).toBe(before.metadata.generation);
    expect(labelled.metadata.resourceVersion).not.toBe(before.metadata.resourceVersion);
  });

  it('keeps its resourceVersion when a patch changes nothing', async () => {
    const before = await cluster.patched<GameServer>(path, { metadata: { labels: { again: 'x' } } });
    const after = await cluster.patched<GameServer>(path, { metadata: { labels: { again: 'x' } } });
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });
});

describe('a patch', () => {
  it('merges, and removes what is null', async () => {
    const added = await cluster.patched<GameServer>(path, { metadata: { labels: { a: 'b' } } });
    expect(added.metadata.labels).toMatchObject({ a: 'b', kept: 'yes' });
    const removed = await cluster.patched<GameServer>(path, { metadata: { labels: { a: null } } });
    expect(removed.metadata.labels).not.toHaveProperty('a');
  });

  it('of an old resourceVersion is a Conflict', async () => {
    const answer = await cluster.request('PATCH', path, { metadata: { resourceVersion: '1', labels: { a: 'c' } } });
    expect(refusalIn(answer)).toEqual({ status: 409, reason: 'Conflict' });
    expect((await current()).metadata.labels).not.toHaveProperty('a');
  });

  const jsonPatch = { 'content-type': 'application/json-patch+json' };

  it('as JSON patch is applied when its tests hold', async () => {
    const operations = [
      { op: 'test', path: '/metadata/name', value: name },
      { op: 'add', path: '/metadata/labels/j', value: 'p' },
    ];
    const answer = await cluster.request('PATCH', path, operations, jsonPatch);
    expect(answer.status).toBe(200);
    expect(answer.body.metadata.labels.j).toBe('p');
  });

  it.each([
    ['whose test fails', [{ op: 'test', path: '/metadata/name', value: 'other' }]],
    ['of a path that is not there', [{ op: 'replace', path: '/nope/x', value: 1 }]],
  ])('as JSON patch %s is Invalid', async (_what, operations) => {
    expect(refusalIn(await cluster.request('PATCH', path, operations, jsonPatch))).toEqual({
      status: 422,
      reason: 'Invalid',
    });
  });

  it.each(['application/strategic-merge-patch+json', 'application/json', 'text/plain'])(
    'of type %s is UnsupportedMediaType for a custom resource',
    async (type) => {
      const answer = await cluster.request('PATCH', path, {}, { 'content-type': type });
      expect(refusalIn(answer)).toEqual({ status: 415, reason: 'UnsupportedMediaType' });
    },
  );

  it('may not change what the object is called', async () => {
    const answer = await cluster.request('PATCH', path, { metadata: { name: 'another' } });
    expect(answer.status).toBe(400);
    expect((await current()).metadata.name).toBe(name);
  });

  it('that makes the object wrong is refused with its field', async () => {
    const answer = await cluster.request('PATCH', path, { spec: { ports: [{ name: 'x', portPolicy: 'Sideways' }] } });
    expect(refusalIn(answer).status).toBe(422);
    expect(answer.body.details.causes[0].field).toContain('spec.ports[0].portPolicy');
  });
});

describe('server-side apply', () => {
  const applyPatch = { 'content-type': 'application/apply-patch+yaml' };
  const configuration = (labels: Record<string, string>) => ({
    apiVersion: 'agones.dev/v1',
    kind: 'GameServer',
    metadata: { name, labels },
  });

  it('adds what is configured and notes who manages it', async () => {
    const answer = await cluster.request('PATCH', `${path}?fieldManager=first`, configuration({ s: 'a' }), applyPatch);
    expect(answer.status).toBe(200);
    expect(answer.body.metadata.labels).toMatchObject({ s: 'a', kept: 'yes' });
    const entries = answer.body.metadata.managedFields as { manager: string; operation: string }[];
    expect(entries).toContainEqual(expect.objectContaining({ manager: 'first', operation: 'Apply' }));
  });

  it('of a field that another manages is a Conflict with its cause, unless forced', async () => {
    const wanted = configuration({ s: 'b' });
    const refused = await cluster.request('PATCH', `${path}?fieldManager=second`, wanted, applyPatch);
    expect(refusalIn(refused)).toEqual({
      status: 409,
      reason: 'Conflict',
      causes: [['FieldManagerConflict', '.metadata.labels.s']],
    });
    const forced = await cluster.request('PATCH', `${path}?fieldManager=second&force=true`, wanted, applyPatch);
    expect(forced.body.metadata.labels.s).toBe('b');
  });

  it('removes what its manager configures no more', async () => {
    const answer = await cluster.request('PATCH', `${path}?fieldManager=second`, configuration({}), applyPatch);
    expect(answer.status).toBe(200);
    expect(answer.body.metadata.labels).not.toHaveProperty('s');
  });

  it('needs a fieldManager', async () => {
    expect(refusalIn(await cluster.request('PATCH', path, configuration({}), applyPatch))).toEqual({
      status: 422,
      reason: 'Invalid',
      causes: [['FieldValueRequired', 'fieldManager']],
    });
  });
});

describe('a replacement', () => {
  it('of what was read is taken', async () => {
    const read = await current();
    const changed = {
      ...read,
      metadata: { ...read.metadata, annotations: { ...read.metadata.annotations, put: 'yes' } },
    };
    const answer = await cluster.request('PUT', path, changed);
    expect(answer.status).toBe(200);
    expect(answer.body.metadata.annotations.put).toBe('yes');
  });

  it('of what has changed since is a Conflict', async () => {
    const read = await current();
    await cluster.patched(path, { metadata: { labels: { moved: 'on' } } });
    expect(refusalIn(await cluster.request('PUT', path, read))).toEqual({ status: 409, reason: 'Conflict' });
  });

  it('needs a resourceVersion', async () => {
    const read = await current();
    const { resourceVersion: _left, ...metadata } = read.metadata;
    expect(refusalIn(await cluster.request('PUT', path, { ...read, metadata }))).toEqual({
      status: 422,
      reason: 'Invalid',
      causes: [['FieldValueInvalid', 'metadata.resourceVersion']],
    });
  });

  it('under another name is a BadRequest', async () => {
    const answer = await cluster.request('PUT', `${PATHS.gameservers}/another`, await current());
    expect(refusalIn(answer)).toEqual({ status: 400, reason: 'BadRequest' });
  });

  it('of a collection is refused', async () => {
    expect((await cluster.request('PUT', PATHS.gameservers, {})).status).toBeGreaterThanOrEqual(400);
  });
});

describe('a representation', () => {
  const as = (what: string) => ({ accept: `application/json;as=${what};v=v1;g=meta.k8s.io,application/json` });

  it('as a table has the columns that kubectl prints', async () => {
    const { body } = await cluster.request('GET', path, undefined, as('Table'));
    expect(body.kind).toBe('Table');
    expect(body.columnDefinitions.map((column: { name: string }) => column.name)).toEqual([
      'Name',
      'State',
      'Address',
      'Port',
      'Node',
      'Age',
    ]);
    expect(body.rows[0].cells.slice(0, 4)).toEqual([name, 'Ready', '127.0.0.1', '7777']);
    expect(body.rows[0].object.kind).toBe('PartialObjectMetadata');
  });

  it('as metadata only has no spec', async () => {
    const { body } = await cluster.request('GET', path, undefined, as('PartialObjectMetadata'));
    expect(body.kind).toBe('PartialObjectMetadata');
    expect(body.metadata.name).toBe(name);
    expect(body.spec).toBeUndefined();
  });

  it('that nobody offers is NotAcceptable', async () => {
    expect((await cluster.request('GET', path, undefined, { accept: 'text/html' })).status).toBe(406);
  });
});

describe('a deletion', () => {
  it('with a uid that is not the object’s is a Conflict, and the object stays', async () => {
    const answer = await cluster.request('DELETE', path, { preconditions: { uid: 'nope' } });
    expect(refusalIn(answer)).toEqual({ status: 409, reason: 'Conflict' });
    expect((await current()).metadata.deletionTimestamp).toBeUndefined();
  });

  it('as a dry run leaves the object', async () => {
    const answer = await cluster.request('DELETE', `${path}?dryRun=All`);
    expect(answer.status).toBe(200);
    expect((await current()).metadata.deletionTimestamp).toBeUndefined();
  });

  it('gives a GameServer a deletionTimestamp, and its finalizer keeps it until the controller lets go', async () => {
    const watch = await cluster.watchFromNow(`${PATHS.gameservers}?fieldSelector=metadata.name%3D${name}`);
    const answer = await cluster.request('DELETE', path);
    expect(answer.status).toBe(200);
    expect(answer.body.metadata).toMatchObject({
      finalizers: ['agones.dev/controller'],
      deletionGracePeriodSeconds: 0,
    });
    expect(answer.body.metadata.deletionTimestamp).toBeDefined();
    await watch.until('DELETED', ({ type }) => type === 'DELETED');
    await cluster.gone(name);
  });
});
