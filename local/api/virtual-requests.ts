import { apiVersionOf } from './admission.ts';
import { jsonAnswer, pageNotFound, textAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import { isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { OBJECT_MEDIA_TYPES, decodeBody, mediaTypeOf, readBody } from './request-body.ts';
import { parseWriteQuery } from './request-options.ts';
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
  { path, query, request, signal }: ResourceRequest,
  maxBodyBytes: number,
): Promise<Answer> {
  const { definition } = virtual;
  if (request.method !== 'POST' || path.name !== undefined) return textAnswer('Method not supported\n', 405);
  if (definition.namespaced !== (path.namespace !== undefined)) return pageNotFound();
  const text = await readBody(request, maxBodyBytes);
  const body = virtual.ignoresBody === true ? {} : decodeObject(definition, text, mediaTypeOf(request));
  const envelope = { apiVersion: apiVersionOf(definition), kind: definition.kind };
  const { dryRun } = parseWriteQuery(query, 'CreateOptions');
  const created = await virtual.create(path.namespace ?? '', { ...body, ...envelope }, { dryRun, signal });
  return jsonAnswer(created, 201);
}

function decodeObject(definition: ResourceDefinition, text: string, mediaType: string): JsonObject {
  const body = decode(definition, text, mediaType);
  if (!isJsonObject(body)) throw new PlainTextRefusal(500, 'error decoding body: it is not an object');
  const { apiVersion = apiVersionOf(definition), kind = definition.kind } = body;
  if (apiVersion !== apiVersionOf(definition) || kind !== definition.kind) {
    const found = `no kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`;
    throw new PlainTextRefusal(500, `error decoding body: ${found}`);
  }
  return body;
}

function decode(definition: ResourceDefinition, text: string, mediaType: string): JsonValue {
  if (mediaType !== '' && !OBJECT_MEDIA_TYPES.includes(mediaType)) {
    throw new PlainTextRefusal(500, 'Could not find deserializer');
  }
  try {
    return decodeBody(text, mediaType, definition.kind);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw new PlainTextRefusal(500, `error decoding body: ${error.message}`);
  }
}
