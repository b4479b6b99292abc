/** After a quiet time so many seconds' worth may pass at once. */
const BURST_SECONDS = 2;

/**
 * How many bytes a second may pass one way.
 *
 * The time is asked for only when the allowance is used up, so that it costs a subtraction for each chunk. Over any span
 * no more passes than its due, two bursts, and one chunk.
 */
export class ByteAllowance {
  readonly #bytesPerMs: number;
  readonly #burstBytes: number;
  readonly #nowMs: () => number;
  #leftBytes: number;
  #filledAtMs: number;

  /** @param nowMs - any clock that does not go back */
  constructor(bytesPerSecond: number, nowMs: () => number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#burstBytes = bytesPerSecond * BURST_SECONDS;
    this.#nowMs = nowMs;
    this.#leftBytes = this.#burstBytes;
    this.#filledAtMs = nowMs();
  }

  /**
   * Counts bytes that have passed.
   *
   * @returns for how many milliseconds nothing more may pass: 0 while there is something left
   */
  spend(bytes: number): number {
    this.#leftBytes -= bytes;
    if (this.#leftBytes >= 0) return 0;
    const nowMs = this.#nowMs();
    const dueBytes = (nowMs - this.#filledAtMs) * this.#bytesPerMs;
    this.#filledAtMs = nowMs;
    this.#leftBytes = Math.min(this.#burstBytes, this.#leftBytes + dueBytes);
    return this.#leftBytes >= 0 ? 0 : -this.#leftBytes / this.#bytesPerMs;
  }
}
