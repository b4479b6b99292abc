import type { Clock } from '../../lib/clock.ts';

/** A process of a simulation: nothing happens in it any more once it is dead. */
export interface SimulatedProcess {
  isDead: boolean;
}

interface Timer {
  atMs: number;
  order: number;
  callback: () => void;
}

/** Time that jumps from one happening to the next, with everything that needs no time done in between. */
export class SimulatedTime {
  #nowMs = Date.parse('2027-01-15T08:00:00Z');
  #timers: Timer[] = [];
  #count = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: (this.#count += 1), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** The clock of one process: it calls nobody back when that is dead. */
  clockOf(process: SimulatedProcess): Clock {
    return {
      nowMs: () => this.#nowMs,
      after: (delayMs, callback) =>
        this.after(delayMs, () => {
          if (!process.isDead) callback();
        }),
    };
  }

  async run(forMs: number): Promise<void> {
    const endMs = this.#nowMs + forMs;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      let next: Timer | undefined;
      for (const timer of this.#timers) {
        if (next === undefined || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.order < next.order)) {
          next = timer;
        }
      }
      if (next === undefined || next.atMs > endMs) break;
      const due = next;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#nowMs = due.atMs;
      due.callback();
    }
    this.#nowMs = endMs;
  }
}
