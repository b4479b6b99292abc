import type { IncomingMessage, ServerResponse } from 'node:http';
import { jsonAnswer, sendAnswer, statusAnswer } from '../api/answer.ts';
import type { Answer } from '../api/answer.ts';
import { methodNotAllowed, unsupportedMediaType } from '../api/refusals.ts';
import { decodeJson, mediaTypeOf, readBody } from '../api/request-body.ts';
import { StatusError } from '../api/status-error.ts';
import type { FaultSet } from './fault-set.ts';

/** Where faults are asked for; Kubernetes has nothing here. */
export const FAULTS_PATH = '/regatta.dev/v1/faults';

const JSON_TYPE = 'application/json';
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Faults over HTTP: `GET` and `DELETE` on all or on one, `POST` of a new one. Refusals are `Status` objects.
 *
 * @returns undefined when the request is for something else
 */
export function answerFaultRequest(
  faults: FaultSet,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<true> | undefined {
  const [path = ''] = (request.url ?? '').split('?');
  if (path !== FAULTS_PATH && !path.startsWith(`${FAULTS_PATH}/`)) return undefined;
  const id = path.slice(FAULTS_PATH.length + 1);
  return answer(faults, request, id).then((given) => {
    sendAnswer(response, given);
    return true;
  });
}

async function answer(faults: FaultSet, request: IncomingMessage, id: string): Promise<Answer> {
  try {
    return id === '' ? await answerAll(faults, request) : answerOne(faults, request.method ?? '', id);
  } catch (error) {
    if (error instanceof StatusError) return statusAnswer(error);
    throw error;
  }
}

async function answerAll(faults: FaultSet, request: IncomingMessage): Promise<Answer> {
  switch (request.method) {
    case 'GET':
      return jsonAnswer({ faults: faults.list() });
    case 'POST': {
      // A page in a browser cannot send this type without being asked first who it is.
      if (mediaTypeOf(request) !== JSON_TYPE) throw unsupportedMediaType([JSON_TYPE]);
      const text = await readBody(request, MAX_BODY_BYTES);
      return jsonAnswer(faults.start(decodeJson(text, 'Fault')), 201);
    }
    case 'DELETE':
      return jsonAnswer({ faults: faults.endAll() });
    default:
      throw methodNotAllowed();
  }
}

function answerOne(faults: FaultSet, method: string, id: string): Answer {
  switch (method) {
    case 'GET':
      return jsonAnswer(faults.get(id));
    case 'DELETE':
      return jsonAnswer(faults.end(id));
    default:
      throw methodNotAllowed();
  }
}
