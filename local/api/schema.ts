import { isJsonObject, ownValue } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { FieldFault } from './resource.ts';

/**
 * The OpenAPI v3 schemas of objects, as far as a Kubernetes API reads them: `type`, `properties`, `items`,
 * `additionalProperties`, `nullable` and the `x-kubernetes-…` marks.
 *
 * Source: Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions", structural schemas.
 */
export type Schema = Readonly<Record<string, unknown>>;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Kubernetes reads its MicroTime with exactly six digits of a second: what JavaScript writes is none. */
const MICRO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}(Z|[+-]\d{2}:\d{2})$/;

function isMicroTime(value: string): boolean {
  return MICRO_TIME.test(value) && !Number.isNaN(Date.parse(value));
}

/** `apiVersion`, `kind` and `metadata` are in every object and are looked after by the API, not by schemas. */
const ENVELOPE = new Set(['apiVersion', 'kind', 'metadata']);

const METADATA_FIELDS: Readonly<Record<string, 'string' | 'integer' | 'map' | 'list' | 'strings' | 'time'>> = {
  name: 'string',
  generateName: 'string',
  namespace: 'string',
  selfLink: 'string',
  uid: 'string',
  resourceVersion: 'string',
  generation: 'integer',
  creationTimestamp: 'time',
  deletionTimestamp: 'time',
  deletionGracePeriodSeconds: 'integer',
  labels: 'map',
  annotations: 'map',
  ownerReferences: 'list',
  finalizers: 'strings',
  managedFields: 'list',
};

/** The schema of one property, whether it is named or any name will do; `undefined` where there is no such field. */
export function propertySchema(schema: Schema | undefined, key: string): Schema | undefined {
  const properties = schema?.['properties'];
  const property = isJsonObject(properties) ? ownValue(properties, key) : undefined;
  if (isJsonObject(property)) return property;
  const additional = schema?.['additionalProperties'];
  return isJsonObject(additional) ? additional : undefined;
}

/** The schema of the items of a list, where there is one. */
export function itemSchema(schema: Schema | undefined): Schema | undefined {
  const items = schema?.['items'];
  return isJsonObject(items) ? items : undefined;
}

/** Whether fields the schema does not name are kept. */
function isOpen(schema: Schema): boolean {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return true;
  const additional = schema['additionalProperties'];
  if (additional === true || isJsonObject(additional)) return true;
  return !isJsonObject(schema['properties']);
}

/**
 * Takes out, in place, what the schema does not know, and `null` where it may not stand.
 *
 * @returns the paths of the unknown fields, e.g. `spec.ports[0].nonsense`
 */
export function prune(object: JsonObject, schema: Schema): string[] {
  const unknown: string[] = [];
  const metadata = object['metadata'];
  if (isJsonObject(metadata)) {
    for (const key of Object.keys(metadata)) {
      if (Object.hasOwn(METADATA_FIELDS, key)) continue;
      unknown.push(`metadata.${key}`);
      delete metadata[key];
    }
  }
  pruneObject(object, schema, '', unknown);
  return unknown;
}

function pruneObject(object: JsonObject, schema: Schema, path: string, unknown: string[]): void {
  const open = isOpen(schema);
  const embedded = path === '' || schema['x-kubernetes-embedded-resource'] === true;
  for (const [key, value] of Object.entries(object)) {
    if (embedded && ENVELOPE.has(key)) continue;
    const below = propertySchema(schema, key);
    const field = path === '' ? key : `${path}.${key}`;
    if (below === undefined) {
      if (open) continue;
      unknown.push(field);
      delete object[key];
      continue;
    }
    if (value === null) {
      if (typeof below['type'] === 'string' && below['nullable'] !== true) delete object[key];
      continue;
    }
    pruneValue(value, below, field, unknown);
  }
}

function pruneValue(value: JsonValue | undefined, schema: Schema, path: string, unknown: string[]): void {
  if (Array.isArray(value)) {
    const items = itemSchema(schema);
    if (items === undefined) return;
    for (const [index, item] of value.entries()) pruneValue(item, items, `${path}[${index}]`, unknown);
    return;
  }
  if (isJsonObject(value)) pruneObject(value, schema, path, unknown);
}

/** Fields whose value is of another type than the schema's. */
export function typeFaults(object: JsonObject, schema: Schema): FieldFault[] {
  const faults: FieldFault[] = [];
  for (const [key, value] of Object.entries(object)) {
    if (ENVELOPE.has(key)) continue;
    const below = propertySchema(schema, key);
    if (below !== undefined && value !== undefined) checkType(value, below, key, faults);
  }
  return faults;
}

function checkType(value: JsonValue, schema: Schema, path: string, faults: FieldFault[]): void {
  if (value === null) return;
  const actual = jsonType(value);
  const wanted = schema['type'];
  const fits =
    typeof wanted !== 'string' ||
    wanted === actual ||
    (wanted === 'number' && actual === 'integer') ||
    (schema['x-kubernetes-int-or-string'] === true && (actual === 'integer' || actual === 'string'));
  if (!fits) {
    const message = `Invalid value: "${actual}": ${path} in body must be of type ${wanted}: "${actual}"`;
    faults.push({ reason: 'FieldValueTypeInvalid', field: path, message });
    return;
  }
  if (typeof value === 'string' && schema['format'] === 'byte' && !BASE64.test(value)) {
    const message = `Invalid value: ${path} in body must be of type byte`;
    faults.push({ reason: 'FieldValueTypeInvalid', field: path, message });
    return;
  }
  if (typeof value === 'string' && schema['format'] === 'micro-time' && !isMicroTime(value)) {
    const message = `Invalid value: ${path} in body must be a time in RFC 3339 with six digits after the second`;
    faults.push({ reason: 'FieldValueTypeInvalid', field: path, message });
    return;
  }
  if (Array.isArray(value)) {
    const items = itemSchema(schema);
    if (items === undefined) return;
    for (const [index, item] of value.entries()) checkType(item, items, `${path}[${index}]`, faults);
    return;
  }
  if (!isJsonObject(value)) return;
  for (const [key, below] of Object.entries(value)) {
    const known = propertySchema(schema, key);
    if (known !== undefined && below !== undefined) checkType(below, known, `${path}.${key}`, faults);
  }
}

/** Larger whole numbers are none to a Kubernetes API, which reads them as numbers with a fraction. */
export function isInt64(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < 2 ** 63;
}

function jsonType(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return isInt64(value) ? 'integer' : 'number';
  return typeof value;
}

/** The first field of `metadata` that is of a wrong type, in words; `undefined` when all are right. */
export function metadataTypeFault(metadata: JsonObject): string | undefined {
  for (const [key, value] of Object.entries(metadata)) {
    const type = ownValue(METADATA_FIELDS, key);
    if (type === undefined || value === null || value === undefined) continue;
    const fault = fieldTypeFault(type, value);
    if (fault !== undefined) return `metadata.${key}: ${fault}`;
  }
  return undefined;
}

function fieldTypeFault(type: string, value: JsonValue): string | undefined {
  if (type === 'map') {
    if (!isJsonObject(value)) return 'must be a map of strings';
    const bad = Object.entries(value).find(([, below]) => typeof below !== 'string' && below !== null);
    return bad === undefined ? undefined : `the value of "${bad[0]}" must be a string`;
  }
  if (type === 'list') {
    return Array.isArray(value) && value.every(isJsonObject) ? undefined : 'must be a list of objects';
  }
  if (type === 'strings') {
    return Array.isArray(value) && value.every((item) => typeof item === 'string')
      ? undefined
      : 'must be a list of strings';
  }
  if (type === 'integer') return Number.isInteger(value) ? undefined : 'must be an integer';
  if (typeof value !== 'string') return 'must be a string';
  if (type === 'time' && Number.isNaN(Date.parse(value))) return 'must be a time as in RFC 3339';
  return undefined;
}
