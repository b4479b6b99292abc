import { ProblemError } from '../../lib/errors.ts';
import { isSessionId, SESSIONS_LIST } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { becomeReady, decide, directSessionOf, draining, isDraining, isGoing, reachState } from './game-server-life.ts';
import type { GameServerLife, GameServerLifeOptions, LifePhase } from './game-server-life.ts';
import { waitForView } from './game-server-sdk.ts';
import type { GameServerView } from './game-server-sdk.ts';
import { RunningSession } from './running-session.ts';
import type { SessionEnd } from './running-session.ts';
import type { SessionChoice } from './session-choice.ts';
import { capacityOf, listedOn, listedSession, takeOffList } from './session-list.ts';

/** Ids of ended sessions that are remembered beyond those that are still in the List. */
const MAX_REMEMBERED = 1000;

/**
 * From Ready to the end with several sessions at once: those whose ids are in the GameServer's List `sessions`.
 *
 * Each session ends by itself and its id is taken off the List, which frees its place. The GameServer stays Allocated;
 * when it has been empty for a while the allocator makes it Ready again.
 */
export class SharedSessionLife implements GameServerLife {
  /** Nothing is said: those that are in the List when the GameServer ends were cut short. */
  readonly lastReport = Promise.resolve();
  readonly #options: GameServerLifeOptions;
  readonly #running = new Map<string, RunningSession>();
  /** Ids that never come back, the oldest first. */
  readonly #ended = new Set<string>();
  /** Ended ones whose ids are being taken off the List. */
  readonly #leaving = new Set<string>();
  #phase: 'starting' | 'open' | 'ending' = 'starting';
  #isChecking = false;
  #directId: string | undefined;
  #direct: Promise<RunningSession> | undefined;
  #stopListening: () => void = () => {};

  constructor(options: GameServerLifeOptions) {
    this.#options = options;
  }

  get phase(): LifePhase {
    if (this.#phase !== 'open') return this.#phase;
    return this.#running.size === 0 ? 'free' : 'playing';
  }

  get sessions(): readonly RunningSession[] {
    return [...this.#running.values()];
  }

  get gameServer(): GameServerView {
    return this.#options.sdk.gameServer;
  }

  get isAdmitting(): boolean {
    return this.#phase !== 'ending' && !isGoing(this.#options.sdk.gameServer);
  }

  async start(): Promise<void> {
    const { sdk } = this.#options;
    await becomeReady(this.#options);
    if (this.#phase === 'starting') this.#phase = 'open';
    this.#stopListening = sdk.onChange((view) => {
      this.#notice(view);
    });
    this.#notice(sdk.gameServer);
  }

  async sessionFor(wanted: SessionDescriptor): Promise<RunningSession> {
    const choice = await decide(this.#options, wanted, {
      isAdmitting: () => this.isAdmitting,
      choose: () => this.#choose(wanted.sessionId),
    });
    return this.#opened(choice === 'join' ? this.#running.get(wanted.sessionId) : this.#open(wanted));
  }

  async directSession(): Promise<RunningSession> {
    const running = this.#running.get(this.#directId ?? '');
    if (running !== undefined) return running;
    // Who has a token may be here before the kit hears that it is Ready; nobody else can know of it yet.
    if (this.#phase !== 'open' || isDraining(this.#options.sdk.gameServer)) throw draining();
    this.#direct ??= this.#openDirect().finally(() => {
      this.#direct = undefined;
    });
    return this.#direct;
  }

  stopAdmitting(): void {
    this.#phase = 'ending';
    this.#stopListening();
  }

  #choose(sessionId: string): SessionChoice {
    if (this.#running.has(sessionId)) return 'join';
    if (this.#ended.has(sessionId)) return 'over';
    if (this.#phase === 'starting') return 'wait';
    const view = this.#options.sdk.gameServer;
    return listedOn(view).includes(sessionId) && this.#running.size < capacityOf(view) ? 'open' : 'wait';
  }

  /** Looks at a view: which sessions are new in it, and which are gone? */
  #notice(view: GameServerView): void {
    if (this.#phase !== 'open' || !this.isAdmitting) return;
    const { game, clock, config } = this.#options;
    const nowMs = clock.nowMs();
    for (const sessionId of listedOn(view)) {
      if (this.#ended.has(sessionId)) this.#takeOff(sessionId);
      // What is no session's id was put there by somebody else: it takes a place and nothing more.
      if (!isSessionId(sessionId) || sessionId === this.#directId || this.#choose(sessionId) !== 'open') continue;
      this.#open(listedSession(sessionId, view, { game: game.name, nowMs, joinByMs: nowMs + config.directJoinMs }));
    }
    if (this.#missing(view).length > 0) void this.#checkMissing();
    if (isDraining(view)) this.#drain(view);
  }

  /** Those that are here go on, each told once; without any the GameServer ends. */
  #drain(view: GameServerView): void {
    for (const session of this.#running.values()) session.drain();
    if (this.#running.size === 0 && listedOn(view).every((sessionId) => this.#ended.has(sessionId))) this.#endOfLife();
  }

  #endOfLife(): void {
    this.stopAdmitting();
    this.#options.onEndOfLife();
  }

  /** Running sessions that are not in the List. */
  #missing(view: GameServerView): RunningSession[] {
    if (view.state !== 'Allocated') return [];
    const listed = new Set(listedOn(view));
    return this.sessions.filter(({ descriptor }) => !listed.has(descriptor.sessionId));
  }

  /** Ends what somebody has taken off the List. The watch may be behind an answer that was asked for: so it asks again. */
  async #checkMissing(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    const { sdk, logger } = this.#options;
    try {
      const view = await sdk.refresh();
      for (const session of this.#missing(view)) session.end('superseded');
    } catch (error) {
      // The next view tells again.
      logger.warn({ err: error }, 'cannot ask for the newest state');
    } finally {
      this.#isChecking = false;
    }
  }

  /** @returns undefined when the game cannot open it: it is over then */
  #open(descriptor: SessionDescriptor): RunningSession | undefined {
    const { game, config, clock, logger, sdk } = this.#options;
    const { sessionId } = descriptor;
    try {
      const session = RunningSession.open({
        descriptor,
        game,
        gameServer: sdk.gameServer.name,
        config,
        clock,
        logger,
        onEnd: (end) => {
          this.#afterSession(sessionId, end);
        },
      });
      // One may end while it opens.
      if (!session.hasEnded) this.#running.set(sessionId, session);
      return session;
    } catch (error) {
      logger.error({ err: error, sessionId }, 'the game cannot open a session');
      this.#afterSession(sessionId, 'game failed');
      return undefined;
    }
  }

  #afterSession(sessionId: string, end: SessionEnd): void {
    this.#running.delete(sessionId);
    this.#remember(sessionId);
    if (this.#phase !== 'open') return;
    // A game that fails and has nothing else to run is no use to the next player either: the GameServer ends.
    if (end === 'game failed' && this.#running.size === 0) {
      this.#endOfLife();
      return;
    }
    this.#takeOff(sessionId);
    const view = this.#options.sdk.gameServer;
    if (isDraining(view)) this.#drain(view);
  }

  #takeOff(sessionId: string): void {
    if (this.#leaving.has(sessionId)) return;
    this.#leaving.add(sessionId);
    const hasStopped = (): boolean => this.#phase !== 'open';
    void takeOffList(sessionId, this.#options, hasStopped).finally(() => this.#leaving.delete(sessionId));
  }

  #remember(sessionId: string): void {
    this.#ended.add(sessionId);
    const listed = new Set(listedOn(this.#options.sdk.gameServer));
    for (const oldest of this.#ended) {
      if (this.#ended.size <= MAX_REMEMBERED) break;
      if (!listed.has(oldest)) this.#ended.delete(oldest);
    }
  }

  #opened(session: RunningSession | undefined): RunningSession {
    if (session !== undefined) return session;
    if (this.#phase !== 'open') throw draining();
    throw new ProblemError('session_over', 'The session of this seat could not be opened.');
  }

  async #openDirect(): Promise<RunningSession> {
    const { sdk, clock, config, logger } = this.#options;
    const tooLate = (): ProblemError =>
      new ProblemError('game_server_timeout', 'The GameServer was not allocated in time.');
    const isAllocated = await reachState(this.#options, 'Allocated', ({ state }) => state === 'Allocated', {
      isStarting: false,
    });
    if (!isAllocated || !this.isAdmitting) throw tooLate();
    const descriptor = directSessionOf(this.#options, 'shared');
    const { sessionId } = descriptor;
    // No view opens it: its seats are those that players without a token are promised.
    this.#directId = sessionId;
    await sdk.addListValue(SESSIONS_LIST, sessionId).catch((error: unknown) => {
      logger.warn({ err: error, sessionId }, 'could not put a session into the List');
    });
    const isThere = await waitForView(sdk, clock, config.stateWaitMs, () => this.#choose(sessionId) !== 'wait');
    if (!isThere || !this.isAdmitting) {
      this.#directId = undefined;
      throw tooLate();
    }
    return this.#opened(this.#open(descriptor));
  }
}
