import { copyJson, isJsonObject, jsonEquals } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { badRequest } from './refusals.ts';
import { StatusError } from './status-error.ts';

/** As many operations as Kubernetes takes in one patch. */
const MAX_OPERATIONS = 10_000;

interface Operation {
  op: string;
  path: string[];
  from?: string[];
  /** `null` where the patch has none. */
  value: JsonValue;
}

/**
 * The target with a JSON patch put on it; the target stays as it is.
 *
 * Source: RFC 6902.
 *
 * @throws StatusError 400 when the patch is no list of objects, 422 when it cannot be put on this target
 */
export function applyJsonPatch(target: JsonValue, patch: JsonValue): JsonValue {
  const operations = readPatch(patch);
  let document = copyJson(target);
  for (const operation of operations) document = applyOperation(document, operation);
  return document;
}

function readPatch(patch: JsonValue): Operation[] {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch must be a list of operations');
  if (patch.length > MAX_OPERATIONS) {
    throw new StatusError(413, 'RequestEntityTooLarge', `a JSON patch may have ${MAX_OPERATIONS} operations`);
  }
  return patch.map((item) => {
    if (item !== null && !isJsonObject(item)) throw badRequest('each operation of a JSON patch must be an object');
    const { op, path, from, value = null } = item ?? {};
    if (typeof op !== 'string' || typeof path !== 'string') {
      throw impossible('each operation needs op and path, both strings');
    }
    const operation: Operation = { op, path: readPointer(path), value };
    if (typeof from === 'string') operation.from = readPointer(from);
    return operation;
  });
}

function readPointer(pointer: string): string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw impossible(`"${pointer}" is not a JSON pointer`);
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function applyOperation(document: JsonValue, { op, path, from, value }: Operation): JsonValue {
  switch (op) {
    case 'add':
      return add(document, path, value);
    case 'remove':
      return remove(document, path);
    case 'replace':
      read(document, path);
      return set(document, path, value);
    case 'move': {
      const moved = read(document, required(from));
      if (required(from).every((part, index) => part === path[index]) && path.length > required(from).length) {
        throw impossible('an object cannot be moved into itself');
      }
      return add(remove(document, required(from)), path, moved);
    }
    case 'copy':
      return add(document, path, copyJson(read(document, required(from))));
    case 'test':
      if (!jsonEquals(read(document, path), value)) throw impossible('a test of the patch did not hold');
      return document;
    default:
      throw impossible(`"${op}" is not an operation`);
  }
}

function required(from: string[] | undefined): string[] {
  if (from === undefined) throw impossible('an operation lacks its from');
  return from;
}

/** The patch cannot be put on the object. */
export function impossible(why: string): StatusError {
  return new StatusError(422, 'Invalid', `the patch cannot be put on the object: ${why}`, {});
}

function read(document: JsonValue, path: readonly string[]): JsonValue {
  let current: JsonValue = document;
  for (const part of path) current = child(current, part);
  return current;
}

function child(container: JsonValue, part: string): JsonValue {
  if (Array.isArray(container)) {
    const item = container[arrayIndex(part, container.length - 1)];
    if (item !== undefined) return item;
  } else if (isJsonObject(container) && Object.hasOwn(container, part)) {
    const value = container[part];
    if (value !== undefined) return value;
  }
  throw impossible(`there is nothing at "${part}"`);
}

function arrayIndex(part: string, max: number): number {
  if (!/^(0|[1-9]\d*)$/.test(part) || Number(part) > max) throw impossible(`"${part}" is not an index of the list`);
  return Number(part);
}

/** Calls `change` with the container the last part of the path is in. */
function inContainer(
  document: JsonValue,
  path: readonly string[],
  change: (container: JsonValue[] | JsonObject, part: string) => void,
): JsonValue {
  const container = read(document, path.slice(0, -1));
  const part = path.at(-1) ?? '';
  if (part === '__proto__') throw impossible('there can be no such key');
  if (!Array.isArray(container) && !isJsonObject(container)) throw impossible(`"${part}" is below a plain value`);
  change(container, part);
  return document;
}

function add(document: JsonValue, path: readonly string[], value: JsonValue): JsonValue {
  if (path.length === 0) return copyJson(value);
  return inContainer(document, path, (container, part) => {
    if (!Array.isArray(container)) container[part] = copyJson(value);
    else container.splice(part === '-' ? container.length : arrayIndex(part, container.length), 0, copyJson(value));
  });
}

function set(document: JsonValue, path: readonly string[], value: JsonValue): JsonValue {
  if (path.length === 0) return copyJson(value);
  return inContainer(document, path, (container, part) => {
    if (Array.isArray(container)) container[arrayIndex(part, container.length - 1)] = copyJson(value);
    else container[part] = copyJson(value);
  });
}

function remove(document: JsonValue, path: readonly string[]): JsonValue {
  if (path.length === 0) throw impossible('the whole object cannot be removed');
  read(document, path);
  return inContainer(document, path, (container, part) => {
    if (Array.isArray(container)) container.splice(arrayIndex(part, container.length - 1), 1);
    else delete container[part];
  });
}
