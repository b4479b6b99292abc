import type { Clock } from '../../lib/clock.ts';

export interface RateLimit {
  perSecond: number;
  /** How many seconds' worth may come at once. */
  burstSeconds: number;
}

export interface RateLimiterOptions extends RateLimit {
  clock: Clock;
  /** Of so many keys it knows what they took; of the one it heard of longest ago it forgets, which is in that one's favour. */
  maxKeys: number;
}

/**
 * So many a second for each key, and a burst of some seconds' worth.
 *
 * Each key costs one number: the time at which all that it took would have been its due. Source: the generic cell rate
 * algorithm, ITU-T I.371.
 */
export class RateLimiter {
  readonly #options: RateLimiterOptions;
  readonly #everyMs: number;
  readonly #dueAtMs = new Map<string, number>();

  constructor(options: RateLimiterOptions) {
    this.#options = options;
    this.#everyMs = 1000 / options.perSecond;
  }

  /** How many keys it knows of. */
  get size(): number {
    return this.#dueAtMs.size;
  }

  /**
   * Takes one, unless that is too many.
   *
   * @returns 0 when it was taken, else after how many milliseconds one may be
   */
  take(key: string): number {
    const { clock, burstSeconds, maxKeys } = this.#options;
    const nowMs = clock.nowMs();
    const dueAtMs = Math.max(nowMs, this.#dueAtMs.get(key) ?? 0) + this.#everyMs;
    // One is always to be had of a full bucket, however small it is.
    const waitMs = dueAtMs - nowMs - Math.max(burstSeconds * 1000, this.#everyMs);
    if (waitMs > 0) return waitMs;
    this.#dueAtMs.delete(key);
    this.#dueAtMs.set(key, dueAtMs);
    if (this.#dueAtMs.size > maxKeys) this.#forgetOldest();
    return 0;
  }

  #forgetOldest(): void {
    for (const oldest of this.#dueAtMs.keys()) {
      this.#dueAtMs.delete(oldest);
      return;
    }
  }
}
