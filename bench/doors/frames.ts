import { randomBytes } from 'node:crypto';

/** Two bytes, and the mask of a client's frame (RFC 6455, 5.2), below 126 bytes of payload. */
export const SHORT_FRAME_HEADER_BYTES = 2;
export const MASKED_FRAME_HEADER_BYTES = 6;
/** Of each message: about a move in a game. */
export const MESSAGE_BYTES = 64;

/** A whole binary message as a client sends it. */
export function maskedMessage(): Buffer {
  const frame = randomBytes(MASKED_FRAME_HEADER_BYTES + MESSAGE_BYTES);
  frame[0] = 0x82;
  frame[1] = 0x80 | MESSAGE_BYTES;
  return frame;
}
