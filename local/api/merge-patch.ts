import { isDeepStrictEqual } from 'node:util';
import { isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';

/**
 * The target with a JSON merge patch put on it; neither is changed, but the answer may share parts of both.
 *
 * Source: RFC 7396.
 */
export function applyMergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  const merged: JsonObject = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined || key === '__proto__') continue;
    if (value === null) delete merged[key];
    else merged[key] = applyMergePatch(merged[key], value);
  }
  return merged;
}

/** The merge patch that makes `to` of `from`; empty when they are the same. Neither may hold `null`, which a patch cannot say. */
export function mergePatchBetween(from: JsonObject, to: JsonObject): JsonObject {
  const patch: JsonObject = {};
  for (const key of Object.keys(from)) if (to[key] === undefined) patch[key] = null;
  for (const [key, value] of Object.entries(to)) {
    const before = from[key];
    if (isDeepStrictEqual(before, value)) continue;
    patch[key] = isJsonObject(before) && isJsonObject(value) ? mergePatchBetween(before, value) : value;
  }
  return patch;
}
