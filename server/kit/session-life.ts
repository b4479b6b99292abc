import { AGONES } from '../../lib/agones.ts';
import { ProblemError } from '../../lib/errors.ts';
import { DRAIN_ANNOTATION, REPORTS_PLAYERS_ANNOTATION } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { becomeReady, decide, directSessionOf, draining, isDraining, isGoing, reachState } from './game-server-life.ts';
import type { GameServerLife, GameServerLifeOptions, LifePhase } from './game-server-life.ts';
import type { GameServerView } from './game-server-sdk.ts';
import { RunningSession } from './running-session.ts';
import type { SessionEnd } from './running-session.ts';
import { chooseSession, EndedSessions, sessionOf } from './session-choice.ts';
import { SessionReporter } from './session-reporter.ts';

/** From Ready through sessions to the end: one session at a time, each once. */
export class SessionLife implements GameServerLife {
  lastReport = Promise.resolve();
  readonly #options: GameServerLifeOptions;
  readonly #ended = new EndedSessions();
  readonly #reporter: SessionReporter;
  #phase: LifePhase = 'starting';
  #current: RunningSession | undefined;
  #direct: Promise<RunningSession> | undefined;
  #stopListening: () => void = () => {};

  constructor(options: GameServerLifeOptions) {
    this.#options = options;
    this.#reporter = new SessionReporter({ ...options, stateWaitMs: options.config.stateWaitMs });
  }

  get phase(): LifePhase {
    return this.#phase;
  }

  get sessions(): readonly RunningSession[] {
    return this.#current === undefined ? [] : [this.#current];
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
    this.#becomeFree();
    this.#stopListening = sdk.onChange((view) => {
      this.#notice(view);
    });
    this.#notice(sdk.gameServer);
  }

  async sessionFor(wanted: SessionDescriptor): Promise<RunningSession> {
    const choice = await decide(this.#options, wanted, {
      isAdmitting: () => this.isAdmitting,
      choose: () => this.#choose(wanted),
    });
    if (choice === 'join') return orDraining(this.#current);
    return orDraining(isTooNew(wanted, this.#options.sdk.gameServer) ? undefined : this.#open(wanted));
  }

  async directSession(): Promise<RunningSession> {
    if (this.#current !== undefined) return this.#current;
    // Who has a token may be here before the kit hears that it is Ready; nobody else can know of it yet.
    if (this.#phase === 'starting' || isDraining(this.#options.sdk.gameServer)) return orDraining(undefined);
    this.#direct ??= this.#openDirect().finally(() => {
      this.#direct = undefined;
    });
    return this.#direct;
  }

  stopAdmitting(): void {
    this.#phase = 'ending';
    this.#reporter.close();
    this.#stopListening();
  }

  #choose(wanted: SessionDescriptor): ReturnType<typeof chooseSession> {
    if (this.#phase === 'returning') return this.#ended.has(wanted) ? 'over' : 'wait';
    return chooseSession(wanted, {
      current: this.#current?.descriptor,
      ended: this.#ended,
      view: this.#options.sdk.gameServer,
    });
  }

  #notice(view: GameServerView): void {
    if (!this.isAdmitting || this.#phase === 'returning') return;
    this.#noticeSession(view);
    if (!this.isAdmitting || !isDraining(view)) return;
    if (this.#current !== undefined) this.#current.drain();
    // A claim may be bound already to a session that is older than the draining.
    else if (view.state !== 'Allocated' || sessionOf(view) !== undefined) this.#endOfLife();
  }

  /** Looks at a view: is there a new session in it? State alone does not tell: it may stay Allocated all along. */
  #noticeSession(view: GameServerView): void {
    const held = sessionOf(view);
    if (held === undefined || this.#ended.has(held) || held.sessionId === this.#current?.descriptor.sessionId) return;
    if (isTooNew(held, view)) return;
    if (held.game !== this.#options.game.name) {
      this.#options.logger.warn({ game: held.game }, 'allocated for a game that is not played here');
      return;
    }
    if (this.#current !== undefined) {
      // A session that was bound by a token can be ahead of the annotation.
      if (Date.parse(held.madeAt) < Date.parse(this.#current.descriptor.madeAt)) return;
      this.#current.end('superseded');
    }
    this.#open(held);
  }

  /** A game that cannot open its session is no use to the next player either: the GameServer ends. */
  #open(descriptor: SessionDescriptor): RunningSession | undefined {
    const { game, config, clock, logger, sdk } = this.#options;
    this.#phase = 'playing';
    let wasJoined = false;
    try {
      const session = RunningSession.open({
        descriptor,
        game,
        gameServer: sdk.gameServer.name,
        config,
        clock,
        logger,
        onJoined: () => {
          wasJoined = true;
          if (this.#isAskedToReport) this.#reporter.report({ sessionId: descriptor.sessionId, step: 'joined' });
        },
        onEnd: (end) => {
          if (wasJoined && isCutShort(end)) {
            this.lastReport = this.#reporter.reportLast({ sessionId: descriptor.sessionId, step: 'stopped' });
          }
          this.#afterSession(session, end);
        },
      });
      this.#current = session;
      if (descriptor.confirm === true) {
        this.#reporter.report({ sessionId: descriptor.sessionId, step: 'opened' });
      }
      return session;
    } catch (error) {
      logger.error({ err: error, sessionId: descriptor.sessionId }, 'the game cannot open its session');
      this.#endOfLife();
      return undefined;
    }
  }

  #afterSession(session: RunningSession, end: SessionEnd): void {
    this.#ended.add(session.descriptor);
    if (this.#current === session) this.#current = undefined;
    if (this.#phase !== 'playing' || end === 'superseded') return;
    const endsToo = this.#options.config.endPolicy === 'Shutdown' || isDraining(this.#options.sdk.gameServer);
    if (endsToo || end === 'game failed') {
      this.#endOfLife();
      return;
    }
    this.#phase = 'returning';
    void this.#returnToReady();
  }

  async #returnToReady(): Promise<void> {
    const { sdk } = this.#options;
    const lastAllocated = sdk.gameServer.annotations.get(AGONES.lastAllocatedAnnotation);
    const isFree = (view: GameServerView): boolean => {
      if (view.state !== 'Allocated') return view.state === 'Ready';
      // Already allocated again: another Ready would take that back.
      const held = sessionOf(view);
      const isNewAllocation = view.annotations.get(AGONES.lastAllocatedAnnotation) !== lastAllocated;
      return isNewAllocation || (held !== undefined && !this.#ended.has(held));
    };
    const isReady = await reachState(this.#options, 'Ready', isFree, { isStarting: false });
    if (this.#phase !== 'returning') return;
    if (!isReady) {
      this.#endOfLife();
      return;
    }
    this.#becomeFree();
    this.#notice(sdk.gameServer);
  }

  /** A write for each session that only some installations read. */
  get #isAskedToReport(): boolean {
    return this.#options.sdk.gameServer.annotations.get(REPORTS_PLAYERS_ANNOTATION) === 'true';
  }

  #endOfLife(): void {
    this.stopAdmitting();
    this.#options.onEndOfLife();
  }

  #becomeFree(): void {
    if (this.#phase === 'starting' || this.#phase === 'returning') this.#phase = 'free';
  }

  async #openDirect(): Promise<RunningSession> {
    const isAllocated = await reachState(this.#options, 'Allocated', ({ state }) => state === 'Allocated', {
      isStarting: false,
    });
    if (!isAllocated || !this.isAdmitting || this.#phase === 'returning') {
      throw new ProblemError('game_server_timeout', 'The GameServer was not allocated in time.');
    }
    if (this.#current !== undefined) return this.#current;
    return orDraining(this.#open(directSessionOf(this.#options, 'exclusive')));
  }
}

/** Its players want another one, and their allocator is to know it. */
function isCutShort(end: SessionEnd): boolean {
  return end === 'stopped' || end === 'game failed';
}

function orDraining(session: RunningSession | undefined): RunningSession {
  if (session === undefined) throw draining();
  return session;
}

/** Made after the GameServer was told to drain: by somebody who had not heard of it. */
function isTooNew({ madeAt }: SessionDescriptor, { annotations }: GameServerView): boolean {
  return Date.parse(madeAt) > Date.parse(annotations.get(DRAIN_ANNOTATION) ?? '');
}
