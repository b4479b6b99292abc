import { status } from '@grpc/grpc-js';
import type { FuzzRequest } from './fuzz-request.ts';
import type { GrpcOutcome } from './grpc-calls.ts';

/** What a request was answered, or the connection it came on. */
export interface HttpOutcome {
  status: number;
  contentType: string;
  text: string;
}

/** The texts our servers have for what they did not foresee. */
const UNFORESEEN = ['Internal error occurred', 'the SDK server failed', 'internal error'];

/**
 * Whether an answer of 500 or above is what Kubernetes and Agones give, too.
 *
 * Every line names the one place where it is so.
 */
export function isByDesign(request: FuzzRequest, outcome: HttpOutcome): boolean {
  const { text, contentType } = outcome;
  if (UNFORESEEN.some((unforeseen) => text.includes(unforeseen))) return false;
  const search = new Map(request.query);
  switch (request.service) {
    case 'api':
      // The allocation API is an extension server, which answers in plain text what it cannot read.
      if (outcome.status === 500 && request.path.includes('gameserverallocations'))
        return contentType.startsWith('text/plain');
      // A watch, or a list, from a version that is not there yet.
      if (outcome.status === 504) return Number(search.get('resourceVersion')) > 0;
      // A watch from what is no version.
      if (outcome.status === 500) return search.has('watch') && text.includes('resourceVersion');
      return false;
    case 'sdk':
      // Agones' gateway: UNKNOWN, which is every refusal of the SDK server for what a call means, and UNIMPLEMENTED.
      return (outcome.status === 500 && codeIn(text) === status.UNKNOWN) || isNotImplemented(outcome);
    case 'allocator':
      return (
        // An invalid request is code 422, which is none of gRPC's; no policy for several clusters is UNKNOWN.
        (outcome.status === 500 && [422, status.UNKNOWN].includes(codeIn(text) ?? -1)) || isNotImplemented(outcome)
      );
  }
}

/** Another method; an answer to HEAD has no words. */
function isNotImplemented({ status: httpStatus, text }: HttpOutcome): boolean {
  return httpStatus === 501 && (text === '' || codeIn(text) === status.UNIMPLEMENTED);
}

function codeIn(text: string): number | undefined {
  try {
    const { code } = JSON.parse(text) as { code?: unknown };
    return typeof code === 'number' ? code : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What is wrong with the shape of a refusal; undefined when it is as clients of the service read it.
 *
 * Broken HTTP is refused before it comes to our programs, by a bare status line.
 */
export function shapeFault({ service, path }: FuzzRequest, { status: httpStatus, contentType, text }: HttpOutcome) {
  if (httpStatus < 400 || text === '') return undefined;
  if (contentType.startsWith('text/plain')) {
    // A path that is not well encoded comes no further than Go's server.
    if (httpStatus === 400 && text.startsWith('400 Bad Request')) return undefined;
    const isText = service === 'api' && (httpStatus === 404 || path.includes('gameserverallocations'));
    return isText ? undefined : 'a refusal in plain text';
  }
  const { kind, code, message } = JSON.parse(text) as { kind?: unknown; code?: unknown; message?: unknown };
  if (typeof message !== 'string' || message === '') return 'a refusal without words';
  if (service === 'api' && (kind !== 'Status' || code !== httpStatus)) return 'a refusal that is no Status';
  return typeof code === 'number' ? undefined : 'a refusal without a code';
}

/** Whether a call ended as gRPC has it: any code but those that mean the server or its connection broke. */
export function isGrpcAnswer({ code, details }: GrpcOutcome): boolean {
  if (UNFORESEEN.includes(details)) return false;
  return code !== status.UNAVAILABLE && code !== status.DEADLINE_EXCEEDED && code !== status.DATA_LOSS;
}
