import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { answerRest } from './rest-answers.ts';
import type { RestAnswer } from './rest-answers.ts';
import type { Sidecar } from './sidecar.ts';

/** Nothing is read from who connects. */
const MAX_MESSAGE_BYTES = 1024;
/** What may wait unread before a watch skips to the newest. */
const MAX_UNREAD_BYTES = 256 * 1024;

/**
 * Answers WebSockets: each is one request, by GET or by the `method` in its query, and gets a message for each line of
 * the answer. As with Agones any path is taken, and the connection ends with the answer, without a word of goodbye.
 */
export function serveRestSockets(server: Server, sidecar: Sidecar): { terminate(): void } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const { url = '/' } = request;
      const method = new URLSearchParams(url.split('?')[1]).get('method') ?? 'GET';
      const asked = { method, url, contentType: undefined, readBody: () => Promise.resolve('') };
      void answerRest(sidecar, asked, toAnswer(webSocket, socket));
    });
  });
  return {
    terminate() {
      for (const webSocket of sockets.clients) webSocket.terminate();
    },
  };
}

function toAnswer(webSocket: WebSocket, socket: Duplex): RestAnswer {
  webSocket.on('error', () => {
    webSocket.terminate();
  });
  return {
    head() {
      // The status of the answer is not told.
    },
    write(text) {
      webSocket.send(text.trimEnd());
      return webSocket.bufferedAmount <= MAX_UNREAD_BYTES;
    },
    once: (event, listener) => (event === 'close' ? webSocket : socket).once(event, listener),
    end() {
      socket.end();
    },
  };
}
