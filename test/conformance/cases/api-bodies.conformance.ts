import type { Answer } from '../harness/api-client.ts';
import { refusalIn } from '../harness/refusals.ts';
import type { Refusal } from '../harness/refusals.ts';
import { NAMESPACE, PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const BAD: Refusal = { status: 400, reason: 'BadRequest' };
const UNSUPPORTED: Refusal = { status: 415, reason: 'UnsupportedMediaType' };

const MAP = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'never' } };
const gameServer = (): object => ({
  apiVersion: 'agones.dev/v1',
  kind: 'GameServer',
  ...cluster.devTemplate({ name: cluster.name('never') }),
});

/** Nothing of this file is ever stored. */
function send(path: string, body: object | string | Uint8Array, headers?: Record<string, string>, query = '') {
  return cluster.request('POST', `${path}?dryRun=All${query}`, body, headers);
}

/** The `Warning` headers. */
function warningsOf({ headers }: Answer): string {
  return headers.warning ?? '';
}

describe('a body of one of Kubernetes’ own kinds', () => {
  it.each<[string, object | string, Refusal]>([
    ['nothing', '', BAD],
    ['half an object', '{"metadata":', BAD],
    ['something after the object', '{"metadata":{"name":"never"}} x', BAD],
    ['a byte order mark', `\ufeff${JSON.stringify(MAP)}`, BAD],
    ['a list', [], BAD],
    ['a text', '"x"', BAD],
    ['an endless depth', '['.repeat(100_000), BAD],
    ['another kind', { ...MAP, kind: 'Secret' }, BAD],
    ['another version', { ...MAP, apiVersion: 'v2' }, BAD],
    ['a kind that is no text', { ...MAP, kind: {} }, BAD],
    ['metadata that is a list', { ...MAP, metadata: [] }, BAD],
    ['a label that is no text', { ...MAP, metadata: { name: 'never', labels: { a: 1 } } }, BAD],
    ['a field of another type', { ...MAP, data: { a: 1 } }, BAD],
    ['a list for a map', { ...MAP, data: [] }, BAD],
    ['bytes that are no base64', { ...MAP, binaryData: { a: '!!' } }, BAD],
    ['a number that is too large', '{"metadata":{"name":"never"},"data":{"a":1e999}}', BAD],
    ['null', 'null', { status: 422, reason: 'Invalid', causes: [['FieldValueRequired', 'metadata.name']] }],
    ['another namespace', { ...MAP, metadata: { name: 'never', namespace: 'other' } }, BAD],
  ])('that is %s is refused', async (_what, body, refusal) => {
    expect(refusalIn(await send(CONFIG_MAPS, body))).toEqual(refusal);
  });

  it('may leave out kind and apiVersion', async () => {
    const { status, body } = await send(CONFIG_MAPS, { metadata: { name: 'never' } });
    expect(status).toBe(201);
    expect(body).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
  });

  it.each([
    ['application/json; charset=utf-8', 201],
    ['application/JSON', 201],
    ['application/yaml', 201],
    ['', 201],
    ['text/plain', 415],
    ['application/x-yaml', 415],
    ['application/merge-patch+json', 415],
    [';;;', 415],
    ['application/vnd.kubernetes.protobuf', 400],
  ])('as %s is answered %i', async (type, status) => {
    expect((await send(CONFIG_MAPS, JSON.stringify(MAP), { 'content-type': type })).status).toBe(status);
  });

  it.each([
    ['a key twice', 'metadata: { name: never }\ndata: { a: b }\ndata: { c: d }\n', 201],
    ['a second document', 'metadata: { name: never }\n---\nx: 1\n', 201],
    ['an anchor', 'metadata: { name: &n never, labels: { n: *n } }\n', 201],
    ['an infinite number', 'metadata: { name: never }\ndata: { a: .inf }\n', 400],
    ['no end of a list', 'metadata: [', 400],
  ])('as YAML with %s is answered', async (_what, text, status) => {
    expect((await send(CONFIG_MAPS, text, { 'content-type': 'application/yaml' })).status).toBe(status);
  });

  it('is read in protobuf, as kubectl sends it', async () => {
    const bytes = Buffer.from(
      '6b3873000a0f0a0276311209436f6e6669674d6170121c0a120a02633912001a0022002a0032003800420012060a01611201621a002200',
      'hex',
    );
    const answer = await send(CONFIG_MAPS, bytes, { 'content-type': 'application/vnd.kubernetes.protobuf' });
    expect([answer.status, answer.body]).toMatchObject([201, { metadata: { name: 'c9' }, data: { a: 'b' } }]);
    expect(answer.body.metadata).not.toHaveProperty('generateName');
  });

  it('that is larger than 3 MiB is refused before it is read', async () => {
    expect(refusalIn(await send(CONFIG_MAPS, 'x'.repeat(3 * 1024 * 1024 + 1)))).toMatchObject({ status: 413 });
  });
});

describe('a body of a custom kind', () => {
  it.each<[string, object | string, Refusal]>([
    ['nothing', '', BAD],
    ['null', 'null', BAD],
    ['a list', [], BAD],
    ['without a kind', { apiVersion: 'agones.dev/v1', metadata: { name: 'never' } }, BAD],
    ['without an apiVersion', { kind: 'GameServer', metadata: { name: 'never' } }, BAD],
    ['of another version', { apiVersion: 'agones.dev/v2', kind: 'GameServer' }, BAD],
    ['with a version that is no text', { apiVersion: { toString: 'x' }, kind: 'GameServer' }, BAD],
    ['with a kind that is no text', { apiVersion: 'agones.dev/v1', kind: 5 }, BAD],
    ['with metadata that is a list', { apiVersion: 'agones.dev/v1', kind: 'GameServer', metadata: [] }, BAD],
    ['with a name that is no text', { apiVersion: 'agones.dev/v1', kind: 'GameServer', metadata: { name: 5 } }, BAD],
  ])('that is %s is refused', async (_what, body, refusal) => {
    expect(refusalIn(await send(PATHS.gameservers, body))).toEqual(refusal);
  });

  it('is read as JSON and YAML, and as nothing else', async () => {
    const text = JSON.stringify(gameServer());
    expect((await send(PATHS.gameservers, text, { 'content-type': 'application/yaml' })).status).toBe(201);
    expect((await send(PATHS.gameservers, text, { 'content-type': '' })).status).toBe(201);
    expect(refusalIn(await send(PATHS.gameservers, text, { 'content-type': 'text/plain' }))).toEqual(UNSUPPORTED);
  });

  it.each<[unknown, [string, string][]]>([
    [2_147_483_648, [['FieldValueInvalid', '.spec.replicas']]],
    [9_007_199_254_740_992, [['FieldValueInvalid', '.spec.replicas']]],
    [
      1e21,
      [
        ['FieldValueInvalid', '.spec.replicas'],
        ['FieldValueTypeInvalid', 'spec.replicas'],
      ],
    ],
    [
      5.5,
      [
        ['FieldValueInvalid', '.spec.replicas'],
        ['FieldValueTypeInvalid', 'spec.replicas'],
      ],
    ],
    [
      '5',
      [
        ['FieldValueInvalid', '.spec.replicas'],
        ['FieldValueTypeInvalid', 'spec.replicas'],
      ],
    ],
  ])('with %j replicas is Invalid', async (replicas, causes) => {
    const fleet = {
      apiVersion: 'agones.dev/v1',
      kind: 'Fleet',
      metadata: { name: cluster.name('never') },
      spec: { replicas, template: cluster.devTemplate() },
    };
    expect(refusalIn(await send(PATHS.fleets, fleet))).toEqual({ status: 422, reason: 'Invalid', causes });
  });
});

describe('a field that there is not', () => {
  const strange = { ...MAP, metadata: { name: 'never', constructor: 'x' }, nonsense: 1 };

  it('is left out, with a warning', async () => {
    const answer = await send(CONFIG_MAPS, strange);
    expect(answer.status).toBe(201);
    expect(answer.body).not.toHaveProperty('nonsense');
    expect(Object.keys(answer.body.metadata as object)).not.toContain('constructor');
    expect(warningsOf(answer)).toMatch(/^299 - "unknown field \\"metadata\.constructor\\""/);
  });

  it('is left out in silence where the client wants it so', async () => {
    const answer = await send(CONFIG_MAPS, strange, undefined, '&fieldValidation=Ignore');
    expect([answer.status, warningsOf(answer)]).toEqual([201, '']);
  });

  it('is a BadRequest where the client is strict', async () => {
    expect(refusalIn(await send(CONFIG_MAPS, strange, undefined, '&fieldValidation=Strict'))).toEqual(BAD);
  });
});

describe('an option of a write', () => {
  it.each<[string, string, string, string]>([
    ['dryRun=Some', 'CreateOptions', 'FieldValueNotSupported', 'dryRun'],
    ['dryRun=All&dryRun=Some', 'CreateOptions', 'FieldValueNotSupported', 'dryRun'],
    ['dryRun=All&fieldValidation=Hard', 'CreateOptions', 'FieldValueNotSupported', 'fieldValidation'],
    [`dryRun=All&fieldManager=${'x'.repeat(129)}`, 'CreateOptions', 'FieldValueTooLong', 'fieldManager'],
    ['dryRun=All&fieldManager=a%00', 'CreateOptions', 'FieldValueInvalid', 'fieldManager'],
  ])('%s is Invalid', async (query, kind, reason, field) => {
    const answer = await cluster.request('POST', `${CONFIG_MAPS}?${query}`, MAP);
    expect(refusalIn(answer)).toEqual({ status: 422, reason: 'Invalid', causes: [[reason, field]] });
    expect(answer.body.details).toMatchObject({ kind, group: 'meta.k8s.io' });
  });

  it('for how long it may take must be a duration', async () => {
    expect(refusalIn(await send(CONFIG_MAPS, MAP, undefined, '&timeout=x'))).toEqual(BAD);
    expect((await send(CONFIG_MAPS, MAP, undefined, '&timeout=5s')).status).toBe(201);
  });
});

describe('a generated name', () => {
  it.each(['a_b-', 'abc.', 'x'.repeat(300)])('cannot begin with %s', async (generateName) => {
    const answer = await send(CONFIG_MAPS, { metadata: { generateName } });
    const causes = refusalIn(answer).causes ?? [];
    expect(answer.status).toBe(422);
    expect(causes).toContainEqual(['FieldValueInvalid', 'metadata.generateName']);
  });

  it('is shortened to what fits', async () => {
    const answer = await send(CONFIG_MAPS, { metadata: { generateName: 'x'.repeat(200) } });
    expect(answer.body.metadata.name).toMatch(/^x{58}[a-z0-9]{5}$/);
  });
});
