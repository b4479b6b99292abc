import type { Clock } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';
import { Hold, mayHaveForgotten, Stillness } from './hold.ts';
import type { Held } from './hold.ts';
import type { Store } from './store.ts';

export interface OnceOptions {
  store: Store;
  clock: Clock;
  /** Differs from that of every other process, and of this one's predecessor. */
  processId: string;
  /** A key is remembered so long after it was first seen, or was answered. */
  keptMs: number;
  /** Who works on a key and is not heard from for this long has died: another one goes on. */
  leaseMs: number;
  /** How often work of another process is looked at. */
  pollMs: number;
  /** Keys on which another process works and that are looked at, to see whether it lives. */
  maxWatchedKeys: number;
}

/** A request under a key. */
export interface KeyedRequest {
  key: string;
  /** Of all that makes it this request: another one must not have the same key. */
  fingerprint: string;
  deadlineMs: number;
}

export interface WorkOutcome<Refused> {
  /** Given to whoever repeats the request. */
  answer?: string;
  /** Nothing came of it: whoever repeats the request tries again. */
  refused?: Refused;
}

export type OnceResult<Refused> =
  | { state: 'answered'; answer: string }
  | { state: 'refused'; refused: Refused }
  /** The key is another request's. */
  | { state: 'reused' }
  /** The same request is being worked on, and the deadline came first. */
  | { state: 'under_way' };

/** What the store holds of a key. */
interface KeyRecord extends Partial<Held> {
  fingerprint: string;
  answer?: string;
}

/**
 * One key, one answer: whoever repeats a request, at the same time or later, here or at another replica, gets what the
 * first one got, and the work is done by one at a time.
 *
 * The answer is in the store before it is given out. Work whose process died is taken over by the next who asks, who is
 * told that something may have come of it already. After a break with the store, which may have lost what it held, a key
 * that is not there waits until whoever works on it has had the time to say so again.
 */
export class Once {
  readonly #options: OnceOptions;
  readonly #stillness: Stillness;
  readonly #underWay = new Map<string, Promise<unknown>>();
  #works = 0;

  constructor(options: OnceOptions) {
    this.#options = options;
    this.#stillness = new Stillness({ ...options, maxKeys: options.maxWatchedKeys });
  }

  /**
   * @param work - called at most once at a time for a key; `isFirst` when nobody can have begun it before. When `lost`
   *   fires somebody else may begin it: it begins nothing any more then, and ends soon
   * @throws StoreDown, and what `work` throws
   */
  async run<Refused>(
    request: KeyedRequest,
    work: (isFirst: boolean, lost: AbortSignal) => Promise<WorkOutcome<Refused>>,
  ): Promise<OnceResult<Refused>> {
    const { store, clock, keptMs, pollMs } = this.#options;
    const { key, fingerprint, deadlineMs } = request;
    for (;;) {
      const own = this.#newRecord(fingerprint);
      const begunAtMs = clock.nowMs();
      const there = mayHaveForgotten(this.#options)
        ? await store.get(key)
        : await store.putIfAbsent(key, JSON.stringify(own), keptMs);
      const known = there === undefined ? undefined : (JSON.parse(there) as KeyRecord);
      if (known !== undefined && known.fingerprint !== fingerprint) return { state: 'reused' };
      if (known?.answer !== undefined) return { state: 'answered', answer: known.answer };
      const isFirst = known?.holder === own.holder;
      if (isFirst || (there !== undefined && (await this.#takeOver(key, there, own)))) {
        const hold = new Hold(this.#options, key, JSON.stringify(own), begunAtMs);
        const outcome = await this.#lead(key, own, hold, () => work(isFirst, hold.lost));
        // Taken over meanwhile: what the other one answers counts.
        if (outcome !== undefined) return outcome;
      }
      const leftMs = deadlineMs - clock.nowMs();
      if (leftMs <= 0) return { state: 'under_way' };
      await Promise.race([this.#underWay.get(key) ?? new Promise(() => {}), pause(clock, Math.min(pollMs, leftMs))]);
    }
  }

  /** @returns undefined when somebody else has taken the key over */
  async #lead<Refused>(
    key: string,
    own: KeyRecord,
    hold: Hold,
    work: () => Promise<WorkOutcome<Refused>>,
  ): Promise<OnceResult<Refused> | undefined> {
    const settled = Promise.withResolvers<void>();
    this.#underWay.set(key, settled.promise);
    this.#stillness.forget(key);
    try {
      const { answer, refused } = hold.isHeld ? await work() : {};
      const last: KeyRecord = { fingerprint: own.fingerprint, ...(answer === undefined ? {} : { answer }) };
      const isOurs = await hold.finish(JSON.stringify(last), this.#options.keptMs);
      if (answer !== undefined) return isOurs ? { state: 'answered', answer } : undefined;
      // A refusal is the caller's own, whoever works on the key now.
      return refused === undefined ? undefined : { state: 'refused', refused };
    } finally {
      await hold.end();
      this.#underWay.delete(key);
      settled.resolve();
    }
  }

  /** Where nobody works on the key, or whoever did has died. @returns whether it is ours now */
  async #takeOver(key: string, there: string, own: KeyRecord): Promise<boolean> {
    const { store, keptMs } = this.#options;
    const isFree = (JSON.parse(there) as KeyRecord).holder === undefined || this.#stillness.hasStood(key, there);
    return isFree && store.replace(key, there, JSON.stringify(own), keptMs);
  }

  #newRecord(fingerprint: string): KeyRecord & Held {
    this.#works += 1;
    return { fingerprint, holder: `${this.#options.processId}/${this.#works}`, renewals: 0 };
  }
}
