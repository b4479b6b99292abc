import type { KubernetesObject } from '../../lib/agones.ts';
import { fieldsOf, splitPath } from './admission.ts';
import { asJsonObject, copyJson, isJsonObject, readPath, writePath } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { notFound } from './refusals.ts';
import type { ResourceDefinition } from './resource.ts';

const API_VERSION = 'autoscaling/v1';
const KIND = 'Scale';
const MAX_REPLICAS = 2 ** 31 - 1;

/** The `Scale` of an object: its wanted and its present number of replicas. A wanted 0 is left out, as Kubernetes does. */
export function scaleOf(definition: ResourceDefinition, object: KubernetesObject): KubernetesObject & JsonObject {
  if (definition.scale === undefined) throw notFound(definition, object.metadata.name);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const wanted = count(object, definition.scale.specReplicasPath);
  const metadata: JsonObject & { name: string } = { name, namespace, uid, resourceVersion, creationTimestamp };
  return {
    kind: KIND,
    apiVersion: API_VERSION,
    metadata: copyJson(metadata) as JsonObject & KubernetesObject['metadata'],
    spec: wanted === 0 ? {} : { replicas: wanted },
    status: { replicas: count(object, definition.scale.statusReplicasPath) },
  };
}

function count(object: KubernetesObject, path: string): number {
  const value = readPath(object, splitPath(path));
  return typeof value === 'number' ? value : 0;
}

/** What keeps a value from being a `Scale`, in words; `undefined` for one that is. */
export function scaleFault(scale: JsonValue): string | undefined {
  if (!isJsonObject(scale)) return 'it is not an object';
  const { apiVersion = API_VERSION, kind = KIND, spec = {} } = scale;
  if (apiVersion !== API_VERSION || kind !== KIND) return `it must be a ${KIND} of ${API_VERSION}`;
  if (spec !== null && !isJsonObject(spec)) return 'spec must be an object';
  const replicas = asJsonObject(spec)['replicas'] ?? 0;
  const isCount = typeof replicas === 'number' && Number.isInteger(replicas) && Math.abs(replicas) <= MAX_REPLICAS;
  return isCount ? undefined : `spec.replicas must be an integer of 32 bits, not ${JSON.stringify(replicas)}`;
}

/**
 * The object with the replicas of a `Scale` in it, to be written with the subresource `scale`.
 *
 * @param scale - one in which {@link scaleFault} finds no fault; without a number it stands for 0
 */
export function withScale(
  definition: ResourceDefinition,
  object: KubernetesObject,
  scale: JsonValue,
): KubernetesObject {
  if (definition.scale === undefined) throw notFound(definition, object.metadata.name);
  const next = copyJson(object);
  const replicas = readPath(scale, ['spec', 'replicas']) ?? 0;
  // A scale without a fault has a number there.
  writePath(fieldsOf(next), splitPath(definition.scale.specReplicasPath), replicas as JsonValue);
  const resourceVersion = readPath(scale, ['metadata', 'resourceVersion']);
  if (typeof resourceVersion === 'string' && resourceVersion !== '') next.metadata.resourceVersion = resourceVersion;
  return next;
}
