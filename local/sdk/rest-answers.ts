import type { GameServer } from '../../lib/agones.ts';
import { toRestGameServer } from './game-server-message.ts';
import { latestOnly } from './latest-only.ts';
import type { PausableStream } from './latest-only.ts';
import { readMessage, readMessages } from './rest-body.ts';
import { findRoute, HEALTH_PATH, WATCH_PATH } from './rest-routes.ts';
import { GRPC_CODE, SdkError } from './sdk-error.ts';
import type { Sidecar } from './sidecar.ts';

/** A request, whatever carries it. */
export interface RestRequest {
  method: string;
  /** As it was written, with its query. */
  url: string;
  contentType: string | undefined;
  /** @throws SdkError when it is too long */
  readBody(): Promise<string>;
}

/** Where an answer goes: an HTTP response, or a WebSocket. What is written at once is the whole of it, or a line. */
export interface RestAnswer extends PausableStream<string> {
  /** Comes before the first line. @param contentType - none where there will be no line */
  head(status: number, contentType?: string): void;
  /** Called once nobody reads any more. */
  once(event: 'drain' | 'close', listener: () => void): unknown;
  end(): void;
}

const JSON_TYPE = 'application/json';

/** Answers one request of the SDK's REST API; it never throws. */
export async function answerRest(sidecar: Sidecar, request: RestRequest, answer: RestAnswer): Promise<void> {
  try {
    await serve(sidecar, request, answer);
  } catch (error) {
    const refusal = error instanceof SdkError ? error : new SdkError(GRPC_CODE.unknown, 'the SDK server failed');
    const { code, message, httpStatus } = refusal;
    sendOne(answer, httpStatus, { code, message, details: [] });
  }
}

async function serve(sidecar: Sidecar, request: RestRequest, answer: RestAnswer): Promise<void> {
  const body = await request.readBody();
  const path = decodePath(request.url.split('?')[0] ?? '/');
  if (path === undefined) {
    answer.head(400, 'text/plain; charset=utf-8');
    answer.write('400 Bad Request');
    answer.end();
    return;
  }
  // Agones looks at this before it looks for a route: whoever sends nothing has sent no ping, and is told no more.
  if (path === HEALTH_PATH && body === '') {
    answer.head(400);
    answer.end();
    return;
  }
  const form = request.contentType === 'application/x-www-form-urlencoded';
  const { route, name } = findRoute(request.method, path, { form });
  if (path === WATCH_PATH) {
    watch(sidecar, answer);
  } else if (path === HEALTH_PATH) {
    for (const _message of readMessages(body)) sidecar.ping();
    sendOne(answer, 200, {});
  } else {
    // A GET has no message, whatever its body holds.
    sendOne(answer, 200, route.handle(sidecar, readMessage(route.method === 'GET' ? '' : body), name));
  }
}

/** @returns undefined when it is written wrongly */
function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function watch(sidecar: Sidecar, answer: RestAnswer): void {
  const first = sidecar.gameServer();
  answer.head(200, JSON_TYPE);
  const write = latestOnly<string>(answer);
  const send = (gameServer: GameServer): void => {
    write(`${JSON.stringify({ result: toRestGameServer(gameServer) })}\n`);
  };
  send(first);
  answer.once('close', sidecar.watch(send));
}

function sendOne(answer: RestAnswer, status: number, body: object): void {
  answer.head(status, JSON_TYPE);
  answer.write(JSON.stringify(body));
  answer.end();
}
