import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { SHORT_FRAME_HEADER_BYTES, MASKED_FRAME_HEADER_BYTES } from './frames.ts';

/**
 * The game server of the gateway's benchmark, a program of its own: takes any upgrade and sends each message back. It
 * knows short whole frames only and checks no token, so that it costs little beside what is measured.
 */
const HEAD_END = '\r\n\r\n';
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const CLOSE_OPCODE = 0x8;

const server = createServer({ noDelay: true }, (socket) => {
  let unread: Buffer = Buffer.alloc(0);
  let isOpen = false;
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    if (!isOpen) {
      const headEnd = unread.indexOf(HEAD_END);
      if (headEnd < 0) return;
      isOpen = true;
      socket.write(upgradeAnswer(unread.toString('latin1', 0, headEnd)));
      unread = unread.subarray(headEnd + HEAD_END.length);
    }
    unread = echo(socket, unread);
  });
});

function upgradeAnswer(head: string): string {
  const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? '';
  const accept = createHash('sha1')
    .update(key + WEBSOCKET_GUID)
    .digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}${HEAD_END}`;
}

/** @returns what is left of a frame that has not come whole */
function echo(socket: Socket, bytes: Buffer): Buffer {
  let offset = 0;
  while (bytes.length - offset >= MASKED_FRAME_HEADER_BYTES) {
    const length = (bytes[offset + 1] ?? 0) & 0x7f;
    const start = offset + MASKED_FRAME_HEADER_BYTES;
    if (bytes.length < start + length) break;
    const reply = Buffer.allocUnsafe(SHORT_FRAME_HEADER_BYTES + length);
    reply[0] = bytes[offset] ?? 0;
    reply[1] = length;
    for (let index = 0; index < length; index += 1) {
      reply[SHORT_FRAME_HEADER_BYTES + index] = (bytes[start + index] ?? 0) ^ (bytes[start - 4 + (index & 3)] ?? 0);
    }
    socket.write(reply);
    if (((reply[0] ?? 0) & 0x0f) === CLOSE_OPCODE) socket.end();
    offset = start + length;
  }
  return bytes.subarray(offset);
}

server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  process.send?.({ ready: true, port: (server.address() as AddressInfo).port });
});
process.once('disconnect', () => process.exit(0));
