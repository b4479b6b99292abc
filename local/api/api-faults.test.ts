import fc from 'fast-check';
import { BOATS, startApi } from './testing/api-fixture.ts';
import type { TestApi } from './testing/api-fixture.ts';
import { boat, boats } from './testing/boat-definitions.ts';
import { StatusError } from './status-error.ts';
import { PlainTextRefusal } from './virtual-resource.ts';
import type { VirtualResource } from './virtual-resource.ts';

const tides: VirtualResource = {
  servedBy: 'extension',
  definition: { ...boats, group: 'tides.example', kind: 'Tide', plural: 'tides', singular: 'tide', verbs: ['create'] },
  create(namespace, body) {
    if (body['high'] === 'refuse') throw new StatusError(422, 'Invalid', 'no');
    if (body['high'] === 'text') throw new PlainTextRefusal(500, 'broken');
    return Promise.resolve({ ...body, namespace });
  },
};
const TIDES = '/apis/tides.example/v1/namespaces/default/tides';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({
    virtual: [tides],
    maxBodyBytes: 10_000,
    logs: {
      openLog(_namespace, name, { tailLines }) {
        if (name !== 'talker') return undefined;
        return (async function* lines() {
          yield `last ${tailLines ?? 'all'}\n`;
          yield Buffer.from('end\n');
        })();
      },
    },
    beforeRequest(request, response) {
      if (request.url !== '/teapot') return false;
      response.writeHead(418).end();
      return true;
    },
  });
  await api.request('POST', BOATS, boat('a'));
  for (const name of ['talker', 'silent'])
    await api.request('POST', '/api/v1/namespaces/default/pods', { metadata: { name } });
});
afterAll(() => api.server.close());

const PODS = '/api/v1/namespaces/default/pods';
const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
const plain = (text: string) => ({ 'content-type': text });

describe('a bad request', () => {
  test.each<[string, string, string, unknown, Record<string, string>, number, string]>([
    ['no JSON', 'POST', BOATS, '{"a":', {}, 400, 'BadRequest'],
    ['no body', 'POST', BOATS, '', {}, 400, 'BadRequest'],
    ['an array', 'POST', BOATS, [], {}, 400, 'BadRequest'],
    ['a string', 'POST', BOATS, '"x"', {}, 400, 'BadRequest'],
    ['null', 'POST', BOATS, 'null', {}, 400, 'BadRequest'],
    ['no YAML', 'POST', BOATS, 'a: [', plain('application/yaml'), 400, 'BadRequest'],
    ['too deep', 'POST', BOATS, '['.repeat(4000) + ']'.repeat(4000), {}, 400, 'BadRequest'],
    ['too large', 'POST', BOATS, 'x'.repeat(10_001), {}, 413, 'RequestEntityTooLarge'],
    ['text', 'POST', BOATS, 'x', plain('text/plain'), 415, 'UnsupportedMediaType'],
    ['protobuf', 'POST', BOATS, 'k8s', plain('application/vnd.kubernetes.protobuf'), 415, 'UnsupportedMediaType'],
    ['another kind', 'POST', BOATS, { ...boat('k'), kind: 'Ship' }, {}, 422, 'Invalid'],
    ['another apiVersion', 'POST', BOATS, { ...boat('k'), apiVersion: 'v2' }, {}, 400, 'BadRequest'],
    ['an apiVersion that is no string', 'POST', BOATS, { ...boat('k'), apiVersion: 5 }, {}, 400, 'BadRequest'],
    ['metadata that is no object', 'POST', BOATS, { metadata: 'x' }, {}, 400, 'BadRequest'],
    ['labels that are no map', 'POST', BOATS, { metadata: { name: 'k', labels: ['x'] } }, {}, 400, 'BadRequest'],
    ['a label that is no string', 'POST', BOATS, { metadata: { name: 'k', labels: { a: 1 } } }, {}, 400, 'BadRequest'],
    ['a name that is no string', 'POST', BOATS, { metadata: { name: {} } }, {}, 400, 'BadRequest'],
    ['finalizers that are none', 'POST', BOATS, { metadata: { name: 'k', finalizers: [1] } }, {}, 400, 'BadRequest'],
    ['owners that are none', 'POST', BOATS, { metadata: { name: 'k', ownerReferences: [1] } }, {}, 400, 'BadRequest'],
    ['a spec that is no object', 'POST', BOATS, boat('k', [] as object), {}, 422, 'Invalid'],
    ['another namespace', 'POST', BOATS, boat('k', {}, { namespace: 'x' }), {}, 400, 'BadRequest'],
    ['no namespace', 'POST', '/api/v1/pods', { metadata: { name: 'k' } }, {}, 405, 'MethodNotAllowed'],
    [
      'a namespace that is not there',
      'POST',
      BOATS.replace('default', 'no'),
      boat('k', {}, { namespace: 'no' }),
      {},
      404,
      'NotFound',
    ],
    ['a name that is taken', 'POST', BOATS, boat('a'), {}, 409, 'AlreadyExists'],
    ['a dry run of something else', 'POST', `${BOATS}?dryRun=Some`, boat('k'), {}, 422, 'Invalid'],
    ['unknown field validation', 'POST', `${BOATS}?fieldValidation=Hard`, boat('k'), {}, 422, 'Invalid'],
    ['PUT without a version', 'PUT', `${BOATS}/a`, boat('a'), {}, 422, 'Invalid'],
    ['PUT under another name', 'PUT', `${BOATS}/b`, boat('a'), {}, 400, 'BadRequest'],
    ['PUT of what is not there', 'PUT', `${BOATS}/b`, boat('b', {}, { resourceVersion: '1' }), {}, 404, 'NotFound'],
    ['PUT of a scale that is none', 'PUT', `${BOATS}/a/scale`, { kind: 'Boat' }, {}, 400, 'BadRequest'],
    ['PUT of a scale of another name', 'PUT', `${BOATS}/a/scale`, { metadata: { name: 'b' } }, {}, 400, 'BadRequest'],
    ['PUT of a scale of half a seat', 'PUT', `${BOATS}/a/scale`, { spec: { replicas: 0.5 } }, {}, 400, 'BadRequest'],
    [
      'PATCH of a scale to half a seat',
      'PATCH',
      `${BOATS}/a/scale`,
      { spec: { replicas: 0.5 } },
      plain('application/merge-patch+json'),
      422,
      'Invalid',
    ],
    ['PUT without a name', 'PUT', BOATS, {}, {}, 400, 'BadRequest'],
    ['PATCH without a name', 'PATCH', BOATS, {}, {}, 400, 'BadRequest'],
    ['PATCH as JSON', 'PATCH', `${BOATS}/a`, {}, {}, 415, 'UnsupportedMediaType'],
    ['PATCH that is no JSON', 'PATCH', `${BOATS}/a`, '{', plain('application/merge-patch+json'), 400, 'BadRequest'],
    ['PATCH that is an array', 'PATCH', `${BOATS}/a`, [], plain('application/merge-patch+json'), 400, 'BadRequest'],
    [
      'JSON PATCH that is none',
      'PATCH',
      `${BOATS}/a`,
      [{ op: 'no' }],
      plain('application/json-patch+json'),
      422,
      'Invalid',
    ],
    [
      'PATCH to no object',
      'PATCH',
      `${BOATS}/a`,
      [{ op: 'replace', path: '', value: 5 }],
      plain('application/json-patch+json'),
      422,
      'Invalid',
    ],
    [
      'apply that is no YAML',
      'PATCH',
      `${BOATS}/a?fieldManager=x`,
      '{a: [',
      plain('application/apply-patch+yaml'),
      400,
      'BadRequest',
    ],
    ['POST to an object', 'POST', `${PODS}/talker`, {}, {}, 405, 'MethodNotAllowed'],
    ['DELETE with no options', 'DELETE', `${BOATS}/a`, 'x', {}, 400, 'BadRequest'],
    ['DELETE with an array', 'DELETE', `${BOATS}/a`, [], {}, 400, 'BadRequest'],
    ['DELETE with another kind', 'DELETE', `${BOATS}/a`, { kind: 'Boat' }, {}, 400, 'BadRequest'],
    ['DELETE by an unknown policy', 'DELETE', `${BOATS}/a?propagationPolicy=x`, undefined, {}, 422, 'Invalid'],
    ['DELETE after a nonsense wait', 'DELETE', `${BOATS}/a`, { gracePeriodSeconds: 'x' }, {}, 400, 'BadRequest'],
    ['DELETE as an unknown dry run', 'DELETE', `${BOATS}/a`, { dryRun: ['Some'] }, {}, 422, 'Invalid'],
    ['DELETE with half a precondition', 'DELETE', `${BOATS}/a`, { preconditions: { uid: 5 } }, {}, 400, 'BadRequest'],
    ['DELETE of a subresource', 'DELETE', `${BOATS}/a/status`, undefined, {}, 405, 'MethodNotAllowed'],
    ['a limit that is no number', 'GET', `${BOATS}?limit=x`, undefined, {}, 400, 'BadRequest'],
    ['a made-up continue token', 'GET', `${BOATS}?continue=x`, undefined, {}, 400, 'BadRequest'],
    ['a made-up version', 'GET', `${BOATS}?resourceVersion=x`, undefined, {}, 400, 'BadRequest'],
    ['a match without a version', 'GET', `${BOATS}?resourceVersionMatch=Exact`, undefined, {}, 422, 'Invalid'],
    ['an unknown match', 'GET', `${BOATS}?resourceVersion=1&resourceVersionMatch=x`, undefined, {}, 422, 'Invalid'],
    [
      'an exact version of zero',
      'GET',
      `${BOATS}?resourceVersion=0&resourceVersionMatch=Exact`,
      undefined,
      {},
      422,
      'Invalid',
    ],
    ['a bad label selector', 'GET', `${BOATS}?labelSelector=%3D%3D%3D`, undefined, {}, 400, 'BadRequest'],
    ['a bad field selector', 'GET', `${BOATS}?fieldSelector=x`, undefined, {}, 400, 'BadRequest'],
    [
      'a field that is not selectable',
      'GET',
      `${BOATS}?fieldSelector=spec.seats%3D1`,
      undefined,
      {},
      400,
      'BadRequest',
    ],
    ['a representation that is not there', 'GET', BOATS, undefined, { accept: 'text/html' }, 406, 'NotAcceptable'],
    ['an unknown includeObject', 'GET', `${BOATS}?includeObject=x`, undefined, TABLE, 400, 'BadRequest'],
    ['an unknown core resource', 'GET', '/api/v1/nothing', undefined, {}, 404, 'NotFound'],
    ['exec', 'POST', `${PODS}/talker/exec?command=ls`, undefined, {}, 405, 'MethodNotAllowed'],
    ['a path behind a pod', 'GET', `${PODS}/talker/proxy/some/where`, undefined, {}, 405, 'MethodNotAllowed'],
    ['exec in no pod', 'POST', `${PODS}/none/exec?command=ls`, undefined, {}, 404, 'NotFound'],
    ['a log of no pod', 'GET', '/api/v1/namespaces/default/pods/none/log', undefined, {}, 404, 'NotFound'],
    ['a log that is not there', 'GET', '/api/v1/namespaces/default/pods/silent/log', undefined, {}, 400, 'BadRequest'],
    [
      'a log of some lines',
      'GET',
      '/api/v1/namespaces/default/pods/talker/log?tailLines=x',
      undefined,
      {},
      400,
      'BadRequest',
    ],
    ['POST to discovery', 'POST', '/version', {}, {}, 405, 'MethodNotAllowed'],
  ])('%s: %s is refused', async (_title, method, path, body, headers, code, reason) => {
    const before = api.store.resourceVersion;
    const answer = await api.request(method, path, body, headers);
    expect(answer.body).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason });
    expect(answer.status).toBe(code);
    expect(api.store.resourceVersion).toBe(before);
  });

  test.each([
    '/nothing',
    '/apis/nothing.example',
    '/apis/nothing.example/v1',
    '/apis/harbour.example/v1/nothing',
    '/apis/harbour.example/v1/boats/a',
    '/api//v1/pods',
    '/openapi/v3/x',
  ])('%s is not found', async (path) => {
    const answer = await api.request('GET', path);
    expect([answer.status, answer.contentType]).toEqual([404, 'text/plain; charset=utf-8']);
  });

  test('with a path that is badly encoded is answered in plain text', async () => {
    const { status, contentType, text } = await api.request('GET', `${BOATS}/%E0%A4%A`);
    expect([status, contentType, text]).toEqual([400, 'text/plain; charset=utf-8', '400 Bad Request\n']);
  });

  test('of any JSON is answered by a Status, never by a fault of the server', async () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const field = fc.constantFrom('spec', 'status', 'metadata', 'kind', 'apiVersion');
    const inner = fc.constantFrom('name', 'labels', 'seats', 'sails', 'notes', 'managedFields', 'ownerReferences');
    const body = fc.dictionary(field, fc.oneof(value, fc.dictionary(inner, value)));
    const types = fc.constantFrom('merge-patch+json', 'json-patch+json', 'apply-patch+yaml', 'json');
    await fc.assert(
      fc.asyncProperty(fc.oneof(body, value), types, async (sent, type) => {
        const method = type === 'json' ? 'POST' : 'PATCH';
        const path = `${type === 'json' ? BOATS : `${BOATS}/a`}?dryRun=All&fieldManager=x`;
        const answer = await api.request(method, path, JSON.stringify(sent), plain(`application/${type}`));
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
  }, 30_000);
});

describe('a virtual resource', () => {
  test('is answered by its handler, whatever the query', async () => {
    const answer = await api.request('POST', `${TIDES}?dryRun=Maybe&fieldValidation=Strict`, { kind: 'Tide', high: 5 });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({ kind: 'Tide', high: 5, namespace: 'default' });
    const yaml = await api.request(
      'POST',
      TIDES,
      { high: 5 },
      { ...plain('application/json'), accept: 'application/yaml' },
    );
    expect([yaml.contentType, yaml.text]).toEqual(['application/yaml', 'high: 5\nnamespace: default\n']);
    expect((await api.request('POST', TIDES, { high: 'refuse' })).body).toMatchObject({ code: 422, reason: 'Invalid' });
    const text = await api.request('POST', TIDES, { high: 'text' });
    expect([text.status, text.text]).toEqual([500, 'broken\n']);
  });

  test.each<[string, string, unknown, Record<string, string>, number]>([
    ['no JSON', 'POST', '{', {}, 500],
    ['no body', 'POST', '', {}, 500],
    ['an array', 'POST', [], {}, 500],
    ['another kind', 'POST', { kind: 'Boat' }, {}, 500],
    ['another media type', 'POST', 'x', plain('text/plain'), 500],
    ['no media type', 'POST', '{}', plain(''), 500],
    ['GET', 'GET', undefined, {}, 405],
    ['DELETE', 'DELETE', undefined, {}, 405],
  ])('answers %s (%s) in plain text', async (_title, method, body, headers, status) => {
    const answer = await api.request(method, TIDES, body, headers);
    expect([answer.status, answer.contentType]).toEqual([status, 'text/plain; charset=utf-8']);
  });

  test('has no objects', async () => {
    expect((await api.request('GET', `${TIDES}/high`)).status).toBe(404);
  });
});

describe('logs of Pods', () => {
  test('come from the port that was given', async () => {
    const answer = await api.request('GET', '/api/v1/namespaces/default/pods/talker/log?tailLines=3');
    expect([answer.status, answer.contentType, answer.text]).toEqual([200, 'text/plain', 'last 3\nend\n']);
  });
});

describe('a hook before requests', () => {
  test('may answer in place of the API', async () => {
    expect((await api.request('GET', '/teapot')).status).toBe(418);
  });
});
