import type { KubernetesObject } from '../../lib/agones.ts';
import { asJsonObject, isJsonObject, readPath } from './json.ts';
import type { JsonObject } from './json.ts';
import { metadataFaults, nameFaults } from './object-names.ts';
import { badRequest, invalid } from './refusals.ts';
import type { FieldFault, ResourceDefinition } from './resource.ts';
import { metadataTypeFault, prune, typeFaults } from './schema.ts';

/** `apiVersion` of the objects of a definition. */
export function apiVersionOf(definition: Pick<ResourceDefinition, 'group' | 'version'>): string {
  return definition.group === '' ? definition.version : `${definition.group}/${definition.version}`;
}

/** The object's fields without their types: what generic code walks. */
export function fieldsOf(object: object): JsonObject {
  // Objects of the API are JSON; the interfaces that describe them have no index signature.
  return object as unknown as JsonObject;
}

/** Fills in `apiVersion` and `kind` where they are missing and refuses what cannot be an object of this definition. */
export function checkEnvelope(definition: ResourceDefinition, object: KubernetesObject): void {
  const fields = fieldsOf(object);
  fields['apiVersion'] ??= apiVersionOf(definition);
  fields['kind'] ??= definition.kind;
  fields['metadata'] ??= {};
  const expected = apiVersionOf(definition);
  if (object.apiVersion !== expected) {
    const found = String(object.apiVersion);
    throw badRequest(`the API version in the data (${found}) does not match the expected API version (${expected})`);
  }
  const { metadata } = fields;
  const fault = isJsonObject(metadata) ? metadataTypeFault(metadata) : 'metadata: must be an object';
  if (fault !== undefined) {
    const { version, kind } = definition;
    throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${fault}`);
  }
  if (isJsonObject(metadata)) dropNulls(metadata);
}

function dropNulls(metadata: JsonObject): void {
  for (const [key, value] of Object.entries(metadata)) {
    if (value === null) delete metadata[key];
    else if ((key === 'labels' || key === 'annotations') && isJsonObject(value)) dropNulls(value);
  }
}

/**
 * What happens to an object before it is stored: unknown fields go, defaults come, faults are refused.
 *
 * @param object - changed in place
 * @param runDefaults - false for writes of a subresource, which mutating admission does not see
 * @throws StatusError 422 with every fault as a cause
 */
export function admit(
  definition: ResourceDefinition,
  object: KubernetesObject,
  previous: KubernetesObject | undefined,
  runDefaults: boolean,
): void {
  const fields = fieldsOf(object);
  prune(fields, definition.schema);
  const wrongTypes = typeFaults(fields, definition.schema);
  if (wrongTypes.length > 0) {
    throw invalid(definition, object.metadata.name, distinct([...wrongTypes, ...scaleFaults(definition, fields)]));
  }
  if (runDefaults) definition.applyDefaults?.(object, previous === undefined ? 'CREATE' : 'UPDATE');
  const faults = [
    ...kindFaults(definition, object),
    ...(previous === undefined ? nameFaults(definition.kind, object.metadata.name) : []),
    ...metadataFaults(asJsonObject(fields['metadata'])),
    ...(definition.validate?.(object, previous) ?? []),
    ...scaleFaults(definition, fields),
  ];
  if (faults.length > 0) throw invalid(definition, object.metadata.name, distinct(faults));
}

function kindFaults(definition: ResourceDefinition, object: KubernetesObject): FieldFault[] {
  if (object.kind === definition.kind) return [];
  const message = `Invalid value: ${JSON.stringify(object.kind)}: must be ${definition.kind}`;
  return [{ reason: 'FieldValueInvalid', field: 'kind', message }];
}

/** What the scale subresource asks of the replicas it stands for. */
function scaleFaults(definition: ResourceDefinition, fields: JsonObject): FieldFault[] {
  const field = definition.scale?.specReplicasPath;
  if (field === undefined) return [];
  const replicas = readPath(fields, splitPath(field));
  if (replicas === undefined || replicas === null) return [];
  if (typeof replicas !== 'number') {
    const message = `Invalid value: 0: ${field} is not an integer`;
    return [{ reason: 'FieldValueInvalid', field, message }];
  }
  if (replicas >= 0) return [];
  return [
    { reason: 'FieldValueInvalid', field, message: `Invalid value: ${replicas}: should be a non-negative integer` },
  ];
}

function distinct(faults: readonly FieldFault[]): FieldFault[] {
  const seen = new Set<string>();
  return faults.filter((fault) => {
    const key = `${fault.field} ${fault.reason}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** `.spec.replicas` as keys. */
export function splitPath(path: string): string[] {
  return path.split('.').filter((key) => key !== '');
}
