import { fieldsOf } from '../api/admission.ts';
import { asJsonObject, copyJson, isJsonObject } from '../api/json.ts';
import type { JsonObject, JsonValue } from '../api/json.ts';
import { isLabelValue, isQualifiedName } from '../api/object-names.ts';
import type { FieldFault, ResourceDefinition } from '../api/resource.ts';
import { invalidValue, labelAndAnnotationFaults, textOf, unsupportedValue } from './field-faults.ts';
import { gameServerAllocationSchema, gameServerAllocationSpecSchema } from './game-server-allocation-schema.ts';
import { objectsIn } from './game-server-defaults.ts';
import { schemaFaultsAt } from './schema-validation.ts';

/** `gameserverallocations.allocation.agones.dev`: one can only create it, and nothing is stored. */
export const gameServerAllocationDefinition: ResourceDefinition = {
  group: 'allocation.agones.dev',
  version: 'v1',
  kind: 'GameServerAllocation',
  listKind: 'GameServerAllocationList',
  plural: 'gameserverallocations',
  singular: 'gameserverallocation',
  shortNames: ['gsa'],
  namespaced: true,
  verbs: ['create'],
  statusSubresource: false,
  columns: [],
  schema: gameServerAllocationSchema,
  validate: (allocation) => validateGameServerAllocation(fieldsOf(allocation)['spec']),
};

/**
 * Fields of a GameServerAllocation's `spec` that are of a wrong type. Agones cannot even decode such a body and answers it
 * with status 500 and plain text.
 */
export function gameServerAllocationTypeFaults(spec: unknown): FieldFault[] {
  if (spec === undefined || spec === null) return [];
  return schemaFaultsAt(withoutNulls(copyJson(spec)), gameServerAllocationSpecSchema, 'spec');
}

/**
 * Faults of the `spec` of a GameServerAllocation, whether or not defaults were applied: wrong types and, if there are none,
 * wrong values. Whether Counters, Lists or actions of those names exist is not looked at: that shows while allocating.
 *
 * Source: fields and reasons as recorded from Agones 1.57.
 */
export function validateGameServerAllocation(spec: unknown): FieldFault[] {
  const wrongTypes = gameServerAllocationTypeFaults(spec);
  if (wrongTypes.length > 0) return wrongTypes;
  const fields = asJsonObject(withoutNulls(copyJson(spec)));
  const scheduling = fields['scheduling'] ?? '';
  const known = ['', 'Packed', 'Distributed'].some((strategy) => strategy === scheduling);
  return [
    ...(known ? [] : [unsupportedValue('spec.scheduling', scheduling, ['Packed', 'Distributed'])]),
    ...selectorFaults(asJsonObject(fields['required']), 'spec.required'),
    ...objectsIn(fields['preferred']).flatMap((each, index) => selectorFaults(each, `spec.preferred[${index}]`)),
    ...objectsIn(fields['selectors']).flatMap((each, index) => selectorFaults(each, `spec.selectors[${index}]`)),
    ...objectsIn(fields['priorities']).flatMap((each, index) => priorityFaults(each, `spec.priorities[${index}]`)),
    ...entriesOf(fields['counters']).flatMap(([key, each]) => counterActionFaults(each, `spec.counters[${key}]`)),
    ...entriesOf(fields['lists']).flatMap(([key, each]) => notNegative(each, ['capacity'], `spec.lists[${key}]`)),
    ...labelAndAnnotationFaults(fields['metadata'], 'spec.metadata'),
  ];
}

function selectorFaults(selector: JsonObject, path: string): FieldFault[] {
  const faults: FieldFault[] = [];
  const broken = labelSelectorProblem(selector);
  if (broken !== undefined) {
    const { matchLabels, matchExpressions } = selector;
    faults.push(invalidValue(`${path}.labelSelector`, { matchLabels, matchExpressions }, broken));
  }
  const state = selector['gameServerState'];
  if (state !== undefined && state !== 'Ready' && state !== 'Allocated') {
    faults.push(invalidValue(`${path}.gameServerState`, state, 'must be Ready or Allocated'));
  }
  for (const [key, counter] of entriesOf(selector['counters'])) {
    faults.push(...rangeFaults(counter, 'minCount', 'maxCount', `${path}.counters[${key}]`));
    faults.push(...rangeFaults(counter, 'minAvailable', 'maxAvailable', `${path}.counters[${key}]`));
  }
  for (const [key, list] of entriesOf(selector['lists'])) {
    faults.push(...rangeFaults(list, 'minAvailable', 'maxAvailable', `${path}.lists[${key}]`));
  }
  return faults;
}

/** What is wrong with a label selector, in words. */
function labelSelectorProblem(selector: JsonObject): string | undefined {
  for (const [key, value] of Object.entries(asJsonObject(selector['matchLabels']))) {
    if (!isQualifiedName(key)) return `${JSON.stringify(key)} is not a label`;
    if (!isLabelValue(textOf(value))) return `${JSON.stringify(value)} is not the value of a label`;
  }
  for (const { key, operator, values } of objectsIn(selector['matchExpressions'])) {
    const count = Array.isArray(values) ? values.length : 0;
    if (operator === 'In' || operator === 'NotIn') {
      if (count === 0) return `${operator} needs values`;
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (count > 0) return `${operator} takes no values`;
    } else return `${JSON.stringify(operator ?? '')} is not an operator of label selectors`;
    if (!isQualifiedName(textOf(key))) return `${JSON.stringify(key ?? '')} is not a label`;
    for (const value of Array.isArray(values) ? values : []) {
      if (!isLabelValue(textOf(value))) return `${JSON.stringify(value)} is not the value of a label`;
    }
  }
  return undefined;
}

/** The greater of the two may be 0, which is no limit. */
function rangeFaults(limits: JsonObject, minKey: string, maxKey: string, path: string): FieldFault[] {
  const faults = notNegative(limits, [minKey, maxKey], path);
  const minimum = numberOf(limits[minKey]);
  const maximum = numberOf(limits[maxKey]);
  if (maximum !== 0 && maximum < minimum) {
    faults.push(invalidValue(path, maximum, `${maxKey} must be 0 or not below the ${minKey} ${minimum}`));
  }
  return faults;
}

function priorityFaults(priority: JsonObject, path: string): FieldFault[] {
  const { type, key, order = '' } = priority;
  const faults: FieldFault[] = [];
  if (type !== 'Counter' && type !== 'List')
    faults.push(invalidValue(path, type ?? '', 'type must be Counter or List'));
  if ((key ?? '') === '') faults.push(invalidValue(path, type ?? '', 'key must be set'));
  if (order !== '' && order !== 'Ascending' && order !== 'Descending') {
    faults.push(invalidValue(path, order, 'order must be Ascending or Descending'));
  }
  return faults;
}

function counterActionFaults(action: JsonObject, path: string): FieldFault[] {
  const faults = notNegative(action, ['amount', 'capacity'], path);
  const hasAmount = action['amount'] !== undefined;
  const hasAction = action['action'] !== undefined;
  if (hasAmount && !hasAction)
    faults.push(invalidValue(path, null, 'an amount needs the action Increment or Decrement'));
  if (hasAction && !hasAmount) faults.push(invalidValue(path, null, 'an action needs an amount'));
  return faults;
}

function notNegative(values: JsonObject, keys: readonly string[], path: string): FieldFault[] {
  return keys
    .filter((key) => numberOf(values[key]) < 0)
    .map((key) => invalidValue(`${path}.${key}`, values[key], 'must not be below 0'));
}

function entriesOf(map: unknown): [string, JsonObject][] {
  return Object.entries(asJsonObject(map)).map(([key, value]) => [key, asJsonObject(value)]);
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/** A field that is `null` counts as left out, at any depth. */
function withoutNulls(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (isJsonObject(value)) {
    const kept = Object.entries(value).filter(([, below]) => below !== null && below !== undefined);
    return Object.fromEntries(kept.map(([key, below]) => [key, withoutNulls(below)]));
  }
  const plain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return plain ? value : null;
}
