import protobuf from 'protobufjs';
import { isJsonObject } from '../../api/json.ts';
import { INT32, INT64, parseJsonInteger, UINT64 } from '../../protobuf/json-integer.ts';
import type { IntegerBounds } from '../../protobuf/json-integer.ts';
import { emptyMessage, isWrapper } from '../../../lib/allocation-protocol/protobuf-messages.ts';

/** The JSON does not hold a message of its type. */
export class ProtoJsonError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProtoJsonError';
  }
}

/**
 * Reads a message from parsed JSON, by Protocol Buffers' rules for JSON and with what Agones' gateway adds to them:
 * fields and names of enums that nobody knows are passed over. `null` leaves a field unset, numbers may be text, and
 * wrappers are bare values.
 *
 * @returns the message whole, as `decodeMessage` gives it
 * @throws ProtoJsonError naming the field
 */
export function fromJson(type: protobuf.Type, json: unknown): Record<string, unknown> {
  if (!isJsonObject(json)) throw new ProtoJsonError(`syntax error: unexpected token ${shortened(json)}`);
  const message = emptyMessage(type);
  for (const [name, value] of Object.entries(json)) {
    const field = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    if (field === undefined || value === null) continue;
    const read = fieldFromJson(field, value);
    if (read !== undefined) message[name] = read;
  }
  return message;
}

function fieldFromJson(field: protobuf.Field, json: unknown): unknown {
  if (field.repeated) {
    if (!Array.isArray(json)) throw new ProtoJsonError(`syntax error: unexpected token ${shortened(json)}`);
    return json.map((each) => valueFromJson(field, each)).filter((each) => each !== undefined);
  }
  if (field.map) {
    if (!isJsonObject(json)) throw new ProtoJsonError(`syntax error: unexpected token ${shortened(json)}`);
    const entries = Object.entries(json).map(([key, each]) => [key, valueFromJson(field, each)] as const);
    return Object.fromEntries(entries.filter(([, each]) => each !== undefined));
  }
  return valueFromJson(field, json);
}

/** @returns undefined for what is passed over */
function valueFromJson(field: protobuf.Field, json: unknown): unknown {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Type) {
    const wrapped = resolvedType.fields['value'];
    if (isWrapper(resolvedType) && wrapped !== undefined) return { value: valueFromJson(wrapped, json) };
    return fromJson(resolvedType, json);
  }
  if (resolvedType instanceof protobuf.Enum) return enumFromJson(field, resolvedType, json);
  switch (field.type) {
    case 'bool':
      if (typeof json === 'boolean') return json;
      break;
    case 'string':
      if (typeof json === 'string') return json;
      break;
    case 'int32':
      return integerFromJson(field, json, INT32);
    case 'uint64':
      return integerFromJson(field, json, UINT64);
    default:
      return integerFromJson(field, json, INT64);
  }
  throw invalidValue(field, json);
}

function enumFromJson(field: protobuf.Field, type: protobuf.Enum, json: unknown): unknown {
  if (typeof json === 'string') return Object.hasOwn(type.values, json) ? json : undefined;
  if (typeof json !== 'number') throw invalidValue(field, json);
  const number = integerFromJson(field, json, INT32);
  return type.valuesById[number] ?? number;
}

function integerFromJson(field: protobuf.Field, json: unknown, bounds: IntegerBounds): number {
  const number = parseJsonInteger(json, bounds);
  if (number === undefined) throw invalidValue(field, json);
  return number;
}

function invalidValue(field: protobuf.Field, json: unknown): ProtoJsonError {
  const kind = field.resolvedType instanceof protobuf.Enum ? 'enum' : field.type;
  return new ProtoJsonError(`invalid value for ${kind} field ${field.name}: ${shortened(json)}`);
}

function shortened(json: unknown): string {
  const text = JSON.stringify(json);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/**
 * A message as JSON: every field is there, 64-bit numbers are text, wrappers are bare values and null where unset.
 *
 * @param message - as `decodeMessage` gives it
 */
export function toJson(type: protobuf.Type, message: object): Record<string, unknown> {
  return Object.fromEntries(
    type.fieldsArray.map((field) => [field.name, fieldToJson(field, Reflect.get(message, field.name))]),
  );
}

function fieldToJson(field: protobuf.Field, value: unknown): unknown {
  if (field.repeated) return Array.isArray(value) ? value.map((each) => valueToJson(field, each)) : [];
  if (field.map) {
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
    return Object.fromEntries(entries.map(([key, each]) => [key, valueToJson(field, each)]));
  }
  return value === null || value === undefined ? null : valueToJson(field, value);
}

function valueToJson(field: protobuf.Field, value: unknown): unknown {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Type && typeof value === 'object' && value !== null) {
    const wrapped = resolvedType.fields['value'];
    if (isWrapper(resolvedType) && wrapped !== undefined) return valueToJson(wrapped, Reflect.get(value, 'value'));
    return toJson(resolvedType, value);
  }
  return field.type === 'int64' || field.type === 'uint64' ? String(value) : value;
}
