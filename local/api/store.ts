import type { KubernetesObject } from '../../lib/agones.ts';
import type { ResourceDefinition } from './resource.ts';

/** Where a watch event comes from, as Kubernetes names it. */
export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface WatchEvent<T extends KubernetesObject = KubernetesObject> {
  type: WatchEventType;
  /** The object after the change; for `DELETED` its last state with the resourceVersion of the deletion. */
  object: T;
  /** The object before the change, absent for `ADDED`. Lets a watch tell "left the selector" from "changed". */
  previous?: T;
}

export interface ListFilter {
  namespace?: string;
  /** A Kubernetes label selector in its query syntax, e.g. `a=b,c in (d,e),!f`. */
  labelSelector?: string;
}

export interface DeletePreconditions {
  uid?: string;
  resourceVersion?: string;
}

export interface DeleteOptions {
  preconditions?: DeletePreconditions;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  gracePeriodSeconds?: number;
  /** Answers what would be, changing nothing. */
  dryRun?: boolean;
}

export interface WriteOptions {
  /** `status` and `scale` write only their part, as the subresources of Kubernetes do. */
  subresource?: 'status' | 'scale';
  /** Runs admission and answers what would be stored, storing nothing. */
  dryRun?: boolean;
}

/**
 * The objects of `local`, in memory: one resourceVersion for all, optimistic concurrency, admission at the door.
 *
 * Every call is synchronous: what a caller read is still so until it awaits something. Objects given out are frozen
 * and shared; change a copy (`structuredClone`) and hand it to `update`.
 *
 * Every method throws `StatusError` with the Kubernetes reason (NotFound, AlreadyExists, Conflict, Invalid, ...).
 */
export interface ObjectStore {
  readonly definitions: readonly ResourceDefinition[];
  /** The resourceVersion of the newest change. */
  readonly resourceVersion: string;

  create<T extends KubernetesObject>(resource: string, object: T, options?: WriteOptions): T;

  /** @throws StatusError NotFound */
  get<T extends KubernetesObject>(resource: string, namespace: string, name: string): T;

  find<T extends KubernetesObject>(resource: string, namespace: string, name: string): T | undefined;

  list<T extends KubernetesObject>(resource: string, filter?: ListFilter): T[];

  /**
   * Replaces the object. A `resourceVersion` in it must be the stored one, else `Conflict`; without one it overwrites.
   * A write that changes nothing keeps the resourceVersion and wakes no watch. `generation` rises with `spec`.
   */
  update<T extends KubernetesObject>(resource: string, object: T, options?: WriteOptions): T;

  /**
   * Reads, changes a copy, writes it: for controllers, which own what they change.
   * Undefined when the object is gone.
   */
  modify<T extends KubernetesObject>(
    resource: string,
    namespace: string,
    name: string,
    change: (copy: T) => void,
    options?: WriteOptions,
  ): T | undefined;

  /**
   * Removes the object, or, while it has finalizers, sets its deletionTimestamp. Answers its state after the call.
   *
   * Policies other than `Background` give it a finalizer that the garbage collector takes away.
   */
  delete<T extends KubernetesObject>(resource: string, namespace: string, name: string, options?: DeleteOptions): T;

  /** Calls back for each later change, in order, synchronously with the write. Gives back the function that ends it. */
  subscribe<T extends KubernetesObject>(resource: string, listener: (event: WatchEvent<T>) => void): () => void;

  /**
   * The changes of a resource after a version, oldest first.
   *
   * @throws StatusError 410 Expired when the history no longer reaches back so far
   */
  changesSince(resource: string, resourceVersion: string): WatchEvent[];

  /**
   * All objects of a resource as they were at a version, ordered by namespace and name.
   *
   * @throws StatusError 410 Expired when the history no longer reaches back so far
   */
  listAt(resource: string, resourceVersion: string): KubernetesObject[];
}
