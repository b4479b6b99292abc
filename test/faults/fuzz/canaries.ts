export const NAMESPACE = 'fuzz';

const agones = (kind: string, name: string, spec: object, group = 'agones.dev') => ({
  apiVersion: `${group}/v1`,
  kind,
  metadata: { name, namespace: NAMESPACE, labels: { a: 'b' }, annotations: { note: 'kept' } },
  spec,
});

const core = (kind: string, name: string, rest: object) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: NAMESPACE, labels: { a: 'b' } },
  ...rest,
});

/** A GameServer that needs no Pod. */
const gameServerSpec = {
  ports: [{ name: 'game', portPolicy: 'Static', hostPort: 7777, containerPort: 7777, protocol: 'UDP' }],
  health: { initialDelaySeconds: 5, periodSeconds: 5, failureThreshold: 3 },
  counters: { rooms: { count: 1, capacity: 10 } },
  lists: { players: { capacity: 10, values: ['ada'] } },
  template: {
    metadata: { labels: { inner: 'yes' } },
    spec: {
      containers: [
        {
          name: 'game',
          image: 'no/such:1',
          env: [{ name: 'WIND', value: 'gale' }],
          resources: { requests: { cpu: '10m' } },
        },
      ],
    },
  },
};

const template = {
  metadata: { labels: { a: 'b' }, annotations: { 'agones.dev/dev-address': '127.0.0.1' } },
  spec: gameServerSpec,
};

const gameServer = agones('GameServer', 'canary', gameServerSpec);
const devGameServer = {
  ...gameServer,
  metadata: {
    ...gameServer.metadata,
    annotations: { ...gameServer.metadata.annotations, 'agones.dev/dev-address': '127.0.0.1' },
  },
};

const fleet = agones('Fleet', 'canary', {
  replicas: 1,
  scheduling: 'Packed',
  priorities: [{ type: 'Counter', key: 'rooms', order: 'Ascending' }],
  allocationOverflow: { labels: { over: 'flow' } },
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } },
  template,
});

const autoscaler = (policy: object) =>
  agones(
    'FleetAutoscaler',
    'canary',
    { fleetName: 'none', policy, sync: { type: 'FixedInterval', fixedInterval: { seconds: 30 } } },
    'autoscaling.agones.dev',
  );

/** A kind whose objects are sent about, and what may be in one. The first is there as `canary` before each request. */
export interface FuzzedKind {
  /** Of the collection in the namespace. */
  path: string;
  objects: readonly object[];
}

const agonesPath = (plural: string, group = 'agones.dev') => `/apis/${group}/v1/namespaces/${NAMESPACE}/${plural}`;
const corePath = (plural: string) => `/api/v1/namespaces/${NAMESPACE}/${plural}`;

export const FUZZED_KINDS: readonly FuzzedKind[] = [
  { path: agonesPath('gameservers'), objects: [devGameServer] },
  { path: agonesPath('fleets'), objects: [fleet] },
  {
    path: agonesPath('gameserversets'),
    objects: [agones('GameServerSet', 'canary', { replicas: 0, scheduling: 'Distributed', template })],
  },
  {
    path: agonesPath('fleetautoscalers', 'autoscaling.agones.dev'),
    objects: [
      autoscaler({ type: 'Buffer', buffer: { bufferSize: '10%', minReplicas: 1, maxReplicas: 5 } }),
      autoscaler({ type: 'Webhook', webhook: { service: { name: 'none', namespace: NAMESPACE, path: 'scale' } } }),
      autoscaler({ type: 'Counter', counter: { key: 'rooms', bufferSize: 2, minCapacity: 1, maxCapacity: 9 } }),
      autoscaler({ type: 'List', list: { key: 'players', bufferSize: '5%', minCapacity: 1, maxCapacity: 9 } }),
      autoscaler({
        type: 'Schedule',
        schedule: {
          between: { start: '2026-11-22T00:00:00Z', end: '2099-01-01T00:00:00Z' },
          activePeriod: { timezone: 'Europe/Berlin', startCron: '0 1 * * 0', duration: '5h' },
          policy: { type: 'Buffer', buffer: { bufferSize: 2, maxReplicas: 5 } },
        },
      }),
      autoscaler({
        type: 'Chain',
        chain: [{ id: 'one', type: 'Buffer', buffer: { bufferSize: 2, maxReplicas: 5 } }],
      }),
    ],
  },
  {
    path: agonesPath('gameserverallocationpolicies', 'multicluster.agones.dev'),
    objects: [
      agones(
        'GameServerAllocationPolicy',
        'canary',
        {
          priority: 1,
          weight: 100,
          connectionInfo: { clusterName: 'here', namespace: 'nowhere', secretName: 'none', serverCa: 'eA==' },
        },
        'multicluster.agones.dev',
      ),
    ],
  },
  {
    path: corePath('configmaps'),
    objects: [core('ConfigMap', 'canary', { data: { a: '1' }, binaryData: { b: 'eA==' } })],
  },
  {
    path: corePath('secrets'),
    objects: [core('Secret', 'canary', { type: 'Opaque', data: { a: 'eA==' }, stringData: { b: 'x' } })],
  },
  {
    path: corePath('events'),
    objects: [
      core('Event', 'canary', {
        involvedObject: { kind: 'Pod', name: 'none', namespace: NAMESPACE },
        reason: 'Seen',
        message: 'so it was',
        type: 'Normal',
        count: 1,
        firstTimestamp: '2026-11-22T00:00:00Z',
      }),
    ],
  },
  {
    path: corePath('serviceaccounts'),
    objects: [core('ServiceAccount', 'canary', { automountServiceAccountToken: true })],
  },
  {
    path: `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`,
    objects: [
      agones(
        'Lease',
        'canary',
        { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' },
        'coordination.k8s.io',
      ),
    ],
  },
  {
    path: corePath('pods'),
    objects: [
      core('Pod', 'canary', {
        spec: {
          nodeName: 'elsewhere',
          containers: [
            { name: 'game', image: 'no/such:1', ports: [{ containerPort: 80 }], env: [{ name: 'A', value: 'b' }] },
          ],
          volumes: [{ name: 'v', emptyDir: {} }],
        },
      }),
    ],
  },
];
