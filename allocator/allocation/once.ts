import type { Clock } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';
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
interface KeyRecord {
  fingerprint: string;
  /** Who works on it, and until when it is believed to. */
  holder: string;
  heldUntilMs: number;
  answer?: string;
}

/** Whoever renews does so this often within the lease. */
const RENEWALS_PER_LEASE = 3;

/**
 * One key, one answer: whoever repeats a request, at the same time or later, here or at another replica, gets what the
 * first one got, and the work is done by one at a time.
 *
 * The answer is in the store before it is given out. Work whose process died is taken over by the next who asks, who is
 * told that something may have come of it already.
 */
export class Once {
  readonly #options: OnceOptions;
  readonly #underWay = new Map<string, Promise<unknown>>();
  #works = 0;

  constructor(options: OnceOptions) {
    this.#options = options;
  }

  /**
   * @param work - called at most once at a time for a key; `isFirst` when nobody can have begun it before
   * @throws StoreDown, and what `work` throws
   */
  async run<Refused>(
    request: KeyedRequest,
    work: (isFirst: boolean) => Promise<WorkOutcome<Refused>>,
  ): Promise<OnceResult<Refused>> {
    const { store, clock, keptMs, pollMs } = this.#options;
    const { key, fingerprint, deadlineMs } = request;
    for (;;) {
      const own = this.#heldText(fingerprint);
      const there = await store.putIfAbsent(key, own, keptMs);
      const record = JSON.parse(there) as KeyRecord;
      if (record.fingerprint !== fingerprint) return { state: 'reused' };
      if (record.answer !== undefined) return { state: 'answered', answer: record.answer };
      const isFirst = there === own;
      const isFree = isFirst || (record.heldUntilMs <= clock.nowMs() && (await store.replace(key, there, own, keptMs)));
      if (isFree) {
        const outcome = await this.#lead(key, own, () => work(isFirst));
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
    own: string,
    work: () => Promise<WorkOutcome<Refused>>,
  ): Promise<OnceResult<Refused> | undefined> {
    const { store, keptMs } = this.#options;
    const lease = new Lease(this.#options, key, own);
    const settled = Promise.withResolvers<void>();
    this.#underWay.set(key, settled.promise);
    let answer: string | undefined;
    try {
      const { answer: given, refused } = await work();
      answer = given;
      const record = JSON.parse(own) as KeyRecord;
      const last: KeyRecord = { ...record, heldUntilMs: 0, ...(answer === undefined ? {} : { answer }) };
      const isOurs = await store.replace(key, await lease.end(), JSON.stringify(last), keptMs);
      if (answer !== undefined) return isOurs ? { state: 'answered', answer } : undefined;
      // A refusal is the caller's own, whoever works on the key now.
      return refused === undefined ? undefined : { state: 'refused', refused };
    } finally {
      await lease.end();
      this.#underWay.delete(key);
      settled.resolve();
    }
  }

  #heldText(fingerprint: string): string {
    const { processId, clock, leaseMs } = this.#options;
    this.#works += 1;
    const record: KeyRecord = {
      fingerprint,
      holder: `${processId}/${this.#works}`,
      heldUntilMs: clock.nowMs() + leaseMs,
    };
    return JSON.stringify(record);
  }
}

/** Says again and again that its holder lives, until it is ended. */
class Lease {
  readonly #options: OnceOptions;
  readonly #key: string;
  #text: string;
  #renewal: Promise<void> = Promise.resolve();
  #cancel: () => void = () => {};

  constructor(options: OnceOptions, key: string, text: string) {
    this.#options = options;
    this.#key = key;
    this.#text = text;
    this.#renewLater();
  }

  /** @returns what the store holds if nobody has taken it over */
  async end(): Promise<string> {
    this.#cancel();
    await this.#renewal;
    this.#cancel();
    return this.#text;
  }

  #renewLater(): void {
    const { clock, leaseMs } = this.#options;
    this.#cancel = clock.after(leaseMs / RENEWALS_PER_LEASE, () => {
      this.#renewal = this.#renew();
    });
  }

  async #renew(): Promise<void> {
    const { store, clock, leaseMs, keptMs } = this.#options;
    const next = JSON.stringify({
      ...(JSON.parse(this.#text) as KeyRecord),
      heldUntilMs: clock.nowMs() + leaseMs,
    } satisfies KeyRecord);
    try {
      if (!(await store.replace(this.#key, this.#text, next, keptMs))) return;
      this.#text = next;
    } catch {
      // The store is away: the next renewal may be in time yet.
    }
    this.#renewLater();
  }
}
