import type { KubernetesObject, OwnerReference } from '../../lib/agones.ts';
import type { ObjectStore } from '../api/store.ts';
import type { Lane } from './work-queue.ts';
import { splitKey } from './ownership.ts';

/** An object of the store: resource, then `namespace/name`. */
type Address = string;

/**
 * Deletes what is left without an owner: an object goes when every owner it names is gone, and loses the references
 * to owners that are gone while another is left.
 *
 * Orphans are made by the store itself; a foreground deletion is carried out as one in the background.
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
    const slash = address.indexOf('/');
    const resource = address.slice(0, slash);
    const { namespace, name } = splitKey(address.slice(slash + 1));
    const object = this.#store.find(resource, namespace, name);
    const owners = object?.metadata.ownerReferences ?? [];
    if (object === undefined || owners.length === 0) return;
    const left = owners.filter((owner) => this.#exists(owner, namespace));
    if (left.length === owners.length) return;
    if (left.length === 0) {
      if (object.metadata.deletionTimestamp !== undefined) return;
      this.#store.delete(resource, namespace, name, { propagationPolicy: 'Background' });
      return;
    }
    this.#store.modify(resource, namespace, name, (copy) => {
      copy.metadata.ownerReferences = left;
    });
  }

  #exists(owner: OwnerReference, namespace: string): boolean {
    const group = owner.apiVersion.includes('/') ? owner.apiVersion.slice(0, owner.apiVersion.indexOf('/')) : '';
    const resource = this.#resourceOfKind.get(`${group}/${owner.kind}`);
    // Owners of kinds that are not served here cannot be looked up: what they own is left alone.
    if (resource === undefined) return true;
    return this.#store.find(resource, namespace, owner.name)?.metadata.uid === owner.uid;
  }

  #note(resource: string, object: KubernetesObject, previous: KubernetesObject | undefined): void {
    if (previous !== undefined && previous.metadata.ownerReferences === object.metadata.ownerReferences) return;
    const address = addressOf(resource, object);
    for (const { uid } of previous?.metadata.ownerReferences ?? []) this.#dropDependent(uid, address);
    const owners = object.metadata.ownerReferences ?? [];
    for (const { uid } of owners) {
      const known = this.#dependents.get(uid);
      if (known === undefined) this.#dependents.set(uid, new Set([address]));
      else known.add(address);
    }
    const namespace = object.metadata.namespace ?? '';
    if (owners.some((owner) => !this.#exists(owner, namespace))) this.#lane().add(address);
  }

  #noteDeleted(resource: string, object: KubernetesObject): void {
    const address = addressOf(resource, object);
    for (const { uid } of object.metadata.ownerReferences ?? []) this.#dropDependent(uid, address);
    for (const dependent of this.#dependents.get(object.metadata.uid ?? '') ?? []) this.#lane().add(dependent);
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
