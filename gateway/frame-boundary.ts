const CLOSE_OPCODE = 0x8;
const MASK_KEY_BYTES = 4;
const SHORTEST_HEADER_BYTES = 2;
/** Two bytes and the longest extended length; the mask key counts as payload here. */
const LONGEST_HEADER_BYTES = 10;
const HEADER_BYTES_WITH_16_BITS = 4;
const LENGTH_IS_16_BITS = 126;
const LENGTH_IS_64_BITS = 127;

/**
 * Follows one direction of a WebSocket byte stream by its frame headers alone (RFC 6455, 5.2), so that a frame of our
 * own can be put between two of theirs.
 *
 * It reads no payload and judges nothing: reserved bits, opcodes and masks pass as they are. Boundaries are those of
 * frames, not of messages: between two fragments a control frame may stand, a data frame may not.
 */
export class FrameBoundaryTracker {
  #headerBytes = 0;
  #opcode = 0;
  #isMasked = false;
  /** The short length (7 bits), or what is known of the extended one. */
  #shortLength = 0;
  #extendedLength = 0;
  #payloadBytesLeft = 0;
  #closeHasPassed = false;

  /** True before the first byte and after each whole frame. */
  get isAtBoundary(): boolean {
    return this.#headerBytes === 0 && this.#payloadBytesLeft === 0;
  }

  /** True once the header of a Close frame went by; its payload may still be on the way. */
  get closeHasPassed(): boolean {
    return this.#closeHasPassed;
  }

  /** Takes the next bytes of the stream. */
  advance(chunk: Uint8Array): void {
    if (this.#payloadBytesLeft > chunk.length) {
      this.#payloadBytesLeft -= chunk.length;
      return;
    }
    let offset = 0;
    while (offset < chunk.length) offset = this.#step(chunk, offset);
  }

  /**
   * Takes bytes of the stream up to the first frame boundary, and none when it stands at one already.
   *
   * @returns how many bytes of the chunk were taken; the caller keeps the others
   */
  advanceToBoundary(chunk: Uint8Array): number {
    let offset = 0;
    while (offset < chunk.length && !this.isAtBoundary) offset = this.#step(chunk, offset);
    return offset;
  }

  #step(chunk: Uint8Array, offset: number): number {
    if (this.#payloadBytesLeft > 0) {
      const skipped = Math.min(this.#payloadBytesLeft, chunk.length - offset);
      this.#payloadBytesLeft -= skipped;
      return offset + skipped;
    }
    this.#takeHeaderByte(chunk[offset] ?? 0);
    if (this.#headerBytes === this.#headerLength()) this.#endHeader();
    return offset + 1;
  }

  #takeHeaderByte(byte: number): void {
    if (this.#headerBytes === 0) {
      this.#opcode = byte & 0x0f;
    } else if (this.#headerBytes === 1) {
      this.#isMasked = (byte & 0x80) !== 0;
      this.#shortLength = byte & 0x7f;
      this.#extendedLength = 0;
    } else {
      // Beyond 2^53 it is inexact; no stream lives to the end of such a frame.
      this.#extendedLength = this.#extendedLength * 256 + byte;
    }
    this.#headerBytes += 1;
  }

  #headerLength(): number {
    if (this.#headerBytes < SHORTEST_HEADER_BYTES) return SHORTEST_HEADER_BYTES;
    if (this.#shortLength === LENGTH_IS_16_BITS) return HEADER_BYTES_WITH_16_BITS;
    return this.#shortLength === LENGTH_IS_64_BITS ? LONGEST_HEADER_BYTES : SHORTEST_HEADER_BYTES;
  }

  #endHeader(): void {
    if (this.#opcode === CLOSE_OPCODE) this.#closeHasPassed = true;
    const length = this.#shortLength < LENGTH_IS_16_BITS ? this.#shortLength : this.#extendedLength;
    this.#payloadBytesLeft = length + (this.#isMasked ? MASK_KEY_BYTES : 0);
    this.#headerBytes = 0;
  }
}
