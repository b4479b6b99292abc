import { asJsonObject, isJsonObject } from './json.ts';
import type { JsonValue } from './json.ts';
import { badRequest, invalidOptions } from './refusals.ts';
import { parseWriteQuery } from './request-options.ts';
import type { DeleteOptions } from './store.ts';

/**
 * Reads the options of a delete, from its body and, where the body has none, from the query.
 *
 * @param body - `undefined` when the request has none
 * @throws StatusError 400, 422
 */
export function parseDeleteOptions(body: JsonValue | undefined, query: URLSearchParams): DeleteOptions {
  if (body !== undefined && !isJsonObject(body)) {
    throw badRequest('the object provided is unrecognized (must be of type DeleteOptions): it is not an object');
  }
  const fields = asJsonObject(body);
  const kind = fields['kind'] ?? 'DeleteOptions';
  if (kind !== 'DeleteOptions') {
    throw badRequest(
      `the object provided is unrecognized (must be of type DeleteOptions): its kind is ${JSON.stringify(kind)}`,
    );
  }
  const options: DeleteOptions = {
    dryRun: isDryRun(fields['dryRun']) || parseWriteQuery(query, 'DeleteOptions').dryRun,
  };
  const policy = fields['propagationPolicy'] ?? query.get('propagationPolicy') ?? '';
  if (policy !== '') {
    if (policy !== 'Background' && policy !== 'Foreground' && policy !== 'Orphan') {
      const message = `Unsupported value: ${JSON.stringify(policy)}: supported values: "Background", "Foreground", "Orphan"`;
      throw invalidOptions('DeleteOptions', { reason: 'FieldValueNotSupported', field: 'propagationPolicy', message });
    }
    options.propagationPolicy = policy;
  }
  const graceSeconds = fields['gracePeriodSeconds'] ?? query.get('gracePeriodSeconds') ?? '';
  if (graceSeconds !== '') options.gracePeriodSeconds = readGracePeriod(graceSeconds);
  const preconditions = asJsonObject(fields['preconditions']);
  const { uid, resourceVersion } = preconditions;
  options.preconditions = {
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
  };
  return options;
}

function isDryRun(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null) return false;
  if (Array.isArray(value) && value.every((item) => item === 'All')) return value.length > 0;
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: "All"`;
  throw invalidOptions('DeleteOptions', { reason: 'FieldValueNotSupported', field: 'dryRun', message });
}

function readGracePeriod(value: JsonValue): number {
  const seconds = Number(value);
  if (Number.isInteger(seconds) && seconds >= 0) return seconds;
  const message = `Invalid value: ${JSON.stringify(value)}: must be a whole number of seconds, not below 0`;
  throw invalidOptions('DeleteOptions', { reason: 'FieldValueInvalid', field: 'gracePeriodSeconds', message });
}
