import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Listening } from './grpc-server.ts';
import { answerRest } from './rest-answers.ts';
import type { RestAnswer } from './rest-answers.ts';
import { readText } from './rest-body.ts';
import { serveRestSockets } from './rest-sockets.ts';
import type { Sidecar } from './sidecar.ts';

/** Serves the SDK's REST API for one GameServer. With port 0 the system chooses. */
export async function serveRest(sidecar: Sidecar, host: string, wantedPort: number): Promise<Listening> {
  const server = createServer((request, response) => {
    void answerRest(sidecar, toRequest(request), toAnswer(response));
  });
  const sockets = serveRestSockets(server, sidecar);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(wantedPort, host, resolve);
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

function toRequest(request: IncomingMessage) {
  const { method = 'GET', url = '/' } = request;
  return { method, url, contentType: request.headers['content-type'], readBody: () => readText(request) };
}

function toAnswer(response: ServerResponse): RestAnswer {
  return {
    head: (status, contentType) => {
      response.writeHead(status, contentType === undefined ? {} : { 'content-type': contentType });
    },
    write: (text) => response.write(text),
    once: (event, listener) => response.once(event, listener),
    end: () => {
      response.end();
    },
  };
}
