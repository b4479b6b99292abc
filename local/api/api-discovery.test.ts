import { parse } from 'yaml';
import { kubeconfigText } from './kubeconfig.ts';
import { startApi } from './testing/api-fixture.ts';
import type { TestApi } from './testing/api-fixture.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.server.close());

const get = async (path: string, accept?: string) =>
  api.request('GET', path, undefined, accept === undefined ? {} : { accept });

describe('discovery', () => {
  test('lists groups, versions and resources one by one', async () => {
    expect((await get('/api')).body).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    const { body } = await get('/apis');
    expect(body.kind).toBe('APIGroupList');
    expect(body.groups).toContainEqual({
      name: 'harbour.example',
      versions: [{ groupVersion: 'harbour.example/v1', version: 'v1' }],
      preferredVersion: { groupVersion: 'harbour.example/v1', version: 'v1' },
    });
    expect((await get('/apis/harbour.example')).body).toMatchObject({ kind: 'APIGroup', name: 'harbour.example' });
    expect((await get('/apis/harbour.example/v1')).body).toMatchObject({
      kind: 'APIResourceList',
      groupVersion: 'harbour.example/v1',
      resources: [
        {
          name: 'boats',
          singularName: 'boat',
          kind: 'Boat',
          namespaced: true,
          shortNames: ['bt'],
          categories: ['all'],
        },
        { name: 'boats/status', kind: 'Boat', verbs: ['get', 'patch', 'update'] },
        { name: 'boats/scale', kind: 'Scale', group: 'autoscaling', version: 'v1' },
        { name: 'crews' },
      ],
    });
    expect((await get('/api/v1')).body.resources.map(({ name }: { name: string }) => name)).toContain('pods/log');
  });

  test('gives all in one answer to clients that ask for it', async () => {
    const { body, contentType } = await get('/apis', `${AGGREGATED},application/json`);
    expect(contentType).toBe(AGGREGATED);
    expect(body).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    expect(body.items[0]).toMatchObject({
      metadata: { name: 'harbour.example' },
      versions: [
        {
          version: 'v1',
          freshness: 'Current',
          resources: [
            {
              resource: 'boats',
              responseKind: { group: 'harbour.example', version: 'v1', kind: 'Boat' },
              scope: 'Namespaced',
              subresources: [{ subresource: 'status' }, { subresource: 'scale' }],
            },
            { resource: 'crews' },
          ],
        },
      ],
    });
    expect((await get('/api', AGGREGATED)).body.items[0].versions[0].resources[0].resource).toBe('namespaces');
  });

  test('says that the server is well, and its version', async () => {
    for (const path of ['/healthz', '/livez', '/readyz']) expect((await get(path)).text).toBe('ok');
    expect((await get('/version')).body).toMatchObject({ major: '1', minor: '34' });
  });
});

describe('OpenAPI', () => {
  test('has a document for each group and version, addressed by its content', async () => {
    const { paths } = (await get('/openapi/v3')).body;
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['api/v1', 'apis/harbour.example/v1']));
    const url: string = paths['apis/harbour.example/v1'].serverRelativeURL;
    expect(url).toMatch(/^\/openapi\/v3\/apis\/harbour\.example\/v1\?hash=[0-9A-F]{128}$/);
    const { body } = await get(url);
    expect(body.components.schemas['example.harbour.v1.Boat']).toMatchObject({
      properties: { spec: { properties: { seats: { description: 'How many can sit.' } } } },
      'x-kubernetes-group-version-kind': [{ group: 'harbour.example', version: 'v1', kind: 'Boat' }],
    });
  });

  test('tells kubectl that fields are validated by the server', async () => {
    const { body } = await get('/openapi/v3/apis/harbour.example/v1');
    const { patch } = body.paths['/apis/harbour.example/v1/namespaces/{namespace}/boats/{name}'];
    expect(patch.parameters.map(({ name }: { name: string }) => name)).toContain('fieldValidation');
    expect(patch['x-kubernetes-group-version-kind']).toMatchObject({ kind: 'Boat' });
  });
});

describe('the reviews of access', () => {
  test('allow everything', async () => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const asked = await api.request('POST', path, { spec: { resourceAttributes: { verb: 'get' } } });
    expect([asked.status, asked.body]).toMatchObject([
      201,
      { kind: 'SelfSubjectAccessReview', status: { allowed: true } },
    ]);
  });

  test.each([
    ['what is about nothing', 'POST', '', { spec: {} }, 422],
    ['another kind', 'POST', '', { kind: 'Boat' }, 400],
    ['a list', 'GET', '', undefined, 405],
    ['a name', 'POST', '/x', {}, 404],
  ])('refuse %s', async (_what, method, below, body, code) => {
    const path = `/apis/authorization.k8s.io/v1/selfsubjectaccessreviews${below}`;
    expect((await api.request(method, path, body)).body).toMatchObject({ kind: 'Status', code });
  });
});

describe('the kubeconfig', () => {
  test('points its only context at the server', () => {
    expect(parse(kubeconfigText('http://127.0.0.1:1234', 'here', 'games'))).toMatchObject({
      clusters: [{ name: 'here', cluster: { server: 'http://127.0.0.1:1234', 'insecure-skip-tls-verify': true } }],
      contexts: [{ name: 'here', context: { cluster: 'here', user: 'here', namespace: 'games' } }],
      'current-context': 'here',
    });
  });
});
