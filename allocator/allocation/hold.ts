import type { Clock } from '../../lib/clock.ts';
import type { Store } from './store.ts';

/** What the store has of something that is held, as JSON; further members are its user's. */
export interface Held {
  /** Who holds it: differs from that of every other hold there ever was. */
  holder: string;
  /** Grows with every renewal, and every attempt at one: no text is ever written twice, so that all can see that it was. */
  renewals: number;
}

export interface HoldOptions {
  store: HoldStore;
  clock: Clock;
  /** Who has seen nothing change for this long may take it over. */
  leaseMs: number;
  /** How long the store keeps what is written; much longer than `leaseMs`. */
  keptMs: number;
}

/** What holds need of a store. */
export type HoldStore = Pick<Store, 'get' | 'putIfAbsent' | 'replace' | 'unbrokenSinceMs'>;

/** A hold is renewed this often within its lease. */
export const RENEWALS_PER_LEASE = 4;
/**
 * Its holder believes in it for this part of the lease after the last renewal began. The rest is the margin: clocks may run
 * at rates that differ by it (a fifth), and what they show does not matter, for nobody compares times of two clocks.
 */
const BELIEVED_PART = 0.8;

/**
 * Something in the store that its holder renews while they live.
 *
 * It is given up by its holder before another one may take it over: they count from when they saw the last renewal, which
 * is later than its holder, who counts from when it was begun. A store that was emptied is filled again by the next
 * renewal; so nobody may take for free what is not there before a lease has passed in touch with the store.
 */
export class Hold {
  readonly #options: HoldOptions;
  readonly #key: string;
  readonly #lost = new AbortController();
  #text: string;
  #renewals: number;
  #believedUntilMs: number;
  #renewal: Promise<void> = Promise.resolve();
  #cancelRenewal: () => void = () => {};
  #cancelBelief: () => void = () => {};

  /**
   * It may be lost from the beginning, when it took long to write it.
   *
   * @param text - what was written to the store: a Held
   * @param begunAtMs - when that writing began
   */
  constructor(options: HoldOptions, key: string, text: string, begunAtMs: number) {
    this.#options = options;
    this.#key = key;
    this.#text = text;
    this.#renewals = (JSON.parse(text) as Held).renewals;
    this.#believedUntilMs = begunAtMs;
    this.#renewLater();
    this.#believe(begunAtMs);
  }

  /** Fires when it is another one's, or may be: its holder then begins nothing any more. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get isHeld(): boolean {
    return !this.#lost.signal.aborted && this.#options.clock.nowMs() < this.#believedUntilMs;
  }

  /**
   * Ends it with a last text.
   *
   * @returns whether that is in the store now: false when another one has taken it over
   * @throws StoreDown
   */
  async finish(text: string, keptMs: number): Promise<boolean> {
    await this.end();
    return this.#write(text, keptMs);
  }

  /** Stops renewing it: others take it over in time. */
  async end(): Promise<void> {
    this.#cancelRenewal();
    await this.#renewal;
    this.#cancelRenewal();
    this.#cancelBelief();
  }

  #believe(begunAtMs: number): void {
    const { clock, leaseMs } = this.#options;
    this.#believedUntilMs = begunAtMs + leaseMs * BELIEVED_PART;
    this.#cancelBelief();
    const leftMs = this.#believedUntilMs - clock.nowMs();
    if (leftMs <= 0) this.#lose();
    else {
      this.#cancelBelief = clock.after(leftMs, () => {
        this.#lose();
      });
    }
  }

  #lose(): void {
    this.#cancelRenewal();
    this.#cancelBelief();
    this.#lost.abort();
  }

  #renewLater(): void {
    const { clock, leaseMs } = this.#options;
    this.#cancelRenewal = clock.after(leaseMs / RENEWALS_PER_LEASE, () => {
      this.#renewal = this.#renew();
    });
  }

  async #renew(): Promise<void> {
    const { clock, keptMs } = this.#options;
    const begunAtMs = clock.nowMs();
    this.#renewals += 1;
    const next = { ...(JSON.parse(this.#text) as Held), renewals: this.#renewals };
    try {
      const isOurs = await this.#write(JSON.stringify(next), keptMs);
      if (this.#lost.signal.aborted) return;
      if (isOurs) this.#believe(begunAtMs);
      else this.#lose();
    } catch {
      // The store is away: the next renewal may be in time yet.
    }
    if (!this.#lost.signal.aborted) this.#renewLater();
  }

  /** @returns false when another one has taken it over */
  async #write(next: string, keptMs: number): Promise<boolean> {
    const { store } = this.#options;
    const isOurs = (await store.replace(this.#key, this.#text, next, keptMs)) || (await this.#writeAnew(next, keptMs));
    if (isOurs) this.#text = next;
    return isOurs;
  }

  /** Over what is not what was written last: the store lost it, or carried a renewal out whose answer was lost. */
  async #writeAnew(next: string, keptMs: number): Promise<boolean> {
    const { store } = this.#options;
    const there = await store.get(this.#key);
    if (there === undefined) return (await store.putIfAbsent(this.#key, next, keptMs)) === next;
    const isOurs = holderOf(there) === holderOf(this.#text);
    return isOurs && store.replace(this.#key, there, next, keptMs);
  }
}

/** Who holds what the store has there; undefined where nobody does. */
export function holderOf(text: string): string | undefined {
  return text === '' ? undefined : (JSON.parse(text) as Partial<Held>).holder;
}

/** Whether what is not in the store may have been there a moment ago, and its holder has yet to write it again. */
export function mayHaveForgotten({ store, clock, leaseMs }: HoldOptions): boolean {
  return clock.nowMs() - store.unbrokenSinceMs < leaseMs;
}

/** What others hold and do not renew, by what is seen of it here. */
export class Stillness {
  readonly #options: { clock: Clock; leaseMs: number; maxKeys: number };
  /** What was seen first the longest ago first. */
  readonly #seen = new Map<string, { text: string; sinceMs: number }>();

  /** @param options - the keys that were seen first the longest ago give way beyond `maxKeys` */
  constructor(options: { clock: Clock; leaseMs: number; maxKeys: number }) {
    this.#options = options;
  }

  /** Whether nothing else than this text, which the store has now, was seen for a whole lease. */
  hasStood(key: string, text: string): boolean {
    const { clock, leaseMs, maxKeys } = this.#options;
    const seen = this.#seen.get(key);
    if (seen?.text === text) return clock.nowMs() - seen.sinceMs >= leaseMs;
    this.#seen.delete(key);
    this.#seen.set(key, { text, sinceMs: clock.nowMs() });
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= maxKeys) break;
      this.#seen.delete(oldest);
    }
    return false;
  }

  forget(key: string): void {
    this.#seen.delete(key);
  }
}
