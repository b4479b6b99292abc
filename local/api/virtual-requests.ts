import { apiVersionOf } from './admission.ts';
import { pageNotFound, textAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import { isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { preferredFormat } from './negotiation.ts';
import { encode } from './representation.ts';
import { OBJECT_MEDIA_TYPES, decodeBody, mediaTypeOf, readBody } from './request-body.ts';
import type { ResourceDefinition } from './resource.ts';
import type { ResourceRequest } from './resource-request.ts';
import { StatusError } from './status-error.ts';
import { PlainTextRefusal } from './virtual-resource.ts';
import type { VirtualResource } from './virtual-resource.ts';

/**
 * Answers a request for a virtual resource, with the plain-text refusals of an extension server.
 *
 * @throws StatusError, PlainTextRefusal
 */
export async function createVirtual(
  virtual: VirtualResource,
  { path, request }: ResourceRequest,
  maxBodyBytes: number,
): Promise<Answer> {
  const { definition } = virtual;
  if (path.name !== undefined || definition.namespaced !== (path.namespace !== undefined)) return pageNotFound();
  if (request.method !== 'POST') return textAnswer('Method not supported\n', 405);
  const text = await readBody(request, maxBodyBytes);
  const body = virtual.ignoresBody === true ? {} : decodeObject(definition, text, mediaTypeOf(request));
  const created = await virtual.create(path.namespace ?? '', body);
  const format = preferredFormat(request.headers.accept);
  return { status: 201, contentType: `application/${format}`, text: encode(created, format) };
}

function decodeObject(definition: ResourceDefinition, text: string, mediaType: string): JsonObject {
  const body = decode(definition, text, mediaType) ?? {};
  if (!isJsonObject(body)) throw new PlainTextRefusal(500, 'error decoding body: it is not an object');
  const apiVersion = body['apiVersion'] || apiVersionOf(definition);
  const kind = body['kind'] || definition.kind;
  if (apiVersion !== apiVersionOf(definition) || kind !== definition.kind) {
    const found = `no kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`;
    throw new PlainTextRefusal(500, `error decoding body: ${found}`);
  }
  return body;
}

function decode(definition: ResourceDefinition, text: string, mediaType: string): JsonValue {
  if (!OBJECT_MEDIA_TYPES.includes(mediaType)) {
    throw new PlainTextRefusal(500, 'Could not find deserializer');
  }
  try {
    return decodeBody(text, mediaType, definition.kind);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw new PlainTextRefusal(500, `error decoding body: ${error.message}`);
  }
}
