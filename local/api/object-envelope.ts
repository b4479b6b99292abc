import type { KubernetesObject } from '../../lib/agones.ts';
import { apiVersionOf } from './admission.ts';
import { isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { badRequest, invalid, invalidPatch } from './refusals.ts';
import type { ResourceDefinition } from './resource.ts';
import { metadataTypeFault, propertySchema, typeFaults } from './schema.ts';
import type { StatusError } from './status-error.ts';

/** Where an object came from, which decides how it is refused: as a bad body, or as a patch that makes no object. */
export type Origin = 'body' | 'patch' | 'apply';

/** Whether the kind is one of Kubernetes' own, which differ from custom ones in patch types and in how they are read. */
export function isBuiltIn({ group }: ResourceDefinition): boolean {
  return !group.includes('.') || group.endsWith('.k8s.io');
}

/**
 * Reads a value as an object of the definition, in place: whatever is left has an envelope of the right types.
 *
 * Kubernetes' own kinds are decoded into their Go types, so that any field of a wrong type is refused here, and kind and
 * apiVersion may be left out. Of custom kinds only the envelope is looked at: their schema comes later.
 *
 * @throws StatusError 400, 422
 */
export function readEnvelope(definition: ResourceDefinition, value: JsonValue, origin: Origin): KubernetesObject {
  const isOwn = isBuiltIn(definition);
  const fields = value === null && isOwn ? {} : value;
  if (!isJsonObject(fields)) {
    throw badRequest(`the object provided is unrecognized (must be of type ${definition.kind}): it is not an object`);
  }
  const refuse = refusal(definition, origin);
  for (const key of ['apiVersion', 'kind']) {
    const text = fields[key] ?? '';
    if (typeof text !== 'string') throw refuse(`${key} must be a string`);
    if (text === '' && !isOwn && (key === 'kind' || origin !== 'body')) throw refuse(`the object has no ${key}`);
  }
  if (isOwn) {
    fields['apiVersion'] ||= apiVersionOf(definition);
    fields['kind'] ||= definition.kind;
  }
  fields['metadata'] ??= {};
  checkKind(definition, fields, origin);
  const { metadata } = fields;
  const fault = isJsonObject(metadata) ? metadataTypeFault(metadata) : 'metadata: must be an object';
  if (fault !== undefined) throw refuse(fault);
  if (isJsonObject(metadata)) dropUnset(metadata);
  const [wrongType] = isOwn ? typeFaults(fields, definition.schema) : [];
  if (wrongType !== undefined) throw refuse(wrongType.message);
  if (isOwn) dropEmptyMaps(definition, fields);
  // Checked just now.
  return fields as unknown as KubernetesObject;
}

function refusal({ kind, version }: ResourceDefinition, origin: Origin): (why: string) => StatusError {
  if (origin === 'patch') return invalidPatch;
  return (why) => badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
}

function checkKind(definition: ResourceDefinition, fields: JsonObject, origin: Origin): void {
  const expected = apiVersionOf(definition);
  const { apiVersion = '', kind, metadata } = fields;
  if (apiVersion !== expected) {
    const why = `the API version in the data (${JSON.stringify(apiVersion)}) does not match the expected (${expected})`;
    if (origin !== 'patch') throw badRequest(why);
    if (isBuiltIn(definition)) throw invalidPatch(why);
    const name = isJsonObject(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : '';
    const message = `Invalid value: ${JSON.stringify(apiVersion)}: must be ${expected}`;
    throw invalid({ ...definition, group: '' }, name, [{ reason: 'FieldValueInvalid', field: 'apiVersion', message }]);
  }
  // Of a custom kind the mutating webhook may put it right; what is wrong then is a fault of the field.
  if (kind === definition.kind || (!isBuiltIn(definition) && origin !== 'apply')) return;
  const why = `${JSON.stringify(kind)} is not ${definition.kind}`;
  throw origin === 'patch' ? invalidPatch(why) : badRequest(why);
}

/** What is empty counts as not there, but for managed fields: an empty list of them clears them. */
function dropUnset(metadata: JsonObject): void {
  for (const [key, value] of Object.entries(metadata)) {
    const isMap = (key === 'labels' || key === 'annotations') && isJsonObject(value);
    if (isMap) dropUnset(value);
    if (value === null || (isMap && Object.keys(value).length === 0)) delete metadata[key];
    if ((key === 'finalizers' || key === 'ownerReferences') && Array.isArray(value) && value.length === 0) {
      delete metadata[key];
    }
  }
}

/** Go leaves them out when it writes the object again. */
function dropEmptyMaps({ schema }: ResourceDefinition, fields: JsonObject): void {
  for (const [key, value] of Object.entries(fields)) {
    const isMap = propertySchema(schema, key)?.['additionalProperties'] !== undefined;
    if (isMap && isJsonObject(value) && Object.keys(value).length === 0) delete fields[key];
  }
}
