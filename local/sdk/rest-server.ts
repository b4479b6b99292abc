import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GameServer } from '../../lib/agones.ts';
import { toRestGameServer } from './game-server-message.ts';
import type { Listening } from './grpc-server.ts';
import { latestOnly } from './latest-only.ts';
import { BodyTooLargeError, readFields, readText } from './rest-body.ts';
import { findRoute } from './rest-routes.ts';
import { GRPC_CODE, SdkError } from './sdk-error.ts';
import type { Sidecar } from './sidecar.ts';
import { serveWatchSockets, WATCH_PATH } from './watch-sockets.ts';

/** Serves the SDK's REST API for one GameServer on a port the system chooses. */
export async function serveRest(sidecar: Sidecar, host: string): Promise<Listening> {
  const server = createServer((request, response) => {
    void answer(sidecar, request, response);
  });
  const sockets = serveWatchSockets(server, sidecar);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  return {
    // A server that listens on TCP has an address of this kind.
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        sockets.terminate();
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function answer(sidecar: Sidecar, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  const [path = '/'] = url.split('?');
  try {
    const body = await readText(request);
    if (path === '/health') {
      ping(sidecar, method, body, response);
    } else {
      const { route, parameter } = findRoute(method, path);
      if (path === WATCH_PATH) watch(sidecar, response);
      else send(response, 200, route.handle(sidecar, readFields(body), parameter));
    }
  } catch (error) {
    const refusal = error instanceof SdkError ? error : new SdkError(GRPC_CODE.unknown, 'the SDK server failed');
    if (error instanceof BodyTooLargeError) response.setHeader('connection', 'close');
    send(response, refusal.httpStatus, { code: refusal.code, message: refusal.message, details: [] });
  }
}

/** Agones reads a stream of messages here: without a body there was no ping, and no words about it. */
function ping(sidecar: Sidecar, method: string, body: string, response: ServerResponse): void {
  if (method !== 'POST' || body === '') {
    send(response, 400, undefined);
    return;
  }
  sidecar.ping();
  send(response, 200, {});
}

function watch(sidecar: Sidecar, response: ServerResponse): void {
  const first = sidecar.gameServer();
  response.writeHead(200, { 'content-type': 'application/json' });
  const write = latestOnly<string>(response);
  const sendGameServer = (gameServer: GameServer): void => {
    write(`${JSON.stringify({ result: toRestGameServer(gameServer) })}\n`);
  };
  sendGameServer(first);
  response.on('close', sidecar.watch(sendGameServer));
}

function send(response: ServerResponse, status: number, body: object | undefined): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? '' : JSON.stringify(body));
}
