import type { Clock } from '../../lib/clock.ts';

interface Waiting {
  take: (granted: boolean) => void;
}

/** How many GameServerAllocations are under way at once: the others wait, first come first served. */
export class AttemptSlots {
  readonly #clock: Clock;
  #free: number;
  #queue: Waiting[] = [];

  constructor(options: { slots: number; clock: Clock }) {
    this.#free = options.slots;
    this.#clock = options.clock;
  }

  /**
   * Waits for a slot, `waitMs` at most. Whoever got one gives it back with `release`.
   *
   * @returns false when the time ran out, or the signal fired
   */
  acquire(waitMs: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const waiting: Waiting = {
        take: (granted) => {
          cancelTimer();
          signal.removeEventListener('abort', giveUp);
          resolve(granted);
        },
      };
      const giveUp = (): void => {
        this.#queue = this.#queue.filter((other) => other !== waiting);
        waiting.take(false);
      };
      const cancelTimer = this.#clock.after(Math.max(0, waitMs), giveUp);
      signal.addEventListener('abort', giveUp, { once: true });
      this.#queue.push(waiting);
    });
  }

  release(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#free += 1;
    else next.take(true);
  }
}
