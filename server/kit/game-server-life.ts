import { randomBytes } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { ProblemError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { DRAIN_ANNOTATION, SESSION_DESCRIPTOR_VERSION } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { SessionSource } from './admission.ts';
import type { Game } from './game.ts';
import { waitForView } from './game-server-sdk.ts';
import type { GameServerSdk, GameServerView } from './game-server-sdk.ts';
import type { KitConfig } from './kit-config.ts';
import type { RunningSession } from './running-session.ts';
import type { SessionChoice } from './session-choice.ts';

/** Where the GameServer stands, as the kit sees it: `free` takes a session, `ending` and after take nobody. */
export type LifePhase = 'starting' | 'free' | 'playing' | 'returning' | 'ending';

export interface GameServerLifeOptions {
  sdk: GameServerSdk;
  game: Game;
  config: KitConfig;
  clock: Clock;
  logger: Logger;
  /** The GameServer should end: its session is over and that is the policy, or it is of no use any more. */
  onEndOfLife(): void;
}

/** A GameServer from Ready to its end, and the sessions it runs meanwhile. */
export interface GameServerLife extends SessionSource {
  readonly phase: LifePhase;
  /** Those that have not ended. */
  readonly sessions: readonly RunningSession[];
  /** Resolves when Agones has taken what there was to say of a session that was cut short. */
  readonly lastReport: Promise<void>;
  /** Becomes Ready and takes sessions from then on. @throws Error when Agones does not make it Ready */
  start(): Promise<void>;
  /** Takes nobody in from now on; running sessions go on. */
  stopAdmitting(): void;
}

/** Tries to get a state from Agones before the GameServer is given up. */
const MAX_STATE_TRIES = 5;

/**
 * Asks Agones for a state until the view shows it. A call that resolved may still be lost with its sidecar, and one
 * that failed may have worked: so it looks before it asks again.
 *
 * @param isStarting - a local SDK server stays in Shutdown from one run of the game to the next, until it hears Ready
 * @returns whether it was reached
 */
export async function reachState(
  { sdk, clock, config, logger }: GameServerLifeOptions,
  state: 'Ready' | 'Allocated',
  isReached: (view: GameServerView) => boolean,
  { isStarting }: { isStarting: boolean },
): Promise<boolean> {
  for (let attempt = 0; attempt < MAX_STATE_TRIES; attempt += 1) {
    if (isReached(sdk.gameServer)) return true;
    if (!isStarting && isGoing(sdk.gameServer)) return false;
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

/** @throws Error when Agones does not make it Ready */
export async function becomeReady(options: GameServerLifeOptions): Promise<void> {
  const isReady = await reachState(options, 'Ready', isPastReady, { isStarting: true });
  if (!isReady) throw new Error('Agones did not make the GameServer Ready');
  options.logger.info({ state: options.sdk.gameServer.state }, 'ready for a session');
}

/**
 * What to do with a seat for a session, once that can be told: a token can be ahead of the watch.
 *
 * @param choose - looks at what is known now
 * @throws ProblemError `token_not_for_session`, `session_over`, `draining`
 */
export async function decide(
  { sdk, game, clock, config, logger }: GameServerLifeOptions,
  wanted: SessionDescriptor,
  life: { isAdmitting: () => boolean; choose: () => SessionChoice },
): Promise<'join' | 'open'> {
  if (wanted.game !== game.name) {
    throw new ProblemError('token_not_for_session', 'The seat is for another game.');
  }
  const isDecided = (): boolean => life.choose() !== 'wait' || !life.isAdmitting();
  if (!isDecided()) {
    // The watch may lag: ask, and then wait for what comes.
    await sdk.refresh().catch((error: unknown) => {
      logger.warn({ err: error }, 'cannot ask for the newest state');
    });
    await waitForView(sdk, clock, config.allocationWaitMs, isDecided);
  }
  if (!life.isAdmitting()) throw draining();
  const choice = life.choose();
  if (choice === 'over') throw new ProblemError('session_over', 'The session of this seat has ended.');
  if (choice === 'wait') throw new ProblemError('token_not_for_session', 'The GameServer holds another session.');
  return choice;
}

/** A session that the kit makes itself, for players without a token. */
export function directSessionOf(
  { game, config, clock }: GameServerLifeOptions,
  mode: SessionDescriptor['mode'],
): SessionDescriptor {
  const nowMs = clock.nowMs();
  return {
    version: SESSION_DESCRIPTOR_VERSION,
    sessionId: randomBytes(12).toString('hex'),
    game: game.name,
    mode,
    seats: config.directSeats,
    madeAt: new Date(nowMs).toISOString(),
    joinBy: new Date(nowMs + config.directJoinMs).toISOString(),
  };
}

export function draining(): ProblemError {
  return new ProblemError('draining', 'The GameServer takes no more players.');
}

export function isGoing(view: GameServerView): boolean {
  return view.isDeleting || view.state === 'Shutdown' || view.state === 'Unhealthy' || view.state === 'Error';
}

/** Whether it was told to take no more sessions. */
export function isDraining({ annotations }: GameServerView): boolean {
  return annotations.has(DRAIN_ANNOTATION);
}

/** Ready was asked for once already: asking again could take an allocation back. */
function isPastReady({ state }: GameServerView): boolean {
  return state === 'Ready' || state === 'Allocated' || state === 'Reserved';
}
