/** Bounds of a {@link ReplayRing}. */
export interface ReplayBounds {
  maxMessages: number;
  maxBytes: number;
}

/** A message as it is kept. Many rings may hold the same one. */
export interface KeptMessage {
  readonly text: string;
  /** In UTF-8. */
  readonly bytes: number;
}

/**
 * The last messages of one stream, for a peer that may come back without them: so many and so large at most.
 *
 * Messages are counted from the stream's first. Those that no longer fit are forgotten, the oldest first.
 */
export class ReplayRing {
  readonly #bounds: ReplayBounds;
  readonly #kept: KeptMessage[] = [];
  #bytes = 0;
  #count = 0;

  constructor(bounds: ReplayBounds) {
    this.#bounds = bounds;
  }

  /** Messages of the stream so far, forgotten ones included. */
  get count(): number {
    return this.#count;
  }

  add(message: KeptMessage): void {
    this.#count += 1;
    this.#kept.push(message);
    this.#bytes += message.bytes;
    const { maxMessages, maxBytes } = this.#bounds;
    while (this.#kept.length > maxMessages || this.#bytes > maxBytes) this.#bytes -= this.#kept.shift()?.bytes ?? 0;
  }

  /**
   * What a peer that has the first `count` messages does not have.
   *
   * @returns the texts that are still here, and how many before them are not
   */
  after(count: number): { missed: number; texts: string[] } {
    const forgotten = this.#count - this.#kept.length;
    const missed = Math.max(0, forgotten - count);
    const texts = this.#kept.slice(Math.max(0, count - forgotten)).map(({ text }) => text);
    return { missed, texts };
  }

  /** Counts as a peer does that never got `missed` of the messages: it will call the next one by a smaller number. */
  skip(missed: number): void {
    this.#count -= missed;
  }
}
