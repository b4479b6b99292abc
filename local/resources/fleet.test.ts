import type { Fleet, GameServerSet, KubernetesObject } from '../../lib/agones.ts';
import { fleetDefinition } from './fleet.ts';
import { gameServerSetDefinition } from './game-server-set.ts';
import { admitNew, causesOf, causesOfCreating, objectOf, storeOfAllKinds } from './testing/admission.ts';
import type { LooseObject } from './testing/admission.ts';

const pod = { spec: { containers: [{ name: 'game', image: 'game:1', resources: {} }] } };
const ports = [{ name: 'ws', containerPort: 8000, protocol: 'TCP' }];

function template(spec: LooseObject = {}): LooseObject {
  return { metadata: { labels: { version: 'one' } }, spec: { ports, template: pod, ...spec } };
}

function fleet(spec: LooseObject): KubernetesObject {
  return objectOf(fleetDefinition, 'one', { spec: { replicas: 2, template: template(), ...spec } });
}

function set(spec: LooseObject): KubernetesObject {
  return objectOf(gameServerSetDefinition, 'one', { spec: { replicas: 2, template: template(), ...spec } });
}

describe('a new Fleet', () => {
  it('has its own defaults, and its template those of the schema only', () => {
    const created = storeOfAllKinds().create('fleets', fleet({ replicas: undefined }));
    expect(created.metadata.annotations).toEqual({ 'agones.dev/sdk-version': '1.57.0' });
    expect(created.metadata.finalizers).toBeUndefined();
    expect(created).not.toHaveProperty('status');
    expect(created).toHaveProperty('spec', {
      replicas: 0,
      scheduling: 'Packed',
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: {
        metadata: { creationTimestamp: null, labels: { version: 'one' } },
        spec: {
          health: {},
          immutableReplicas: 1,
          ports,
          sdkServer: {},
          template: { metadata: { creationTimestamp: null }, ...pod },
        },
      },
    });
  });

  it('that is recreated as a whole gets no steps of a rolling update', () => {
    const { object } = admitNew(fleetDefinition, fleet({ strategy: { type: 'Recreate' } }));
    expect(object).toHaveProperty('spec.strategy', { type: 'Recreate' });
  });

  it.each<[string, LooseObject]>([
    ['a template that names a container that is not there', { template: template({ container: 'nope' }) }],
    ['a priority with an empty key', { priorities: [{ type: 'Counter', key: '', order: 'Ascending' }] }],
    ['a priority without an order', { priorities: [{ type: 'List', key: 'sessions' }] }],
  ])('may have %s', (_what, spec) => {
    expect(causesOfCreating(fleetDefinition, fleet(spec))).toEqual([]);
  });

  it.each<[string, LooseObject, string[]]>([
    ['an unknown strategy', { strategy: { type: 'Slowly' } }, ['FieldValueNotSupported spec.strategy.type']],
    [
      'a surge of 0 %',
      { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '0%', maxUnavailable: '25%' } } },
      ['FieldValueInvalid spec.strategy.rollingUpdate.maxSurge'],
    ],
    [
      'a maxUnavailable that is no number',
      { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 'x' } } },
      ['FieldValueInvalid spec.strategy.rollingUpdate.maxUnavailable'],
    ],
    [
      'a surge of none',
      { strategy: { rollingUpdate: { maxSurge: 0 } } },
      ['FieldValueInvalid spec.strategy.rollingUpdate.maxSurge'],
    ],
    ['an unknown scheduling', { scheduling: 'Sideways' }, ['FieldValueNotSupported spec.scheduling']],
    [
      'a template that breaks the rules of GameServers',
      { template: template({ ports: [{ name: 'ws', portPolicy: 'Static' }] }) },
      ['FieldValueRequired spec.template.spec.ports[0].containerPort'],
    ],
    [
      'a label of its GameServers with a bad value',
      { template: { ...template(), metadata: { labels: { a: 'x y' } } } },
      ['FieldValueInvalid spec.template.metadata.labels'],
    ],
    [
      'an overflow label with a bad key',
      { allocationOverflow: { labels: { 'a b': 'c' } } },
      ['FieldValueInvalid spec.allocationOverflow.labels'],
    ],
    [
      'a priority of an unknown type',
      { priorities: [{ type: 'Thing', key: 'a' }] },
      ['FieldValueNotSupported spec.priorities[0].type'],
    ],
  ])('is refused for %s', (_what, spec, causes) => {
    expect(admitNew(fleetDefinition, fleet(spec)).faults).toEqual(causes);
    expect(causesOfCreating(fleetDefinition, fleet(spec))).toEqual(causes);
  });

  it.each<[string, unknown, string[]]>([
    ['fewer than no replicas', -1, ['FieldValueInvalid .spec.replicas', 'FieldValueInvalid spec.replicas']],
    ['replicas in words', 'two', ['FieldValueInvalid .spec.replicas', 'FieldValueTypeInvalid spec.replicas']],
  ])('is refused for %s, by its schema and by what scales it', (_what, replicas, causes) => {
    expect(causesOfCreating(fleetDefinition, fleet({ replicas }))).toEqual(causes);
  });
});

describe('a Fleet that is there', () => {
  it('keeps to the rules when it is changed, and may lose no strategy', () => {
    const store = storeOfAllKinds();
    const { spec, ...created } = store.create<Fleet>('fleets', fleet({}) as Fleet);
    const { strategy: _, ...rest } = spec;
    expect(causesOf(() => store.update('fleets', { ...created, spec: rest }))).toEqual([
      'FieldValueNotSupported spec.strategy.type',
    ]);
    expect(causesOf(() => store.update('fleets', { ...created, spec: { ...spec, replicas: 5 } }))).toEqual([]);
  });

  it('is scaled by its scale subresource', () => {
    const store = storeOfAllKinds();
    store.create('fleets', fleet({}));
    const scaleTo = (replicas: number) =>
      store.modify<Fleet>('fleets', 'default', 'one', (copy) => void (copy.spec.replicas = replicas), {
        subresource: 'scale',
      });
    expect(scaleTo(7)?.spec.replicas).toBe(7);
    expect(causesOf(() => scaleTo(-1))).toEqual([
      'FieldValueInvalid .spec.replicas',
      'FieldValueInvalid spec.replicas',
    ]);
  });

  it('takes a status through its subresource only', () => {
    const store = storeOfAllKinds();
    store.create('fleets', fleet({}));
    const status = { replicas: 2, readyReplicas: 1, reservedReplicas: 0, allocatedReplicas: 0 };
    const write = (options: { subresource?: 'status' }) =>
      store.modify<Fleet>('fleets', 'default', 'one', (copy) => void (copy.status = status), options);
    expect(write({})?.status).toBeUndefined();
    expect(write({ subresource: 'status' })?.status).toEqual(status);
  });

  it('shows scheduling and how many GameServers there are', () => {
    const shown = objectOf(fleetDefinition, 'one', {
      spec: { scheduling: 'Packed', replicas: 3 },
      status: { replicas: 2, allocatedReplicas: 0, readyReplicas: 1 },
    });
    const cells = fleetDefinition.columns.map(({ name, cell }) => [name, cell(shown)]);
    expect(cells).toEqual([
      ['Scheduling', 'Packed'],
      ['Desired', 3],
      ['Current', 2],
      ['Allocated', 0],
      ['Ready', 1],
      ['Age', null],
    ]);
  });
});

describe('a GameServerSet', () => {
  it('is made as it is sent, but for defaults of the schema', () => {
    const created = storeOfAllKinds().create('gameserversets', set({}));
    expect(created).toHaveProperty('spec', {
      replicas: 2,
      template: { metadata: { labels: { version: 'one' } }, spec: { immutableReplicas: 1, ports, template: pod } },
    });
  });

  it.each<[string, LooseObject, string[]]>([
    ['without replicas', { replicas: undefined }, ['FieldValueRequired spec.replicas']],
    ['without a template', { template: undefined }, ['FieldValueRequired spec.template']],
    [
      'whose template breaks the rules of GameServers',
      { template: template({ ports: [{ name: 'ws', hostPort: 7000, containerPort: 8000 }] }) },
      ['FieldValueForbidden spec.template.spec.ports[0].hostPort'],
    ],
  ])('is refused %s', (_what, spec, causes) => {
    expect(causesOfCreating(gameServerSetDefinition, set(spec))).toEqual(causes);
  });

  it('is refused with the kind of another', () => {
    const object = { ...set({}), kind: 'Fleet' };
    expect(causesOfCreating(gameServerSetDefinition, object)).toEqual(['FieldValueInvalid kind']);
  });

  it('never changes its template', () => {
    const store = storeOfAllKinds();
    const created = store.create<GameServerSet>('gameserversets', set({}) as GameServerSet);
    const withSpec = (spec: LooseObject) => ({ ...created, spec: { ...created.spec, ...spec } });
    expect(
      causesOf(() => store.update('gameserversets', withSpec({ template: template({ container: 'game' }) }))),
    ).toEqual(['FieldValueInvalid spec.template']);
    expect(causesOf(() => store.update('gameserversets', withSpec({ replicas: 9 })))).toEqual([]);
  });
});
