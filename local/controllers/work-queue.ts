import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';

export interface WorkQueueOptions {
  clock: Clock;
  log: Logger;
  /** How many keys are worked off before other work of the process gets its turn. @default 64 */
  maxKeysPerTurn?: number;
  /** How many keys of one lane may wait for something at once. @default 32 */
  maxInFlight?: number;
  /** The longest pause before a key that fails is tried again. @default 5000 */
  maxRetryDelayMs?: number;
}

export interface LaneOptions {
  /** Pause before the given try (1 for the first retry). The default doubles from 5 ms. */
  retryDelayMs?(attempt: number): number;
}

/** Where one controller's keys wait. */
export interface Lane {
  /** Has the key looked at soon. A key that waits already is not queued twice. */
  add(key: string): void;
  /** Has the key looked at after a while; of several such wishes for one key the soonest counts. */
  addAfter(key: string, delayMs: number): void;
}

type Sync = (key: string) => void | Promise<void>;

/**
 * The keys of objects that controllers have to look at, each at most once however often it changed.
 *
 * Lanes are worked off in the order they were made: while an earlier lane has keys, later ones wait. So a Fleet is
 * looked at when its sets are settled, and a set when its GameServers are. A sync that throws is tried again, with
 * growing pauses, until it succeeds. At most one sync of a key runs at a time. The queue holds no more keys than
 * there are objects.
 */
export class WorkQueue {
  readonly #lanes: KeyLane[] = [];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #maxKeysPerTurn: number;
  readonly #maxInFlight: number;
  readonly #maxRetryDelayMs: number;
  #cancelTurn: (() => void) | undefined;
  #stopped = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#maxKeysPerTurn = options.maxKeysPerTurn ?? 64;
    this.#maxInFlight = options.maxInFlight ?? 32;
    this.#maxRetryDelayMs = options.maxRetryDelayMs ?? 5000;
  }

  /**
   * @param name - for the log
   * @param sync - brings the object of a key (`namespace/name`) to what it should be; it may be called at any time,
   *   also for objects that are gone or need nothing
   */
  lane(name: string, sync: Sync, options: LaneOptions = {}): Lane {
    const maxRetryDelayMs = this.#maxRetryDelayMs;
    const lane = new KeyLane({
      name,
      sync,
      clock: this.#clock,
      log: this.#log,
      maxInFlight: this.#maxInFlight,
      retryDelayMs: options.retryDelayMs ?? ((attempt) => Math.min(5 * 2 ** (attempt - 1), maxRetryDelayMs)),
      wake: () => {
        this.#wake();
      },
    });
    this.#lanes.push(lane);
    return lane;
  }

  /** Ends all work. Syncs that wait for something may still come back; their keys are not looked at again. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTurn?.();
    for (const lane of this.#lanes) lane.stop();
  }

  #wake(): void {
    if (this.#stopped || this.#cancelTurn !== undefined) return;
    this.#cancelTurn = this.#clock.after(0, () => {
      this.#cancelTurn = undefined;
      this.#runTurn();
    });
  }

  #runTurn(): void {
    for (let done = 0; done < this.#maxKeysPerTurn; done += 1) {
      const lane = this.#lanes.find((candidate) => candidate.hasWork);
      if (lane === undefined) return;
      lane.runNext();
      if (this.#stopped) return;
    }
    this.#wake();
  }
}

interface KeyLaneOptions {
  name: string;
  sync: Sync;
  clock: Clock;
  log: Logger;
  maxInFlight: number;
  retryDelayMs(attempt: number): number;
  wake(): void;
}

class KeyLane implements Lane {
  readonly #options: KeyLaneOptions;
  readonly #queued = new Set<string>();
  readonly #inFlight = new Set<string>();
  readonly #changedInFlight = new Set<string>();
  readonly #timers = new Map<string, { atMs: number; cancel: () => void }>();
  readonly #attempts = new Map<string, number>();
  #stopped = false;

  constructor(options: KeyLaneOptions) {
    this.#options = options;
  }

  get hasWork(): boolean {
    return this.#queued.size > 0 && this.#inFlight.size < this.#options.maxInFlight;
  }

  add(key: string): void {
    if (this.#stopped) return;
    if (this.#inFlight.has(key)) {
      this.#changedInFlight.add(key);
      return;
    }
    this.#queued.add(key);
    this.#options.wake();
  }

  addAfter(key: string, delayMs: number): void {
    if (this.#stopped) return;
    const atMs = this.#options.clock.nowMs() + delayMs;
    const waiting = this.#timers.get(key);
    if (waiting !== undefined) {
      if (waiting.atMs <= atMs) return;
      waiting.cancel();
    }
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { atMs, cancel });
  }

  /** Looks at the key that has waited longest. */
  runNext(): void {
    const [key] = this.#queued;
    if (key === undefined) return;
    this.#queued.delete(key);
    try {
      const pending = this.#options.sync(key);
      if (pending === undefined) this.#attempts.delete(key);
      else void this.#follow(key, pending);
    } catch (error) {
      this.#retry(key, error);
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#queued.clear();
  }

  async #follow(key: string, pending: Promise<void>): Promise<void> {
    this.#inFlight.add(key);
    try {
      await pending;
      this.#attempts.delete(key);
    } catch (error) {
      this.#retry(key, error);
    }
    this.#inFlight.delete(key);
    if (this.#changedInFlight.delete(key)) this.add(key);
    else if (!this.#stopped && this.#queued.size > 0) this.#options.wake();
  }

  #retry(key: string, error: unknown): void {
    const attempt = (this.#attempts.get(key) ?? 0) + 1;
    this.#attempts.set(key, attempt);
    this.#options.log.debug({ err: error, lane: this.#options.name, key, attempt }, 'a sync failed and is tried again');
    this.addAfter(key, this.#options.retryDelayMs(attempt));
  }
}
