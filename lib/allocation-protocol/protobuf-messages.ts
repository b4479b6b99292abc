import protobuf from 'protobufjs';
import type { MethodDefinition } from '@grpc/grpc-js';

/** Refuses text that is not UTF-8, as Go's does; the library would read something else in its place. */
class StrictReader extends protobuf.BufferReader {
  static readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  override string(): string {
    return StrictReader.#text.decode(this.bytes());
  }
}

/**
 * Reads a message.
 *
 * @returns every field: repeated ones and maps empty, messages null, scalars at their default where they were not sent
 * @throws Error of any kind when the bytes are no such message
 */
export function decodeMessage(type: protobuf.Type, bytes: Buffer): Record<string, unknown> {
  return plainMessage(type, type.decode(new StrictReader(bytes)));
}

/** The bytes of a message, given as `decodeMessage` gives it; absent and null fields stay unset. */
export function encodeMessage(type: protobuf.Type, message: object): Buffer {
  return Buffer.from(type.encode(type.fromObject(message)).finish());
}

/** A method of a gRPC service, with one request and one response whose interfaces say what is in the .proto file. */
export function unaryMethod<Request extends object, Response extends object>(
  path: string,
  requestType: protobuf.Type,
  responseType: protobuf.Type,
): MethodDefinition<Request, Response> {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: (request) => encodeMessage(requestType, request),
    requestDeserialize: (bytes) => decodeMessage(requestType, bytes) as Request,
    responseSerialize: (response) => encodeMessage(responseType, response),
    responseDeserialize: (bytes) => decodeMessage(responseType, bytes) as Response,
  };
}

/** Whether the type is one of `google.protobuf.*Value`: a scalar that can be unset. */
export function isWrapper(type: protobuf.Type): boolean {
  return type.fullName.startsWith('.google.protobuf.');
}

/** A message with nothing set, whole. */
export function emptyMessage(type: protobuf.Type): Record<string, unknown> {
  return plainMessage(type, {});
}

function plainMessage(type: protobuf.Type, message: object): Record<string, unknown> {
  return Object.fromEntries(
    type.fieldsArray.map((field) => [
      field.name,
      plainField(field, Object.hasOwn(message, field.name) ? Reflect.get(message, field.name) : undefined),
    ]),
  );
}

function plainField(field: protobuf.Field, value: unknown): unknown {
  if (field.repeated) return Array.isArray(value) ? value.map((each) => plainValue(field, each)) : [];
  if (field.map) {
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
    // An entry without a value has the default one.
    return Object.fromEntries(entries.map(([key, each]) => [key, plainValue(field, each ?? {})]));
  }
  if (field.resolvedType instanceof protobuf.Type) {
    return value === undefined || value === null ? null : plainValue(field, value);
  }
  return plainValue(field, value);
}

function plainValue(field: protobuf.Field, value: unknown): unknown {
  if (field.resolvedType instanceof protobuf.Type) {
    return plainMessage(field.resolvedType, typeof value === 'object' && value !== null ? value : {});
  }
  if (field.resolvedType instanceof protobuf.Enum) {
    const number = typeof value === 'number' ? value : 0;
    return field.resolvedType.valuesById[number] ?? number;
  }
  switch (field.type) {
    case 'string':
      return typeof value === 'string' ? value : '';
    case 'bool':
      return value === true;
    default:
      // 64-bit numbers come as objects. Beyond 2^53 they lose their last digits, as everywhere in JSON.
      return Number(value ?? 0);
  }
}
