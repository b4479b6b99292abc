import type { Clock } from '../../lib/clock.ts';
import type { ProcessExit } from './process-group.ts';

/** A process that runs at least so long has not failed at its start. */
const STARTED_WELL_MS = 10_000;
const FREE_FAILURES = 2;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 10_000;
const MAX_PROGRAMS = 1000;

/**
 * Slows down the starts of a program that keeps failing right after its start.
 *
 * A Fleet replaces a GameServer that failed at once; without this a program with a mistake would be started many times a
 * second, for as long as nobody looks.
 */
export class StartBackoff {
  readonly #clock: Clock;
  readonly #failures = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long the next start of this program should wait. */
  delayMs(program: string): number {
    const counted = (this.#failures.get(program) ?? 0) - FREE_FAILURES;
    return counted <= 0 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (counted - 1), MAX_DELAY_MS);
  }

  /** Every program starts at once again. */
  forget(): void {
    this.#failures.clear();
  }

  /** A process of this program has ended. */
  noteEnd(program: string, startedAtMs: number, { exitCode, killed }: ProcessExit): void {
    if (killed === true) return;
    const failed = exitCode !== 0 && this.#clock.nowMs() - startedAtMs < STARTED_WELL_MS;
    const failures = failed ? (this.#failures.get(program) ?? 0) + 1 : 0;
    this.#failures.delete(program);
    if (failures === 0) return;
    this.#failures.set(program, failures);
    const oldest = this.#failures.keys().next().value;
    if (this.#failures.size > MAX_PROGRAMS && oldest !== undefined) this.#failures.delete(oldest);
  }
}
