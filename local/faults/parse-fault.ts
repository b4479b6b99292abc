import type { z } from 'zod';
import { asJsonObject } from '../api/json.ts';
import type { JsonValue } from '../api/json.ts';
import { badRequest, invalid } from '../api/refusals.ts';
import type { FieldFault } from '../api/resource.ts';
import { invalidValue, requiredValue, unsupportedValue } from '../resources/field-faults.ts';
import { faultSchema, FAULT_KINDS } from './fault-schema.ts';
import type { FaultBounds, FaultRequest } from './fault-schema.ts';

const FAULT = { group: 'regatta.dev', kind: 'Fault', plural: 'faults' };
type Issue = z.core.$ZodIssue;

/**
 * Reads what was asked for.
 *
 * @throws StatusError 400 when it is no object, 422 with each field that is wrong
 */
export function parseFault(body: unknown, bounds: FaultBounds): FaultRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('a fault must be an object');
  const parsed = faultSchema(bounds).safeParse(body, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw invalid(FAULT, '', parsed.error.issues.flatMap(fieldFaults));
}

function fieldFaults(issue: Issue): FieldFault[] {
  const field = pathText(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => invalidValue(pathText([...issue.path, key]), key, 'there is no such field'));
    case 'invalid_value':
      if (issue.input === undefined) return [requiredValue(field, `one of ${issue.values.map(String).join(', ')}`)];
      return [unsupportedValue(field, issue.input, issue.values)];
    case 'invalid_union':
      return [kindFault(asJsonObject(issue.input)['kind'])];
    case 'invalid_type':
      if (issue.input === undefined) return [requiredValue(field, `must be of type ${issue.expected}`)];
      return [invalidValue(field, issue.input, `must be of type ${issue.expected}`)];
    default:
      return [invalidValue(field, issue.input, issue.message)];
  }
}

/** The union's own discriminator is the only one there is. */
function kindFault(kind: JsonValue | undefined): FieldFault {
  const kinds = Object.keys(FAULT_KINDS);
  return kind === undefined
    ? requiredValue('kind', `one of ${kinds.join(', ')}`)
    : unsupportedValue('kind', kind, kinds);
}

/** In Kubernetes' notation, e.g. `target.methods[0]`. */
function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('');
}
