import type { IncomingMessage } from 'node:http';
import { isJsonObject } from '../api/json.ts';
import { INT64, parseJsonInteger } from '../protobuf/json-integer.ts';
import { JsonTextError, readJsonValues } from './json-values.ts';
import type { JsonValueInText } from './json-values.ts';
import { GRPC_CODE, MAX_MESSAGE_BYTES, SdkError } from './sdk-error.ts';

/** A body that is too large is read on, and forgotten, so that its sender hears the answer; to this length. */
const MAX_DISCARDED_BYTES = 16 * MAX_MESSAGE_BYTES;

/**
 * @throws SdkError RESOURCE_EXHAUSTED when it is too long for the SDK
 * @throws Error when it is broken off, or goes on and on
 */
export async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MAX_MESSAGE_BYTES) chunks.push(chunk);
    if (length > MAX_DISCARDED_BYTES) throw new Error('the body goes on and on');
  }
  if (length > MAX_MESSAGE_BYTES) {
    const message = `received message larger than max (${length} vs. ${MAX_MESSAGE_BYTES})`;
    throw new SdkError(GRPC_CODE.resourceExhausted, message);
  }
  return Buffer.concat(chunks).toString();
}

/**
 * The message in a body: its first JSON value, which must be an object. No body is a message without fields, and what
 * follows the first value is passed over.
 *
 * @throws SdkError INVALID_ARGUMENT
 */
export function readMessage(body: string): MessageFields {
  for (const message of readMessages(body)) return message;
  return new MessageFields({ value: {}, repeated: new Set() });
}

/**
 * Every message of a body, of which a stream is made.
 *
 * @throws SdkError INVALID_ARGUMENT once it has given those before the fault
 */
export function* readMessages(body: string): Generator<MessageFields> {
  try {
    for (const value of readJsonValues(body)) yield new MessageFields(value);
  } catch (error) {
    if (error instanceof JsonTextError) throw new SdkError(GRPC_CODE.invalidArgument, error.message);
    throw error;
  }
}

/**
 * The fields of a message that came as JSON, by Protocol Buffers' rules: `null` is a field that is not set, and fields
 * nobody asks for are passed over.
 */
export class MessageFields {
  readonly names: readonly string[];
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #repeated: ReadonlySet<string>;

  /** @throws SdkError INVALID_ARGUMENT unless it is an object */
  constructor({ value, repeated }: JsonValueInText) {
    if (!isJsonObject(value)) throw invalid(`syntax error: unexpected token ${shortened(value)}`);
    this.#fields = value;
    this.#repeated = repeated;
    this.names = Object.keys(value);
  }

  /** @throws SdkError INVALID_ARGUMENT when it is there and no text */
  text(name: string): string {
    const value = this.#read(name) ?? '';
    if (typeof value !== 'string') throw invalid(`invalid value for string field ${name}: ${shortened(value)}`);
    return value;
  }

  /** @throws SdkError INVALID_ARGUMENT when it is there and no array of texts */
  texts(name: string): string[] {
    const value = this.#read(name) ?? [];
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
    throw invalid(`syntax error: unexpected token ${shortened(value)}`);
  }

  /**
   * A 64-bit number, which may be text. Beyond 2^53 it loses its last digits, as all of JSON's numbers do here.
   *
   * @returns undefined when it is not there
   * @throws SdkError INVALID_ARGUMENT
   */
  int64(name: string): number | undefined {
    const value = this.#read(name);
    if (value === undefined) return undefined;
    const number = parseJsonInteger(value, INT64);
    if (number === undefined) throw invalid(`invalid value for int64 field ${name}: ${shortened(value)}`);
    return number;
  }

  #read(name: string): unknown {
    if (this.#repeated.has(name)) throw invalid(`duplicate field ${JSON.stringify(name)}`);
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? undefined) : undefined;
  }
}

function invalid(message: string): SdkError {
  return new SdkError(GRPC_CODE.invalidArgument, `proto: ${message}`);
}

function shortened(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
