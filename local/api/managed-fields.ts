import { changedFields, difference, fieldSetOf, isEmptySet, union, withoutSystemFields } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { asJsonObject, isJsonObject } from './json.ts';
import type { JsonObject } from './json.ts';
import { wholeSchema } from './list-keys.ts';
import type { Schema } from './schema.ts';

/** Who set which fields of an object, an entry of `metadata.managedFields`. */
export interface Manager {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  /** RFC 3339. */
  time: string;
  subresource?: string;
  fields: FieldSet;
}

/** What a write adds to the managers of an object. */
export interface UpdateOptions {
  fieldManager: string;
  subresource?: string;
  schema: Schema;
  apiVersion: string;
  /** RFC 3339, whole seconds. */
  time: string;
}

/** As many managers of the kind `Update` are told apart; the oldest of more are put together. */
const MAX_UPDATE_MANAGERS = 10;
const MERGED_MANAGER = 'ancient-changes';

/** The managers of an object; entries that are none are left out. */
export function readManagers(object: JsonObject): Manager[] {
  const entries = asJsonObject(object['metadata'])['managedFields'];
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry) => {
    const { manager, operation, apiVersion, time, subresource, fieldsV1 } = asJsonObject(entry);
    if (typeof manager !== 'string' || (operation !== 'Apply' && operation !== 'Update')) return [];
    return [
      {
        manager,
        operation,
        apiVersion: typeof apiVersion === 'string' ? apiVersion : '',
        time: typeof time === 'string' ? time : '',
        ...(typeof subresource === 'string' && subresource !== '' ? { subresource } : {}),
        fields: asJsonObject(fieldsV1),
      },
    ];
  });
}

/** Writes the managers to the object's metadata. */
export function writeManagers(object: JsonObject, managers: readonly Manager[]): void {
  const metadata = asJsonObject(object['metadata']);
  object['metadata'] = metadata;
  if (managers.length === 0) {
    delete metadata['managedFields'];
    return;
  }
  metadata['managedFields'] = managers.map(({ manager, operation, apiVersion, time, subresource, fields }) => ({
    apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1: fields,
    manager,
    operation,
    ...(subresource === undefined ? {} : { subresource }),
    time,
  }));
}

/**
 * Notes in `next` who set the fields that are not as they were. A manager that removes a field, or gives it a new value,
 * takes it from the others.
 *
 * @param previous - the object before, or `undefined` when it is new
 * @param next - changed in place. The managers it came with count, as clients may hand fields over; without any those of
 *   `previous` do, and an empty list clears them all
 */
export function noteUpdate(previous: JsonObject | undefined, next: JsonObject, options: UpdateOptions): void {
  const schema = wholeSchema(options.schema);
  const sent = asJsonObject(next['metadata'])['managedFields'];
  const cleared = Array.isArray(sent) && sent.length === 0;
  const managers = previous === undefined || cleared ? [] : readManagers(sent === undefined ? previous : next);
  const changed = withoutSystemFields(changedFields(previous, next, schema) ?? {});
  const present = withoutSystemFields(fieldSetOf(next, schema));
  const { subresource } = options;
  const isMine = (manager: Manager) =>
    manager.operation === 'Update' && manager.manager === options.fieldManager && manager.subresource === subresource;
  const kept = managers
    .map((manager) => {
      const left = isMine(manager) ? manager.fields : difference(manager.fields, changed);
      return { ...manager, fields: difference(left, difference(left, withParents(present))) };
    })
    .filter((manager) => !isEmptySet(manager.fields));
  if (isEmptySet(changed)) {
    writeManagers(next, kept);
    return;
  }
  const mine = kept.find(isMine);
  const own: Manager = {
    manager: options.fieldManager,
    operation: 'Update',
    apiVersion: options.apiVersion,
    time: options.time,
    ...(subresource === undefined ? {} : { subresource }),
    fields: union(mine?.fields ?? {}, changed),
  };
  writeManagers(next, bound([...kept.filter((manager) => manager !== mine), own]));
}

/** A field counts as there when anything below it is. */
function withParents(set: FieldSet): FieldSet {
  const result: FieldSet = {};
  for (const [element, node] of Object.entries(set)) {
    if (!isJsonObject(node)) continue;
    const below = withParents(node);
    result[element] = Object.keys(below).length === 0 ? {} : { '.': {}, ...below };
  }
  return result;
}

function bound(managers: readonly Manager[]): Manager[] {
  const updates = managers.filter(({ operation }) => operation === 'Update');
  if (updates.length <= MAX_UPDATE_MANAGERS) return [...managers];
  const oldest = new Set(
    updates.toSorted((a, b) => (a.time < b.time ? -1 : 1)).slice(0, updates.length - MAX_UPDATE_MANAGERS + 1),
  );
  const merged = [...oldest].reduce<Manager | undefined>(
    (all, next) => ({ ...next, manager: MERGED_MANAGER, fields: union(all?.fields ?? {}, next.fields) }),
    undefined,
  );
  return [...(merged === undefined ? [] : [merged]), ...managers.filter((manager) => !oldest.has(manager))];
}

/** The name a client without a field manager goes by: its User-Agent up to the first slash. */
export function defaultFieldManager(userAgent: string | undefined): string {
  const name = (userAgent ?? '').split('/')[0]?.slice(0, 128) ?? '';
  return name === '' ? 'unknown' : name;
}
