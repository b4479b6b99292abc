import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { AllocationAttempts } from './allocation-attempts.ts';
import type { AllocationAttemptsOptions, AttemptOutcome, AttemptRefusal, Wanted } from './allocation-attempts.ts';
import { AnsweredSessions } from './answered-sessions.ts';
import { KubernetesDown } from './ports.ts';
import type { Game, GameServerRef, GameServerView } from './ports.ts';
import { WaitingLine } from './waiting-line.ts';

export interface AllocationsOptions extends AllocationAttemptsOptions {
  clock: Clock;
  logger: Logger;
  newSessionId: () => string;
  /** Attempts under way at once, and as many more that look for a lost answer. */
  maxConcurrentAttempts: number;
  /** Requests that may wait at once; more are refused as `overloaded`. */
  maxWaitingRequests: number;
  /** How long after its deadline a request whose attempt is under way still waits for it. */
  answerGraceMs: number;
}

export interface SessionRequest {
  game: Game;
  fleet?: string;
  /** In the order of the preference. */
  preferredRegions: readonly string[];
  /** Names of GameServers that are not to be given. */
  exclude?: readonly string[];
  /** For players whose session was lost: before all who wait for their first. */
  isReturning?: boolean;
  /** Milliseconds since the epoch: no attempt begins later, but for a first one that may begin at once. */
  deadlineMs: number;
  /** Fires when nobody waits for the answer any more. */
  gone: AbortSignal;
  /**
   * The id of the session, where it was chosen before: it is then the same each time it is asked for, and what was got
   * for it stays its own though the caller has gone.
   */
  session?: {
    id: string;
    /** Whether a GameServer may hold it already that nobody here has heard of. */
    mayExist: boolean;
    /** Fires when another replica may be at it: nothing more is begun for it here. */
    lost: AbortSignal;
  };
}

/** Why there is no session. The names are problem codes. */
export type Refusal = AttemptRefusal | 'allocation_unknown' | 'overloaded' | 'draining' | 'caller_gone';

export interface MadeSession {
  state: 'made';
  session: SessionDescriptor;
  gameServer: GameServerView;
  durationMs: number;
}

export type SessionResult =
  | MadeSession
  | {
      state: 'refused';
      refusal: Refusal;
      /** Place among those who wait for the same, from 1; 0 when it never waited. */
      position: number;
      /** How long it may take from there, where that can be told. */
      estimateMs: number | undefined;
    };

/** One request on its way to a session. */
class Pursuit {
  readonly wanted: Wanted;
  readonly request: SessionRequest;
  readonly line: WaitingLine<Pursuit>;
  readonly answer = Promise.withResolvers<SessionResult>();
  /** Why the last attempt got nothing. */
  lastRefusal: Refusal = 'overloaded';
  isAnswered = false;
  /** A GameServer was got, and is yet to say that it has opened the session. */
  isConfirming = false;
  /** Whether Kubernetes has yet to be asked what the session got before. */
  mayExist: boolean;

  constructor(request: SessionRequest, wanted: Wanted, line: WaitingLine<Pursuit>) {
    this.request = request;
    this.wanted = wanted;
    this.line = line;
    this.mayExist = request.session?.mayExist ?? false;
  }

  /** Nobody hears of a session that is got from now on, nor will anybody ask for it again. */
  get isInVain(): boolean {
    return this.isAnswered && this.request.session === undefined;
  }
}

/**
 * Gets GameServers for sessions: one GameServer for each request that is answered, none for one that is not. Who cannot
 * have one at once waits in line, in order of arrival, up to their deadline; who was in a session that was lost waits before
 * the others.
 */
export class Allocations {
  readonly #options: AllocationsOptions;
  readonly #attempts: AllocationAttempts;
  readonly #lines = new Map<string, WaitingLine<Pursuit>>();
  readonly #underWay = new Set<Promise<void>>();
  /** Attempts that gave no answer and are followed up, in nobody's way: as many as may be under way. */
  readonly #settling = new Set<Promise<void>>();
  readonly #timers = new Map<WaitingLine<Pursuit>, () => void>();
  readonly #answered = new AnsweredSessions();
  readonly #stopListening: () => void;
  #isClosing = false;
  #waitingCount = 0;

  constructor(options: AllocationsOptions) {
    this.#options = options;
    this.#attempts = new AllocationAttempts(options);
    this.#stopListening = options.gameServers.onReady((game, sessions) => {
      this.#wake(game, sessions);
    });
  }

  /**
   * A session on a GameServer of its own, or on one it shares where its game does.
   *
   * @throws KubernetesRefusal when Kubernetes does not accept what we send
   */
  async allocate(request: SessionRequest): Promise<SessionResult> {
    if (this.#isClosing) return refused('draining');
    if (this.#waitingCount >= this.#options.maxWaitingRequests) return refused('overloaded');
    const { clock, observer, newSessionId } = this.#options;
    const { game, fleet, preferredRegions, exclude, session } = request;
    const startedAtMs = clock.nowMs();
    const pursuit = new Pursuit(
      request,
      {
        sessionId: session?.id ?? newSessionId(),
        game,
        ...(fleet === undefined ? {} : { fleet }),
        preferredRegions,
        ...(exclude === undefined ? {} : { exclude }),
      },
      this.#lineOf(request),
    );
    this.#waitingCount += 1;
    let result = 'error';
    try {
      this.#begin(pursuit);
      const outcome = await pursuit.answer.promise;
      result = outcome.state === 'made' ? 'made' : outcome.refusal;
      return outcome.state === 'made' ? { ...outcome, durationMs: clock.nowMs() - startedAtMs } : outcome;
    } finally {
      this.#waitingCount -= 1;
      observer.finished(game.name, result, clock.nowMs() - startedAtMs);
    }
  }

  /** Whether a request for this session is not answered yet. */
  isPursuing(sessionId: string): boolean {
    for (const line of this.#lines.values()) {
      for (const pursuit of line) if (pursuit.wanted.sessionId === sessionId) return true;
    }
    return false;
  }

  /** Name of the GameServer that was answered for a session not long ago, by this process. */
  answeredWith(sessionId: string): GameServerRef | undefined {
    return this.#answered.get(sessionId);
  }

  /** How many requests wait now. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** Whether somebody waits for this game who cannot even try. */
  isWaitedFor(game: string): boolean {
    for (const [key, line] of this.#lines) if (key.startsWith(`${game}/`) && line.isWaitedFor) return true;
    return false;
  }

  /** Gives a GameServer up that got a session nobody will play. What cannot be given up ends by itself, as a no-show. */
  release(gameServer: GameServerRef, sessionId: string): Promise<void> {
    return this.#attempts.release(gameServer, sessionId);
  }

  /** Takes no more requests, ends those that wait, and waits for what is under way in Kubernetes. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#stopListening();
    for (const line of this.#lines.values()) {
      for (const pursuit of line) if (!line.isAttempting(pursuit)) this.#refuse(pursuit, 'draining');
    }
    while (this.#underWay.size + this.#settling.size > 0) await Promise.all([...this.#underWay, ...this.#settling]);
    for (const cancel of this.#timers.values()) cancel();
  }

  #lineOf({ game, fleet, exclude = [] }: SessionRequest): WaitingLine<Pursuit> {
    // Who will not have what is there must not keep it from those behind.
    const key = `${game.name}/${fleet ?? ''}${exclude.length === 0 ? '' : '/excluding'}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = new WaitingLine({ ...this.#options, maxAttempts: this.#options.maxConcurrentAttempts });
      this.#lines.set(key, line);
    }
    return line;
  }

  #begin(pursuit: Pursuit): void {
    const { request, line } = pursuit;
    const onGone = (): void => {
      // A session that was asked for under a key stays in line for whoever comes back with it.
      if (request.session === undefined) this.#answer(pursuit, refused('caller_gone'));
    };
    const cancelDeadline = this.#atDeadline(pursuit);
    const onLost = (): void => {
      this.#answer(pursuit, refused('caller_gone'));
    };
    request.gone.addEventListener('abort', onGone, { once: true });
    request.session?.lost.addEventListener('abort', onLost, { once: true });
    const stopWaiting = (): void => {
      cancelDeadline();
      request.gone.removeEventListener('abort', onGone);
      request.session?.lost.removeEventListener('abort', onLost);
    };
    void pursuit.answer.promise.then(stopWaiting, stopWaiting);
    if (request.gone.aborted) onGone();
    if (request.session?.lost.aborted === true) onLost();
    if (pursuit.isAnswered) return;
    line.enter(pursuit, { isReturning: request.isReturning === true });
    this.#pump();
    const isLate = request.deadlineMs <= this.#options.clock.nowMs();
    if (isLate && !line.isAttempting(pursuit)) this.#refuse(pursuit, 'no_capacity');
  }

  /** @returns calls it off */
  #atDeadline(pursuit: Pursuit): () => void {
    const { clock, answerGraceMs } = this.#options;
    const { deadlineMs } = pursuit.request;
    let cancelGrace: () => void = () => {};
    const cancel = clock.after(Math.max(0, deadlineMs - clock.nowMs()), () => {
      if (!pursuit.line.isAttempting(pursuit)) {
        this.#refuse(pursuit, pursuit.lastRefusal);
        return;
      }
      cancelGrace = clock.after(answerGraceMs, () => {
        this.#refuse(pursuit, pursuit.isConfirming ? 'session_not_confirmed' : 'allocation_unknown');
      });
    });
    return () => {
      cancel();
      cancelGrace();
    };
  }

  /** So many sessions of a game can be had that could not. */
  #wake(game: string, sessions = 1): void {
    for (const [key, line] of this.#lines) if (key.startsWith(`${game}/`)) line.wake(sessions);
    this.#pump();
  }

  /** Begins every attempt that may begin now, a line at a time. */
  #pump(): void {
    let begun = true;
    while (begun) {
      begun = false;
      for (const line of this.#lines.values()) {
        if (this.#underWay.size >= this.#options.maxConcurrentAttempts) return;
        const pursuit = line.next();
        if (pursuit === undefined) continue;
        begun = true;
        const attempt = this.#attempt(pursuit, () => {
          if (this.#settling.size >= this.#options.maxConcurrentAttempts) return;
          line.settle(pursuit);
          this.#underWay.delete(attempt);
          this.#settling.add(attempt);
          this.#pump();
        }).finally(() => {
          this.#underWay.delete(attempt);
          this.#settling.delete(attempt);
          this.#pump();
        });
        this.#underWay.add(attempt);
      }
    }
    for (const line of this.#lines.values()) this.#pumpAfterPause(line);
  }

  #pumpAfterPause(line: WaitingLine<Pursuit>): void {
    this.#timers.get(line)?.();
    this.#timers.delete(line);
    const { resumesInMs } = line;
    if (resumesInMs === undefined) return;
    const cancel = this.#options.clock.after(resumesInMs, () => {
      this.#pump();
    });
    this.#timers.set(line, cancel);
  }

  /** @param onLost - called when the attempt gave no answer and is followed up from then on */
  async #attempt(pursuit: Pursuit, onLost: () => void): Promise<void> {
    const { line, wanted } = pursuit;
    const until = this.#untilOf(pursuit);
    try {
      const outcome = (await this.#existing(pursuit)) ?? (await this.#attempts.attempt(wanted, until.signal, onLost));
      pursuit.isConfirming = true;
      await this.#conclude(pursuit, await this.#attempts.confirmed(outcome));
    } catch (error) {
      line.attempted(pursuit, 'refused');
      this.#forget(pursuit);
      pursuit.isAnswered = true;
      pursuit.answer.reject(error);
    } finally {
      pursuit.isConfirming = false;
      until.stop();
    }
  }

  /** Fires when a lost answer is looked for no longer: when it is due, or after as long as Agones may take. */
  #untilOf({ request }: Pursuit): { signal: AbortSignal; stop: () => void } {
    const { clock, settleMs } = this.#options;
    const controller = new AbortController();
    const nowMs = clock.nowMs();
    const stop = clock.after(Math.max(request.deadlineMs, nowMs + settleMs) - nowMs, () => {
      controller.abort();
    });
    return { signal: controller.signal, stop };
  }

  /** What the session got before, where that may be. Once it is known to be nothing, it need not be asked again. */
  async #existing(pursuit: Pursuit): Promise<AttemptOutcome | undefined> {
    if (pursuit.request.session === undefined) return undefined;
    try {
      const found = await this.#attempts.find(pursuit.wanted.sessionId, pursuit.mayExist ? 'everybody' : 'nobody');
      pursuit.mayExist = false;
      return found;
    } catch (error) {
      if (!(error instanceof KubernetesDown)) throw error;
      return { state: 'refused', refusal: 'kubernetes_unavailable' };
    }
  }

  async #conclude(pursuit: Pursuit, outcome: AttemptOutcome): Promise<void> {
    const { line, wanted } = pursuit;
    if (outcome.state === 'made') {
      line.attempted(pursuit, 'served');
      this.#forget(pursuit);
      if (pursuit.isInVain) await this.release(outcome.gameServer, wanted.sessionId);
      else if (pursuit.request.session?.lost.aborted === true) {
        await this.#attempts.yieldTo(wanted.sessionId, outcome.gameServer);
      } else {
        this.#answered.note(wanted.sessionId, outcome.gameServer);
        this.#answer(pursuit, { ...outcome, durationMs: 0 });
      }
      return;
    }
    pursuit.lastRefusal = outcome.state === 'refused' ? outcome.refusal : 'allocation_unknown';
    line.attempted(pursuit, 'refused');
    const isLate = this.#options.clock.nowMs() >= pursuit.request.deadlineMs;
    if (pursuit.isAnswered) this.#forget(pursuit);
    else if (this.#isClosing) this.#refuse(pursuit, 'draining');
    else if (isLate || outcome.state === 'unknown') this.#refuse(pursuit, pursuit.lastRefusal);
  }

  #refuse(pursuit: Pursuit, refusal: Refusal): void {
    const position = pursuit.line.placeOf(pursuit);
    this.#answer(pursuit, { state: 'refused', refusal, position, estimateMs: pursuit.line.estimateMs(position) });
  }

  #answer(pursuit: Pursuit, result: SessionResult): void {
    if (pursuit.isAnswered) return;
    pursuit.isAnswered = true;
    pursuit.answer.resolve(result);
    // One whose attempt is under way leaves with its outcome.
    if (!pursuit.line.isAttempting(pursuit)) this.#forget(pursuit);
  }

  #forget(pursuit: Pursuit): void {
    pursuit.line.leave(pursuit);
    this.#attempts.forget(pursuit.wanted.sessionId);
  }
}

function refused(refusal: Refusal): SessionResult {
  return { state: 'refused', refusal, position: 0, estimateMs: undefined };
}
