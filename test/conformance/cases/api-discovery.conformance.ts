import { refusalIn } from '../harness/refusals.ts';
import type { Refusal } from '../harness/refusals.ts';
import { NAMESPACE, PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

const NOT_ALLOWED: Refusal = { status: 405, reason: 'MethodNotAllowed' };
const NOTHING_THERE: Refusal = { status: 404, reason: 'NotFound' };

const CUSTOM_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

interface Resource {
  name: string;
  kind: string;
  verbs: string[];
  shortNames?: string[];
  namespaced: boolean;
}

async function resourcesOf(groupVersion: string): Promise<Resource[]> {
  const { body } = await cluster.request('GET', `/apis/${groupVersion}`);
  expect(body).toMatchObject({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion });
  return body.resources as Resource[];
}

describe('discovery', () => {
  it('tells the version of Kubernetes', async () => {
    const { status, contentType, body } = await cluster.request('GET', '/version');
    expect([status, contentType]).toEqual([200, 'application/json']);
    expect(body).toMatchObject({ major: '1', minor: '34', gitVersion: expect.stringMatching(/^v1\.34\./) });
  });

  it.each(['/healthz', '/livez', '/readyz'])('answers ok at %s', async (path) => {
    const { status, contentType, text } = await cluster.request('GET', path);
    expect([status, contentType, text]).toEqual([200, 'text/plain; charset=utf-8', 'ok']);
  });

  it('names the version of the core group', async () => {
    expect((await cluster.request('GET', '/api')).body).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
  });

  it.each(['agones.dev', 'allocation.agones.dev', 'autoscaling.agones.dev', 'multicluster.agones.dev'])(
    'names the group %s and its version',
    async (name) => {
      const version = { groupVersion: `${name}/v1`, version: 'v1' };
      const { body } = await cluster.request('GET', `/apis/${name}`);
      expect(body).toMatchObject({ kind: 'APIGroup', name, versions: [version], preferredVersion: version });
      const { groups } = (await cluster.request('GET', '/apis')).body as { groups: { name: string }[] };
      expect(groups.map((group) => group.name)).toContain(name);
    },
  );

  it.each<[string, string, string, string[], string[], string[]]>([
    ['agones.dev/v1', 'fleets', 'Fleet', ['flt'], CUSTOM_VERBS, ['fleets/scale', 'fleets/status']],
    ['agones.dev/v1', 'gameservers', 'GameServer', ['gs'], CUSTOM_VERBS, ['gameservers/scale']],
    [
      'agones.dev/v1',
      'gameserversets',
      'GameServerSet',
      ['gss', 'gsset'],
      CUSTOM_VERBS,
      ['gameserversets/scale', 'gameserversets/status'],
    ],
    [
      'autoscaling.agones.dev/v1',
      'fleetautoscalers',
      'FleetAutoscaler',
      ['fas'],
      CUSTOM_VERBS,
      ['fleetautoscalers/status'],
    ],
    [
      'multicluster.agones.dev/v1',
      'gameserverallocationpolicies',
      'GameServerAllocationPolicy',
      ['gsap'],
      CUSTOM_VERBS,
      [],
    ],
    ['allocation.agones.dev/v1', 'gameserverallocations', 'GameServerAllocation', ['gsa'], ['create'], []],
  ])('of %s lists %s with its verbs and subresources', async (groupVersion, name, kind, shortNames, verbs, below) => {
    const resources = await resourcesOf(groupVersion);
    const resource = resources.find((each) => each.name === name);
    expect(resource).toMatchObject({ kind, namespaced: true, verbs });
    expect(resource?.shortNames?.toSorted()).toEqual(shortNames.toSorted());
    const subresources = resources.map((each) => each.name).filter((each) => each.startsWith(`${name}/`));
    expect(subresources.toSorted()).toEqual(below);
  });

  it('gives all groups in one answer to who asks for that', async () => {
    const { contentType, body } = await cluster.request('GET', '/apis', undefined, { accept: AGGREGATED });
    expect(contentType).toBe(AGGREGATED);
    expect(body).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    const items = body.items as { metadata: { name: string }; versions: { resources: { resource: string }[] }[] }[];
    const agones = items.find(({ metadata }) => metadata.name === 'agones.dev');
    expect(agones?.versions[0]?.resources.find(({ resource }) => resource === 'fleets')).toMatchObject({
      responseKind: { group: 'agones.dev', version: 'v1', kind: 'Fleet' },
      scope: 'Namespaced',
      singularResource: 'fleet',
      shortNames: ['flt'],
      verbs: CUSTOM_VERBS,
    });
  });

  it('has an index of OpenAPI documents, each at its address', async () => {
    const { body } = await cluster.request('GET', '/openapi/v3', undefined, { accept: 'application/json' });
    const index = (body ?? JSON.parse((await cluster.request('GET', '/openapi/v3')).text)) as {
      paths: Record<string, { serverRelativeURL: string }>;
    };
    const { serverRelativeURL = '' } = index.paths['apis/agones.dev/v1'] ?? {};
    expect(serverRelativeURL).toMatch(/^\/openapi\/v3\/apis\/agones\.dev\/v1\?hash=[0-9A-F]+$/);
    const document = await cluster.request('GET', serverRelativeURL, undefined, { accept: 'application/json' });
    expect(document.status).toBe(200);
    expect(JSON.parse(document.text)).toMatchObject({ openapi: expect.stringMatching(/^3\./) });
  });
});

describe('a path', () => {
  it.each(['/nothing', '/apis/nothing.dev', '/apis/agones.dev/v1/nothing', '/apis/agones.dev/v2/gameservers'])(
    '%s leads nowhere, in plain text',
    async (path) => {
      const { status, contentType, text } = await cluster.request('GET', path);
      expect([status, contentType, text]).toEqual([404, 'text/plain; charset=utf-8', '404 page not found\n']);
    },
  );

  it.each([
    '/api/v1/nothing',
    '/api/v2/pods',
    `/api/v1/namespaces/${NAMESPACE}/nothing/x`,
    `/api/v1/namespaces/${NAMESPACE}/namespaces`,
    `/api/v1/configmaps/none`,
    `${CONFIG_MAPS}/none/status`,
    `${PATHS.pods}/none/nothing`,
    `${REVIEWS}/x`,
  ])('%s of Kubernetes’ own leads nowhere, as a Status', async (path) => {
    expect(refusalIn(await cluster.request('GET', path))).toEqual(NOTHING_THERE);
  });

  it('of a subresource that a custom kind has not is NotFound as the object', async () => {
    const answer = await cluster.request('GET', `${PATHS.gameservers}/none/nothing`);
    expect(refusalIn(answer)).toEqual(NOTHING_THERE);
    expect(answer.body.details).toMatchObject({ name: 'none', kind: 'gameservers' });
  });

  it.each([`${CONFIG_MAPS}/..`, `${PATHS.gameservers}/%2e%2e`])('%s has a name that cannot be', async (path) => {
    expect(refusalIn(await cluster.request('GET', path))).toEqual({ status: 400, reason: 'BadRequest' });
  });
});

describe('a path that is not well encoded', () => {
  it.each([`${CONFIG_MAPS}/%zz`, `${PATHS.gameservers}/%`])('%s is refused in plain text', async (path) => {
    const { status, contentType } = await cluster.request('GET', path);
    expect([status, contentType]).toEqual([400, 'text/plain; charset=utf-8']);
  });
});

describe('a method', () => {
  it.each<[string, string, Refusal]>([
    ['POST', '/version', NOT_ALLOWED],
    ['OPTIONS', '/api', NOT_ALLOWED],
    ['OPTIONS', CONFIG_MAPS, NOT_ALLOWED],
    ['PUT', CONFIG_MAPS, NOT_ALLOWED],
    ['PATCH', CONFIG_MAPS, NOT_ALLOWED],
    ['POST', `${CONFIG_MAPS}/none`, NOT_ALLOWED],
    ['POST', '/api/v1/configmaps', NOT_ALLOWED],
    ['DELETE', '/api/v1/configmaps', NOT_ALLOWED],
    ['DELETE', '/api/v1/namespaces', NOT_ALLOWED],
    ['PROPFIND', `${PATHS.gameservers}/none`, NOT_ALLOWED],
    ['POST', `${PATHS.fleets}/none/status`, NOT_ALLOWED],
    ['DELETE', `${PATHS.fleets}/none/scale`, NOT_ALLOWED],
    ['PUT', PATHS.gameservers, { status: 400, reason: 'BadRequest' }],
    ['PATCH', PATHS.gameservers, { status: 400, reason: 'BadRequest' }],
    ['POST', '/apis/agones.dev/v1/gameservers', { status: 404 }],
    ['DELETE', '/apis/agones.dev/v1/gameservers', { status: 404 }],
    ['GET', REVIEWS, NOT_ALLOWED],
  ])('%s of %s is refused', async (method, path, refusal) => {
    expect(refusalIn(await cluster.request(method, path, method === 'GET' ? undefined : {}))).toEqual(refusal);
  });

  it('HEAD is answered for custom kinds alone', async () => {
    expect((await cluster.request('HEAD', PATHS.gameservers)).status).toBe(200);
    expect((await cluster.request('HEAD', CONFIG_MAPS)).status).toBe(405);
  });
});

describe('a representation', () => {
  it.each<[string, string, number]>([
    [CONFIG_MAPS, 'text/html', 406],
    [CONFIG_MAPS, 'image/*', 406],
    [CONFIG_MAPS, 'application/json;as=Table;v=v9;g=meta.k8s.io', 406],
    [CONFIG_MAPS, 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', 406],
    [CONFIG_MAPS, 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', 200],
    [CONFIG_MAPS, '*/*', 200],
    [PATHS.gameservers, 'text/html', 406],
    [PATHS.gameservers, 'application/json;as=Table;v=v1beta1;g=meta.k8s.io', 200],
    [PATHS.gameservers, 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', 200],
    [PATHS.gameservers, 'text/html,application/json', 200],
  ])('of %s as %s is answered %i', async (path, accept, status) => {
    expect((await cluster.request('GET', `${path}?limit=1`, undefined, { accept })).status).toBe(status);
  });

  it('in YAML is YAML', async () => {
    const { contentType, text } = await cluster.request('GET', '/api/v1/namespaces/default', undefined, {
      accept: 'application/yaml',
    });
    expect(contentType).toBe('application/yaml');
    expect(text).toMatch(/^apiVersion: v1\nkind: Namespace\n/);
  });

  it('of a table has objects whole, as metadata or not at all', async () => {
    const accept = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    const row = async (query: string) => {
      const { body } = await cluster.request('GET', `/api/v1/namespaces/default?${query}`, undefined, accept);
      return body.rows[0].object as { kind: string } | null | undefined;
    };
    expect((await row(''))?.kind).toBe('PartialObjectMetadata');
    expect((await row('includeObject=Object'))?.kind).toBe('Namespace');
    expect((await row('includeObject=None')) ?? null).toBeNull();
    const refused = await cluster.request('GET', '/api/v1/namespaces/default?includeObject=x', undefined, accept);
    expect(refusalIn(refused)).toEqual({ status: 400, reason: 'BadRequest' });
    expect((await cluster.request('GET', '/api/v1/namespaces/default?includeObject=x')).status).toBe(200);
  });
});

describe('a review of access', () => {
  it('says yes to who may do everything', async () => {
    const spec = { resourceAttributes: { verb: 'delete', group: 'agones.dev', resource: 'fleets' } };
    const { status, body } = await cluster.request('POST', REVIEWS, { spec });
    expect([status, body.kind, body.status.allowed]).toEqual([201, 'SelfSubjectAccessReview', true]);
    expect(body.spec).toEqual(spec);
  });

  it.each<[string, object | string, Refusal]>([
    [
      'about nothing',
      { spec: {} },
      { status: 422, reason: 'Invalid', causes: [['FieldValueInvalid', 'spec.resourceAttributes']] },
    ],
    ['of another kind', { kind: 'Pod' }, { status: 400, reason: 'BadRequest' }],
    ['that is no JSON', '{', { status: 400, reason: 'BadRequest' }],
  ])('%s is refused', async (_what, body, refusal) => {
    expect(refusalIn(await cluster.request('POST', REVIEWS, body))).toEqual(refusal);
  });

  it('of all rules needs a namespace', async () => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
    expect(refusalIn(await cluster.request('POST', path, {}))).toEqual({ status: 400, reason: 'BadRequest' });
    const { status, body } = await cluster.request('POST', path, { spec: { namespace: NAMESPACE } });
    expect([status, body.status.incomplete]).toEqual([201, false]);
  });
});
