import type { Clock } from '../../lib/clock.ts';
import { backoffMs } from './backoff.ts';

export interface WaitingLineOptions {
  clock: Clock;
  /** 0 ≤ n < 1. */
  random: () => number;
  /** Attempts of this line under way at once. */
  maxAttempts: number;
  /** Pause after the first refusal; it doubles up to `maxPauseMs`. */
  firstPauseMs: number;
  maxPauseMs: number;
}

/** How much the newest interval counts in the pace of a line. */
const PACE_WEIGHT = 0.2;

/**
 * Who waits for the same GameServers: those who come back from a session that was lost before all others, each of the two
 * in order of arrival.
 *
 * Whoever is refused keeps their place. While GameServers are got, many attempts are under way; after a refusal one at a
 * time, with growing pauses, until one is got or somebody says that there are some.
 */
export class WaitingLine<Member extends object> {
  readonly #options: WaitingLineOptions;
  /** Who has waited once already, and was served; in order of arrival. */
  readonly #returning = new Set<Member>();
  /** Everybody else, in order of arrival. */
  readonly #members = new Set<Member>();
  readonly #attempting = new Set<Member>();
  /** Whose attempt gave no answer: they wait for what came of it and stand in nobody's way. */
  readonly #settling = new Set<Member>();
  #allowed: number;
  #refusals = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #servedAtMs: number | undefined;
  #paceMs: number | undefined;

  constructor(options: WaitingLineOptions) {
    this.#options = options;
    this.#allowed = options.maxAttempts;
  }

  /** How many wait, those who try included. */
  get size(): number {
    return this.#returning.size + this.#members.size;
  }

  /** Whether somebody here is not trying. */
  get isWaitedFor(): boolean {
    return this.size > this.#attempting.size + this.#settling.size;
  }

  /**
   * Goes to the end; who is returning to the end of those who are. The first of an empty line need not wait out what the
   * last one met.
   */
  enter(member: Member, { isReturning }: { isReturning: boolean }): void {
    if (this.size === 0) this.#resume(this.#options.maxAttempts);
    (isReturning ? this.#returning : this.#members).add(member);
  }

  leave(member: Member): void {
    this.#returning.delete(member);
    this.#members.delete(member);
  }

  /** In the order in which they may try. */
  *[Symbol.iterator](): Iterator<Member> {
    yield* this.#returning;
    yield* this.#members;
  }

  /** From 1; 0 for who is not here. */
  placeOf(member: Member): number {
    let place = 1;
    for (const other of this) {
      if (other === member) return place;
      place += 1;
    }
    return 0;
  }

  /** How long it may take until the one at this place is served, at the pace of late; undefined while there is none. */
  estimateMs(place: number): number | undefined {
    if (this.#paceMs === undefined || this.#servedAtMs === undefined) return undefined;
    // A line that stands still gets no faster by that.
    const sinceMs = this.#options.clock.nowMs() - this.#servedAtMs;
    return Math.max(this.#paceMs, sinceMs) * place;
  }

  /** The first who may try now, from now on counted as trying; undefined when nobody may. */
  next(): Member | undefined {
    if (this.#attempting.size >= this.#allowed || this.pausedForMs > 0) return undefined;
    for (const member of this) {
      if (this.isAttempting(member)) continue;
      this.#attempting.add(member);
      this.#pausedUntilMs = Number.NEGATIVE_INFINITY;
      return member;
    }
    return undefined;
  }

  isAttempting(member: Member): boolean {
    return this.#attempting.has(member) || this.#settling.has(member);
  }

  /** The attempt gave no answer, and is followed up until one is found: meanwhile another may try. */
  settle(member: Member): void {
    if (this.#attempting.delete(member)) this.#settling.add(member);
  }

  /** An attempt has ended. One that was refused keeps its place. */
  attempted(member: Member, outcome: 'served' | 'refused'): void {
    const { clock, random, firstPauseMs, maxPauseMs, maxAttempts } = this.#options;
    this.#attempting.delete(member);
    this.#settling.delete(member);
    if (outcome === 'served') {
      this.leave(member);
      this.#notePace();
      this.#resume(Math.min(maxAttempts, this.#allowed * 2));
      return;
    }
    const pauseMs = backoffMs(this.#refusals, { firstMs: firstPauseMs, maxMs: maxPauseMs }, random());
    this.#refusals += 1;
    this.#allowed = 1;
    this.#pausedUntilMs = clock.nowMs() + pauseMs;
  }

  /** So many more sessions can be had: so many more may try, and nobody pauses any longer. */
  wake(sessions = 1): void {
    this.#resume(Math.min(this.#options.maxAttempts, Math.max(this.#allowed, this.#attempting.size + sessions)));
  }

  /** How long until the next attempt may begin; 0 when it may now. */
  get pausedForMs(): number {
    return Math.max(0, this.#pausedUntilMs - this.#options.clock.nowMs());
  }

  /**
   * How long until somebody may try for whom nothing but a pause stands in the way; 0 when it is over and nobody has tried
   * yet, undefined when there is none.
   */
  get resumesInMs(): number | undefined {
    const isPaused = this.#pausedUntilMs !== Number.NEGATIVE_INFINITY;
    const hasRoom = this.#attempting.size < Math.min(this.#allowed, this.size - this.#settling.size);
    return isPaused && hasRoom ? this.pausedForMs : undefined;
  }

  #resume(allowed: number): void {
    this.#allowed = Math.max(1, allowed);
    this.#refusals = 0;
    this.#pausedUntilMs = Number.NEGATIVE_INFINITY;
  }

  #notePace(): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.#servedAtMs !== undefined) {
      const intervalMs = nowMs - this.#servedAtMs;
      this.#paceMs = this.#paceMs === undefined ? intervalMs : this.#paceMs + PACE_WEIGHT * (intervalMs - this.#paceMs);
    }
    this.#servedAtMs = nowMs;
  }
}
