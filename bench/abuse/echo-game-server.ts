import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

// A game server that echoes, for `measureAbuse`. It ends with the process that started it.
const webSockets = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
webSockets.on('connection', (webSocket) => {
  webSocket.on('error', () => webSocket.terminate());
  webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }));
});
webSockets.once('listening', () => {
  process.send?.({ port: (webSockets.address() as AddressInfo).port });
});
process.once('disconnect', () => process.exit(0));
