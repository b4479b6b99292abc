import type { GameServer, KubernetesObject } from '../../lib/agones.ts';
import { gameServerDefinition } from './game-server.ts';
import { admitNew, causesOf, causesOfCreating, objectOf, storeOfAllKinds } from './testing/admission.ts';
import type { LooseObject } from './testing/admission.ts';

const pod = { spec: { containers: [{ name: 'game', image: 'game:1', resources: {} }] } };
const dynamicPort = { name: 'ws', containerPort: 8000, protocol: 'TCP' };
const health = { periodSeconds: 5, failureThreshold: 6, initialDelaySeconds: 10 };

function gameServer(spec: LooseObject, metadata: LooseObject = {}): KubernetesObject {
  const full = { ports: [dynamicPort], health, template: pod, ...spec };
  return objectOf(gameServerDefinition, 'one', { metadata, spec: full });
}

function admitted(spec: LooseObject, metadata: LooseObject = {}): GameServer {
  const { object, faults } = admitNew(gameServerDefinition, gameServer(spec, metadata));
  expect(faults).toEqual([]);
  return storeOfAllKinds().create<GameServer>('gameservers', object as GameServer, { dryRun: true });
}

describe('a new GameServer', () => {
  it('has every default written out', () => {
    const { metadata, spec, status } = admitted({});
    expect(metadata.finalizers).toEqual(['agones.dev/controller']);
    expect(metadata.annotations).toEqual({ 'agones.dev/sdk-version': '1.57.0' });
    expect(spec).toEqual({
      container: 'game',
      eviction: { safe: 'Never' },
      health,
      immutableReplicas: 1,
      ports: [
        {
          name: 'ws',
          containerPort: 8000,
          protocol: 'TCP',
          portPolicy: 'Dynamic',
          range: 'default',
          container: 'game',
        },
      ],
      scheduling: 'Packed',
      sdkServer: { grpcPort: 9357, httpPort: 9358, logLevel: 'Info' },
      template: { metadata: { creationTimestamp: null }, ...pod },
    });
    expect(status).toEqual({
      state: 'PortAllocation',
      address: '',
      addresses: null,
      eviction: { safe: 'Never' },
      immutableReplicas: 1,
      nodeName: '',
      players: null,
      ports: null,
      reservedUntil: null,
    });
  });

  it.each([
    ['Dynamic', { containerPort: 8000 }, 'PortAllocation'],
    ['Passthrough', {}, 'PortAllocation'],
    ['Static', { hostPort: 7999, containerPort: 8000 }, 'Creating'],
    ['None', { containerPort: 8000 }, 'Creating'],
  ])('with a port of policy %s begins in the right state', (portPolicy, port, state) => {
    const { spec, status } = admitted({ ports: [{ name: 'ws', portPolicy, ...port }] });
    expect(status?.state).toBe(state);
    expect(spec.ports).toEqual([
      { name: 'ws', portPolicy, protocol: 'UDP', range: 'default', container: 'game', ...port },
    ]);
  });

  it('keeps a TCPUDP port whole until a number is picked for it', () => {
    const { spec } = admitted({ ports: [{ ...dynamicPort, protocol: 'TCPUDP' }] });
    expect(spec.ports).toMatchObject([{ name: 'ws', protocol: 'TCPUDP' }]);
  });

  it('without ports begins as Creating and shows no empty list', () => {
    const { spec, status } = admitted({ ports: [], counters: {} });
    expect(spec).not.toHaveProperty('ports');
    expect(spec).not.toHaveProperty('counters');
    expect(status?.state).toBe('Creating');
  });

  it('copies Counters and Lists to its status, with their defaults', () => {
    const counters = { seats: { count: 1, capacity: 5 }, bare: {} };
    const lists = { players: { capacity: 3, values: ['a'] }, bare: {} };
    const { spec, status } = admitted({ counters, lists });
    expect(spec.counters).toEqual({ seats: { count: 1, capacity: 5 }, bare: { count: 0, capacity: 1000 } });
    expect(spec.lists).toEqual({ players: { capacity: 3, values: ['a'] }, bare: { capacity: 1000, values: [] } });
    expect(status?.counters).toEqual(spec.counters);
    expect(status?.lists).toEqual(spec.lists);
  });

  it('with its health check disabled gets no other health settings', () => {
    expect(admitted({ health: { disabled: true } }).spec.health).toEqual({ disabled: true });
  });

  it.each([{ periodSeconds: 0 }, { failureThreshold: -1 }, {}])('takes the defaults for the health %j', (broken) => {
    expect(admitted({ health: broken }).spec.health).toEqual({
      periodSeconds: 5,
      failureThreshold: 3,
      initialDelaySeconds: 5,
    });
  });

  it('keeps its eviction, and lets the annotation of its Pod decide the status', () => {
    expect(admitted({ eviction: { safe: 'OnUpgrade' } }).status?.eviction).toEqual({ safe: 'OnUpgrade' });
    const annotations = { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' };
    const movable = admitted({ template: { ...pod, metadata: { annotations } } });
    expect(movable.spec.eviction).toEqual({ safe: 'Never' });
    expect(movable.status?.eviction).toEqual({ safe: 'Always' });
  });

  it('with a dev address keeps it beside the version', () => {
    const { metadata, status } = admitted(
      { ports: [{ ...dynamicPort, portPolicy: 'Static', hostPort: 21_000 }] },
      { annotations: { 'agones.dev/dev-address': '127.0.0.1' } },
    );
    expect(metadata.annotations).toEqual({
      'agones.dev/dev-address': '127.0.0.1',
      'agones.dev/sdk-version': '1.57.0',
    });
    expect(status?.state).toBe('Creating');
  });

  it('keeps the finalizers it came with', () => {
    const { metadata } = admitted({}, { finalizers: ['example.com/mine'] });
    expect(metadata.finalizers).toEqual(['example.com/mine', 'agones.dev/controller']);
  });

  it('with one container runs that one, whatever name was given', () => {
    expect(admitted({ container: 'nope' }).spec.container).toBe('game');
  });

  it('keeps the log level and ports of its SDK server', () => {
    const sdkServer = { logLevel: 'Debug', grpcPort: 9358 };
    expect(admitted({ sdkServer }).spec.sdkServer).toEqual({ logLevel: 'Debug', grpcPort: 9358, httpPort: 9358 });
  });

  it('sent with the kind of another becomes a GameServer', () => {
    const created = storeOfAllKinds().create('gameservers', { ...gameServer({}), kind: 'Fleet' });
    expect(created.kind).toBe('GameServer');
  });
});

describe('a GameServer that is let through though one might not think so', () => {
  it.each<[string, LooseObject]>([
    ['a port range nobody has', { ports: [{ ...dynamicPort, range: 'nope' }] }],
    ['a Counter beyond its capacity', { counters: { seats: { count: 5, capacity: 1 } } }],
    ['one port for both APIs of the SDK', { sdkServer: { grpcPort: 9358, httpPort: 9358 } }],
  ])('%s', (_what, spec) => {
    expect(causesOfCreating(gameServerDefinition, gameServer(spec))).toEqual([]);
  });
});

const twoContainers = [
  { name: 'a', image: 'x' },
  { name: 'b', image: 'x' },
];

const refused: [string, KubernetesObject, string[]][] = [
  [
    'several containers and none named',
    gameServer({ template: { spec: { containers: twoContainers } } }),
    ['FieldValueInvalid spec.container', 'FieldValueRequired spec.container'],
  ],
  [
    'several containers and a name none of them has',
    gameServer({ container: 'c', template: { spec: { containers: twoContainers } } }),
    ['FieldValueInvalid spec.container', 'FieldValueInvalid spec.ports[0].container'],
  ],
  [
    'no containers',
    objectOf(gameServerDefinition, 'one', { spec: { template: { spec: { containers: [] } } } }),
    ['FieldValueInvalid spec.container'],
  ],
  [
    'no template',
    objectOf(gameServerDefinition, 'one', { spec: {} }),
    ['FieldValueTypeInvalid spec.template.spec.containers'],
  ],
  [
    'a host port on a Dynamic port',
    gameServer({ ports: [{ name: 'ws', portPolicy: 'Dynamic', hostPort: 7001, containerPort: 8000 }] }),
    ['FieldValueForbidden spec.ports[0].hostPort'],
  ],
  [
    'no container port on a Static port',
    gameServer({ ports: [{ name: 'ws', portPolicy: 'Static', hostPort: 7001 }] }),
    ['FieldValueRequired spec.ports[0].containerPort'],
  ],
  [
    'a container port on a Passthrough port',
    gameServer({ ports: [{ name: 'ws', portPolicy: 'Passthrough', containerPort: 8000 }] }),
    ['FieldValueRequired spec.ports[0].containerPort'],
  ],
  [
    'an unknown port policy',
    gameServer({ ports: [{ name: 'ws', portPolicy: 'Whatever', containerPort: 8000 }] }),
    ['FieldValueNotSupported spec.ports[0].portPolicy'],
  ],
  [
    'an unknown protocol',
    gameServer({ ports: [{ ...dynamicPort, protocol: 'SCTPX' }] }),
    ['FieldValueNotSupported spec.ports[0].protocol'],
  ],
  [
    'a port number beyond 65535',
    gameServer({ ports: [{ name: 'ws', containerPort: 70_000 }] }),
    ['FieldValueInvalid spec.ports[0].containerPort'],
  ],
  [
    'a port of a container that is not there',
    gameServer({ ports: [{ ...dynamicPort, container: 'other' }] }),
    ['FieldValueInvalid spec.ports[0].container'],
  ],
  [
    'a List with room for more than 1000',
    gameServer({ lists: { l: { capacity: 1001 } } }),
    ['FieldValueInvalid spec.lists.l.capacity', 'FieldValueInvalid status.lists.l.capacity'],
  ],
  [
    'a List that holds a value twice',
    gameServer({ lists: { l: { values: ['a', 'a'] } } }),
    ['FieldValueDuplicate spec.lists.l.values[1]', 'FieldValueDuplicate status.lists.l.values[1]'],
  ],
  [
    'a Counter below 0',
    gameServer({ counters: { c: { count: -1 } } }),
    ['FieldValueInvalid spec.counters.c.count', 'FieldValueInvalid status.counters.c.count'],
  ],
  [
    'an unknown log level',
    gameServer({ sdkServer: { logLevel: 'Loud' } }),
    ['FieldValueNotSupported spec.sdkServer.logLevel'],
  ],
  [
    'player tracking, which is off',
    gameServer({ players: { initialCapacity: 3 } }),
    ['FieldValueForbidden spec.players'],
  ],
  [
    'a label of its Pod with a bad value',
    gameServer({ template: { ...pod, metadata: { labels: { a: 'not ok!' } } } }),
    ['FieldValueInvalid spec.template.metadata.labels'],
  ],
  [
    'a dev address that is no IP address, and a port that is picked',
    gameServer({}, { annotations: { 'agones.dev/dev-address': 'here' } }),
    [
      'FieldValueInvalid metadata.annotations.agones.dev/dev-address',
      'FieldValueRequired spec.ports[0].hostPort',
      'FieldValueRequired spec.ports[0].portPolicy',
    ],
  ],
  [
    'a container that asks for more than its limit',
    gameServer({
      template: {
        spec: {
          containers: [{ name: 'game', image: 'x', resources: { limits: { cpu: '500m' }, requests: { cpu: 1 } } }],
        },
      },
    }),
    ['FieldValueInvalid spec.template.spec.containers[0].resources.requests'],
  ],
  ['a name of 64 characters', gameServer({}, { name: 'b'.repeat(64) }), ['FieldValueTooLong metadata.name']],
];

describe('a new GameServer is refused', () => {
  it.each(refused)('for %s', (_what, object, causes) => {
    expect(admitNew(gameServerDefinition, object).faults).toEqual(causes);
    expect(causesOfCreating(gameServerDefinition, object)).toEqual(causes);
  });

  it.each<[string, LooseObject, string[]]>([
    ['a name with capitals', { name: 'Bad' }, ['FieldValueInvalid metadata.name']],
    ['a label with a bad value', { labels: { a: 'not ok!' } }, ['FieldValueInvalid metadata.labels']],
  ])('for %s', (_what, metadata, causes) => {
    expect(causesOfCreating(gameServerDefinition, gameServer({}, metadata))).toEqual(causes);
  });

  it.each<[string, Partial<KubernetesObject>, object]>([
    ['another apiVersion', { apiVersion: 'agones.dev/v2' }, { code: 400, reason: 'BadRequest' }],
    ['a namespace that is not there', { metadata: { name: 'a', namespace: 'no' } }, { code: 404, reason: 'NotFound' }],
  ])('for %s', (_what, fields, refusal) => {
    const object = { ...gameServer({}), ...fields };
    expect(() => storeOfAllKinds().create('gameservers', object)).toThrow(expect.objectContaining(refusal));
  });
});

describe('a GameServer that is there', () => {
  it('can change its status and metadata with one write', () => {
    const store = storeOfAllKinds();
    store.create('gameservers', gameServer({}));
    const changed = store.modify<GameServer>('gameservers', 'default', 'one', (copy) => {
      copy.metadata.labels = { a: 'b' };
      if (copy.status !== undefined) copy.status.state = 'Ready';
    });
    expect(changed).toMatchObject({ metadata: { labels: { a: 'b' } }, status: { state: 'Ready' } });
  });

  it('is held to the schema and not to the rules of creation', () => {
    const store = storeOfAllKinds();
    const created = store.create<GameServer>('gameservers', gameServer({}) as GameServer);
    const ported = { ...created.spec, ports: [{ ...dynamicPort, portPolicy: 'Dynamic', hostPort: 7001 }] };
    expect(causesOf(() => store.update('gameservers', { ...created, spec: ported }))).toEqual([]);
    const lost = { ...created, metadata: { name: 'one', namespace: 'default' }, status: { state: 'Lost' } };
    expect(causesOf(() => store.update('gameservers', lost))).toEqual(['FieldValueNotSupported status.state']);
  });
});

describe('the columns of a GameServer', () => {
  it('are state, address, first port, node and age', () => {
    const { columns } = gameServerDefinition;
    const object = objectOf(gameServerDefinition, 'one', {
      status: { state: 'Ready', address: '127.0.0.1', ports: [{ name: 'ws', port: 21_000 }], nodeName: 'local' },
      metadata: { creationTimestamp: '2026-01-01T00:00:00Z' },
    });
    expect(columns.map(({ name, type, cell }) => [name, type, cell(object)])).toEqual([
      ['State', 'string', 'Ready'],
      ['Address', 'string', '127.0.0.1'],
      ['Port', 'string', '21000'],
      ['Node', 'string', 'local'],
      ['Age', 'date', '2026-01-01T00:00:00Z'],
    ]);
    expect(columns[2]?.cell(objectOf(gameServerDefinition, 'two', {}))).toBeNull();
  });
});
