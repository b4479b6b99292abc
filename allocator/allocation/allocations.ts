import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { SESSION_DESCRIPTOR_VERSION } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { AttemptSlots } from './attempt-slots.ts';
import { backoffMs } from './backoff.ts';
import { pause } from '../../lib/pause.ts';
import { KubernetesDown } from './ports.ts';
import type {
  AllocationObserver,
  AllocationOutcome,
  Game,
  GameServerAllocations,
  GameServers,
  GameServerView,
} from './ports.ts';

export interface AllocationsOptions {
  gameServerAllocations: GameServerAllocations;
  gameServers: GameServers;
  clock: Clock;
  logger: Logger;
  observer: AllocationObserver;
  newSessionId: () => string;
  /** 0 ≤ n < 1. */
  random: () => number;
  /** GameServerAllocations under way at once. */
  maxConcurrentAttempts: number;
  /** Requests that may wait at once; more are refused as `overloaded`. */
  maxWaitingRequests: number;
  /** Pause after the first refusal; it doubles up to `maxPauseMs`. */
  firstPauseMs: number;
  maxPauseMs: number;
  /** How long Agones may still carry out an allocation whose answer was lost. */
  settleMs: number;
  /** A session with no player this long after it was made is over. */
  joinWithinMs: number;
}

export interface SessionRequest {
  game: Game;
  fleet?: string;
  preferredRegion?: string;
  /** Milliseconds since the epoch: no attempt begins later. One that is under way is waited for. */
  deadlineMs: number;
  /** Fires when nobody waits for the answer any more. */
  gone: AbortSignal;
}

/** Why there is no session. The names are problem codes. */
export type Refusal =
  | 'no_capacity'
  | 'contention'
  | 'kubernetes_unavailable'
  | 'allocation_unknown'
  | 'overloaded'
  | 'draining'
  | 'caller_gone';

export type SessionResult =
  | { state: 'made'; session: SessionDescriptor; gameServer: GameServerView; durationMs: number }
  /** `position`: place among those who wait for this game, from 1; 0 when it never waited. */
  | { state: 'refused'; refusal: Refusal; position: number };

type Pursuit = { gameServer: GameServerView; session: SessionDescriptor } | { refusal: Refusal };

/** How often Kubernetes is asked about an allocation whose answer was lost. */
const LOOKUP_PAUSE_MS = 250;

/**
 * Gets GameServers for sessions: one GameServer for each request that is answered, none for one that is not.
 *
 * A session's id is chosen before Agones is asked and is written on the GameServer by the allocation itself. So when
 * an answer is lost, the id finds what came of it, and nothing is asked for twice.
 */
export class Allocations {
  readonly #options: AllocationsOptions;
  readonly #slots: AttemptSlots;
  readonly #waiting = new Map<string, Set<SessionRequest>>();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  #waitingCount = 0;

  constructor(options: AllocationsOptions) {
    this.#options = options;
    this.#slots = new AttemptSlots({ slots: options.maxConcurrentAttempts, clock: options.clock });
  }

  /**
   * A session on a GameServer of its own.
   *
   * @throws KubernetesRefusal when Kubernetes does not accept what we send
   */
  async allocate(request: SessionRequest): Promise<SessionResult> {
    if (this.#closing.signal.aborted) return { state: 'refused', refusal: 'draining', position: 0 };
    if (this.#waitingCount >= this.#options.maxWaitingRequests) {
      return { state: 'refused', refusal: 'overloaded', position: 0 };
    }
    const startedAtMs = this.#options.clock.nowMs();
    const leaveLine = this.#joinLine(request);
    const pursuit = this.#pursue(request);
    this.#track(pursuit);
    let result = 'error';
    try {
      const outcome = await pursuit;
      const durationMs = this.#options.clock.nowMs() - startedAtMs;
      if ('refusal' in outcome) {
        result = outcome.refusal;
        return { state: 'refused', refusal: outcome.refusal, position: this.#position(request) };
      }
      result = 'made';
      return { state: 'made', ...outcome, durationMs };
    } finally {
      leaveLine();
      this.#options.observer.finished(request.game.name, result, this.#options.clock.nowMs() - startedAtMs);
    }
  }

  /** How many requests wait now. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** Gives a GameServer up that got a session nobody will play. What cannot be given up ends by itself, as a no-show. */
  async release(gameServerName: string, sessionId: string): Promise<void> {
    try {
      const released = await this.#options.gameServers.release(gameServerName, sessionId);
      this.#options.logger.info({ gameServer: gameServerName, sessionId, released }, 'gave a GameServer up');
    } catch (error) {
      this.#options.logger.warn(
        { err: error, gameServer: gameServerName, sessionId },
        'left a GameServer to its no-show limit',
      );
    }
  }

  /** Takes no more requests, ends those that wait, and waits for what is under way in Kubernetes. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#underWay);
  }

  #track(work: Promise<unknown>): void {
    const settled = Promise.allSettled([work]).then(() => {
      this.#underWay.delete(settled);
    });
    this.#underWay.add(settled);
  }

  #joinLine(request: SessionRequest): () => void {
    const game = request.game.name;
    const line = this.#waiting.get(game) ?? new Set();
    this.#waiting.set(game, line.add(request));
    this.#waitingCount += 1;
    return () => {
      line.delete(request);
      if (line.size === 0) this.#waiting.delete(game);
      this.#waitingCount -= 1;
    };
  }

  #position(request: SessionRequest): number {
    return [...(this.#waiting.get(request.game.name) ?? [])].indexOf(request) + 1;
  }

  async #pursue(request: SessionRequest): Promise<Pursuit> {
    const { clock } = this.#options;
    const sessionId = this.#options.newSessionId();
    const giveUp = AbortSignal.any([request.gone, this.#closing.signal]);
    let mayHaveHappened = false;
    let refusal: Refusal = 'overloaded';
    for (let attempt = 0; ; attempt += 1) {
      const early = this.#reasonToStop(request, attempt === 0 ? 'first' : 'again');
      if (early !== undefined) return { refusal: early === 'deadline' ? refusal : early };
      const outcome = await this.#attempt(request, sessionId, giveUp);
      if (outcome === undefined) continue;
      if (outcome.state === 'Unknown') {
        mayHaveHappened = true;
        const adopted = await this.#adopt(request, sessionId, giveUp);
        if (adopted === 'unknown') return { refusal: request.gone.aborted ? 'caller_gone' : 'allocation_unknown' };
        if (adopted !== 'absent') return this.#handOver(request, sessionId, adopted);
        refusal = 'kubernetes_unavailable';
      } else if (outcome.state === 'Allocated') {
        const gameServer = await this.#read(request, outcome.gameServerName, sessionId);
        if (gameServer === 'unreadable') {
          await this.release(outcome.gameServerName, sessionId);
          return { refusal: 'kubernetes_unavailable' };
        }
        if (mayHaveHappened) await this.#releaseDoubles(sessionId, outcome.gameServerName);
        if (gameServer !== undefined) return this.#handOver(request, sessionId, gameServer);
        // It vanished between the answer and the look at it: somebody was quicker.
        refusal = 'contention';
      } else {
        refusal = REFUSAL_OF[outcome.state];
      }
      const delayMs = backoffMs(attempt, this.#pauses(), this.#options.random());
      await pause(clock, Math.min(delayMs, request.deadlineMs - clock.nowMs()), giveUp);
    }
  }

  #pauses(): { firstMs: number; maxMs: number } {
    return { firstMs: this.#options.firstPauseMs, maxMs: this.#options.maxPauseMs };
  }

  #reasonToStop(request: SessionRequest, turn: 'first' | 'again'): 'caller_gone' | 'draining' | 'deadline' | undefined {
    if (request.gone.aborted) return 'caller_gone';
    if (this.#closing.signal.aborted) return 'draining';
    if (turn === 'again' && this.#options.clock.nowMs() >= request.deadlineMs) return 'deadline';
    return undefined;
  }

  /** @returns undefined when no slot came free in time */
  async #attempt(
    request: SessionRequest,
    sessionId: string,
    giveUp: AbortSignal,
  ): Promise<AllocationOutcome | undefined> {
    const { clock, observer } = this.#options;
    const granted = await this.#slots.acquire(request.deadlineMs - clock.nowMs(), giveUp);
    if (!granted) return undefined;
    const startedAtMs = clock.nowMs();
    try {
      const outcome = await this.#options.gameServerAllocations.allocate({
        game: request.game.name,
        fleet: request.fleet,
        preferredRegion: request.preferredRegion,
        session: this.#describe(request.game, sessionId),
      });
      observer.attempted(request.game.name, outcome.state, clock.nowMs() - startedAtMs);
      return outcome;
    } finally {
      this.#slots.release();
    }
  }

  #describe(game: Game, sessionId: string): SessionDescriptor {
    const nowMs = this.#options.clock.nowMs();
    return {
      version: SESSION_DESCRIPTOR_VERSION,
      sessionId,
      game: game.name,
      mode: 'exclusive',
      seats: game.seats,
      madeAt: new Date(nowMs).toISOString(),
      joinBy: new Date(nowMs + this.#options.joinWithinMs).toISOString(),
    };
  }

  /**
   * Looks for what an allocation with a lost answer came to. It is `absent` only when Kubernetes said so after all the
   * time Agones could still have taken, and `unknown` when the deadline came first.
   */
  async #adopt(
    request: SessionRequest,
    sessionId: string,
    giveUp: AbortSignal,
  ): Promise<GameServerView | 'absent' | 'unknown'> {
    const { clock, gameServers, logger } = this.#options;
    const settledAtMs = clock.nowMs() + this.#options.settleMs;
    for (;;) {
      const askedAtMs = clock.nowMs();
      try {
        const [first, ...doubles] = oldestFirst(await gameServers.findHolding(sessionId));
        await Promise.all(doubles.map(({ name }) => this.release(name, sessionId)));
        if (first !== undefined) {
          logger.info({ gameServer: first.name, sessionId }, 'adopted an allocation whose answer was lost');
          return first;
        }
        if (askedAtMs >= settledAtMs) return 'absent';
      } catch (error) {
        if (!(error instanceof KubernetesDown)) throw error;
        logger.warn({ err: error, sessionId }, 'cannot look for an allocation whose answer was lost');
      }
      if (giveUp.aborted || clock.nowMs() >= request.deadlineMs) return 'unknown';
      await pause(clock, LOOKUP_PAUSE_MS, giveUp);
    }
  }

  /** The GameServer that an allocation named, asked for until the deadline; at least twice. */
  async #read(
    request: SessionRequest,
    gameServerName: string,
    sessionId: string,
  ): Promise<GameServerView | undefined | 'unreadable'> {
    const { clock, gameServers, logger } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await gameServers.read(gameServerName, sessionId);
      } catch (error) {
        if (!(error instanceof KubernetesDown)) throw error;
        logger.warn({ err: error, gameServer: gameServerName, sessionId }, 'cannot read an allocated GameServer');
      }
      if (request.gone.aborted || (attempt > 0 && clock.nowMs() >= request.deadlineMs)) return 'unreadable';
      await pause(clock, backoffMs(attempt, this.#pauses(), this.#options.random()), request.gone);
    }
  }

  async #releaseDoubles(sessionId: string, keptName: string): Promise<void> {
    try {
      const holding = await this.#options.gameServers.findHolding(sessionId);
      const doubles = holding.filter(({ name }) => name !== keptName);
      await Promise.all(doubles.map(({ name }) => this.release(name, sessionId)));
    } catch (error) {
      if (!(error instanceof KubernetesDown)) throw error;
      this.#options.logger.warn({ err: error, sessionId }, 'cannot look for doubles; one would end as a no-show');
    }
  }

  async #handOver(request: SessionRequest, sessionId: string, gameServer: GameServerView): Promise<Pursuit> {
    const { session } = gameServer;
    if (session !== undefined && gameServer.route !== undefined && !request.gone.aborted) {
      return { gameServer, session };
    }
    await this.release(gameServer.name, sessionId);
    if (request.gone.aborted) return { refusal: 'caller_gone' };
    throw new Error(`GameServer ${gameServer.name} has no address or no TCP port for its game`);
  }
}

const REFUSAL_OF = {
  UnAllocated: 'no_capacity',
  Contention: 'contention',
  Unavailable: 'kubernetes_unavailable',
} as const satisfies Record<string, Refusal>;

function oldestFirst(gameServers: readonly GameServerView[]): GameServerView[] {
  return gameServers.toSorted((a, b) => a.lastAllocatedAt.localeCompare(b.lastAllocatedAt));
}
