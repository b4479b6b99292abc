import type { FieldFault, ResourceDefinition } from './resource.ts';
import { StatusError } from './status-error.ts';
import type { StatusDetails } from './status-error.ts';

type Named = Pick<ResourceDefinition, 'group' | 'plural' | 'kind'>;

/** `gameservers.agones.dev`, or `pods` in the core group. */
export function qualifiedResource(definition: Named): string {
  return definition.group === '' ? definition.plural : `${definition.plural}.${definition.group}`;
}

function qualifiedKind(definition: Named): string {
  return definition.group === '' ? definition.kind : `${definition.kind}.${definition.group}`;
}

function resourceDetails(definition: Named, name: string) {
  return { name, ...(definition.group === '' ? {} : { group: definition.group }), kind: definition.plural };
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function notFound(definition: Named, name: string): StatusError {
  const message = `${qualifiedResource(definition)} "${name}" not found`;
  return new StatusError(404, 'NotFound', message, resourceDetails(definition, name));
}

export function alreadyExists(definition: Named, name: string): StatusError {
  const message = `${qualifiedResource(definition)} "${name}" already exists`;
  return new StatusError(409, 'AlreadyExists', message, resourceDetails(definition, name));
}

/** The write lost a race: its resourceVersion or its precondition no longer holds. */
export function conflict(definition: Named, name: string, because?: string): StatusError {
  const reason =
    because ?? 'the object has been modified; please apply your changes to the latest version and try again';
  const message = `Operation cannot be fulfilled on ${qualifiedResource(definition)} "${name}": ${reason}`;
  return new StatusError(409, 'Conflict', message, resourceDetails(definition, name));
}

/** One fault or several of the object's fields, each a cause in the answer. */
export function invalid(definition: Named, name: string, faults: readonly FieldFault[]): StatusError {
  const list = faults.map((fault) => `${fault.field}: ${fault.message}`);
  const text = list.length === 1 ? list[0] : `[${list.join(', ')}]`;
  return new StatusError(422, 'Invalid', `${qualifiedKind(definition)} "${name}" is invalid: ${text}`, {
    ...(name === '' ? {} : { name }),
    ...(definition.group === '' ? {} : { group: definition.group }),
    ...(definition.kind === '' ? {} : { kind: definition.kind }),
    causes: [...faults],
  });
}

/** Faults of the request's own options, e.g. `ListOptions` or `PatchOptions`. */
export function invalidOptions(kind: string, ...faults: readonly FieldFault[]): StatusError {
  return invalid({ group: 'meta.k8s.io', kind, plural: '' }, '', faults);
}

/** What the patch makes of the object cannot be read as what it is. */
export function invalidPatch(fault: string): StatusError {
  const message = `Invalid value: ${fault}`;
  const causes = [{ reason: 'FieldValueInvalid', field: 'patch', message }];
  return new StatusError(422, 'Invalid', ` "" is invalid: patch: ${message}`, { causes });
}

/** The history no longer reaches back to the version that was asked for: list again. */
export function expired(message: string): StatusError {
  return new StatusError(410, 'Expired', message);
}

/** Nothing is served at the path. */
export function nothingThere(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): StatusError {
  const message = 'the server does not allow this method on the requested resource';
  return new StatusError(405, 'MethodNotAllowed', message, {});
}

/** The kind is served by definition, as a custom resource is, and does not do this. */
export function verbNotSupported({ group, plural }: Named, verb: string): StatusError {
  const message = `${verb} is not supported on resources of kind "${plural}.${group}"`;
  return new StatusError(405, 'MethodNotAllowed', message, { group, kind: plural });
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const message = `the body is of a media type that is not read here - accepted media types include: ${accepted.join(', ')}`;
  return new StatusError(415, 'UnsupportedMediaType', message);
}

function detailsObject({ causes, ...details }: StatusDetails): object {
  if (causes === undefined) return details;
  // A cause that is about no field names none.
  return { ...details, causes: causes.map(({ field, ...cause }) => (field === '' ? cause : { ...cause, field })) };
}

/** The `Status` object that stands for a refusal on the wire. */
export function statusObject(error: StatusError): Record<string, unknown> {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: error.message,
    ...(error.reason === '' ? {} : { reason: error.reason }),
    ...(error.details === undefined ? {} : { details: detailsObject(error.details) }),
    code: error.code,
  };
}
