import type { KubernetesObject } from '../../lib/agones.ts';
import { fieldsOf } from '../api/admission.ts';
import { readPath } from '../api/json.ts';
import type { PrinterColumn } from '../api/resource.ts';

/**
 * A column that shows one field.
 *
 * @param path - keys with dots between, items of lists by number, e.g. `status.ports.0.port`
 */
export function fieldColumn(name: string, type: PrinterColumn['type'], path: string): PrinterColumn {
  const keys = path.split('.');
  return {
    name,
    type,
    description: `The field ${path}.`,
    priority: 0,
    cell: (object) => cellOf(readField(object, keys), type),
  };
}

/** The column every kind has: how long ago the object was made. */
export const AGE_COLUMN: PrinterColumn = {
  ...fieldColumn('Age', 'date', 'metadata.creationTimestamp'),
  description: 'How long ago the object was made.',
};

/** A column whose cell is worked out. Priority 1 is shown by `-o wide` only. */
export function computedColumn(
  name: string,
  description: string,
  cell: (object: KubernetesObject) => string | number | null,
  options: { type?: PrinterColumn['type']; priority?: number } = {},
): PrinterColumn {
  return { name, description, type: options.type ?? 'string', priority: options.priority ?? 0, cell };
}

/** Reads a field of any object by its keys; items of lists by number. */
export function readField(object: KubernetesObject, keys: readonly string[]): unknown {
  let current: unknown = fieldsOf(object);
  for (const key of keys) current = Array.isArray(current) ? current[Number(key)] : readPath(current, [key]);
  return current;
}

/** The text of a field, '' where it is missing or no text. */
export function readText(object: KubernetesObject, path: string): string {
  const value = readField(object, path.split('.'));
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** A cell is of the type of its column: a number in a text column becomes text. */
function cellOf(value: unknown, type: PrinterColumn['type']): string | number | boolean | null {
  if (typeof value === 'number') return type === 'string' ? String(value) : value;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  return null;
}
