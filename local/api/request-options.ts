import { badRequest, invalidOptions } from './refusals.ts';

/** What the query of a write asks for. */
export interface WriteQuery {
  dryRun: boolean;
  fieldManager: string | undefined;
  fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  /** Server-side apply only; undefined when the client says nothing of it. */
  force: boolean | undefined;
}

const MAX_FIELD_MANAGER_LENGTH = 128;

/**
 * Reads the options of a write.
 *
 * @param kind - the options' kind, named in refusals, e.g. `PatchOptions`
 * @throws StatusError 422
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
  if (fieldManager.length > MAX_FIELD_MANAGER_LENGTH) {
    const message = `Too long: may not be more than ${MAX_FIELD_MANAGER_LENGTH} bytes`;
    throw invalidOptions(kind, { reason: 'FieldValueTooLong', field: 'fieldManager', message });
  }
  if (!/^\P{C}*$/u.test(fieldManager)) {
    const message = 'Invalid value: must have printable characters only';
    throw invalidOptions(kind, { reason: 'FieldValueInvalid', field: 'fieldManager', message });
  }
  return {
    dryRun: query.getAll('dryRun').includes('All'),
    fieldManager: fieldManager === '' ? undefined : fieldManager,
    fieldValidation: fieldValidation === '' ? 'Warn' : fieldValidation,
    force: query.has('force') ? parseBoolean(query, 'force') : undefined,
  };
}

function isFieldValidation(value: string): value is '' | 'Strict' | 'Warn' | 'Ignore' {
  return value === '' || value === 'Strict' || value === 'Warn' || value === 'Ignore';
}

/** A boolean of the query; absent is false, and so are `false` and `0`: anything else is true, as Kubernetes reads them. */
export function parseBoolean(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}

/**
 * A whole number of the query; `undefined` when absent.
 *
 * @throws StatusError 400
 */
export function parseNumber(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  if (!/^[-+]?\d{1,15}$/.test(value)) throw badRequest(`${name}: ${JSON.stringify(value)} is not a whole number`);
  return Number(value);
}

/** A span of time as Go writes it, e.g. `1m30s`. */
const DURATION = /^[-+]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+$/;

/**
 * Looks at what any request may say: how long it may take. Nothing here takes so long that it matters.
 *
 * @throws StatusError 400
 */
export function checkTimeout(query: URLSearchParams): void {
  const timeout = query.get('timeout') ?? '';
  if (timeout !== '' && !DURATION.test(timeout)) throw badRequest('timeout is not a duration');
}
