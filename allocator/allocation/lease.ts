import type { Clock } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';
import { Hold, holderOf, mayHaveForgotten, RENEWALS_PER_LEASE, Stillness } from './hold.ts';
import type { Held, HoldStore } from './hold.ts';

/** What one replica at a time may do. */
export interface Lease {
  /**
   * Whether this replica may do it now. Ask before each step: it is false for a while before another one may begin. What
   * was begun may still be under way then.
   */
  readonly isHeld: boolean;
  /** Gives it up: another one may have it at once. */
  close(): Promise<void>;
}

export interface StoreLeaseOptions {
  store: HoldStore;
  clock: Clock;
  /** 0 ≤ n < 1. */
  random: () => number;
  /** What it is a lease of: its key in the store. */
  name: string;
  /** Differs from that of every other process, and of this one's predecessor. */
  processId: string;
  /** Who runs: the same for a process that is started again in another's place, and then has its lease at once. */
  replica: string;
  /** Who has not been heard from for this long has died. */
  leaseMs: number;
  /** Called each time another replica was seen to live while it has the lease. */
  onOtherAlive?: (replica: string) => void;
}

/** As the store has it. */
interface LeaseRecord extends Held {
  replica: string;
}

/** The store keeps what nobody renews for so many leases. */
const KEPT_LEASES = 10;
const FREE = '';

/** A lease that a store makes: taken when it is free or its holder died, and renewed from then on. */
export class StoreLease implements Lease {
  readonly #options: StoreLeaseOptions & { keptMs: number };
  readonly #stillness: Stillness;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #hold: Hold | undefined;
  /** What the store has of another's, as last seen. */
  #othersText: string | undefined;
  #hasHeld = false;
  #attempts = 0;

  constructor(options: StoreLeaseOptions) {
    this.#options = { ...options, keptMs: options.leaseMs * KEPT_LEASES };
    this.#stillness = new Stillness({ clock: options.clock, leaseMs: options.leaseMs, maxKeys: 1 });
  }

  /** Begins to try for it, and goes on until it is closed. */
  start(): void {
    this.#running ??= this.#run();
  }

  get isHeld(): boolean {
    return this.#hold?.isHeld ?? false;
  }

  /** Whether another replica has it, as last seen. It may have died. */
  get isOthers(): boolean {
    return this.#othersText !== undefined;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#hold?.finish(FREE, 1).catch(() => {
      // Others take it over in time.
    });
    this.#hold = undefined;
  }

  async #run(): Promise<void> {
    const { clock, leaseMs, random } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        this.#hold = await this.#take();
      } catch {
        // The store is away.
        this.#hold = undefined;
      }
      if (this.#hold !== undefined) {
        this.#hasHeld = true;
        this.#othersText = undefined;
        await untilAborted(AbortSignal.any([this.#hold.lost, signal]));
      }
      await pause(clock, (leaseMs / RENEWALS_PER_LEASE) * (0.5 + random() / 2), signal);
    }
  }

  async #take(): Promise<Hold | undefined> {
    const { store, clock, name, keptMs, processId, replica } = this.#options;
    this.#attempts += 1;
    const holder = `${processId}/${this.#attempts}`;
    const own = JSON.stringify({ holder, renewals: 0, replica } satisfies LeaseRecord);
    let begunAtMs = clock.nowMs();
    let there = await store.get(name);
    if (there === undefined) {
      if (mayHaveForgotten(this.#options)) return undefined;
      begunAtMs = clock.nowMs();
      there = await store.putIfAbsent(name, own, keptMs);
      if (there === own) return new Hold(this.#options, name, own, begunAtMs);
    }
    if (this.#mayTake(name, there)) {
      begunAtMs = clock.nowMs();
      if (await store.replace(name, there, own, keptMs)) return new Hold(this.#options, name, own, begunAtMs);
    } else {
      this.#noteOther(there);
    }
    return undefined;
  }

  #noteOther(text: string): void {
    const { replica } = JSON.parse(text) as LeaseRecord;
    if (this.#othersText !== undefined && this.#othersText !== text) this.#options.onOtherAlive?.(replica);
    this.#othersText = text;
  }

  #mayTake(name: string, there: string): boolean {
    const { processId, replica } = this.#options;
    if (there === FREE || holderOf(there)?.startsWith(`${processId}/`) === true) return true;
    // Two that live under one name must not take it from each other again and again.
    const isPredecessor = !this.#hasHeld && (JSON.parse(there) as LeaseRecord).replica === replica;
    return this.#stillness.hasStood(name, there) || isPredecessor;
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
