import type { KubernetesObject } from '../../lib/agones.ts';
import { compareKeys, objectKey } from './object-index.ts';
import { expired } from './refusals.ts';
import type { WatchEvent } from './store.ts';

/** The last changes of one resource, oldest first: what a watch starts from and what an older list is made of. */
export class ChangeHistory {
  readonly #limit: number;
  #events: WatchEvent[] = [];
  /** Index of the oldest event that is still kept; the array is cut when half of it is gone. */
  #start = 0;
  /** The version up to which changes were dropped. */
  #forgottenVersion: number;

  /**
   * @param limit - how many changes are kept
   * @param startVersion - the version before the first change
   */
  constructor(limit: number, startVersion: number) {
    this.#limit = limit;
    this.#forgottenVersion = startVersion;
  }

  add(event: WatchEvent): void {
    this.#events.push(event);
    if (this.#events.length - this.#start <= this.#limit) return;
    const oldest = this.#events[this.#start];
    if (oldest !== undefined) this.#forgottenVersion = versionOf(oldest.object);
    this.#start += 1;
    if (this.#start > this.#limit) {
      this.#events = this.#events.slice(this.#start);
      this.#start = 0;
    }
  }

  /**
   * The changes after a version, oldest first.
   *
   * @throws StatusError 410 when some of them were dropped
   */
  since(version: number): WatchEvent[] {
    if (version < this.#forgottenVersion) {
      throw expired(`too old resource version: ${version} (${this.#forgottenVersion})`);
    }
    let low = this.#start;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const event = this.#events[middle];
      if (event !== undefined && versionOf(event.object) <= version) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low);
  }

  /**
   * All objects of the resource as they were at a version, ordered by namespace and name.
   *
   * @param now - the objects as they are, in that order
   * @throws StatusError 410 when the history does not reach back so far
   */
  stateAt(version: number, now: readonly KubernetesObject[]): KubernetesObject[] {
    /** What each was before its first change since then. */
    const changed = new Map<string, KubernetesObject | undefined>();
    for (const { object, previous } of this.since(version)) {
      const key = objectKey(object);
      if (!changed.has(key)) changed.set(key, previous);
    }
    if (changed.size === 0) return [...now];
    const same = now.filter((object) => !changed.has(objectKey(object)));
    const others = [...changed.values()].filter((object) => object !== undefined);
    return merge(same, others.sort(compareObjects));
  }
}

function merge(left: readonly KubernetesObject[], right: readonly KubernetesObject[]): KubernetesObject[] {
  const merged: KubernetesObject[] = [];
  let at = 0;
  for (const object of left) {
    for (let next = right[at]; next !== undefined && compareObjects(next, object) < 0; next = right[at]) {
      merged.push(next);
      at += 1;
    }
    merged.push(object);
  }
  return [...merged, ...right.slice(at)];
}

function compareObjects(left: KubernetesObject, right: KubernetesObject): number {
  return compareKeys(objectKey(left), objectKey(right));
}

/** The resourceVersion as a number; inside this API it is one counter. */
export function versionOf(object: KubernetesObject): number {
  return Number(object.metadata.resourceVersion);
}
