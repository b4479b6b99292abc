import type { IncomingMessage } from 'node:http';
import { parse as parseYaml } from 'yaml';
import { copyJson } from './json.ts';
import type { JsonValue } from './json.ts';
import { badRequest, unsupportedMediaType } from './refusals.ts';
import { StatusError } from './status-error.ts';

/** The media types bodies of objects are read in. */
export const OBJECT_MEDIA_TYPES: readonly string[] = ['application/json', 'application/yaml'];

/** The media type of the body in lower case, without parameters; '' when the client names none. */
export function mediaTypeOf(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/**
 * The whole body as text.
 *
 * @throws StatusError 413 as soon as it is longer than `maxBytes`, 400 when it is not UTF-8 or broken off
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
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
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest('the body could not be read as UTF-8 text');
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
 * @throws StatusError 400 when it cannot be read, 415 when the media type is none of JSON and YAML
 */
export function decodeBody(text: string, mediaType: string, what: string): JsonValue {
  if (mediaType !== '' && !OBJECT_MEDIA_TYPES.includes(mediaType)) throw unsupportedMediaType(OBJECT_MEDIA_TYPES);
  return mediaType === 'application/yaml' ? decodeYaml(text, what) : decodeJson(text, what);
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

/** JSON is YAML, so this reads both. @throws StatusError 400 */
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
    return copyJson(parseYaml(text, { schema: 'core' }) as JsonValue);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest(`the object provided is unrecognized (must be of type ${what}): it is not YAML`);
  }
}
