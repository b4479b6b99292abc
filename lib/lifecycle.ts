import type { Logger } from './logger.ts';

/** Where a program stands between its start and its end. */
export type Phase = 'starting' | 'ready' | 'draining' | 'stopped';

export interface LifecycleOptions {
  logger: Logger;
  /** All of the stop must fit in this; afterwards the program exits with code 1. */
  stopDeadlineMs: number;
}

interface Stoppable {
  name: string;
  stop: () => Promise<void> | void;
}

/**
 * The order in which a program comes and goes: what was started last is stopped first.
 *
 * It installs no signal handler and never exits: `main.ts` does, with `runUntilSignal`.
 */
export class Lifecycle {
  readonly #logger: Logger;
  readonly #stopDeadlineMs: number;
  readonly #started: Stoppable[] = [];
  #phase: Phase = 'starting';
  #stopping: Promise<boolean> | undefined;

  constructor(options: LifecycleOptions) {
    this.#logger = options.logger;
    this.#stopDeadlineMs = options.stopDeadlineMs;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** True while the program takes new work: what a readiness probe asks. */
  get isReady(): boolean {
    return this.#phase === 'ready';
  }

  /** Registers how something that now runs is stopped. */
  onStop(name: string, stop: () => Promise<void> | void): void {
    this.#started.push({ name, stop });
  }

  /** Everything is up. Does nothing once the stop has begun. */
  markReady(): void {
    if (this.#phase === 'starting') this.#phase = 'ready';
  }

  /**
   * Stops everything once, in reverse order of start; later calls wait for the same stop.
   *
   * @returns whether all of it ended, without fault, before the deadline
   */
  stop(): Promise<boolean> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<boolean> {
    this.#phase = 'draining';
    let deadline: NodeJS.Timeout | undefined;
    const deadlinePassed = new Promise<boolean>((resolve) => {
      deadline = setTimeout(() => {
        resolve(false);
      }, this.#stopDeadlineMs);
    });
    const ended = await Promise.race([this.#stopInReverse(), deadlinePassed]);
    clearTimeout(deadline);
    this.#phase = 'stopped';
    return ended;
  }

  async #stopInReverse(): Promise<boolean> {
    let clean = true;
    for (const { name, stop } of this.#started.toReversed()) {
      try {
        await stop();
      } catch (error) {
        clean = false;
        this.#logger.error({ err: error, part: name }, 'could not stop a part');
      }
    }
    return clean;
  }
}
