import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ConnectionOrigin } from '../connections.ts';
import { addTallies, emptyTally, tallyOfGone } from '../tally.ts';
import type { TallySnapshot } from '../tally.ts';
import { Worker } from './worker.ts';

/** A worker that dies is replaced after the first of these, doubled with each that dies soon again. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** One that lived this long did not die soon. */
const LASTING_AFTER_MS = 30_000;

export interface WorkerPoolOptions {
  count: number;
  clock: Clock;
  logger: Logger;
  /** Starts the process of a worker. */
  fork: (number: number) => ChildProcess;
}

/** A worker ended before it served. What was wrong it has said itself. */
export class WorkerStartError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number | null) {
    super('a worker did not start');
    this.name = 'WorkerStartError';
    this.exitCode = exitCode ?? 1;
  }
}

/** The processes that serve, and what they are given. One that dies ends no other and is replaced. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #workers = new Map<number, Worker>();
  /** Cancels what is to start a worker again. */
  readonly #pending = new Set<() => void>();
  #tallyOfGone = emptyTally();
  #restarts = 0;
  #isDraining = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Somebody takes connections. */
  get isReady(): boolean {
    return this.#leastBusy() !== undefined;
  }

  /** Those that take connections. */
  get readyWorkers(): number {
    return [...this.#workers.values()].filter(({ isReady }) => isReady).length;
  }

  /** Workers that were started in place of one that died. */
  get restarts(): number {
    return this.#restarts;
  }

  /** When the first certificate of a worker runs out. */
  get certificateExpiresAtMs(): number | undefined {
    const times = [...this.#workers.values()].flatMap(({ certificateExpiresAtMs: timeMs }) => timeMs ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** What all workers have done since the start, and hold, as of a second ago. */
  tally(): TallySnapshot {
    return addTallies([this.#tallyOfGone, ...[...this.#workers.values()].map(({ tally }) => tally)]);
  }

  /**
   * Starts them all.
   *
   * @throws WorkerStartError
   */
  async start(): Promise<void> {
    const starting = Array.from({ length: this.#options.count }, (_, index) => this.#startWorker(index + 1));
    await Promise.all(
      starting.map(async (worker) => {
        if (!(await worker.ready())) throw new WorkerStartError(await worker.exited);
      }),
    );
    for (const worker of starting) this.#replaceWhenDead(worker, FIRST_PAUSE_MS);
  }

  /** Gives a connection to the worker that has the fewest. With no worker it is reset. */
  give(socket: Socket, origin: ConnectionOrigin | undefined, release: () => void): void {
    const worker = this.#leastBusy();
    if (worker !== undefined) {
      worker.give(socket, origin, release);
      return;
    }
    release();
    socket.resetAndDestroy();
  }

  /** A worker that ends from now on is not replaced. */
  replaceNoMore(): void {
    this.#isDraining = true;
    for (const cancel of this.#pending) cancel();
  }

  /** Ends them all in good order. */
  async drain(): Promise<void> {
    this.replaceNoMore();
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.drain();
    await Promise.all(workers.map(({ exited }) => exited));
  }

  #leastBusy(): Worker | undefined {
    let found: Worker | undefined;
    for (const worker of this.#workers.values()) {
      if (worker.isReady && (found === undefined || worker.connections < found.connections)) found = worker;
    }
    return found;
  }

  #startWorker(number: number): Worker {
    const worker = new Worker(number, this.#options.fork(number));
    this.#workers.set(number, worker);
    return worker;
  }

  #replaceWhenDead(worker: Worker, pauseMs: number): void {
    const { clock, logger } = this.#options;
    const startedAtMs = clock.nowMs();
    void worker.exited.then((code) => {
      this.#tallyOfGone = addTallies([this.#tallyOfGone, tallyOfGone(worker.tally)]);
      this.#workers.delete(worker.number);
      if (this.#isDraining) return;
      const nextPauseMs = clock.nowMs() - startedAtMs >= LASTING_AFTER_MS ? FIRST_PAUSE_MS : pauseMs;
      logger.error({ worker: worker.number, code, nextInMs: nextPauseMs }, 'a worker has died and is replaced');
      const cancel = clock.after(nextPauseMs, () => {
        this.#pending.delete(cancel);
        this.#restarts += 1;
        const successor = this.#startWorker(worker.number);
        this.#replaceWhenDead(successor, Math.min(nextPauseMs * 2, LONGEST_PAUSE_MS));
      });
      this.#pending.add(cancel);
    });
  }
}
