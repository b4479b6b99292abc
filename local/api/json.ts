import { StatusError } from './status-error.ts';

/** What JSON can hold. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

/** A JSON object. A key that is absent reads as `undefined`. */
export interface JsonObject {
  [key: string]: JsonValue | undefined;
}

/** Deeper bodies are refused, so that walking them cannot exhaust the stack. */
const MAX_DEPTH = 200;

/** Whether the value is an object and neither an array nor `null`. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value where it is an object, else an empty one. For reading below it; writing to it may be lost. */
export function asJsonObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** The value of an entry. What every object inherits, e.g. `constructor`, is none. */
export function ownValue<T>(map: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;
}

/** Reads a path of plain keys; `undefined` where anything on the way is missing. */
export function readPath(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (!isJsonObject(current)) return undefined;
    current = current[key];
  }
  return current;
}

/** Writes a path of plain keys, making objects on the way. */
export function writePath(object: JsonObject, path: readonly string[], value: JsonValue): void {
  let current = object;
  for (const key of path.slice(0, -1)) {
    const below = current[key];
    const next = isJsonObject(below) ? below : {};
    current[key] = next;
    current = next;
  }
  const last = path.at(-1);
  if (last !== undefined) current[last] = value;
}

/**
 * A deep copy that can be changed. Keys without a value and the key `__proto__` are left out.
 *
 * @throws StatusError 400 when the value nests deeper than any real object does, or holds a number that JSON cannot
 */
export function copyJson<T>(value: T): T {
  // The copy has the shape of its source; TypeScript cannot follow that through the walk.
  return copyValue(value, 0, false) as T;
}

/** A deep copy that nobody can change: what the store keeps and gives out. */
export function frozenCopy<T>(value: T): T {
  return copyValue(value, 0, true) as T;
}

function copyValue(value: unknown, depth: number, frozen: boolean): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new StatusError(400, 'BadRequest', 'a number is larger than any that can be kept');
  }
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) throw new StatusError(400, 'BadRequest', 'the object nests too deep');
  if (Array.isArray(value)) {
    const array: unknown[] = [];
    for (const item of value) array.push(copyValue(item ?? null, depth + 1, frozen));
    return frozen ? Object.freeze(array) : array;
  }
  // Neither an array nor null nor a plain value: an object of JSON.
  const source = value as Record<string, unknown>;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(source)) {
    const below = source[key];
    if (below === undefined || key === '__proto__') continue;
    copy[key] = copyValue(below, depth + 1, frozen);
  }
  return frozen ? Object.freeze(copy) : copy;
}

/**
 * As `frozenCopy`, but what is the same in one of two frozen values is taken over from it, not copied: of ten thousand
 * objects from one template each keeps only what is its own.
 *
 * @param like - asked first
 */
export function frozenLike<T>(value: T, like: unknown, alike: unknown): T {
  // As a copy has, the result has the shape of its source.
  return shareValue(value, like, alike, 0) as T;
}

function shareValue(value: unknown, like: unknown, alike: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) throw new StatusError(400, 'BadRequest', 'the object nests too deep');
  if (Array.isArray(value)) return shareArray(value, like, alike, depth);
  const first = asJsonObject(like);
  const second = asJsonObject(alike);
  // Neither an array nor null nor a plain value: an object of JSON.
  const source = value as Record<string, unknown>;
  const copy: Record<string, unknown> = {};
  let count = 0;
  let isFirst = first === like;
  let isSecond = second === alike;
  for (const key of Object.keys(source)) {
    const below = source[key];
    if (below === undefined || key === '__proto__') continue;
    const shared = shareValue(below, first[key], second[key], depth + 1);
    copy[key] = shared;
    count += 1;
    isFirst &&= first[key] === shared;
    isSecond &&= second[key] === shared;
  }
  if (isFirst && Object.keys(first).length === count) return first;
  if (isSecond && Object.keys(second).length === count) return second;
  return Object.freeze(copy);
}

function shareArray(value: readonly unknown[], like: unknown, alike: unknown, depth: number): readonly unknown[] {
  const first: readonly unknown[] | undefined = Array.isArray(like) ? like : undefined;
  const second: readonly unknown[] | undefined = Array.isArray(alike) ? alike : undefined;
  const copy = value.map((item: unknown, index) =>
    shareValue(item ?? null, first?.[index], second?.[index], depth + 1),
  );
  for (const known of [first, second]) {
    if (known?.length === copy.length && copy.every((item, index) => item === known[index])) return known;
  }
  return Object.freeze(copy);
}

/** Whether two JSON values are the same, whatever the order of their keys. A key without a value counts as absent. */
export function jsonEquals(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item, index) => jsonEquals(item, right[index]));
  }
  if (!isJsonObject(left) || !isJsonObject(right)) return false;
  let count = 0;
  for (const key in left) {
    if (left[key] === undefined) continue;
    if (right[key] === undefined || !jsonEquals(left[key], right[key])) return false;
    count += 1;
  }
  for (const key in right) if (right[key] !== undefined) count -= 1;
  return count === 0;
}

/** The object with the items of its maps in a steady order, so that equal objects give equal text. */
export function stableText(value: unknown): string {
  return JSON.stringify(value, (_key, below: unknown) =>
    isJsonObject(below) ? Object.fromEntries(Object.entries(below).toSorted(([a], [b]) => (a < b ? -1 : 1))) : below,
  );
}
