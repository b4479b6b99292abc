import { apiVersionOf, fieldsOf } from './admission.ts';
import type { Answer } from './answer.ts';
import { isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { preferredFormat } from './negotiation.ts';
import { readEnvelope } from './object-envelope.ts';
import { methodNotAllowed, nothingThere } from './refusals.ts';
import { encode } from './representation.ts';
import { decodeBody } from './request-body.ts';
import type { DecodeProtobuf, RequestBody } from './request-body.ts';
import { parseWriteQuery } from './request-options.ts';
import type { ResourceDefinition } from './resource.ts';
import type { ResourceRequest } from './resource-request.ts';
import { StatusError } from './status-error.ts';
import { PlainTextRefusal } from './virtual-resource.ts';
import type { VirtualResource } from './virtual-resource.ts';

/** How bodies of virtual resources are read. */
export interface VirtualBodies {
  read(): Promise<RequestBody>;
  decodeProtobuf: DecodeProtobuf | undefined;
}

/**
 * Answers a request for a virtual resource.
 *
 * @throws StatusError, PlainTextRefusal
 */
export async function createVirtual(
  virtual: VirtualResource,
  request: ResourceRequest,
  bodies: VirtualBodies,
): Promise<Answer> {
  checkRequest(virtual, request);
  const { definition, servedBy } = virtual;
  const body =
    servedBy === 'extension'
      ? await readAsExtension(definition, await bodies.read())
      : await readAsKubernetes(definition, request, bodies);
  const created = await virtual.create(request.path.namespace ?? '', body);
  const format = preferredFormat(request.request.headers.accept);
  return { status: 201, contentType: `application/${format}`, text: encode(created, format) };
}

function checkRequest({ definition, servedBy }: VirtualResource, { path, request }: ResourceRequest): void {
  const isKubernetes = servedBy === 'kubernetes';
  if (path.name !== undefined || definition.namespaced !== (path.namespace !== undefined)) {
    throw isKubernetes ? nothingThere() : new PlainTextRefusal(404, '404 page not found');
  }
  if (request.method === 'POST') return;
  throw isKubernetes ? methodNotAllowed() : new PlainTextRefusal(405, 'Method not supported');
}

async function readAsKubernetes(
  definition: ResourceDefinition,
  { query }: ResourceRequest,
  { read, decodeProtobuf }: VirtualBodies,
): Promise<JsonObject> {
  parseWriteQuery(query, 'CreateOptions');
  return fieldsOf(readEnvelope(definition, await decodeBody(await read(), definition.kind, decodeProtobuf), 'body'));
}

async function readAsExtension(definition: ResourceDefinition, sent: RequestBody): Promise<JsonObject> {
  const body = (await decodeAsExtension(definition, sent)) ?? {};
  if (!isJsonObject(body)) throw new PlainTextRefusal(500, 'error decoding body: it is not an object');
  const apiVersion = body['apiVersion'] || apiVersionOf(definition);
  const kind = body['kind'] || definition.kind;
  if (apiVersion !== apiVersionOf(definition) || kind !== definition.kind) {
    const found = `no kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`;
    throw new PlainTextRefusal(500, `error decoding body: ${found}`);
  }
  return body;
}

async function decodeAsExtension(definition: ResourceDefinition, sent: RequestBody): Promise<JsonValue> {
  if (sent.mediaType === '') throw new PlainTextRefusal(500, 'Could not find deserializer');
  try {
    return await decodeBody(sent, definition.kind);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const why = error.code === 415 ? 'Could not find deserializer' : `error decoding body: ${error.message}`;
    throw new PlainTextRefusal(500, why);
  }
}
