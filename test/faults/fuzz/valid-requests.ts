import type { Choices } from './choices.ts';
import { FUZZED_KINDS, NAMESPACE } from './canaries.ts';

/** A request that the API serves, before anything is changed about it. */
export interface ValidRequest {
  method: string;
  path: string;
  query?: [name: string, value: string][];
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: object | string | Uint8Array;
}

type MakeRequest = (choices: Choices) => ValidRequest;

const PATCH_TYPES = [
  'application/merge-patch+json',
  'application/json-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
] as const;

const create: MakeRequest = (choices) => {
  const { path, objects } = choices.of(FUZZED_KINDS);
  return { method: 'POST', path, body: named(choices.of(objects), choices.of(['made', 'canary'])) };
};

const createYaml: MakeRequest = (choices) => ({
  method: 'POST',
  path: `/api/v1/namespaces/${NAMESPACE}/configmaps`,
  headers: { 'content-type': 'application/yaml' },
  body: choices.of([
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: made }\ndata: { a: "1" }\n',
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: &n made\n  labels: { n: *n }\ndata:\n  a: |\n    text\n',
  ]),
});

/** A ConfigMap as kubectl sends it. */
const PROTOBUF = Buffer.from(
  '6b3873000a0f0a0276311209436f6e6669674d6170121c0a120a02633912001a0022002a0032003800420012060a01611201621a002200',
  'hex',
);

const createProtobuf: MakeRequest = () => ({
  method: 'POST',
  path: `/api/v1/namespaces/${NAMESPACE}/configmaps`,
  headers: { 'content-type': 'application/vnd.kubernetes.protobuf' },
  body: PROTOBUF,
});

const replace: MakeRequest = (choices) => {
  const { path, objects } = choices.of(FUZZED_KINDS);
  return { method: 'PUT', path: `${path}/canary`, body: named(choices.of(objects), 'canary') };
};

const patch: MakeRequest = (choices) => {
  const { path, objects } = choices.of(FUZZED_KINDS);
  const type = choices.of(PATCH_TYPES);
  return {
    method: 'PATCH',
    path: path + choices.of(['/canary', '/canary', '/canary/status', '/new']),
    headers: { 'content-type': type },
    ...(type === 'application/apply-patch+yaml'
      ? {
          query: [
            ['fieldManager', 'fuzz'],
            ['force', 'true'],
          ],
        }
      : {}),
    body: type === 'application/json-patch+json' ? jsonPatch(choices) : partOf(choices, choices.of(objects)),
  };
};

function jsonPatch(choices: Choices): object {
  return [
    { op: 'test', path: '/metadata/name', value: 'canary' },
    choices.of<object>([
      { op: 'add', path: '/metadata/labels/added', value: 'x' },
      { op: 'replace', path: '/metadata/labels', value: { b: 'c' } },
      { op: 'remove', path: '/metadata/labels/a' },
      { op: 'copy', from: '/metadata/labels/a', path: '/metadata/labels/c' },
      { op: 'move', from: '/metadata/labels', path: '/metadata/annotations' },
      { op: 'add', path: '/spec/ports/-', value: { name: 'second', containerPort: 1 } },
      { op: 'add', path: '/metadata/finalizers', value: ['fuzz/kept'] },
    ]),
  ];
}

/** The envelope and one part of the object, as a client patches it. */
function partOf(choices: Choices, object: object): object {
  const fields = Object.entries(object).filter(([key]) => !['apiVersion', 'kind', 'metadata'].includes(key));
  const part = choices.of(fields);
  const { apiVersion, kind } = object as { apiVersion: string; kind: string };
  const metadata = choices.of<object>([
    { name: 'canary' },
    { name: 'canary', labels: { a: 'c', gone: null } },
    { labels: { $patch: 'replace' }, finalizers: ['fuzz/kept'] },
    { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'none', uid: '0' }], managedFields: [] },
  ]);
  return { apiVersion, kind, metadata, [part[0]]: part[1] as unknown };
}

const scale: MakeRequest = (choices) => ({
  method: choices.of(['PUT', 'PATCH']),
  path: `${choices.of(FUZZED_KINDS.slice(0, 3)).path}/canary/scale`,
  headers: { 'content-type': choices.of(['application/json', ...PATCH_TYPES]) },
  body: {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: 'canary', namespace: NAMESPACE },
    spec: { replicas: 2 },
  },
});

const remove: MakeRequest = (choices) => ({
  method: 'DELETE',
  path: choices.of(FUZZED_KINDS).path + choices.of(['/canary', '/none', '']),
  ...choices.of<Partial<ValidRequest>>([
    {},
    {
      query: [
        ['propagationPolicy', 'Foreground'],
        ['gracePeriodSeconds', '0'],
      ],
    },
    {
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Orphan',
        gracePeriodSeconds: 1,
        preconditions: { uid: 'x', resourceVersion: '1' },
        dryRun: ['All'],
      },
    },
  ]),
});

const read: MakeRequest = (choices) => ({
  method: 'GET',
  path:
    choices.of(FUZZED_KINDS).path + choices.of(['/canary', '/canary/status', '/canary/scale', '/canary/log', '/none']),
  query: choices.of<[string, string][]>([
    [],
    [
      ['tailLines', '5'],
      ['follow', 'false'],
      ['sinceSeconds', '9'],
    ],
  ]),
  headers: accept(choices),
});

const list: MakeRequest = (choices) => ({
  method: 'GET',
  path: choices.of(FUZZED_KINDS).path,
  query: choices.of<[string, string][]>([
    [['labelSelector', 'a=b,c notin (d,e),!f']],
    [['fieldSelector', 'metadata.name=canary,metadata.namespace!=x']],
    [
      ['limit', '1'],
      ['continue', 'eyJ2ZXJzaW9uIjoiMTAyIiwiYWZ0ZXIiOiJhL2IifQ'],
    ],
    [
      ['resourceVersion', '0'],
      ['resourceVersionMatch', 'NotOlderThan'],
    ],
  ]),
  headers: accept(choices),
});

const watch: MakeRequest = (choices) => ({
  method: 'GET',
  path: choices.of(FUZZED_KINDS).path,
  query: [
    ['watch', 'true'],
    ['timeoutSeconds', '1'],
    ...choices.of<[string, string][]>([
      [],
      [
        ['resourceVersion', '120'],
        ['allowWatchBookmarks', 'true'],
      ],
      [
        ['sendInitialEvents', 'true'],
        ['resourceVersionMatch', 'NotOlderThan'],
        ['allowWatchBookmarks', 'true'],
      ],
    ]),
  ],
  headers: accept(choices),
});

const allocate: MakeRequest = (choices) => ({
  method: 'POST',
  path: `/apis/allocation.agones.dev/v1/namespaces/${NAMESPACE}/gameserverallocations`,
  body: {
    apiVersion: 'allocation.agones.dev/v1',
    kind: 'GameServerAllocation',
    spec: {
      selectors: [
        {
          matchLabels: { a: choices.of(['b', 'none']) },
          matchExpressions: [{ key: 'a', operator: 'In', values: ['b', 'c'] }],
          gameServerState: 'Ready',
          counters: { rooms: { minCount: 0, maxCount: 9, minAvailable: 1, maxAvailable: 10 } },
          lists: { players: { containsValue: 'ada', minAvailable: 1, maxAvailable: 10 } },
        },
      ],
      required: { matchLabels: {} },
      preferred: [{ matchLabels: { a: 'z' } }],
      priorities: [{ type: 'Counter', key: 'rooms', order: 'Descending' }],
      scheduling: 'Distributed',
      metadata: { labels: { l: 'v' }, annotations: { n: 'v' } },
      counters: { rooms: { action: 'Increment', amount: 1, capacity: 20 } },
      lists: { players: { addValues: ['bob'], deleteValues: ['ada'], capacity: 5 } },
      multiClusterSetting: { enabled: choices.happens(0.1), policySelector: { matchLabels: { a: 'b' } } },
    },
  },
});

const clusterWide: MakeRequest = (choices) =>
  choices.of<ValidRequest>([
    { method: 'GET', path: '/api/v1/nodes' },
    { method: 'GET', path: '/apis/agones.dev/v1/gameservers', query: [['limit', '500']] },
    { method: 'GET', path: `/api/v1/namespaces/${NAMESPACE}` },
    {
      method: 'POST',
      path: '/api/v1/namespaces',
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fuzz-2' } },
    },
    { method: 'DELETE', path: '/api/v1/namespaces/fuzz-2' },
    {
      method: 'POST',
      path: '/api/v1/nodes',
      body: { kind: 'Node', metadata: { name: 'made' }, spec: { unschedulable: true } },
    },
    { method: 'DELETE', path: '/api/v1/nodes/made' },
  ]);

const discover: MakeRequest = (choices) => ({
  method: 'GET',
  path: choices.of([
    '/',
    '/version',
    '/healthz',
    '/api',
    '/api/v1',
    '/apis',
    '/apis/agones.dev',
    '/apis/agones.dev/v1',
    '/openapi/v3',
    '/openapi/v3/apis/agones.dev/v1',
    '/nothing',
  ]),
  headers: accept(choices),
});

const review: MakeRequest = (choices) => ({
  method: 'POST',
  path: choices.of([
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    '/apis/authentication.k8s.io/v1/selfsubjectreviews',
  ]),
  body: { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } },
});

const intoPod: MakeRequest = (choices) => ({
  method: choices.of(['GET', 'POST']),
  path: `/api/v1/namespaces/${NAMESPACE}/pods/canary/${choices.of(['exec', 'attach', 'portforward', 'proxy'])}`,
  query: [
    ['command', 'ls'],
    ['stdout', 'true'],
  ],
  headers: choices.of<Record<string, string>>([
    {},
    { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
    {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      'sec-websocket-protocol': 'v5.channel.k8s.io',
    },
  ]),
});

/** How often each is made, out of all of them together. */
const WEIGHTS: readonly [MakeRequest, number][] = [
  [create, 20],
  [createYaml, 5],
  [createProtobuf, 3],
  [replace, 10],
  [patch, 25],
  [scale, 4],
  [remove, 6],
  [read, 5],
  [list, 8],
  [watch, 5],
  [allocate, 10],
  [clusterWide, 3],
  [discover, 3],
  [review, 2],
  [intoPod, 2],
];

const ALL = WEIGHTS.flatMap(([make, weight]) => Array.from({ length: weight }, () => make));

/** A request that the Kubernetes API serves. */
export function validApiRequest(choices: Choices): ValidRequest {
  return choices.of(ALL)(choices);
}

function named(object: object, name: string): object {
  const { metadata, ...rest } = object as { metadata: object };
  return { ...rest, metadata: { ...metadata, name } };
}

function accept(choices: Choices): Record<string, string> {
  return choices.of<Record<string, string>>([
    {},
    { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' },
    { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' },
    { accept: 'application/yaml' },
    { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' },
  ]);
}
