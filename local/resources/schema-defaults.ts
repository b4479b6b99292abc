import { copyJson, isJsonObject } from '../api/json.ts';
import type { JsonObject, JsonValue } from '../api/json.ts';
import { itemSchema, propertySchema } from '../api/schema.ts';
import type { Schema } from '../api/schema.ts';

/**
 * Puts in, in place, the `default` of every field that is missing, or `null` where it may not be. A default of a field
 * comes only where the object it belongs to is there.
 *
 * Source: Kubernetes, defaulting of CustomResourceDefinitions.
 */
export function applySchemaDefaults(object: JsonObject, schema: Schema): void {
  const properties = schema['properties'];
  for (const [key, below] of Object.entries(isJsonObject(properties) ? properties : {})) {
    if (!isJsonObject(below) || below['default'] === undefined) continue;
    const value = object[key];
    const absent = value === undefined || (value === null && below['nullable'] !== true);
    if (absent) object[key] = copyJson(below['default']);
  }
  for (const [key, value] of Object.entries(object)) {
    const below = propertySchema(schema, key);
    if (below !== undefined && value !== undefined) defaultsOfValue(value, below);
  }
}

function defaultsOfValue(value: JsonValue, schema: Schema): void {
  if (isJsonObject(value)) {
    applySchemaDefaults(value, schema);
    return;
  }
  const items = itemSchema(schema);
  if (!Array.isArray(value) || items === undefined) return;
  for (const item of value) defaultsOfValue(item, items);
}
