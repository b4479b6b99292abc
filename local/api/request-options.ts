import { badRequest, invalidOptions } from './refusals.ts';

/** What the query of a write asks for. */
export interface WriteQuery {
  dryRun: boolean;
  fieldManager: string | undefined;
  fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  /** Server-side apply only. */
  force: boolean;
}

const MAX_FIELD_MANAGER_LENGTH = 128;

/**
 * Reads the options of a write.
 *
 * @param kind - the options' kind, named in refusals, e.g. `PatchOptions`
 * @throws StatusError 422 (400 for a boolean that is none)
 */
export function parseWriteQuery(query: URLSearchParams, kind: string): WriteQuery {
  for (const value of query.getAll('dryRun')) {
    if (value === 'All' || value === '') continue;
    const message = `Unsupported value: ${JSON.stringify(value)}: supported values: "All"`;
    throw invalidOptions(kind, { reason: 'FieldValueNotSupported', field: 'dryRun', message });
  }
  const fieldValidation = query.get('fieldValidation') ?? '';
  if (!isFieldValidation(fieldValidation)) {
    const message = `Unsupported value: ${JSON.stringify(fieldValidation)}: supported values: "", "Ignore", "Strict", "Warn"`;
    throw invalidOptions(kind, { reason: 'FieldValueNotSupported', field: 'fieldValidation', message });
  }
  const fieldManager = query.get('fieldManager') ?? '';
  if (fieldManager.length > MAX_FIELD_MANAGER_LENGTH || !/^\P{C}*$/u.test(fieldManager)) {
    const message = `Invalid value: must be at most ${MAX_FIELD_MANAGER_LENGTH} printable characters`;
    throw invalidOptions(kind, { reason: 'FieldValueInvalid', field: 'fieldManager', message });
  }
  return {
    dryRun: query.getAll('dryRun').includes('All'),
    fieldManager: fieldManager === '' ? undefined : fieldManager,
    fieldValidation: fieldValidation === '' ? 'Warn' : fieldValidation,
    force: parseBoolean(query, 'force'),
  };
}

function isFieldValidation(value: string): value is '' | 'Strict' | 'Warn' | 'Ignore' {
  return value === '' || value === 'Strict' || value === 'Warn' || value === 'Ignore';
}

/**
 * A boolean of the query; absent is false, present without a value is true, as Kubernetes reads them.
 *
 * @throws StatusError 400
 */
export function parseBoolean(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  if (value === null) return false;
  if (['', '1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw badRequest(`${name}: ${JSON.stringify(value)} is not a boolean`);
}

/**
 * A whole number of the query, at least zero; `undefined` when absent or empty.
 *
 * @throws StatusError 400
 */
export function parseCount(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^-?\d{1,15}$/.test(value)) throw badRequest(`${name}: ${JSON.stringify(value)} is not a whole number`);
  // As in Kubernetes a negative count is taken, and counts as none.
  return Math.max(0, Number(value));
}
