import fc from 'fast-check';

import type { KubernetesObject } from '../../lib/agones.ts';
import type { ResourceDefinition } from '../api/resource.ts';
import { fleetAutoscalerDefinition } from './fleet-autoscaler.ts';
import { fleetDefinition } from './fleet.ts';
import { gameServerAllocationDefinition } from './game-server-allocation.ts';
import { gameServerDefinition } from './game-server.ts';
import { resourceDefinitions } from './resource-definitions.ts';
import { objectOf, storeOfAllKinds } from './testing/admission.ts';

const allDefinitions: readonly ResourceDefinition[] = [...resourceDefinitions, gameServerAllocationDefinition];

const label = fc.stringMatching(/^[a-z]([a-z0-9]{0,8}[a-z0-9])?$/);
const labels = fc.dictionary(label, label, { maxKeys: 3 });

const port = fc.oneof(
  fc.record({ name: label, containerPort: fc.integer({ min: 1, max: 65_535 }) }),
  fc.record({ name: label, portPolicy: fc.constant('Passthrough') }),
  fc.record({
    name: label,
    portPolicy: fc.constant('Static'),
    containerPort: fc.integer({ min: 1, max: 65_535 }),
    hostPort: fc.integer({ min: 1, max: 65_535 }),
    protocol: fc.constantFrom('TCP', 'UDP', 'TCPUDP'),
  }),
);

const gameServerSpec = fc.record(
  {
    ports: fc.array(port, { maxLength: 3 }),
    health: fc.record(
      { disabled: fc.boolean(), periodSeconds: fc.nat(60), failureThreshold: fc.nat(9) },
      { requiredKeys: [] },
    ),
    scheduling: fc.constantFrom('Packed', 'Distributed'),
    eviction: fc.record({ safe: fc.constantFrom('Always', 'OnUpgrade', 'Never') }, { requiredKeys: [] }),
    sdkServer: fc.record({ grpcPort: fc.integer({ min: 1, max: 65_535 }) }, { requiredKeys: [] }),
    counters: fc.dictionary(label, fc.record({ count: fc.nat(5), capacity: fc.nat(9) }, { requiredKeys: [] })),
    lists: fc.dictionary(
      label,
      fc.record({ capacity: fc.nat(1000), values: fc.uniqueArray(label) }, { requiredKeys: [] }),
    ),
    template: fc.record({
      metadata: fc.record({ labels, annotations: labels }, { requiredKeys: [] }),
      spec: fc.record({ containers: fc.constant([{ name: 'game', image: 'game:1' }]) }),
    }),
  },
  { requiredKeys: ['template'] },
);

const goodObjects: [ResourceDefinition, fc.Arbitrary<KubernetesObject>][] = [
  [gameServerDefinition, gameServerSpec.map((spec) => objectOf(gameServerDefinition, 'one', { spec }))],
  [
    fleetDefinition,
    fc
      .record(
        {
          replicas: fc.nat(100),
          scheduling: fc.constantFrom('Packed', 'Distributed'),
          strategy: fc.constantFrom(
            {},
            { type: 'Recreate' },
            { rollingUpdate: { maxSurge: 3 } },
            { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '50%' } },
          ),
          template: gameServerSpec.map((spec) => ({ spec })),
        },
        { requiredKeys: ['template'] },
      )
      .map((spec) => objectOf(fleetDefinition, 'one', { spec })),
  ],
  [
    fleetAutoscalerDefinition,
    fc
      .record({ bufferSize: fc.integer({ min: 1, max: 9 }), maxReplicas: fc.integer({ min: 9, max: 99 }) })
      .map((buffer) => {
        const spec = { fleetName: 'f', policy: { type: 'Buffer', buffer } };
        return objectOf(fleetAutoscalerDefinition, 'one', { spec });
      }),
  ],
];

describe.each(goodObjects.map(([definition, objects]) => [definition.kind, definition, objects] as const))(
  'admission of a good %s',
  (_kind, definition, objects) => {
    it('lets it through, and filling it in twice is filling it in once', () => {
      fc.assert(
        fc.property(objects, (object) => {
          const once = structuredClone(object);
          definition.applyDefaults?.(once, 'CREATE');
          const twice = structuredClone(once);
          definition.applyDefaults?.(twice, 'CREATE');
          expect(twice).toEqual(once);
          expect(definition.validate?.(once, undefined)).toEqual([]);
          const later = structuredClone(once);
          definition.applyDefaults?.(later, 'UPDATE');
          expect(later).toEqual(once);
        }),
        { seed: 1, numRuns: 150 },
      );
    });

    it('loses no field on the way into the store', () => {
      const store = storeOfAllKinds();
      fc.assert(
        fc.property(objects, (object) => {
          const filled = structuredClone(object);
          definition.applyDefaults?.(filled, 'CREATE');
          const stored = store.create(definition.plural, object, { dryRun: true });
          expect(Reflect.get(stored, 'spec')).toEqual(Reflect.get(filled, 'spec'));
        }),
        { seed: 2, numRuns: 100 },
      );
    });
  },
);

/** Words of the schemas, so that arbitrary JSON now and then gets past the first checks. */
const knownKeys = [
  'spec status metadata template containers initContainers ports health sdkServer',
  'policy buffer webhook schedule between activePeriod chain wasm from',
  'sync fixedInterval type counters lists selectors matchLabels matchExpressions priorities',
  'required preferred data strategy rollingUpdate replicas labels annotations name',
  'finalizers resources limits env',
].flatMap((line) => line.split(' '));
const words = ['', 'Buffer', 'Chain', 'Schedule', 'Webhook', 'RollingUpdate', 'Static', 'a b', '20%', 'x'.repeat(70)];

const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 7, depthSize: 'small' },
    fc.oneof(fc.constantFrom<unknown>(...words, null, true), fc.integer(), fc.double()),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...knownKeys), tie('tree'), { maxKeys: 5 }),
  ),
}));

const nonsense = fc.dictionary(fc.constantFrom(...knownKeys.slice(0, 4), 'data', 'stringData'), tree);

describe.each(allDefinitions.map((definition) => [definition.kind, definition] as const))(
  'admission of anything sent as a %s',
  (_kind, definition) => {
    it('names faults and never throws', () => {
      fc.assert(
        fc.property(nonsense, nonsense, (fields, earlier) => {
          const object = objectOf(definition, 'one', {});
          const previous = { ...objectOf(definition, 'one', {}), ...earlier };
          Object.assign(object, fields);
          definition.applyDefaults?.(object, 'CREATE');
          definition.applyDefaults?.(object, 'UPDATE');
          const faults = [
            ...(definition.validate?.(object, undefined) ?? []),
            ...(definition.validate?.(object, previous) ?? []),
          ];
          expect(faults.every(({ reason, field, message }) => reason !== '' && field !== '' && message !== '')).toBe(
            true,
          );
        }),
        { seed: 3, numRuns: 200 },
      );
    });
  },
);
