import { randomBytes } from 'node:crypto';
import { AGONES } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { ProblemError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { DRAIN_ANNOTATION, REPORTS_PLAYERS_ANNOTATION, SESSION_DESCRIPTOR_VERSION } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { SessionSource } from './admission.ts';
import type { Game } from './game.ts';
import { waitForView } from './game-server-sdk.ts';
import type { GameServerSdk, GameServerView } from './game-server-sdk.ts';
import type { KitConfig } from './kit-config.ts';
import { RunningSession } from './running-session.ts';
import type { SessionEnd } from './running-session.ts';
import { chooseSession, EndedSessions, sessionOf } from './session-choice.ts';
import { SessionReporter } from './session-reporter.ts';

/** Where the GameServer stands, as the kit sees it: `free` takes a session, `ending` and after take nobody. */
export type LifePhase = 'starting' | 'free' | 'playing' | 'returning' | 'ending';

export interface SessionLifeOptions {
  sdk: GameServerSdk;
  game: Game;
  config: KitConfig;
  clock: Clock;
  logger: Logger;
  /** A session is over and the GameServer should end: by policy, or because it cannot be made Ready again. */
  onEndOfLife(): void;
}

/** Tries to get a state from Agones before the GameServer is given up. */
const MAX_STATE_TRIES = 5;

/** From Ready through sessions to the end: one session at a time, each once. */
export class SessionLife implements SessionSource {
  readonly #options: SessionLifeOptions;
  readonly #ended = new EndedSessions();
  readonly #reporter: SessionReporter;
  #phase: LifePhase = 'starting';
  #current: RunningSession | undefined;
  #direct: Promise<RunningSession> | undefined;
  #stopListening: () => void = () => {};

  constructor(options: SessionLifeOptions) {
    this.#options = options;
    this.#reporter = new SessionReporter({ ...options, stateWaitMs: options.config.stateWaitMs });
  }

  get phase(): LifePhase {
    return this.#phase;
  }

  get current(): RunningSession | undefined {
    return this.#current;
  }

  get gameServerUid(): string {
    return this.#options.sdk.gameServer.uid;
  }

  get isAdmitting(): boolean {
    return this.#phase !== 'ending' && !isGoing(this.#options.sdk.gameServer);
  }

  /** Becomes Ready and takes sessions from then on. @throws Error when Agones does not make it Ready */
  async start(): Promise<void> {
    const { sdk, logger } = this.#options;
    const isReady = await this.#reach('Ready', isPastReady);
    if (!isReady) throw new Error('Agones did not make the GameServer Ready');
    logger.info({ state: sdk.gameServer.state }, 'ready for a session');
    this.#becomeFree();
    this.#stopListening = sdk.onChange((view) => {
      this.#notice(view);
    });
    this.#notice(sdk.gameServer);
  }

  async sessionFor(wanted: SessionDescriptor): Promise<RunningSession> {
    const { sdk, clock, config } = this.#options;
    if (wanted.game !== this.#options.game.name) {
      throw new ProblemError('token_not_for_session', 'The seat is for another game.');
    }
    const isDecided = (): boolean => this.#choose(wanted) !== 'wait' || !this.isAdmitting;
    if (!isDecided()) {
      // The watch may lag: ask, and then wait for what comes.
      await sdk.refresh().catch((error: unknown) => {
        this.#options.logger.warn({ err: error }, 'cannot ask for the newest state');
      });
      await waitForView(sdk, clock, config.allocationWaitMs, isDecided);
    }
    if (!this.isAdmitting) return orDraining(undefined);
    const choice = this.#choose(wanted);
    if (choice === 'over') throw new ProblemError('session_over', 'The session of this seat has ended.');
    if (choice === 'wait') throw new ProblemError('token_not_for_session', 'The GameServer holds another session.');
    if (choice === 'join') return orDraining(this.#current);
    return orDraining(isTooNew(wanted, sdk.gameServer) ? undefined : this.#open(wanted));
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

  /** Takes nobody in from now on; a running session goes on. */
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
    try {
      const session = RunningSession.open({
        descriptor,
        game,
        gameServer: sdk.gameServer.name,
        config,
        clock,
        logger,
        onJoined: () => {
          if (this.#isAskedToReport) this.#reporter.report({ sessionId: descriptor.sessionId, step: 'joined' });
        },
        onEnd: (end) => {
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
    const isReady = await this.#reach('Ready', isFree);
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
    const { config } = this.#options;
    const isAllocated = await this.#reach('Allocated', (view) => view.state === 'Allocated');
    if (!isAllocated || !this.isAdmitting || this.#phase === 'returning') {
      throw new ProblemError('game_server_timeout', 'The GameServer was not allocated in time.');
    }
    if (this.#current !== undefined) return this.#current;
    const nowMs = this.#options.clock.nowMs();
    const session = this.#open({
      version: SESSION_DESCRIPTOR_VERSION,
      sessionId: randomBytes(12).toString('hex'),
      game: this.#options.game.name,
      mode: 'exclusive',
      seats: config.directSeats,
      madeAt: new Date(nowMs).toISOString(),
      joinBy: new Date(nowMs + config.directJoinMs).toISOString(),
    });
    return orDraining(session);
  }

  /**
   * Asks Agones for a state until the view shows it. A call that resolved may still be lost with its sidecar, and one
   * that failed may have worked: so it looks before it asks again.
   */
  async #reach(state: 'Ready' | 'Allocated', isReached: (view: GameServerView) => boolean): Promise<boolean> {
    const { sdk, clock, config, logger } = this.#options;
    for (let attempt = 0; attempt < MAX_STATE_TRIES; attempt += 1) {
      if (isReached(sdk.gameServer)) return true;
      // A local SDK server stays in Shutdown from one run of the game to the next, until it hears Ready.
      if (this.#phase !== 'starting' && isGoing(sdk.gameServer)) return false;
      try {
        if (state === 'Ready') await sdk.ready();
        else await sdk.allocate();
      } catch (error) {
        logger.warn({ err: error, state }, 'could not ask for a state');
      }
      if (await waitForView(sdk, clock, config.stateWaitMs, isReached)) return true;
    }
    return false;
  }
}

function orDraining(session: RunningSession | undefined): RunningSession {
  if (session === undefined) throw new ProblemError('draining', 'The GameServer takes no more players.');
  return session;
}

function isGoing(view: GameServerView): boolean {
  return view.isDeleting || view.state === 'Shutdown' || view.state === 'Unhealthy' || view.state === 'Error';
}

function isDraining({ annotations }: GameServerView): boolean {
  return annotations.has(DRAIN_ANNOTATION);
}

/** Made after the GameServer was told to drain: by somebody who had not heard of it. */
function isTooNew({ madeAt }: SessionDescriptor, { annotations }: GameServerView): boolean {
  return Date.parse(madeAt) > Date.parse(annotations.get(DRAIN_ANNOTATION) ?? '');
}

/** Ready was asked for once already: asking again could take an allocation back. */
function isPastReady({ state }: GameServerView): boolean {
  return state === 'Ready' || state === 'Allocated' || state === 'Reserved';
}
