import { isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { itemSchema, propertySchema } from './schema.ts';
import type { Schema } from './schema.ts';

/** How a list is merged: as one value, as a set of values, or item by item, told apart by these keys. */
export type ListKind = { type: 'atomic' } | { type: 'set' } | { type: 'map'; keys: readonly string[] };

/** The lists of `metadata` that are merged item by item. */
const METADATA_SCHEMA: Schema = {
  type: 'object',
  properties: {
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    annotations: { type: 'object', additionalProperties: { type: 'string' } },
    finalizers: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    ownerReferences: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
      items: { type: 'object', 'x-kubernetes-map-type': 'atomic', 'x-kubernetes-preserve-unknown-fields': true },
    },
  },
};

/** The schema of an object with that of its metadata, which definitions leave out. */
export function wholeSchema(schema: Schema): Schema {
  const properties = schema['properties'];
  return { ...schema, properties: { ...(isJsonObject(properties) ? properties : {}), metadata: METADATA_SCHEMA } };
}

/** What the schema says of a list; lists without a word are one value. */
export function listKind(schema: Schema | undefined): ListKind {
  const type = schema?.['x-kubernetes-list-type'];
  if (type === 'set') return { type: 'set' };
  const keys = schema?.['x-kubernetes-list-map-keys'];
  if (type === 'map' && Array.isArray(keys)) return { type: 'map', keys: keys.map(String) };
  return { type: 'atomic' };
}

/** Whether a map is merged as one value. */
export function isAtomicMap(schema: Schema | undefined): boolean {
  return schema?.['x-kubernetes-map-type'] === 'atomic';
}

/**
 * What tells an item of a list from the others, as a path element of managed fields: `v:…` in a set, `k:…` in a map.
 */
export function itemElement(item: JsonValue, kind: ListKind, schema: Schema | undefined): string {
  if (kind.type !== 'map') return `v:${JSON.stringify(item)}`;
  const object = isJsonObject(item) ? item : {};
  const key: JsonObject = {};
  for (const name of [...kind.keys].toSorted()) {
    const value = object[name] ?? defaultOf(schema, name);
    if (value !== undefined) key[name] = value;
  }
  return `k:${JSON.stringify(key)}`;
}

function defaultOf(schema: Schema | undefined, name: string): JsonValue | undefined {
  const value = propertySchema(itemSchema(schema), name)?.['default'];
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}
