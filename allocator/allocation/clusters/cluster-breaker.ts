import type { Clock } from '../../../lib/clock.ts';

export interface ClusterBreakerOptions {
  clock: Clock;
  /** So many calls in a row that fail open it. */
  maxFaults: number;
  /** One that kept its caller so long and then failed opens it alone; while one is kept so long, no other is begun. */
  slowMs: number;
  /** How long nobody is let through once it is open. */
  openMs: number;
}

/** A call that was let through. */
export interface GuardedCall {
  /** Has to be called once. `answered`: whatever the answer was. */
  end(result: 'answered' | 'failed'): void;
}

/**
 * Keeps callers from a cluster that does not answer, so that each goes on to another one at once.
 *
 * Closed, it lets everybody through. It opens after some faults in a row, or after one that took long. Open, it lets
 * nobody through for a while, then one allocation at a time to see: an answer closes it, a fault opens it again.
 */
export class ClusterBreaker {
  readonly #options: ClusterBreakerOptions;
  /** When each allocation under way began. */
  readonly #underWay = new Set<{ startedAtMs: number }>();
  #faults = 0;
  #openedAtMs = Number.NEGATIVE_INFINITY;
  #openUntilMs: number | undefined;
  #answeredAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ClusterBreakerOptions) {
    this.#options = options;
  }

  /** Whether a call now would be held back, or be the one that sees whether the cluster is back. */
  get isOpen(): boolean {
    return this.#openUntilMs !== undefined;
  }

  /** @returns undefined when nothing should be allocated there now */
  beginAllocation(): GuardedCall | undefined {
    if (this.#isHeldBack) return undefined;
    const { clock } = this.#options;
    // One at a time is let through until its end says how things are.
    const isProbe = this.#openUntilMs !== undefined;
    if (isProbe) this.#openUntilMs = Number.POSITIVE_INFINITY;
    const call = { startedAtMs: clock.nowMs() };
    this.#underWay.add(call);
    return {
      end: (result) => {
        this.#underWay.delete(call);
        if (result === 'answered') this.#close();
        else if (isProbe) this.#open();
        else this.#countFault(call.startedAtMs);
      },
    };
  }

  /**
   * For calls that only ask. That one is answered does not close it, for what can be read cannot always be written.
   *
   * @returns undefined when nothing should be asked there now
   */
  beginQuestion(): GuardedCall | undefined {
    if (this.#isHeldBack) return undefined;
    const startedAtMs = this.#options.clock.nowMs();
    return {
      end: (result) => {
        if (result === 'failed') this.#countFault(startedAtMs);
      },
    };
  }

  get #isHeldBack(): boolean {
    const { clock, slowMs } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#openUntilMs !== undefined) return nowMs < this.#openUntilMs;
    // The oldest comes first. Nothing was answered since it began: the others are likely to wait as long.
    const [oldest] = this.#underWay;
    return oldest !== undefined && nowMs - oldest.startedAtMs >= slowMs && this.#answeredAtMs <= oldest.startedAtMs;
  }

  #countFault(startedAtMs: number): void {
    // Of one that was under way when it opened, a fault is no news.
    if (startedAtMs <= this.#openedAtMs) return;
    const { clock, slowMs, maxFaults } = this.#options;
    this.#faults += 1;
    const isSlow = clock.nowMs() - startedAtMs >= slowMs;
    if (isSlow || this.#faults >= maxFaults || this.isOpen) this.#open();
  }

  #open(): void {
    this.#openedAtMs = this.#options.clock.nowMs();
    this.#openUntilMs = this.#openedAtMs + this.#options.openMs;
  }

  #close(): void {
    this.#faults = 0;
    this.#openUntilMs = undefined;
    this.#answeredAtMs = this.#options.clock.nowMs();
  }
}
