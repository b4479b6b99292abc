import type { KubernetesObject } from '../../lib/agones.ts';
import { isJsonObject } from './json.ts';
import { compareKeys, objectKey } from './object-index.ts';
import { badRequest, expired, invalidOptions } from './refusals.ts';
import type { ListMetadata } from './representation.ts';
import { parseNumber } from './request-options.ts';
import type { FieldFault, ResourceDefinition } from './resource.ts';
import { compileLabelSelector, parseFieldSelector } from './selectors.ts';
import { StatusError } from './status-error.ts';
import type { ObjectStore } from './store.ts';

/** Which objects of a resource a list, a watch or a delete of many is about. */
export interface ObjectFilter {
  namespace: string | undefined;
  labelSelector: string;
  matches: (object: KubernetesObject) => boolean;
  /** Whether it lets through every object of the namespace. */
  isOpen: boolean;
}

/**
 * Reads the selectors of a query.
 *
 * @throws StatusError 400 on a bad selector or a field that cannot be selected by
 */
export function parseFilter(
  definition: ResourceDefinition,
  namespace: string | undefined,
  query: URLSearchParams,
): ObjectFilter {
  const labelSelector = query.get('labelSelector') ?? '';
  const labels = compileLabelSelector(labelSelector);
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '').map(({ field, operator, value }) => ({
    read: fieldReader(definition, field),
    wanted: operator === '=',
    value,
  }));
  return {
    namespace,
    labelSelector,
    isOpen: labels.requirements.length === 0 && fields.length === 0,
    matches: (object) =>
      (namespace === undefined || object.metadata.namespace === namespace) &&
      labels.matches(object.metadata.labels) &&
      fields.every(({ read, wanted, value }) => (read(object) === value) === wanted),
  };
}

function fieldReader(definition: ResourceDefinition, field: string): (object: KubernetesObject) => string {
  if (field === 'metadata.name') return ({ metadata }) => metadata.name;
  if (field === 'metadata.namespace') return ({ metadata }) => metadata.namespace ?? '';
  const known = definition.selectableFields;
  const reader = known !== undefined && Object.hasOwn(known, field) ? known[field] : undefined;
  if (reader === undefined) throw badRequest(`field label not supported: ${field}`);
  return reader;
}

/** One page of a list. */
export interface Page {
  objects: KubernetesObject[];
  metadata: ListMetadata;
}

/**
 * Lists a resource as the query asks, with `limit`, `continue`, `resourceVersion` and `resourceVersionMatch`.
 *
 * Later pages show the objects as they were at the first: a page is made from the objects as they are and the history
 * of their changes, so nothing is kept for clients that never come back.
 *
 * @throws StatusError 400, 410 when the history no longer reaches back to the version that is asked for, 504 when that
 *   version is still to come
 */
export function listPage(
  store: ObjectStore,
  definition: ResourceDefinition,
  filter: ObjectFilter,
  query: URLSearchParams,
): Page {
  // As in Kubernetes a negative limit is taken, and counts as none.
  const limit = Math.max(0, parseNumber(query, 'limit') ?? 0);
  parseNumber(query, 'timeoutSeconds');
  if (query.has('sendInitialEvents')) {
    const message = 'Forbidden: sendInitialEvents is forbidden for list';
    throw invalidOptions('ListOptions', { reason: 'FieldValueForbidden', field: 'sendInitialEvents', message });
  }
  const token = query.get('continue') ?? '';
  const start = token === '' ? undefined : readToken(token);
  const exact = start?.version ?? exactVersion(store, query);
  const version = exact ?? store.resourceVersion;
  const objects =
    exact === undefined
      ? store.list(definition.plural, {
          labelSelector: filter.labelSelector,
          ...(filter.namespace === undefined ? {} : { namespace: filter.namespace }),
        })
      : listAt(store, definition, exact, start !== undefined);
  const rest = objects.slice(start === undefined ? 0 : countUpTo(objects, start.after)).filter(filter.matches);
  if (limit === 0 || rest.length <= limit) return { objects: rest, metadata: { resourceVersion: version } };
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  const metadata: ListMetadata = { resourceVersion: version };
  if (last !== undefined) metadata.continue = writeToken(version, objectKey(last));
  if (filter.isOpen) metadata.remainingItemCount = rest.length - page.length;
  return { objects: page, metadata };
}

/** How many of the objects, which are in order, come up to this key. */
function countUpTo(objects: readonly KubernetesObject[], key: string): number {
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const object = objects[middle];
    if (object !== undefined && compareKeys(objectKey(object), key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function listAt(
  store: ObjectStore,
  definition: ResourceDefinition,
  version: string,
  isContinued: boolean,
): KubernetesObject[] {
  try {
    return store.listAt(definition.plural, version);
  } catch (error) {
    if (isContinued && error instanceof StatusError && error.code === 410) {
      throw expired('the continue token is too old: list again from the start');
    }
    throw error;
  }
}

function exactVersion(store: ObjectStore, query: URLSearchParams): string | undefined {
  const version = parseVersion(query);
  const match = query.get('resourceVersionMatch') ?? '';
  const faults: FieldFault[] = [];
  if (match !== '' && version === undefined) {
    const message = 'Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided';
    faults.push({ reason: 'FieldValueForbidden', field: 'resourceVersionMatch', message });
  }
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan') {
    const message = `Unsupported value: ${JSON.stringify(match)}: supported values: "", "Exact", "NotOlderThan"`;
    faults.push({ reason: 'FieldValueNotSupported', field: 'resourceVersionMatch', message });
  }
  if (match === 'Exact' && version === 0) {
    const message = 'Forbidden: resourceVersionMatch "Exact" is forbidden for resourceVersion "0"';
    faults.push({ reason: 'FieldValueForbidden', field: 'resourceVersionMatch', message });
  }
  if (faults.length > 0) throw invalidOptions('ListOptions', ...faults);
  if (version === undefined) return undefined;
  if (version > Number(store.resourceVersion)) throw tooLargeVersion(version, store.resourceVersion);
  return match === 'Exact' ? String(version) : undefined;
}

/** The version a client asks for does not exist yet; it may try again in a second. */
export function tooLargeVersion(version: number, current: string): StatusError {
  const message = `Too large resource version: ${version}, current: ${current}`;
  const cause = { reason: 'ResourceVersionTooLarge', field: '', message: 'Too large resource version' };
  return new StatusError(504, 'Timeout', message, { causes: [cause], retryAfterSeconds: 1 });
}

/**
 * `resourceVersion` of the query as a number; `undefined` when absent or empty.
 *
 * @throws StatusError 400
 */
export function parseVersion(query: URLSearchParams): number | undefined {
  const text = query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(text)}: it is not a whole number`);
  return Number(text);
}

function writeToken(version: string, after: string): string {
  return Buffer.from(JSON.stringify({ version, after })).toString('base64url');
}

function readToken(token: string): { version: string; after: string } {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    if (isJsonObject(value) && typeof value['version'] === 'string' && typeof value['after'] === 'string') {
      const { version, after } = value;
      if (/^\d{1,15}$/.test(version)) return { version, after };
    }
  } catch {
    throw badRequest('the continue token is not one of this API');
  }
  throw badRequest('the continue token is not one of this API');
}
