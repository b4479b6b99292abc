import { randomBytes } from 'node:crypto';
import type { CloseSpec } from '../lib/close-codes.ts';

const FINAL_CLOSE = 0x88;
const MASKED = 0x80;

/** A whole unmasked Close frame, as a WebSocket server sends it to its client (RFC 6455, 5.5.1). */
export function closeFrameForClient(spec: CloseSpec): Buffer {
  const payload = closePayload(spec);
  return Buffer.concat([Buffer.from([FINAL_CLOSE, payload.length]), payload]);
}

/** The same, masked, as a client sends it (RFC 6455, 5.3). */
export function closeFrameForGameServer(spec: CloseSpec): Buffer {
  const payload = closePayload(spec);
  const maskKey = randomBytes(4);
  const masked = payload.map((byte, index) => byte ^ (maskKey[index % 4] ?? 0));
  return Buffer.concat([Buffer.from([FINAL_CLOSE, MASKED | payload.length]), maskKey, masked]);
}

function closePayload({ code, reason }: CloseSpec): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return payload;
}
