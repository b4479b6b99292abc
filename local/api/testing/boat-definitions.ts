import type { KubernetesObject } from '../../../lib/agones.ts';
import { fieldsOf } from '../admission.ts';
import { asJsonObject, readPath } from '../json.ts';
import type { FieldFault, ResourceDefinition } from '../resource.ts';

const ALL_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const text = { type: 'string' };

function colourOf(boat: KubernetesObject): string {
  const colour = readPath(boat, ['spec', 'colour']);
  return typeof colour === 'string' ? colour : '';
}

/** A custom kind with both subresources, a merged list, an open field and admission. */
export const boats: ResourceDefinition = {
  group: 'harbour.example',
  version: 'v1',
  kind: 'Boat',
  listKind: 'BoatList',
  plural: 'boats',
  singular: 'boat',
  shortNames: ['bt'],
  categories: ['all'],
  namespaced: true,
  verbs: ALL_VERBS,
  statusSubresource: true,
  scale: { specReplicasPath: '.spec.seats', statusReplicasPath: '.status.taken' },
  columns: [
    {
      name: 'Seats',
      type: 'integer',
      description: 'How many seats it has.',
      priority: 0,
      cell: (boat) => Number(readPath(boat, ['spec', 'seats']) ?? 0),
    },
    {
      name: 'Age',
      type: 'date',
      description: 'How old it is.',
      priority: 0,
      cell: ({ metadata }) => metadata.creationTimestamp ?? null,
    },
  ],
  selectableFields: { 'spec.colour': (boat) => colourOf(boat) },
  schema: {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          seats: { type: 'integer', description: 'How many can sit.' },
          colour: text,
          sails: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            items: { type: 'object', properties: { name: text, area: { type: 'integer' } } },
          },
          flags: { type: 'array', items: text },
          notes: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
      status: { type: 'object', properties: { taken: { type: 'integer' }, harbour: text } },
    },
  },
  applyDefaults(boat) {
    const fields = fieldsOf(boat);
    const spec = asJsonObject(fields['spec']);
    spec['colour'] ??= 'white';
    fields['spec'] = spec;
  },
  validate(boat): FieldFault[] {
    const seats = readPath(boat, ['spec', 'seats']);
    if (typeof seats !== 'number' || seats <= 8) return [];
    return [{ reason: 'FieldValueInvalid', field: 'spec.seats', message: `Invalid value: ${seats}: at most 8` }];
  },
};

/** A custom kind without subresources. */
export const crews: ResourceDefinition = {
  ...boats,
  kind: 'Crew',
  listKind: 'CrewList',
  plural: 'crews',
  singular: 'crew',
  shortNames: [],
  categories: [],
  statusSubresource: false,
  columns: [],
};
delete crews.scale;

function builtIn(kind: string, plural: string, namespaced: boolean): ResourceDefinition {
  return {
    group: '',
    version: 'v1',
    kind,
    listKind: `${kind}List`,
    plural,
    singular: kind.toLowerCase(),
    shortNames: [],
    namespaced,
    verbs: ALL_VERBS,
    statusSubresource: true,
    columns: [],
    schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  };
}

export const testDefinitions: readonly ResourceDefinition[] = [
  builtIn('Namespace', 'namespaces', false),
  builtIn('Pod', 'pods', true),
  boats,
  crews,
];

/** A boat to send, with what is given in place of what it has. */
export function boat(name: string, spec: object = { seats: 2 }, metadata: object = {}): KubernetesObject {
  const whole = {
    apiVersion: 'harbour.example/v1',
    kind: 'Boat',
    metadata: { name, namespace: 'default', ...metadata },
    spec,
  };
  return whole;
}
