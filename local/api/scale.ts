import type { KubernetesObject } from '../../lib/agones.ts';
import { fieldsOf, splitPath } from './admission.ts';
import { copyJson, isJsonObject, readPath, writePath } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { badRequest, invalid, notFound } from './refusals.ts';
import type { ResourceDefinition } from './resource.ts';

const SCALE_KIND = { group: 'autoscaling', kind: 'Scale', plural: 'scales' };

/** The `Scale` of an object: its wanted and its present number of replicas. */
export function scaleOf(definition: ResourceDefinition, object: KubernetesObject): KubernetesObject & JsonObject {
  if (definition.scale === undefined) throw notFound(definition, object.metadata.name);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const metadata: JsonObject & { name: string } = { name, namespace, uid, resourceVersion, creationTimestamp };
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: copyJson(metadata) as JsonObject & KubernetesObject['metadata'],
    spec: { replicas: count(object, definition.scale.specReplicasPath) },
    status: { replicas: count(object, definition.scale.statusReplicasPath) },
  };
}

function count(object: KubernetesObject, path: string): number {
  const value = readPath(object, splitPath(path));
  return typeof value === 'number' ? value : 0;
}

/**
 * The object with the replicas of a `Scale` in it, to be written with the subresource `scale`.
 *
 * @throws StatusError 400 when it is no Scale, 422 when its replicas are no number
 */
export function withScale(
  definition: ResourceDefinition,
  object: KubernetesObject,
  scale: JsonValue,
): KubernetesObject {
  if (definition.scale === undefined) throw notFound(definition, object.metadata.name);
  if (!isJsonObject(scale) || (scale['kind'] ?? 'Scale') !== 'Scale') {
    throw badRequest('the object provided is unrecognized (must be of type Scale)');
  }
  const replicas = readPath(scale, ['spec', 'replicas']) ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    const message = `Invalid value: ${JSON.stringify(replicas)}: must be an integer`;
    throw invalid(SCALE_KIND, object.metadata.name, [{ reason: 'FieldValueInvalid', field: 'spec.replicas', message }]);
  }
  const next = copyJson(object);
  writePath(fieldsOf(next), splitPath(definition.scale.specReplicasPath), replicas);
  const resourceVersion = readPath(scale, ['metadata', 'resourceVersion']);
  if (typeof resourceVersion === 'string' && resourceVersion !== '') next.metadata.resourceVersion = resourceVersion;
  return next;
}
