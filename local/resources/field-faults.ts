import { asJsonObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { metadataFaults } from '../api/object-names.ts';
import type { FieldFault } from '../api/resource.ts';

/** The value of a field breaks a rule. */
export function invalidValue(field: string, value: unknown, rule: string): FieldFault {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${shown(value)}: ${rule}` };
}

/** The value of a field is none of those there are. */
export function unsupportedValue(field: string, value: unknown, supported: readonly unknown[]): FieldFault {
  const list = supported.map(shown).join(', ');
  return {
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${shown(value)}: supported values: ${list}`,
  };
}

/** A field that has to be set is not, or one that must go along with others does not fit them. */
export function requiredValue(field: string, rule: string): FieldFault {
  return { reason: 'FieldValueRequired', field, message: `Required value: ${rule}` };
}

/** A field is set that may not be. */
export function forbiddenValue(field: string, rule: string): FieldFault {
  return { reason: 'FieldValueForbidden', field, message: `Forbidden: ${rule}` };
}

/** The value is there twice, or stands beside what it excludes. */
export function duplicateValue(field: string, value: unknown): FieldFault {
  return { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${shown(value)}` };
}

/** The value is of another type than the field. */
export function wrongType(field: string, actual: string, wanted: string): FieldFault {
  return {
    reason: 'FieldValueTypeInvalid',
    field,
    message: `Invalid value: "${actual}": ${field} must be of type ${wanted}, not ${actual}`,
  };
}

/** The text is longer than it may be. */
export function tooLong(field: string, maxBytes: number): FieldFault {
  return { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${maxBytes} bytes` };
}

/** There are more items than there may be. */
export function tooMany(field: string, actual: number, maxItems: number): FieldFault {
  return { reason: 'FieldValueTooMany', field, message: `Too many: ${actual}: must have at most ${maxItems} items` };
}

/** The value where it is text, else ''. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Faults of the `labels` and `annotations` of an object that lies at `path`, e.g. `spec.template.metadata`. */
export function labelAndAnnotationFaults(metadata: unknown, path: string): FieldFault[] {
  const { labels, annotations } = asJsonObject(metadata);
  const part: JsonObject = { labels, annotations };
  return metadataFaults(part).map((fault) => ({ ...fault, field: fault.field.replace(/^metadata/, path) }));
}

const MAX_SHOWN_LENGTH = 200;

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'null';
  return json.length > MAX_SHOWN_LENGTH ? `${json.slice(0, MAX_SHOWN_LENGTH)}…` : json;
}
