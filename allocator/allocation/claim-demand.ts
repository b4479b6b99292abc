import type { Clock } from '../../lib/clock.ts';

export interface ClaimDemandOptions {
  clock: Clock;
  minClaims: number;
  maxClaims: number;
  /** Claims are made for what may come within this time. */
  aheadMs: number;
}

/** Over how long arrivals are averaged: a burst is remembered about this long. */
const MEMORY_MS = 10_000;

/**
 * How many claims a game should have ahead of need: what came of late, for as long as it takes to make new ones, and as
 * much more as chance may bring.
 */
export class ClaimDemand {
  readonly #options: ClaimDemandOptions;
  #perMs = 0;
  #notedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ClaimDemandOptions) {
    this.#options = options;
  }

  /** A session was wanted. */
  note(): void {
    this.#perMs = this.#perMsNow() + 1 / MEMORY_MS;
    this.#notedAtMs = this.#options.clock.nowMs();
  }

  get wanted(): number {
    const { minClaims, maxClaims, aheadMs } = this.#options;
    const expected = this.#perMsNow() * aheadMs;
    // Arrivals by chance differ from what is expected by its square root; twice that is seldom passed.
    const wanted = Math.ceil(expected + 2 * Math.sqrt(expected) - 0.01);
    return Math.min(maxClaims, Math.max(minClaims, wanted));
  }

  #perMsNow(): number {
    return this.#perMs * Math.exp(-(this.#options.clock.nowMs() - this.#notedAtMs) / MEMORY_MS);
  }
}
