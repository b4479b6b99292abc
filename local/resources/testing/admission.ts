import type { KubernetesObject } from '../../../lib/agones.ts';
import { systemClock } from '../../../lib/clock.ts';
import { silentLogger } from '../../../lib/logger.ts';
import { createObjectStore } from '../../api/memory-store.ts';
import type { FieldFault, ResourceDefinition } from '../../api/resource.ts';
import { StatusError } from '../../api/status-error.ts';
import type { ObjectStore } from '../../api/store.ts';
import { resourceDefinitions } from '../resource-definitions.ts';

/** Whatever fields a test puts in. */
export type LooseObject = Record<string, unknown>;

/** A store with every kind, and the namespace `default` in it. */
export function storeOfAllKinds(): ObjectStore {
  const store = createObjectStore(resourceDefinitions, { clock: systemClock, logger: silentLogger });
  store.create<KubernetesObject>('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  return store;
}

/** An object of the kind, as a client sends it: right or wrong. */
export function objectOf(definition: ResourceDefinition, name: string, fields: LooseObject): KubernetesObject {
  const { group, version, kind } = definition;
  const metadata = { name, namespace: 'default' };
  const object = { apiVersion: group === '' ? version : `${group}/${version}`, kind, metadata, ...fields };
  object.metadata = { ...metadata, ...object.metadata };
  return object;
}

/** What admission alone makes of a new object: defaults, and faults as `reason field`, sorted. */
export function admitNew(
  definition: ResourceDefinition,
  object: KubernetesObject,
): { object: KubernetesObject; faults: string[] } {
  const copy = structuredClone(object);
  definition.applyDefaults?.(copy, 'CREATE');
  return { object: copy, faults: namesOf(definition.validate?.(copy, undefined) ?? []) };
}

/** What the store answers to a creation: the causes of its refusal as `reason field`, sorted; none when it is good. */
export function causesOfCreating(definition: ResourceDefinition, object: KubernetesObject): string[] {
  const store = storeOfAllKinds();
  return causesOf(() => store.create(definition.plural, object));
}

/** The causes of a refusal as `reason field`, sorted; none when the write is let through. */
export function causesOf(write: () => unknown): string[] {
  try {
    write();
    return [];
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 422 || error.reason !== 'Invalid') throw error;
    return namesOf(error.details?.causes ?? []);
  }
}

function namesOf(faults: readonly FieldFault[]): string[] {
  return faults.map(({ reason, field }) => `${reason} ${field}`).toSorted();
}
