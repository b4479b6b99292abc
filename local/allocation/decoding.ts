import { isJsonObject } from '../api/json.ts';
import type { JsonObject, JsonValue } from '../api/json.ts';
import { itemSchema, propertySchema } from '../api/schema.ts';
import type { Schema } from '../api/schema.ts';

/**
 * A value as Go reads it into the type that a schema describes, and writes it again: fields that nothing knows are gone,
 * so are those that are `null`, `false` or empty; `null` in a list or a map is an empty item. What is of another type
 * than the schema's is left for its check.
 *
 * Source: Go, `encoding/json`; what is left out as recorded from Agones 1.57.
 */
export function decoded(value: JsonValue, schema: Schema): JsonValue {
  if (value === null) return schema['type'] === 'string' ? '' : {};
  if (Array.isArray(value)) {
    const items = itemSchema(schema);
    return items === undefined ? value : value.map((item) => decoded(item, items));
  }
  if (!isJsonObject(value)) return value;
  return isJsonObject(schema['properties']) ? decodedFields(value, schema) : decodedEntries(value, schema);
}

function decodedFields(object: JsonObject, schema: Schema): JsonObject {
  const fields: JsonObject = {};
  for (const [key, value] of Object.entries(object)) {
    const below = propertySchema(schema, key);
    if (below === undefined || value === undefined || value === null) continue;
    const field = decoded(value, below);
    if (!isEmpty(field, below)) fields[key] = field;
  }
  return fields;
}

function decodedEntries(map: JsonObject, schema: Schema): JsonObject {
  const entries = Object.entries(map).map(([key, value]): [string, JsonValue] => {
    const below = propertySchema(schema, key);
    return [key, below === undefined ? (value ?? null) : decoded(value ?? null, below)];
  });
  return Object.fromEntries(entries);
}

/** `false`, or a list or a map without an entry. Objects with fields of their own are written even when they have none. */
function isEmpty(value: JsonValue, schema: Schema): boolean {
  if (Array.isArray(value)) return schema['type'] === 'array' && value.length === 0;
  if (isJsonObject(value)) return schema['additionalProperties'] !== undefined && Object.keys(value).length === 0;
  return schema['type'] === 'boolean' && value === false;
}
