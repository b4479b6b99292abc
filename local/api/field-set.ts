import { isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { isAtomicMap, itemElement, listKind } from './list-keys.ts';
import { itemSchema, propertySchema } from './schema.ts';
import type { Schema } from './schema.ts';

/**
 * A set of fields, as `managedFields[].fieldsV1` has it: a tree whose keys are `f:name`, `k:{"name":"x"}` and
 * `v:value`; a leaf is in the set, and an inner node where it has the key `.`.
 *
 * Source: Kubernetes, "Server-Side Apply"; structured-merge-diff's FieldsV1 format.
 */
export type FieldSet = JsonObject;

const SELF = '.';

/** Whether the node itself, not only what is below it, is in the set. */
function hasSelf(node: JsonObject): boolean {
  return node[SELF] !== undefined || Object.keys(node).length === 0;
}

/** The path elements below a node with their nodes. */
function elements(node: JsonObject): [string, JsonObject][] {
  return Object.entries(node).filter(
    (entry): entry is [string, JsonObject] => entry[0] !== SELF && isJsonObject(entry[1]),
  );
}

/** Every field that has a value in the object. */
export function fieldSetOf(value: JsonValue, schema: Schema | undefined): FieldSet {
  const set: FieldSet = {};
  if (isJsonObject(value)) {
    if (isAtomicMap(schema)) return set;
    for (const [key, below] of Object.entries(value)) {
      if (below !== undefined) set[`f:${key}`] = fieldSetOf(below, propertySchema(schema, key));
    }
    return set;
  }
  if (!Array.isArray(value)) return set;
  const kind = listKind(schema);
  if (kind.type === 'atomic') return set;
  for (const item of value) {
    const node = kind.type === 'map' ? fieldSetOf(item, itemSchema(schema)) : {};
    if (Object.keys(node).length > 0) node[SELF] = {};
    set[itemElement(item, kind, schema)] = node;
  }
  return set;
}

/** The set without `apiVersion`, `kind` and what the API itself writes to metadata: nobody manages these. */
export function withoutSystemFields(set: FieldSet): FieldSet {
  const { 'f:apiVersion': _apiVersion, 'f:kind': _kind, 'f:metadata': metadata, ...rest } = set;
  if (!isJsonObject(metadata)) return rest;
  const managed = elements(metadata).filter(([element]) =>
    ['f:labels', 'f:annotations', 'f:finalizers', 'f:ownerReferences', 'f:generateName'].includes(element),
  );
  return managed.length === 0 ? rest : { 'f:metadata': Object.fromEntries(managed), ...rest };
}

/** The fields whose value is another, or that are new, in `after`. */
export function changedFields(
  before: JsonValue | undefined,
  after: JsonValue,
  schema: Schema | undefined,
): FieldSet | undefined {
  if (before === undefined) return fieldSetOf(after, schema);
  const old = childrenOf(before, schema);
  const now = childrenOf(after, schema);
  if (old === undefined || now === undefined) {
    return old === now && equalLeaves(before, after) ? undefined : fieldSetOf(after, schema);
  }
  const set: FieldSet = {};
  for (const [element, { value, schema: below }] of now) {
    const changed = changedFields(old.get(element)?.value, value, below);
    if (changed !== undefined) set[element] = changed;
  }
  return Object.keys(set).length === 0 ? undefined : set;
}

/** The parts of a value that are managed one by one; `undefined` where it is managed as a whole. */
export function childrenOf(
  value: JsonValue,
  schema: Schema | undefined,
): Map<string, { value: JsonValue; schema: Schema | undefined }> | undefined {
  const children = new Map<string, { value: JsonValue; schema: Schema | undefined }>();
  if (isJsonObject(value)) {
    if (isAtomicMap(schema)) return undefined;
    for (const [key, below] of Object.entries(value)) {
      if (below !== undefined) children.set(`f:${key}`, { value: below, schema: propertySchema(schema, key) });
    }
    return children;
  }
  if (!Array.isArray(value)) return undefined;
  const kind = listKind(schema);
  if (kind.type === 'atomic') return undefined;
  for (const item of value) {
    children.set(itemElement(item, kind, schema), {
      value: item,
      schema: kind.type === 'map' ? itemSchema(schema) : undefined,
    });
  }
  return children;
}

function equalLeaves(left: JsonValue, right: JsonValue): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

/** Fields in either set. */
export function union(left: FieldSet, right: FieldSet): FieldSet {
  const result: FieldSet = {};
  for (const [element, node] of elements(left)) result[element] = node;
  for (const [element, node] of elements(right)) {
    const other = result[element];
    if (!isJsonObject(other)) {
      result[element] = node;
      continue;
    }
    const merged = union(other, node);
    if ((hasSelf(other) || hasSelf(node)) && Object.keys(merged).length > 0) merged[SELF] = {};
    result[element] = merged;
  }
  if (left[SELF] !== undefined || right[SELF] !== undefined) result[SELF] = {};
  return result;
}

/** Fields of the first set that are not in the second; a field in the second takes what is below it along. */
export function difference(left: FieldSet, right: FieldSet): FieldSet {
  const result: FieldSet = {};
  for (const [element, node] of elements(left)) {
    const other = right[element];
    if (!isJsonObject(other)) {
      result[element] = node;
      continue;
    }
    if (Object.keys(other).length === 0) continue;
    const rest = difference(node, other);
    if (hasSelf(node) && !hasSelf(other)) rest[SELF] = {};
    if (Object.keys(rest).length > 0) result[element] = rest;
  }
  return result;
}

/** Fields in both sets, as paths such as `.spec.replicas`. */
export function commonPaths(left: FieldSet, right: FieldSet, path = ''): string[] {
  const paths: string[] = [];
  for (const [element, node] of elements(left)) {
    const other = right[element];
    if (!isJsonObject(other)) continue;
    const here = path + formatElement(element);
    const below = commonPaths(node, other, here);
    if (below.length > 0) paths.push(...below);
    // Who manages a field as a whole also manages what is below it.
    else if (Object.keys(node).length === 0 || Object.keys(other).length === 0) paths.push(here);
  }
  return paths;
}

function formatElement(element: string): string {
  if (element.startsWith('f:')) return `.${element.slice(2)}`;
  if (element.startsWith('v:')) return `[=${element.slice(2)}]`;
  return `[${element.slice(2)}]`;
}

/** Whether nothing is in the set. */
export function isEmptySet(set: FieldSet): boolean {
  return Object.keys(set).length === 0;
}
