import type { IncomingMessage } from 'node:http';
import { GRPC_CODE, SdkError } from './sdk-error.ts';

/** The fields of a request's JSON object; unknown ones are ignored by whoever reads them. */
export type Fields = Readonly<Record<string, unknown>>;

/** The SDK's requests are a few hundred bytes: an annotation may be long. */
const MAX_BODY_BYTES = 1024 * 1024;
const INT64 = /^-?\d{1,19}$/;

/** The rest of the body is not read: the connection cannot be used again. */
export class BodyTooLargeError extends SdkError {
  constructor() {
    super(GRPC_CODE.invalidArgument, `the body is larger than ${MAX_BODY_BYTES} bytes`);
    this.name = 'BodyTooLargeError';
  }
}

/** @throws BodyTooLargeError */
export async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new BodyTooLargeError();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/**
 * A JSON object; an empty body counts as an empty one.
 *
 * @throws SdkError INVALID_ARGUMENT
 */
export function readFields(body: string): Fields {
  if (body.trim() === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (error) {
    throw new SdkError(GRPC_CODE.invalidArgument, endsEarly(error, body) ? 'unexpected EOF' : 'invalid JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new SdkError(GRPC_CODE.invalidArgument, `proto: syntax error: unexpected token ${body.trim().slice(0, 20)}`);
  }
  // JSON objects have text keys.
  return parsed as Fields;
}

function endsEarly(error: unknown, body: string): boolean {
  const message = error instanceof Error ? error.message : '';
  const position = /position (\d+)/.exec(message)?.[1];
  return message.includes('end of JSON') || Number(position) >= body.length;
}

/** @throws SdkError INVALID_ARGUMENT when it is there and no text */
export function textField(fields: Fields, name: string): string {
  const value = fields[name] ?? '';
  if (typeof value === 'string') return value;
  throw new SdkError(
    GRPC_CODE.invalidArgument,
    `proto: invalid value for string field ${name}: ${JSON.stringify(value)}`,
  );
}

/**
 * A 64-bit number, which proto's JSON writes as text and reads as either.
 *
 * @param names - the spellings of the field
 * @returns undefined when it is not there
 * @throws SdkError INVALID_ARGUMENT
 */
export function int64Field(fields: Fields, ...names: string[]): number | undefined {
  const name = names.find((spelling) => fields[spelling] !== undefined && fields[spelling] !== null);
  if (name === undefined) return undefined;
  const value = fields[name];
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (typeof value === 'string' && INT64.test(value)) return Number(value);
  throw new SdkError(
    GRPC_CODE.invalidArgument,
    `proto: invalid value for int64 field ${name}: ${JSON.stringify(value)}`,
  );
}
