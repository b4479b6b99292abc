import { isJsonObject, jsonEquals } from '../api/json.ts';
import type { JsonObject, JsonValue } from '../api/json.ts';
import type { FieldFault } from '../api/resource.ts';
import { isInt64, itemSchema, propertySchema } from '../api/schema.ts';
import type { Schema } from '../api/schema.ts';
import {
  duplicateValue,
  invalidValue,
  requiredValue,
  tooLong,
  tooMany,
  unsupportedValue,
  wrongType,
} from './field-faults.ts';
import { timeMsOf } from './rfc-3339.ts';

/** The API looks after these itself; a schema that names them describes something else. */
const ENVELOPE = new Set(['apiVersion', 'kind', 'metadata']);

const BASE64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;

/**
 * Faults of an object against its OpenAPI v3 schema, as an API server finds them for custom resources: `type`,
 * `nullable`, `required`, `enum`, bounds of numbers, texts, lists and maps, `pattern`, the formats `date-time` and
 * `byte`, `x-kubernetes-int-or-string` and lists that are sets. Fields the schema does not name are let be.
 *
 * A value of the wrong type is one fault: its other rules and what lies below it are not looked at.
 *
 * Source: Kubernetes, structural schemas of CustomResourceDefinitions; reasons as recorded from Kubernetes 1.34.
 */
export function schemaFaults(object: JsonObject, schema: Schema): FieldFault[] {
  const faults: FieldFault[] = [];
  missingFields(object, schema, '', faults);
  for (const [key, value] of Object.entries(object)) {
    const below = propertySchema(schema, key);
    if (ENVELOPE.has(key) || below === undefined || value === undefined) continue;
    checkValue(value, below, key, faults);
  }
  return faults;
}

/** Faults of a part of an object that lies at `path`. */
export function schemaFaultsAt(value: JsonValue, schema: Schema, path: string): FieldFault[] {
  const faults: FieldFault[] = [];
  checkValue(value, schema, path, faults);
  return faults;
}

function checkValue(value: JsonValue, schema: Schema, path: string, faults: FieldFault[]): void {
  if (value === null && schema['nullable'] === true) return;
  const wanted = expectedType(schema);
  const actual = jsonType(value);
  if (wanted !== undefined && !fits(actual, wanted)) {
    faults.push(wrongType(path, actual, wanted));
    return;
  }
  const choices = schema['enum'];
  if (Array.isArray(choices) && !choices.some((choice) => jsonEquals(choice, value))) {
    faults.push(unsupportedValue(path, value, choices));
    return;
  }
  if (typeof value === 'number') checkNumber(value, schema, path, faults);
  else if (typeof value === 'string') checkText(value, schema, path, faults);
  else if (Array.isArray(value)) checkList(value, schema, path, faults);
  else if (isJsonObject(value)) checkFields(value, schema, path, faults);
}

function expectedType(schema: Schema): string | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or string';
  return typeof schema['type'] === 'string' ? schema['type'] : undefined;
}

function fits(actual: string, wanted: string): boolean {
  if (wanted === 'integer or string') return actual === 'integer' || actual === 'string';
  return actual === wanted || (actual === 'integer' && wanted === 'number');
}

function jsonType(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return isInt64(value) ? 'integer' : 'number';
  return typeof value;
}

function bound(schema: Schema, keyword: string): number | undefined {
  const limit = schema[keyword];
  return typeof limit === 'number' ? limit : undefined;
}

function checkNumber(value: number, schema: Schema, path: string, faults: FieldFault[]): void {
  const minimum = bound(schema, 'minimum');
  const maximum = bound(schema, 'maximum');
  if (minimum !== undefined && schema['exclusiveMinimum'] === true && value <= minimum) {
    faults.push(invalidValue(path, value, `${path} must be greater than ${minimum}`));
  } else if (minimum !== undefined && value < minimum) {
    faults.push(invalidValue(path, value, `${path} must be at least ${minimum}`));
  }
  if (maximum !== undefined && value > maximum) {
    faults.push(invalidValue(path, value, `${path} must be at most ${maximum}`));
  }
}

function checkText(value: string, schema: Schema, path: string, faults: FieldFault[]): void {
  const maxLength = bound(schema, 'maxLength');
  const minLength = bound(schema, 'minLength');
  const pattern = schema['pattern'];
  if (maxLength !== undefined && value.length > maxLength) {
    faults.push(tooLong(path, maxLength));
  } else if (minLength !== undefined && value.length < minLength) {
    faults.push(invalidValue(path, value, `${path} must have at least ${minLength} characters`));
  } else if (typeof pattern === 'string' && !compiled(pattern).test(value)) {
    faults.push(invalidValue(path, value, `${path} must match ${pattern}`));
  } else if (schema['format'] === 'date-time' && timeMsOf(value) === undefined) {
    faults.push(invalidValue(path, value, `${path} must be a time as in RFC 3339`));
  } else if (schema['format'] === 'byte' && !BASE64.test(value)) {
    faults.push(wrongType(path, value, 'byte'));
  }
}

/** Patterns of schemas by their text: a handful, each used for every object. */
const patterns = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
  const known = patterns.get(pattern) ?? new RegExp(pattern);
  patterns.set(pattern, known);
  return known;
}

function checkList(value: JsonValue[], schema: Schema, path: string, faults: FieldFault[]): void {
  const maxItems = bound(schema, 'maxItems');
  const minItems = bound(schema, 'minItems');
  if (maxItems !== undefined && value.length > maxItems) faults.push(tooMany(path, value.length, maxItems));
  if (minItems !== undefined && value.length < minItems) {
    faults.push(invalidValue(path, value, `${path} must have at least ${minItems} items`));
  }
  if (schema['x-kubernetes-list-type'] === 'set') checkSet(value, path, faults);
  const items = itemSchema(schema);
  if (items === undefined) return;
  for (const [index, item] of value.entries()) checkValue(item, items, `${path}[${index}]`, faults);
}

function checkSet(value: JsonValue[], path: string, faults: FieldFault[]): void {
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const key = JSON.stringify(item);
    if (seen.has(key)) faults.push(duplicateValue(`${path}[${index}]`, item));
    seen.add(key);
  }
}

function checkFields(value: JsonObject, schema: Schema, path: string, faults: FieldFault[]): void {
  const maxProperties = bound(schema, 'maxProperties');
  const count = Object.keys(value).length;
  if (maxProperties !== undefined && count > maxProperties) faults.push(tooMany(path, count, maxProperties));
  missingFields(value, schema, path, faults);
  for (const [key, below] of Object.entries(value)) {
    const known = propertySchema(schema, key);
    if (known !== undefined && below !== undefined) checkValue(below, known, `${path}.${key}`, faults);
  }
}

function missingFields(value: JsonObject, schema: Schema, path: string, faults: FieldFault[]): void {
  const required = schema['required'];
  for (const key of Array.isArray(required) ? required : []) {
    if (typeof key !== 'string' || value[key] !== undefined) continue;
    const field = path === '' ? key : `${path}.${key}`;
    faults.push(requiredValue(field, `${field} must be set`));
  }
}
