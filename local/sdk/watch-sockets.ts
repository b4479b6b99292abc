import type { Server } from 'node:http';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { GameServer } from '../../lib/agones.ts';
import { toRestGameServer } from './game-server-message.ts';
import { SdkError } from './sdk-error.ts';
import type { Sidecar } from './sidecar.ts';

/** Where a GameServer is watched over REST: as lines, or by WebSocket with a message for each line. */
export const WATCH_PATH = '/watch/gameserver';

/** Nothing is read from a watcher. */
const MAX_MESSAGE_BYTES = 1024;
/** A watcher that leaves so much unread is asked to come again, and gets the newest state then. */
const MAX_UNREAD_BYTES = 256 * 1024;
const TRY_AGAIN_LATER = 1013;
const SERVER_ERROR = 1011;

/** Takes WebSockets on the watch's path; refuses every other upgrade. */
export function serveWatchSockets(server: Server, sidecar: Sidecar): { terminate(): void } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  server.on('upgrade', (request, socket, head) => {
    if ((request.url ?? '/').split('?')[0] !== WATCH_PATH) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      watch(sidecar, webSocket);
    });
  });
  return {
    terminate() {
      for (const webSocket of sockets.clients) webSocket.terminate();
    },
  };
}

function watch(sidecar: Sidecar, webSocket: WebSocket): void {
  const send = (gameServer: GameServer): void => {
    if (webSocket.bufferedAmount > MAX_UNREAD_BYTES) webSocket.close(TRY_AGAIN_LATER, 'too slow');
    else webSocket.send(JSON.stringify({ result: toRestGameServer(gameServer) }));
  };
  webSocket.on('error', () => {
    webSocket.terminate();
  });
  try {
    send(sidecar.gameServer());
  } catch (error) {
    webSocket.close(SERVER_ERROR, error instanceof SdkError ? 'the GameServer is gone' : 'the SDK server failed');
    return;
  }
  webSocket.on('close', sidecar.watch(send));
}
