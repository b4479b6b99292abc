import type { KubernetesObject, OwnerReference } from '../../lib/agones.ts';
import { jsonEquals } from '../api/json.ts';
import { FOREGROUND_FINALIZER, ORPHAN_FINALIZER } from '../api/propagation.ts';
import type { ObjectStore } from '../api/store.ts';
import type { Lane } from './work-queue.ts';
import { splitKey } from './ownership.ts';

/** An object of the store: resource, then `namespace/name`. */
type Address = string;

/** What the owner of an object does for it. */
type Standing = 'gone' | 'waiting' | 'there';

/**
 * Deletes what is left without an owner: an object goes when every owner it names is gone or waits for it to go, and
 * loses the references to such owners while another is left.
 *
 * An owner that is deleted with orphans goes when no object names it any more; one that is deleted in the foreground
 * goes when the objects are gone that it is to outlive, and they go in the foreground themselves.
 */
export class GarbageCollector {
  readonly #store: ObjectStore;
  readonly #lane: () => Lane;
  readonly #resourceOfKind = new Map<string, string>();
  /** Those that name the owner with this uid. */
  readonly #dependents = new Map<string, Set<Address>>();
  #subscriptions: (() => void)[] = [];

  /** @param lane - where the addresses of objects to look at go */
  constructor(store: ObjectStore, lane: () => Lane) {
    this.#store = store;
    this.#lane = lane;
    for (const { group, kind, plural } of store.definitions) this.#resourceOfKind.set(`${group}/${kind}`, plural);
  }

  start(): void {
    for (const { plural } of this.#store.definitions) {
      for (const object of this.#store.list(plural)) this.#note(plural, object, undefined);
      this.#subscriptions.push(
        this.#store.subscribe(plural, ({ type, object, previous }) => {
          if (type === 'DELETED') this.#noteDeleted(plural, object);
          else this.#note(plural, object, previous);
        }),
      );
    }
  }

  stop(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#subscriptions = [];
  }

  /** @param address - as given to the lane */
  sync(address: Address): void {
    const { resource, namespace, name } = splitAddress(address);
    const object = this.#store.find(resource, namespace, name);
    if (object === undefined) return;
    if (isHeldBy(object, ORPHAN_FINALIZER)) this.#orphanDependents(resource, object);
    else if (isHeldBy(object, FOREGROUND_FINALIZER)) this.#deleteDependents(resource, object);
    this.#followOwners(resource, object);
  }

  #followOwners(resource: string, { metadata }: KubernetesObject): void {
    const { namespace = '', name, ownerReferences: owners = [] } = metadata;
    const standings = owners.map((owner) => this.#standingOf(owner, namespace));
    if (standings.every((standing) => standing === 'there')) return;
    if (standings.includes('there')) {
      this.#writeOwners(
        resource,
        namespace,
        name,
        owners.filter((_owner, at) => standings[at] === 'there'),
      );
      return;
    }
    if (metadata.deletionTimestamp !== undefined) return;
    const inForeground = standings.includes('waiting') && this.#dependents.has(metadata.uid ?? '');
    this.#store.delete(resource, namespace, name, { propagationPolicy: inForeground ? 'Foreground' : 'Background' });
  }

  #orphanDependents(resource: string, owner: KubernetesObject): void {
    const { uid = '' } = owner.metadata;
    for (const address of this.#dependents.get(uid) ?? []) {
      const dependent = splitAddress(address);
      const found = this.#store.find(dependent.resource, dependent.namespace, dependent.name);
      const left = (found?.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
      this.#writeOwners(dependent.resource, dependent.namespace, dependent.name, left);
    }
    this.#letGo(resource, owner, ORPHAN_FINALIZER);
  }

  #deleteDependents(resource: string, owner: KubernetesObject): void {
    const { uid = '' } = owner.metadata;
    let isBlocked = false;
    for (const address of this.#dependents.get(uid) ?? []) {
      const dependent = splitAddress(address);
      const found = this.#store.find(dependent.resource, dependent.namespace, dependent.name);
      const reference = found?.metadata.ownerReferences?.find((one) => one.uid === uid);
      if (reference?.blockOwnerDeletion === true) isBlocked = true;
      if (found?.metadata.deletionTimestamp === undefined) this.#lane().add(address);
    }
    if (!isBlocked) this.#letGo(resource, owner, FOREGROUND_FINALIZER);
  }

  #letGo(resource: string, { metadata }: KubernetesObject, finalizer: string): void {
    this.#store.modify(resource, metadata.namespace ?? '', metadata.name, (copy) => {
      copy.metadata.finalizers = copy.metadata.finalizers?.filter((one) => one !== finalizer) ?? [];
    });
  }

  #writeOwners(resource: string, namespace: string, name: string, owners: OwnerReference[]): void {
    this.#store.modify(resource, namespace, name, ({ metadata }) => {
      if (owners.length > 0) metadata.ownerReferences = owners;
      else delete metadata.ownerReferences;
    });
  }

  #standingOf(owner: OwnerReference, namespace: string): Standing {
    const resource = this.#resourceOf(owner);
    // Owners of kinds that are not served here cannot be looked up: what they own is left alone.
    if (resource === undefined) return 'there';
    const found = this.#store.find(resource, namespace, owner.name);
    if (found?.metadata.uid !== owner.uid) return 'gone';
    return isHeldBy(found, FOREGROUND_FINALIZER) ? 'waiting' : 'there';
  }

  #resourceOf({ apiVersion, kind }: OwnerReference): string | undefined {
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
    return this.#resourceOfKind.get(`${group}/${kind}`);
  }

  #note(resource: string, object: KubernetesObject, previous: KubernetesObject | undefined): void {
    const address = addressOf(resource, object);
    if (isHeldBy(object, ORPHAN_FINALIZER) || isHeldBy(object, FOREGROUND_FINALIZER)) this.#lane().add(address);
    if (previous !== undefined && jsonEquals(previous.metadata.ownerReferences, object.metadata.ownerReferences))
      return;
    for (const owner of previous?.metadata.ownerReferences ?? []) {
      this.#dropDependent(owner.uid, address);
      this.#wakeOwner(owner, object);
    }
    const owners = object.metadata.ownerReferences ?? [];
    for (const { uid } of owners) {
      const known = this.#dependents.get(uid);
      if (known === undefined) this.#dependents.set(uid, new Set([address]));
      else known.add(address);
    }
    const namespace = object.metadata.namespace ?? '';
    if (owners.some((owner) => this.#standingOf(owner, namespace) !== 'there')) this.#lane().add(address);
  }

  #noteDeleted(resource: string, object: KubernetesObject): void {
    const address = addressOf(resource, object);
    for (const owner of object.metadata.ownerReferences ?? []) {
      this.#dropDependent(owner.uid, address);
      this.#wakeOwner(owner, object);
    }
    for (const dependent of this.#dependents.get(object.metadata.uid ?? '') ?? []) this.#lane().add(dependent);
  }

  /** An owner that waits for its dependents may have waited for this one. */
  #wakeOwner(owner: OwnerReference, { metadata }: KubernetesObject): void {
    const { namespace = '' } = metadata;
    const resource = this.#resourceOf(owner);
    if (resource !== undefined && this.#standingOf(owner, namespace) === 'waiting') {
      this.#lane().add(`${resource}/${namespace}/${owner.name}`);
    }
  }

  #dropDependent(uid: string, address: Address): void {
    const dependents = this.#dependents.get(uid);
    dependents?.delete(address);
    if (dependents?.size === 0) this.#dependents.delete(uid);
  }
}

function addressOf(resource: string, object: KubernetesObject): Address {
  return `${resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

function splitAddress(address: Address): { resource: string; namespace: string; name: string } {
  const slash = address.indexOf('/');
  return { resource: address.slice(0, slash), ...splitKey(address.slice(slash + 1)) };
}

function isHeldBy({ metadata }: KubernetesObject, finalizer: string): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(finalizer) === true;
}
