import {
  childrenOf,
  changedFields,
  commonPaths,
  difference,
  fieldSetOf,
  isEmptySet,
  union,
  withoutSystemFields,
} from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { copyJson, isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { itemElement, listKind, wholeSchema } from './list-keys.ts';
import { readManagers, writeManagers } from './managed-fields.ts';
import type { Manager } from './managed-fields.ts';
import type { FieldFault } from './resource.ts';
import { itemSchema, propertySchema } from './schema.ts';
import type { Schema } from './schema.ts';
import { StatusError } from './status-error.ts';

/** Who applies, and how. */
export interface ApplyOptions {
  fieldManager: string;
  /** Take over fields that another manager set to another value. */
  force: boolean;
  schema: Schema;
  apiVersion: string;
  /** RFC 3339, whole seconds. */
  time: string;
}

/**
 * Server-side apply: the live object with the configuration put on it. Fields the manager applied before and left out
 * now are removed, unless another manager has them too.
 *
 * @param live - the object as it is; an empty one when it is to be made
 * @throws StatusError 409 with a cause for each field that belongs to another manager
 */
export function applyConfiguration(live: JsonObject, applied: JsonObject, options: ApplyOptions): JsonObject {
  const schema = wholeSchema(options.schema);
  const appliedSet = withoutSystemFields(fieldSetOf(applied, schema));
  const managers = readManagers(live);
  const mine = managers.find((manager) => manager.operation === 'Apply' && manager.manager === options.fieldManager);
  const others = managers.filter((manager) => manager !== mine);

  const merged = mergeApplied(live, applied, schema);
  const changed = withoutSystemFields(changedFields(live, merged, schema) ?? {});
  refuseConflicts(others, changed, options);

  const kept = others
    .map((manager) => ({ ...manager, fields: difference(manager.fields, changed) }))
    .filter((manager) => !isEmptySet(manager.fields));
  const held = kept.reduce<FieldSet>((set, manager) => union(set, manager.fields), appliedSet);
  const dropped = difference(mine?.fields ?? {}, held);
  const result = removeFields(merged, dropped, schema);
  const own: Manager = {
    manager: options.fieldManager,
    operation: 'Apply',
    apiVersion: options.apiVersion,
    time: mine !== undefined && JSON.stringify(mine.fields) === JSON.stringify(appliedSet) ? mine.time : options.time,
    fields: appliedSet,
  };
  if (!isJsonObject(result)) return merged;
  writeManagers(result, [...kept, own]);
  return result;
}

function refuseConflicts(others: readonly Manager[], changed: FieldSet, options: ApplyOptions): void {
  if (options.force) return;
  const causes: FieldFault[] = others.flatMap((other) =>
    commonPaths(other.fields, changed).map((field) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${nameOf(other)}`,
      field,
    })),
  );
  if (causes.length === 0) return;
  const list = causes.map(({ field, message }) => `${field}: ${message}`).join('; ');
  const count = causes.length === 1 ? '1 conflict' : `${causes.length} conflicts`;
  throw new StatusError(409, 'Conflict', `Apply failed with ${count}: ${list}`, { causes });
}

function nameOf({ manager, operation, apiVersion, subresource }: Manager): string {
  if (operation === 'Apply') return `"${manager}"`;
  return `"${manager}"${subresource === undefined ? '' : ` with subresource "${subresource}"`} using ${apiVersion}`;
}

function mergeApplied(live: JsonObject, applied: JsonObject, schema: Schema): JsonObject {
  const merged = mergeValue(copyJson(live), applied, schema);
  return isJsonObject(merged) ? merged : applied;
}

function mergeValue(live: JsonValue | undefined, applied: JsonValue, schema: Schema | undefined): JsonValue {
  if (live === undefined || childrenOf(live, schema) === undefined || childrenOf(applied, schema) === undefined) {
    return copyJson(applied);
  }
  if (isJsonObject(live) && isJsonObject(applied)) {
    for (const [key, value] of Object.entries(applied)) {
      if (value !== undefined) live[key] = mergeValue(live[key], value, propertySchema(schema, key));
    }
    return live;
  }
  if (!Array.isArray(live) || !Array.isArray(applied)) return copyJson(applied);
  const kind = listKind(schema);
  const positions = new Map(live.map((item, index) => [itemElement(item, kind, schema), index]));
  for (const item of applied) {
    const position = positions.get(itemElement(item, kind, schema));
    if (position === undefined) live.push(copyJson(item));
    else if (kind.type === 'map') live[position] = mergeValue(live[position], item, itemSchema(schema));
  }
  return live;
}

/** The value without these fields; `undefined` when nothing is left of what it was. */
function removeFields(value: JsonValue, fields: FieldSet, schema: Schema | undefined): JsonValue | undefined {
  if (isEmptySet(fields)) return value;
  if (isJsonObject(value)) {
    const rest: JsonObject = {};
    for (const [key, below] of Object.entries(value)) {
      const node = fields[`f:${key}`];
      const left = removeBelow(below, node, propertySchema(schema, key));
      if (left !== undefined) rest[key] = left;
    }
    return Object.keys(rest).length === 0 ? undefined : rest;
  }
  if (!Array.isArray(value)) return undefined;
  const kind = listKind(schema);
  const items = value.flatMap((item) => {
    const left = removeBelow(item, fields[itemElement(item, kind, schema)], itemSchema(schema));
    return left === undefined ? [] : [left];
  });
  return items.length === 0 ? undefined : items;
}

function removeBelow(
  value: JsonValue | undefined,
  node: JsonValue | undefined,
  schema: Schema | undefined,
): JsonValue | undefined {
  if (value === undefined || !isJsonObject(node)) return value;
  if (Object.keys(node).length === 0 || node['.'] !== undefined) return undefined;
  return removeFields(value, node, schema);
}
