import type { KubernetesObject } from '../../lib/agones.ts';
import type { ResourceDefinition } from '../api/resource.ts';
import { configMapDefinition, secretDefinition, serviceAccountDefinition } from './configuration-data.ts';
import { eventDefinition } from './event.ts';
import { gameServerAllocationPolicyDefinition } from './game-server-allocation-policy.ts';
import { namespaceDefinition } from './namespace.ts';
import { nodeDefinition } from './node.ts';
import { podDefinition } from './pod.ts';
import { resourceDefinitions } from './resource-definitions.ts';
import { causesOf, causesOfCreating, objectOf, storeOfAllKinds } from './testing/admission.ts';
import type { LooseObject } from './testing/admission.ts';

function row(definition: ResourceDefinition, fields: LooseObject): Record<string, unknown> {
  const object = objectOf(definition, 'one', fields);
  return Object.fromEntries(definition.columns.map(({ name, cell }) => [name, cell(object)]));
}

function created(definition: ResourceDefinition, fields: LooseObject): KubernetesObject {
  return storeOfAllKinds().create(definition.plural, objectOf(definition, 'one', fields));
}

const container = { name: 'game', image: 'game:1' };

describe('the kinds that are served', () => {
  it('have names of their own, and Age as a column', () => {
    const names = resourceDefinitions.flatMap(({ plural, shortNames }) => [plural, ...shortNames]);
    expect(new Set(names).size).toBe(names.length);
    for (const { columns, plural } of resourceDefinitions) {
      const ages = columns.filter(({ type }) => type === 'date');
      expect([plural, ages.length > 0]).toEqual([plural, true]);
    }
  });

  it('have a description in every part of their schema', () => {
    const described = (schema: unknown): boolean => {
      if (typeof schema !== 'object' || schema === null) return true;
      const properties = Object.values(Reflect.get(schema, 'properties') ?? {});
      return properties.every(
        (part) => typeof Reflect.get(Object(part), 'description') === 'string' && described(part),
      );
    };
    expect(resourceDefinitions.filter(({ schema }) => !described(schema))).toEqual([]);
  });
});

describe('a Pod', () => {
  it('is Pending at first and has the defaults of Kubernetes', () => {
    expect(created(podDefinition, { spec: { containers: [container] } })).toMatchObject({
      spec: {
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        containers: [{ ...container, imagePullPolicy: 'IfNotPresent' }],
      },
      status: { phase: 'Pending' },
    });
  });

  it.each<[string, LooseObject, string[]]>([
    ['without containers', { containers: [] }, ['FieldValueRequired spec.containers']],
    ['without an image', { containers: [{ name: 'a' }] }, ['FieldValueRequired spec.containers[0].image']],
    [
      'with two containers of one name',
      { containers: [container, container] },
      ['FieldValueDuplicate spec.containers[1].name'],
    ],
    [
      'with a container whose name is no label',
      { containers: [{ ...container, name: 'A_b' }] },
      ['FieldValueInvalid spec.containers[0].name'],
    ],
    [
      'that mounts a volume it has not',
      { containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/v' }] }] },
      ['FieldValueNotFound spec.containers[0].volumeMounts[0].name'],
    ],
    [
      'with an amount that is none',
      { containers: [{ ...container, resources: { limits: { memory: 'much' } } }] },
      ['FieldValueInvalid spec.containers[0].resources.limits.memory'],
    ],
  ])('is refused %s', (_what, spec, causes) => {
    expect(causesOfCreating(podDefinition, objectOf(podDefinition, 'one', { spec }))).toEqual(causes);
  });

  it('shows readiness, status, restarts, address and Node', () => {
    const status = { phase: 'Running', podIP: '10.0.0.2', containerStatuses: [{ ready: true, restartCount: 2 }] };
    expect(row(podDefinition, { spec: { nodeName: 'local', containers: [container] }, status })).toMatchObject({
      Ready: '1/1',
      Status: 'Running',
      Restarts: '2',
      IP: '10.0.0.2',
      Node: 'local',
    });
  });

  it.each<[string, LooseObject, string]>([
    ['Terminating', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, 'Terminating'],
    [
      'the reason of a container',
      { status: { containerStatuses: [{ state: { waiting: { reason: 'Slow' } } }] } },
      'Slow',
    ],
    ['Unknown', {}, 'Unknown'],
  ])('shows %s as its status', (_what, fields, status) => {
    expect(row(podDefinition, fields)).toMatchObject({ Ready: '0/0', Status: status });
  });
});

describe('a ConfigMap and a Secret', () => {
  it('keep text of a Secret as bytes only, with every write', () => {
    const store = storeOfAllKinds();
    const secret = store.create('secrets', objectOf(secretDefinition, 'one', { stringData: { key: 'value' } }));
    expect(secret).toMatchObject({ type: 'Opaque', data: { key: 'dmFsdWU=' } });
    expect(secret).not.toHaveProperty('stringData');
    const changed = store.update('secrets', { ...secret, stringData: { key: 'other' } });
    expect(changed).toMatchObject({ data: { key: 'b3RoZXI=' } });
  });

  it.each<[string, ResourceDefinition, LooseObject, string]>([
    ['a key with a slash', configMapDefinition, { data: { 'a/b': 'c' } }, 'FieldValueInvalid data[a/b]'],
    [
      'a certificate without its key',
      secretDefinition,
      { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } },
      'FieldValueRequired data[tls.key]',
    ],
    [
      'a key that is there twice',
      configMapDefinition,
      { data: { a: '' }, binaryData: { a: '' } },
      'FieldValueInvalid data[a]',
    ],
  ])('are refused %s', (_what, definition, fields, cause) => {
    expect(causesOfCreating(definition, objectOf(definition, 'one', fields))).toEqual([cause]);
  });

  it('never show what a bad Secret holds', () => {
    const secret = objectOf(secretDefinition, 'one', { data: { a: 'hunter2?' } });
    expect(() => storeOfAllKinds().create('secrets', secret)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  it('cannot be changed once they are immutable', () => {
    const store = storeOfAllKinds();
    const map = store.create('configmaps', objectOf(configMapDefinition, 'one', { data: { a: 'b' }, immutable: true }));
    expect(causesOf(() => store.update('configmaps', { ...map, data: { a: 'c' } }))).toEqual([
      'FieldValueForbidden data',
    ]);
  });

  it('show how many keys they have', () => {
    expect(row(configMapDefinition, { data: { a: '1' }, binaryData: { b: 'AAAA' } })).toMatchObject({ Data: 2 });
    expect(row(secretDefinition, { type: 'Opaque', data: { a: 'AAAA' } })).toMatchObject({ Type: 'Opaque', Data: 1 });
    expect(row(serviceAccountDefinition, {})).toMatchObject({ Secrets: 0 });
  });
});

describe('other kinds', () => {
  it('a Namespace is Active and carries its name as a label', () => {
    expect(created(namespaceDefinition, {})).toMatchObject({
      metadata: { labels: { 'kubernetes.io/metadata.name': 'one' } },
      status: { phase: 'Active' },
    });
    expect(row(namespaceDefinition, { status: { phase: 'Active' } })).toMatchObject({ Status: 'Active' });
  });

  it('a Node shows whether it runs Pods, its roles and addresses', () => {
    const shown = row(nodeDefinition, {
      metadata: { labels: { 'node-role.kubernetes.io/worker': '' } },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
        nodeInfo: { kubeletVersion: 'v1' },
      },
    });
    expect(shown).toMatchObject({
      Status: 'Ready,SchedulingDisabled',
      Roles: 'worker',
      Version: 'v1',
      'Internal-IP': '10.0.0.1',
      'External-IP': '<none>',
    });
  });

  it('an Event shows what happened to what, and can be selected by it', () => {
    const fields = {
      involvedObject: { kind: 'Fleet', name: 'f', namespace: 'default' },
      reason: 'Made',
      message: 'made it\n',
      type: 'Normal',
      lastTimestamp: '2026-01-01T00:00:00Z',
    };
    expect(row(eventDefinition, fields)).toMatchObject({
      'Last Seen': '2026-01-01T00:00:00Z',
      'First Seen': '2026-01-01T00:00:00Z',
      Object: 'fleet/f',
      Message: 'made it',
      Count: '1',
    });
    const kindOf = eventDefinition.selectableFields?.['involvedObject.kind'];
    expect(kindOf?.(objectOf(eventDefinition, 'one', fields))).toBe('Fleet');
  });

  it('a GameServerAllocationPolicy needs a priority and a weight', () => {
    const policy = objectOf(gameServerAllocationPolicyDefinition, 'one', { spec: { priority: -1 } });
    expect(causesOfCreating(gameServerAllocationPolicyDefinition, policy)).toEqual([
      'FieldValueInvalid spec.priority',
      'FieldValueRequired spec.weight',
    ]);
  });
});
