import type { KubernetesObject } from '../../lib/agones.ts';
import { compileLabelSelector } from './selectors.ts';
import type { ListFilter } from './store.ts';

type Labels = Readonly<Record<string, string>>;

/**
 * The objects of one resource, by namespace and name, and by each label.
 *
 * A list by a label costs what it finds, not what is stored: controllers ask for one set's GameServers among ten
 * thousand, after every change.
 */
export class ObjectIndex {
  readonly #byKey = new Map<string, KubernetesObject>();
  readonly #byLabel = new Map<string, Set<string>>();
  readonly #countByNamespace = new Map<string, number>();
  /** In order, as when all were listed last: some may have gone since. */
  #sortedKeys: readonly string[] = [];
  /** Those that came since. */
  readonly #newKeys = new Set<string>();
  #hasGone = false;

  get size(): number {
    return this.#byKey.size;
  }

  /** Whether anything is in the namespace. */
  hasNamespace(namespace: string): boolean {
    return (this.#countByNamespace.get(namespace) ?? 0) > 0;
  }

  get(namespace: string, name: string): KubernetesObject | undefined {
    return this.#byKey.get(`${namespace}/${name}`);
  }

  put(object: KubernetesObject): void {
    const key = objectKey(object);
    const previous = this.#byKey.get(key);
    if (previous === undefined) {
      this.#newKeys.add(key);
      this.#count(object, 1);
    }
    this.#byKey.set(key, object);
    this.#reindex(key, previous?.metadata.labels, object.metadata.labels);
  }

  remove(object: KubernetesObject): void {
    const key = objectKey(object);
    const previous = this.#byKey.get(key);
    if (previous === undefined) return;
    this.#byKey.delete(key);
    if (!this.#newKeys.delete(key)) this.#hasGone = true;
    this.#count(previous, -1);
    this.#reindex(key, previous.metadata.labels, undefined);
  }

  #count({ metadata }: KubernetesObject, change: 1 | -1): void {
    const { namespace } = metadata;
    if (namespace === undefined) return;
    const count = (this.#countByNamespace.get(namespace) ?? 0) + change;
    if (count === 0) this.#countByNamespace.delete(namespace);
    else this.#countByNamespace.set(namespace, count);
  }

  /** The objects that pass the filter, ordered by namespace and name. */
  list(filter: ListFilter): KubernetesObject[] {
    const selector = compileLabelSelector(filter.labelSelector ?? '');
    const prefix = filter.namespace === undefined ? '' : `${filter.namespace}/`;
    const found: KubernetesObject[] = [];
    for (const key of this.#candidates(selector.requirements)) {
      if (!key.startsWith(prefix)) continue;
      const object = this.#byKey.get(key);
      if (object !== undefined && selector.matches(object.metadata.labels)) found.push(object);
    }
    return found;
  }

  #candidates(
    requirements: readonly { key: string; operator: string; values: readonly string[] }[],
  ): readonly string[] {
    let smallest: Set<string> | undefined;
    for (const { key, operator, values } of requirements) {
      if (operator !== '=') continue;
      const keys = this.#byLabel.get(`${key}=${values[0] ?? ''}`);
      if (keys === undefined) return [];
      if (smallest === undefined || keys.size < smallest.size) smallest = keys;
    }
    if (smallest !== undefined) return [...smallest].toSorted(compareKeys);
    return this.#allSorted();
  }

  /** Puts what came and went since the last time in its place: two runs in order are merged, not sorted again. */
  #allSorted(): readonly string[] {
    const added = this.#newKeys;
    if (this.#hasGone) this.#sortedKeys = this.#sortedKeys.filter((key) => this.#byKey.has(key) && !added.has(key));
    if (added.size > 0) this.#sortedKeys = [...this.#sortedKeys, ...[...added].sort(compareKeys)].sort(compareKeys);
    added.clear();
    this.#hasGone = false;
    return this.#sortedKeys;
  }

  #reindex(key: string, before: Labels | undefined, after: Labels | undefined): void {
    for (const [name, value] of Object.entries(before ?? {})) {
      if (after?.[name] === value) continue;
      const label = `${name}=${value}`;
      const keys = this.#byLabel.get(label);
      keys?.delete(key);
      if (keys?.size === 0) this.#byLabel.delete(label);
    }
    for (const [name, value] of Object.entries(after ?? {})) {
      if (before?.[name] === value) continue;
      const label = `${name}=${value}`;
      const keys = this.#byLabel.get(label);
      if (keys === undefined) this.#byLabel.set(label, new Set([key]));
      else keys.add(key);
    }
  }
}

/** `namespace/name`; a cluster-scoped object has an empty namespace. */
export function objectKey(object: KubernetesObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

/** The order lists come in: by namespace, then by name, byte by byte. */
export function compareKeys(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
