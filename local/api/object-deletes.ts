import { isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { badRequest, invalidOptions } from './refusals.ts';
import { parseBoolean, parseNumber, parseWriteQuery } from './request-options.ts';
import type { DeleteOptions } from './store.ts';

const POLICIES = ['Background', 'Foreground', 'Orphan'] as const;
const OPTIONS = 'DeleteOptions';

/**
 * Reads the options of a delete, from its body or, where there is none, from the query: never from both.
 *
 * @param body - `undefined` when the request has none
 * @throws StatusError 400, 422
 */
export function parseDeleteOptions(body: JsonValue | undefined, query: URLSearchParams): DeleteOptions {
  const fields = body === undefined ? fieldsOfQuery(query) : fieldsOfBody(body);
  const options: DeleteOptions = { dryRun: isDryRun(fields['dryRun']) };
  const policy = readPolicy(fields);
  if (policy !== undefined) options.propagationPolicy = policy;
  const graceSeconds = readField(fields, 'gracePeriodSeconds', isWholeNumber, 'a whole number');
  // As in Kubernetes a negative one is taken, and is the shortest there is.
  if (graceSeconds !== undefined) options.gracePeriodSeconds = graceSeconds < 0 ? 1 : graceSeconds;
  const preconditions = readField(fields, 'preconditions', isJsonObject, 'an object') ?? {};
  const uid = readField(preconditions, 'uid', isText, 'a string');
  const resourceVersion = readField(preconditions, 'resourceVersion', isText, 'a string');
  options.preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return options;
}

function fieldsOfQuery(query: URLSearchParams): JsonObject {
  const { dryRun } = parseWriteQuery(query, OPTIONS);
  const fields: JsonObject = { dryRun: dryRun ? ['All'] : [] };
  const policy = query.get('propagationPolicy') ?? '';
  if (policy !== '') fields['propagationPolicy'] = policy;
  if (query.has('orphanDependents')) fields['orphanDependents'] = parseBoolean(query, 'orphanDependents');
  const graceSeconds = parseNumber(query, 'gracePeriodSeconds');
  if (graceSeconds !== undefined) fields['gracePeriodSeconds'] = graceSeconds;
  return fields;
}

function fieldsOfBody(body: JsonValue): JsonObject {
  if (body === null) return {};
  if (!isJsonObject(body)) {
    throw badRequest(`the object provided is unrecognized (must be of type ${OPTIONS}): it is not an object`);
  }
  const kind = body['kind'] ?? '';
  if (kind !== '' && kind !== OPTIONS) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${OPTIONS}): its kind is ${JSON.stringify(kind)}`,
    );
  }
  return body;
}

/** @throws StatusError 400 when the field is of another type */
function readField<T extends JsonValue>(
  fields: JsonObject,
  name: string,
  isRight: (value: unknown) => value is T,
  what: string,
): T | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined || isRight(value)) return value;
  throw badRequest(`${OPTIONS}: ${name} must be ${what}`);
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
const isWholeNumber = (value: unknown): value is number => Number.isSafeInteger(value);
const isList = (value: unknown): value is JsonValue[] => Array.isArray(value);

function isDryRun(value: JsonValue | undefined): boolean {
  const stages = readField({ dryRun: value }, 'dryRun', isList, 'a list') ?? [];
  if (stages.every((stage) => stage === 'All')) return stages.length > 0;
  const message = `Unsupported value: ${JSON.stringify(stages)}: supported values: "All"`;
  throw invalidOptions(OPTIONS, { reason: 'FieldValueNotSupported', field: 'dryRun', message });
}

function readPolicy(fields: JsonObject): DeleteOptions['propagationPolicy'] {
  const text = readField(fields, 'propagationPolicy', isText, 'a string');
  const orphans = readField(fields, 'orphanDependents', isFlag, 'a boolean');
  if (text !== undefined && orphans !== undefined) {
    const message = 'Invalid value: it excludes orphanDependents';
    throw invalidOptions(OPTIONS, { reason: 'FieldValueInvalid', field: 'propagationPolicy', message });
  }
  if (text === undefined) return orphans === undefined ? undefined : orphans ? 'Orphan' : 'Background';
  const policy = POLICIES.find((known) => known === text);
  if (policy !== undefined) return policy;
  const message = `Unsupported value: ${JSON.stringify(text)}: supported values: "Background", "Foreground", "Orphan"`;
  throw invalidOptions(OPTIONS, { reason: 'FieldValueNotSupported', field: 'propagationPolicy', message });
}
