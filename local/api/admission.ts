import type { KubernetesObject } from '../../lib/agones.ts';
import { asJsonObject, readPath } from './json.ts';
import type { JsonObject } from './json.ts';
import { generateNameFaults, metadataFaults, nameFaults } from './object-names.ts';
import { invalid } from './refusals.ts';
import type { FieldFault, ResourceDefinition } from './resource.ts';
import { isInt64, prune, typeFaults } from './schema.ts';

const MAX_INT32 = 2 ** 31 - 1;

/** `apiVersion` of the objects of a definition. */
export function apiVersionOf(definition: Pick<ResourceDefinition, 'group' | 'version'>): string {
  return definition.group === '' ? definition.version : `${definition.group}/${definition.version}`;
}

/** The object's fields without their types: what generic code walks. */
export function fieldsOf(object: object): JsonObject {
  // Objects of the API are JSON; the interfaces that describe them have no index signature.
  return object as unknown as JsonObject;
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
    ...(previous === undefined ? generateNameFaults(object.metadata.generateName) : []),
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
  if (replicas === null || (replicas === undefined && !Array.isArray(fields['spec']))) return [];
  const fault = (value: number, rule: string): FieldFault[] => [
    { reason: 'FieldValueInvalid', field, message: `Invalid value: ${value}: ${rule}` },
  ];
  if (typeof replicas !== 'number' || !isInt64(replicas)) return fault(0, `${field} is not an integer`);
  if (replicas < 0) return fault(replicas, 'should be a non-negative integer');
  return replicas > MAX_INT32 ? fault(replicas, `should be less than or equal to ${MAX_INT32}`) : [];
}

function distinct(faults: readonly FieldFault[]): FieldFault[] {
  const seen = new Set<string>();
  return faults.filter((fault) => {
    const key = `${fault.field} ${fault.reason} ${fault.message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** `.spec.replicas` as keys. */
export function splitPath(path: string): string[] {
  return path.split('.').filter((key) => key !== '');
}
