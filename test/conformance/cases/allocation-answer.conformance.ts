import { parse as parseYaml } from 'yaml';
import { allocatableGroup } from '../harness/allocatable-group.ts';
import type { Answer } from '../harness/api-client.ts';
import { PATHS, RUN_LABEL } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

const API = '/apis/allocation.agones.dev/v1';
const ENVELOPE = { apiVersion: 'allocation.agones.dev/v1', kind: 'GameServerAllocation' };
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Nothing has this label: nothing is found. */
const nobody = { selectors: [{ matchLabels: { 'regatta.dev/group': 'of-nobody' } }] };

const posted = (body: object | string, headers?: Record<string, string>, query = '') =>
  cluster.request('POST', `${PATHS.gameserverallocations}${query}`, body, headers);

/** What came back in plain text, and with which status. */
const textOf = ({ status, contentType, text }: Answer) => [status, contentType, text.endsWith('\n')];
const PLAIN_500 = [500, 'text/plain; charset=utf-8', true];

describe('the answer to an allocation', () => {
  it('is the request with its defaults, and all about the GameServer', async () => {
    const { labels, names } = await allocatableGroup(cluster, [
      {
        labels: { map: 'sea' },
        annotations: { note: 'calm' },
        spec: {
          ports: [
            { name: 'game', portPolicy: 'Static', hostPort: 7001, containerPort: 7000 },
            { name: 'query', portPolicy: 'Static', hostPort: 7003, containerPort: 7002, protocol: 'TCP' },
          ],
          counters: { rooms: { count: 1, capacity: 10 } },
          lists: { players: { capacity: 3, values: ['ann'] } },
        },
      },
    ]);
    const { status, contentType, body } = await posted({ ...ENVELOPE, spec: { selectors: [{ matchLabels: labels }] } });
    expect([status, contentType]).toEqual([201, 'application/json']);
    const lastAllocated = body.status.metadata.annotations['agones.dev/last-allocated'];
    expect(body).toEqual({
      ...ENVELOPE,
      metadata: { name: names[0], namespace: 'default', creationTimestamp: expect.stringMatching(TIME) },
      spec: {
        multiClusterSetting: { policySelector: {} },
        required: {},
        selectors: [{ matchLabels: labels, gameServerState: 'Ready' }],
        scheduling: 'Packed',
        metadata: {},
      },
      status: {
        state: 'Allocated',
        gameServerName: names[0],
        ports: [
          { name: 'game', port: 7001 },
          { name: 'query', port: 7003 },
        ],
        address: '127.0.0.1',
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        nodeName: '127.0.0.1',
        source: 'local',
        metadata: {
          labels: { ...labels, map: 'sea', [RUN_LABEL]: cluster.run },
          annotations: {
            note: 'calm',
            'agones.dev/dev-address': '127.0.0.1',
            'agones.dev/last-allocated': lastAllocated,
            'agones.dev/sdk-version': expect.stringMatching(/^1\.57\./),
          },
        },
        counters: { rooms: { count: 1, capacity: 10 } },
        lists: { players: { capacity: 3, values: ['ann'] } },
      },
    });
  });

  it('has no ports, Counters or Lists where there are none', async () => {
    const { labels } = await allocatableGroup(cluster, [{ spec: { ports: [] } }]);
    const status = await cluster.allocated({ selectors: [{ matchLabels: labels }] });
    const fields = ['address', 'addresses', 'gameServerName', 'metadata', 'nodeName', 'source', 'state'];
    expect(Object.keys(status).toSorted()).toEqual(fields);
  });

  it('tells where a GameServer in a Pod is, and the address of the Pod', async () => {
    const puppet = await cluster.puppet({ ready: true }, { labels: { 'regatta.dev/group': cluster.name('group') } });
    const { metadata, status } = await cluster.inState(puppet.name, 'Ready');
    const matchLabels = { 'regatta.dev/group': metadata.labels?.['regatta.dev/group'] ?? '' };
    const allocated = await cluster.eventually('the allocation', async () => {
      const { body } = await cluster.allocate({ selectors: [{ matchLabels }] });
      return body.status.state === 'Allocated' ? body.status : undefined;
    });
    const { address, addresses, nodeName, ports } = status ?? {};
    expect(allocated).toMatchObject({ gameServerName: puppet.name, address, addresses, nodeName, ports });
    const types = (addresses ?? []).map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['InternalIP', 'Hostname', 'PodIP']));
  });

  it('that there is nothing is a 201 as well, with all defaults written out', async () => {
    const { status, body } = await posted({
      ...ENVELOPE,
      spec: {
        selectors: [
          {
            ...nobody.selectors[0],
            counters: { rooms: { minCount: 1 } },
            lists: { players: { containsValue: 'ann' } },
          },
          {
            ...nobody.selectors[0],
            gameServerState: 'Allocated',
            matchExpressions: [{ key: 'a', operator: 'Exists' }],
          },
        ],
        priorities: [{ type: 'Counter', key: 'rooms' }],
        counters: { rooms: { action: 'Increment', amount: 1 } },
        lists: { players: { addValues: ['ann'] } },
        metadata: { labels: { mode: 'race' } },
        scheduling: 'Distributed',
      },
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      ...ENVELOPE,
      metadata: { namespace: 'default', creationTimestamp: expect.stringMatching(TIME) },
      spec: {
        multiClusterSetting: { policySelector: {} },
        required: {},
        selectors: [
          {
            ...nobody.selectors[0],
            gameServerState: 'Ready',
            counters: { rooms: { minCount: 1, maxCount: 0, minAvailable: 0, maxAvailable: 0 } },
            lists: { players: { containsValue: 'ann', minAvailable: 0, maxAvailable: 0 } },
          },
          {
            ...nobody.selectors[0],
            gameServerState: 'Allocated',
            matchExpressions: [{ key: 'a', operator: 'Exists' }],
          },
        ],
        priorities: [{ type: 'Counter', key: 'rooms', order: 'Ascending' }],
        counters: { rooms: { action: 'Increment', amount: 1 } },
        lists: { players: { addValues: ['ann'] } },
        metadata: { labels: { mode: 'race' } },
        scheduling: 'Distributed',
      },
      status: { state: 'UnAllocated', gameServerName: '', source: '' },
    });
  });

  it('shows the selectors that the old ones stand for', async () => {
    const [required] = nobody.selectors;
    const preferred = { matchLabels: { ...required?.matchLabels, map: 'sea' } };
    const { body } = await posted({ ...ENVELOPE, spec: { required, preferred: [preferred] } });
    const filled = [preferred, required].map((selector) => ({ ...selector, gameServerState: 'Ready' }));
    expect(body.spec).toMatchObject({ required: filled[1], preferred: [filled[0]], selectors: filled });
  });

  it('may be had as YAML, and is JSON for whoever wants what there is not', async () => {
    const body = { ...ENVELOPE, spec: nobody };
    const yaml = await posted(body, { accept: 'application/yaml' });
    expect([yaml.status, yaml.contentType]).toEqual([201, 'application/yaml']);
    expect(parseYaml(yaml.text)).toMatchObject({ ...body, status: { state: 'UnAllocated' } });
    for (const accept of ['text/html', 'application/json;as=Table;v=v1;g=meta.k8s.io', '*/*']) {
      const answer = await posted(body, { accept });
      expect([answer.status, answer.body.status.state]).toEqual([201, 'UnAllocated']);
    }
  });
});

describe('the body of an allocation', () => {
  it('may be YAML, and need not say what it is', async () => {
    const yaml = await posted('spec:\n  selectors:\n  - matchLabels:\n      regatta.dev/group: of-nobody\n', {
      'content-type': 'application/yaml',
    });
    expect([yaml.status, yaml.body.status.state]).toEqual([201, 'UnAllocated']);
    const bare = await posted({ spec: nobody });
    // Agones knows the kind by itself, and of the version only the last part.
    expect(bare.body).toMatchObject({
      apiVersion: 'v1',
      kind: 'GameServerAllocation',
      status: { state: 'UnAllocated' },
    });
  });

  it('counts for nothing in its namespace and its time, and keeps the rest of its metadata', async () => {
    const { body } = await posted({
      ...ENVELOPE,
      metadata: {
        name: 'regatta',
        namespace: 'other',
        labels: { mode: 'race' },
        creationTimestamp: '2001-01-01T00:00:00Z',
        nonsense: 1,
      },
      spec: nobody,
    });
    expect(body.metadata).toEqual({
      name: 'regatta',
      namespace: 'default',
      labels: { mode: 'race' },
      creationTimestamp: expect.not.stringMatching(/^2001/),
    });
  });

  it.each([
    ['no JSON', '{'],
    ['empty', ''],
    ['a list', '[]'],
    ['a text', '"x"'],
    ['followed by more', `${JSON.stringify({ ...ENVELOPE, spec: nobody })} more`],
    ['of another kind', JSON.stringify({ ...ENVELOPE, kind: 'Thing', spec: nobody })],
    ['of another version', JSON.stringify({ ...ENVELOPE, apiVersion: 'allocation.agones.dev/v9', spec: nobody })],
    ['with a spec that is a list', JSON.stringify({ ...ENVELOPE, spec: [] })],
  ])('that is %s is a 500 in plain text', async (_what, body) => {
    expect(textOf(await posted(body))).toEqual(PLAIN_500);
  });

  it.each([
    { scheduling: 5 },
    { counters: { c: { action: 'Increment', amount: 1.5 } } },
    { counters: { c: { action: 'Increment', amount: '1' } } },
    { lists: { l: { addValues: 'x' } } },
    { lists: { l: { addValues: [1] } } },
    { priorities: {} },
    { metadata: { labels: { a: 1 } } },
    { multiClusterSetting: { enabled: 'yes' } },
  ])('with a value of a wrong type is one too: %j', async (spec) => {
    expect(textOf(await posted({ ...ENVELOPE, spec: { ...nobody, ...spec } }))).toEqual(PLAIN_500);
  });

  it('of another media type, or of none, is one too', async () => {
    const body = JSON.stringify({ ...ENVELOPE, spec: nobody });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', '']) {
      expect(textOf(await posted(body, { 'content-type': type }))).toEqual(PLAIN_500);
    }
  });
});

describe('the address of allocations', () => {
  it.each(['GET', 'PUT', 'PATCH', 'DELETE'])('is for POST, not for %s', async (method) => {
    const answer = await cluster.request(method, PATHS.gameserverallocations);
    expect(textOf(answer)).toEqual([405, 'text/plain; charset=utf-8', true]);
  });

  it.each([
    ['GET', `${PATHS.gameserverallocations}/x`],
    ['DELETE', `${PATHS.gameserverallocations}/x`],
    ['POST', `${PATHS.gameserverallocations}/x`],
    ['GET', `${API}/gameserverallocations`],
    ['POST', `${API}/gameserverallocations`],
  ])('is nothing with a name or without a namespace: %s %s', async (method, path) => {
    expect(textOf(await cluster.request(method, path))).toEqual([404, 'text/plain; charset=utf-8', true]);
  });

  it('decides which namespace it is about, be it there or not', async () => {
    const namespace = cluster.name('elsewhere');
    const path = `${API}/namespaces/${namespace}/gameserverallocations`;
    const absent = await cluster.request('POST', path, { ...ENVELOPE, spec: {} });
    expect([absent.status, absent.body.status.state]).toEqual([201, 'UnAllocated']);
    expect(absent.body.metadata.namespace).toBe(namespace);

    await cluster.created('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const made = await cluster.created<{ metadata: { name: string } }>(
      `/apis/agones.dev/v1/namespaces/${namespace}/gameservers`,
      { apiVersion: 'agones.dev/v1', kind: 'GameServer', ...cluster.devTemplate({ name: 'there' }) },
    );
    const selectors = [{ matchLabels: { [RUN_LABEL]: cluster.run } }];
    const body = { ...ENVELOPE, metadata: { namespace: 'default' }, spec: { selectors } };
    const there = await cluster.eventually('the GameServer there', async () => {
      const answer = await cluster.request('POST', path, body);
      return answer.body.status.state === 'Allocated' ? answer.body : undefined;
    });
    expect(there.metadata).toMatchObject({ name: made.metadata.name, namespace });
    await cluster.request('DELETE', `/api/v1/namespaces/${namespace}`);
  });

  it('passes over every query: a dry run allocates', async () => {
    const { labels, names } = await allocatableGroup(cluster, [{}]);
    const odd = { ...ENVELOPE, nonsense: 1, spec: { selectors: [{ matchLabels: labels }] } };
    const { status, body } = await posted(odd, {}, '?dryRun=All&fieldValidation=Strict&pretty=maybe');
    expect([status, body.status.state, body.status.gameServerName]).toEqual([201, 'Allocated', names[0]]);
    expect(body).not.toHaveProperty('nonsense');
    expect((await cluster.gameServer(names[0] ?? ''))?.status?.state).toBe('Allocated');
  });
});

describe('the events of allocations', () => {
  it('count how often a GameServer was allocated', async () => {
    const { labels, names } = await allocatableGroup(cluster, [{}]);
    await cluster.allocated({ selectors: [{ matchLabels: labels }] });
    for (let again = 0; again < 2; again += 1) {
      await cluster.allocated({ selectors: [{ matchLabels: labels, gameServerState: 'Allocated' }] });
    }
    const event = await cluster.eventually('an event for the third time', async () => {
      const path = `${PATHS.events}?fieldSelector=involvedObject.name=${names[0]}`;
      const [first] = await cluster.listed<{ count: number }>(path);
      return first?.count === 3 ? first : undefined;
    });
    expect(event).toMatchObject({
      type: 'Normal',
      reason: 'Allocated',
      source: { component: 'GameServerAllocation-Allocator' },
      reportingComponent: 'GameServerAllocation-Allocator',
      involvedObject: { kind: 'GameServer', apiVersion: 'agones.dev/v1', namespace: 'default', name: names[0] },
    });
  });
});
