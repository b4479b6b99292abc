import type { IncomingMessage } from 'node:http';
import { parseAllDocuments } from 'yaml';
import { copyJson } from './json.ts';
import type { JsonValue } from './json.ts';
import { badRequest, unsupportedMediaType } from './refusals.ts';
import { StatusError } from './status-error.ts';

/** The media types bodies of objects are read in; those of Kubernetes' own kinds in protobuf, too. */
const OBJECT_MEDIA_TYPES: readonly string[] = ['application/json', 'application/yaml'];
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/**
 * Reads an object that Kubernetes' protobuf encoding holds, into what its JSON would hold.
 *
 * @returns undefined when the object is of a kind that is not known to it
 * @throws Error of any kind when the bytes are no such object
 */
export type DecodeProtobuf = (bytes: Uint8Array) => Promise<JsonValue | undefined>;

/** A body as it came. */
export interface RequestBody {
  bytes: Uint8Array;
  /** In lower case, without parameters; '' when the client names none. */
  mediaType: string;
}

/** The media type of the body in lower case, without parameters; '' when the client names none. */
export function mediaTypeOf(request: IncomingMessage): string {
  const header = request.headers['content-type'] ?? '';
  // What is all parameters is no media type, and no missing one either.
  return (header.split(';')[0]?.trim() || header.trim()).toLowerCase();
}

/**
 * The whole body.
 *
 * @throws StatusError 413 as soon as it is longer than `maxBytes`, 400 when it is broken off
 */
export async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request) {
      // A request stream without an encoding gives buffers.
      const buffer = chunk as Buffer;
      length += buffer.length;
      if (length > maxBytes) throw tooLarge(maxBytes);
      chunks.push(buffer);
    }
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest('the body was broken off');
  }
  return Buffer.concat(chunks);
}

/**
 * The whole body as text.
 *
 * @throws StatusError as `readBytes`, and 400 when it is not UTF-8
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  return decodeText(await readBytes(request, maxBytes));
}

/** @throws StatusError 400 */
function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw badRequest('the body is not UTF-8 text');
  }
}

function tooLarge(maxBytes: number): StatusError {
  return new StatusError(
    413,
    'RequestEntityTooLarge',
    `the body of a request may not be larger than ${maxBytes} bytes`,
  );
}

/**
 * The value a body holds.
 *
 * @param what - named in the answer, e.g. `GameServer`
 * @param decodeProtobuf - absent where the kind has no such encoding
 * @throws StatusError 400 when it cannot be read, 415 when the media type is none that is read here
 */
export async function decodeBody(
  { bytes, mediaType }: RequestBody,
  what: string,
  decodeProtobuf?: DecodeProtobuf,
): Promise<JsonValue> {
  if (mediaType === PROTOBUF && decodeProtobuf !== undefined) {
    return copyJson(await readProtobuf(bytes, what, decodeProtobuf));
  }
  if (mediaType !== '' && !OBJECT_MEDIA_TYPES.includes(mediaType)) throw unsupportedMediaType(OBJECT_MEDIA_TYPES);
  const text = decodeText(bytes);
  return mediaType === 'application/yaml' ? decodeYaml(text, what) : decodeJson(text, what);
}

async function readProtobuf(bytes: Uint8Array, what: string, decode: DecodeProtobuf): Promise<JsonValue> {
  let value: JsonValue | undefined;
  try {
    value = await decode(bytes);
  } catch {
    throw badRequest(`the object provided is unrecognized (must be of type ${what}): it is not Kubernetes' protobuf`);
  }
  if (value === undefined) throw unsupportedMediaType(OBJECT_MEDIA_TYPES);
  return value;
}

/** @throws StatusError 400 */
export function decodeJson(text: string, what: string): JsonValue {
  try {
    return copyJson(JSON.parse(text) as JsonValue);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest(`the object provided is unrecognized (must be of type ${what}): it is not JSON`);
  }
}

/**
 * JSON is YAML, so this reads both. Of several documents the first counts, and of a key that is there twice the last.
 *
 * @throws StatusError 400
 */
export function decodeYaml(text: string, what: string): JsonValue {
  // Patches of server-side apply are JSON more often than not, and JSON.parse is far quicker.
  if (text.startsWith('{')) {
    try {
      return copyJson(JSON.parse(text) as JsonValue);
    } catch (error) {
      if (error instanceof StatusError) throw error;
    }
  }
  try {
    // The core schema of YAML gives what JSON can hold; dates stay strings. Aliases are bounded by the library.
    const [first] = parseAllDocuments(text, { schema: 'core', uniqueKeys: false });
    const fault = first?.errors[0];
    if (fault !== undefined) throw fault;
    return copyJson((first?.toJS() ?? null) as JsonValue);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest(`the object provided is unrecognized (must be of type ${what}): it is not YAML`);
  }
}
