import type { KubernetesObject } from '../../lib/agones.ts';
import { fieldsOf, splitPath } from './admission.ts';
import { copyJson, jsonEquals, readPath, writePath } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { invalid, methodNotAllowed } from './refusals.ts';
import type { FieldFault, ResourceDefinition } from './resource.ts';
import type { WriteOptions } from './store.ts';

/**
 * What is stored when the whole object, or only the part of a subresource, is taken over.
 *
 * @param sent - may become part of the answer
 * @throws StatusError 405 when the kind has no such subresource
 */
export function mergeUpdate(
  definition: ResourceDefinition,
  current: KubernetesObject,
  sent: KubernetesObject,
  subresource: WriteOptions['subresource'],
): KubernetesObject {
  if (subresource === undefined) {
    if (definition.statusSubresource) takeField(fieldsOf(sent), fieldsOf(current), 'status');
    return sent;
  }
  const next: KubernetesObject = copyJson(current);
  if (sent.metadata.managedFields !== undefined) next.metadata.managedFields = sent.metadata.managedFields;
  if (subresource === 'status') {
    if (!definition.statusSubresource) throw methodNotAllowed();
    takeField(fieldsOf(next), fieldsOf(sent), 'status');
    return next;
  }
  if (definition.scale === undefined) throw methodNotAllowed();
  const path = splitPath(definition.scale.specReplicasPath);
  const replicas = readPath(sent, path);
  // The value came out of JSON.
  if (replicas !== undefined) writePath(fieldsOf(next), path, replicas as JsonValue);
  return next;
}

const SYSTEM_FIELDS = [
  'name',
  'namespace',
  'generateName',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
];

/** Puts back, in place, the metadata that only the store writes. */
export function keepSystemFields(current: KubernetesObject, next: KubernetesObject): void {
  for (const field of SYSTEM_FIELDS) takeField(fieldsOf(next.metadata), fieldsOf(current.metadata), field);
}

/**
 * What a patch may not do to the metadata that only the store writes.
 *
 * @throws StatusError 422
 */
export function checkSystemFields(
  definition: ResourceDefinition,
  current: KubernetesObject,
  next: KubernetesObject,
): void {
  const faults: FieldFault[] = [];
  for (const field of ['uid', 'deletionTimestamp'] as const) {
    const value = next.metadata[field];
    if (value === undefined || value === current.metadata[field]) continue;
    const message = `Invalid value: ${JSON.stringify(value)}: field is immutable`;
    faults.push({ reason: 'FieldValueInvalid', field: `metadata.${field}`, message });
  }
  if (faults.length > 0) throw invalid(definition, current.metadata.name, faults);
}

/** @throws StatusError 422 when an object that is being deleted would get new finalizers */
export function checkFinalizers(
  definition: ResourceDefinition,
  current: KubernetesObject,
  next: KubernetesObject,
): void {
  if (current.metadata.deletionTimestamp === undefined) return;
  const added = (next.metadata.finalizers ?? []).filter((name) => current.metadata.finalizers?.includes(name) !== true);
  if (added.length === 0) return;
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found ${added.join(', ')}`;
  const fault = { reason: 'FieldValueForbidden', field: 'metadata.finalizers', message };
  throw invalid(definition, current.metadata.name, [fault]);
}

/**
 * Raises the generation when what is wanted has changed: anything but metadata and, with a status subresource, status.
 */
export function raiseGeneration(
  definition: ResourceDefinition,
  current: KubernetesObject,
  next: KubernetesObject,
): void {
  if (next.metadata.generation === undefined) return;
  const before = fieldsOf(current);
  const after = fieldsOf(next);
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  fields.delete('metadata');
  if (definition.statusSubresource) fields.delete('status');
  if ([...fields].every((field) => jsonEquals(before[field], after[field]))) return;
  next.metadata.generation += 1;
}

function takeField(to: JsonObject, from: JsonObject, field: string): void {
  if (from[field] === undefined) delete to[field];
  else to[field] = from[field];
}
