import { status } from '@grpc/grpc-js';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { readBody } from '../api/request-body.ts';
import { StatusError } from '../api/status-error.ts';
import type { Allocate } from './allocate.ts';
import { GrpcError, httpStatusOf } from './grpc-error.ts';
import { AllocationRequestType, AllocationResponseType } from '../../lib/allocation-protocol/allocate-method.ts';
import { emptyMessage } from '../../lib/allocation-protocol/protobuf-messages.ts';
import type { AllocationRequest } from '../../lib/allocation-protocol/messages.ts';
import { fromJson, ProtoJsonError, toJson } from './protocol/proto-json.ts';

const PATH = '/gameserverallocation';
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Clients keep connections between calls. */
const KEEP_ALIVE_MS = 120_000;

/**
 * The allocator service over REST, as Agones' gateway translates it. It listens to nobody by itself: give it
 * connections by emitting `connection`.
 */
export function createRestService(allocate: Allocate): Server {
  return createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true }, (request, response) => {
    void answer(allocate, request, response);
  });
}

async function answer(allocate: Allocate, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    if (request.url?.split('?')[0] !== PATH) throw new GrpcError(status.NOT_FOUND, 'Not Found');
    if (request.method !== 'POST') throw new GrpcError(status.UNIMPLEMENTED, 'Method Not Allowed');
    const message = readRequest(await readText(request, response));
    send(response, 200, toJson(AllocationResponseType, await allocate(message)));
  } catch (error) {
    const { code, message } = error instanceof GrpcError ? error : new GrpcError(status.INTERNAL, 'internal error');
    send(response, httpStatusOf(code), { code, message, details: [] });
  }
}

async function readText(request: IncomingMessage, response: ServerResponse): Promise<string> {
  try {
    return await readBody(request, MAX_BODY_BYTES);
  } catch (error) {
    // What was not read stands in the way of the next request.
    response.setHeader('connection', 'close');
    const why = error instanceof StatusError ? error.message : 'the body cannot be read';
    throw new GrpcError(status.INVALID_ARGUMENT, why);
  }
}

/** No body is a request without fields. */
function readRequest(text: string): AllocationRequest {
  try {
    const message =
      text.trim() === '' ? emptyMessage(AllocationRequestType) : fromJson(AllocationRequestType, parse(text));
    // The interface says what is in the .proto file.
    return message as unknown as AllocationRequest;
  } catch (error) {
    if (error instanceof ProtoJsonError) throw new GrpcError(status.INVALID_ARGUMENT, `proto: ${error.message}`);
    throw error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new GrpcError(status.INVALID_ARGUMENT, 'the body is not JSON');
  }
}

function send(response: ServerResponse, httpStatus: number, body: object): void {
  response.writeHead(httpStatus, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
