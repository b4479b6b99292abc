import { isJsonObject, jsonEquals } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { listKind } from './list-keys.ts';
import { badRequest, invalidPatch } from './refusals.ts';
import { itemSchema, propertySchema } from './schema.ts';
import type { Schema } from './schema.ts';

/** What tells the items of the lists of core/v1 apart; lists that are not named are replaced. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  env: 'name',
  ports: 'containerPort',
  conditions: 'type',
  addresses: 'type',
  ownerReferences: 'uid',
  hostAliases: 'ip',
  imagePullSecrets: 'name',
  podIPs: 'ip',
};
const MERGED_SETS = new Set(['finalizers', 'podCIDRs']);

const DIRECTIVE = '$patch';
const PRIMITIVE_DELETION = '$deleteFromPrimitiveList/';

/**
 * The target with a strategic merge patch put on it, as kubectl sends it for the kinds of core/v1.
 *
 * Source: Kubernetes, "Update API Objects in Place Using kubectl patch" and "Strategic Merge Patch".
 *
 * @throws StatusError 400, 422
 */
export function applyStrategicMergePatch(target: JsonObject, patch: JsonValue, schema: Schema): JsonObject {
  if (patch === null) return target;
  if (!isJsonObject(patch)) throw badRequest('a strategic merge patch must be an object');
  return mergeObject(target, patch, schema) ?? {};
}

function mergeObject(target: JsonObject, patch: JsonObject, schema: Schema | undefined): JsonObject | undefined {
  const directive = patch[DIRECTIVE];
  if (directive === 'delete') return undefined;
  if (directive !== undefined && directive !== 'replace' && directive !== 'merge') {
    throw badRequest(`${JSON.stringify(directive)} is no directive of a strategic merge patch`);
  }
  const merged: JsonObject = directive === 'replace' ? {} : { ...target };
  const retained = patch['$retainKeys'];
  if (retained !== undefined) {
    if (!Array.isArray(retained)) throw badRequest('$retainKeys must be a list of keys');
    for (const key of Object.keys(merged)) if (!retained.includes(key)) delete merged[key];
  }
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (key.startsWith(PRIMITIVE_DELETION)) {
      deleteItems(merged, key.slice(PRIMITIVE_DELETION.length), value);
      continue;
    }
    if (key.startsWith('$')) continue;
    const below = mergeField(merged[key], value, key, propertySchema(schema, key));
    if (below === undefined) delete merged[key];
    else merged[key] = below;
  }
  return merged;
}

function deleteItems(object: JsonObject, key: string, items: JsonValue): void {
  const list = object[key];
  if (!Array.isArray(list) || !Array.isArray(items)) return;
  object[key] = list.filter((item) => !items.some((deleted) => jsonEquals(item, deleted)));
}

function mergeField(
  target: JsonValue | undefined,
  patch: JsonValue,
  key: string,
  schema: Schema | undefined,
): JsonValue | undefined {
  if (patch === null) return undefined;
  if (isJsonObject(patch)) return mergeObject(isJsonObject(target) ? target : {}, patch, schema);
  if (!Array.isArray(patch)) return patch;
  const list = Array.isArray(target) ? target : [];
  const mergeKey = mergeKeyOf(key, schema);
  if (mergeKey !== undefined) return mergeList(list, patch, mergeKey, schema);
  if (MERGED_SETS.has(key)) return [...list, ...patch.filter((item) => !list.some((other) => jsonEquals(item, other)))];
  return patch;
}

function mergeKeyOf(key: string, schema: Schema | undefined): string | undefined {
  const marked = schema?.['x-kubernetes-patch-merge-key'];
  if (typeof marked === 'string') return marked;
  const kind = listKind(schema);
  return kind.type === 'map' ? kind.keys[0] : MERGE_KEYS[key];
}

function mergeList(
  target: readonly JsonValue[],
  patch: readonly JsonValue[],
  mergeKey: string,
  schema: Schema | undefined,
): JsonValue[] {
  const replaced = patch.some((item) => isJsonObject(item) && item[DIRECTIVE] === 'replace');
  const merged = replaced ? [] : [...target];
  for (const item of patch) {
    if (!isJsonObject(item)) throw invalidPatch('the items of a list that is merged by key must be objects');
    if (item[DIRECTIVE] === 'replace') continue;
    const key = item[mergeKey];
    const position =
      key === undefined ? -1 : merged.findIndex((other) => isJsonObject(other) && other[mergeKey] === key);
    const before = merged[position];
    const after = mergeObject(isJsonObject(before) ? before : {}, item, itemSchema(schema));
    if (position < 0) {
      if (after !== undefined) merged.push(after);
    } else if (after === undefined) merged.splice(position, 1);
    else merged[position] = after;
  }
  return merged;
}
