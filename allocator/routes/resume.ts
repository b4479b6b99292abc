import type { RequestHandler } from 'express';
import { CLOSE_CODES } from '../../lib/close-codes.ts';
import { ProblemError } from '../../lib/errors.ts';
import { TokenError } from '../../lib/join-token.ts';
import type { Seat } from '../../lib/join-token.ts';
import { pause } from '../../lib/pause.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { GameServerRef, GameServerView } from '../allocation/ports.ts';
import type { ReturningSeats } from '../allocation/returning-seats.ts';
import { isSeenRunning } from '../allocation/whereabouts.ts';
import type { AppDependencies } from './dependencies.ts';
import { makeOnce } from './idempotency.ts';
import { deadlineOf, refuseSecond } from './make-session.ts';
import { webSocketOrigin } from './public-url.ts';
import { parseBody } from './read-body.ts';
import { refusedOutcome } from './refusal.ts';
import { callerGone } from './request-context.ts';
import { resumeRequest } from './schemas.ts';
import { answerSeat, lookFor, sessionIdOf } from './sessions.ts';

/** Sessions that may come one in place of another: a game that loses each of its GameServers must not have them all. */
const MAX_SUCCESSORS = 10;

/** Closed with one of these, a player knows of the loss before Kubernetes does. */
const LOSS_CODES: ReadonlySet<number> = new Set([
  CLOSE_CODES.game_server_lost.code,
  CLOSE_CODES.game_server_shutdown.code,
]);
const LOOK_AGAIN_MS = 20;

/** How long a request waits, and for whom. */
interface Waiting {
  deadlineMs: number;
  gone: AbortSignal;
}

/** The session that came in place of another, as its key remembers it. */
interface Successor {
  sessionId: string;
  gameServer: GameServerRef;
}

/** What is known of a session that was lost. */
interface LostSession {
  sessionId: string;
  game: string;
  region: string | undefined;
}

/**
 * POST /api/sessions/ID/resume: a fresh seat for who was in the session, as their join token proves. When its GameServer
 * was lost it is a seat in the session that comes in its place, the same for all its players.
 */
export function resumeSession(dependencies: AppDependencies): RequestHandler {
  return async (request, response) => {
    const { token, closeCode } = parseBody(resumeRequest, request.body);
    const sessionId = sessionIdOf(request);
    const origin = webSocketOrigin(request, dependencies.settings);
    const deadlineMs = deadlineOf(request, response, dependencies);
    const seat = await readSeat(dependencies.returningSeats, token);
    if (seat.session.sessionId !== sessionId) {
      throw new ProblemError('token_not_for_session', 'The token is for another session');
    }
    const gone = callerGone(response);
    if (closeCode !== undefined && LOSS_CODES.has(closeCode)) {
      await untilSeenToEnd(sessionId, dependencies, { deadlineMs, gone });
    }
    const running = await sessionToReturnTo(seat.session, dependencies, { deadlineMs, gone });
    if (running === undefined) return;
    await answerSeat(response, dependencies, { ...running, playerId: seat.playerId, origin });
  };
}

async function readSeat(returningSeats: ReturningSeats, token: string): Promise<Seat> {
  try {
    return await returningSeats.read(token);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const detail =
      error.code === 'token_expired'
        ? 'No session can be left that this token was made for'
        : 'The token was not made here, or was altered';
    throw new ProblemError(error.code, detail, { cause: error });
  }
}

/** A while at most, for a player may be wrong: then the session runs on. */
async function untilSeenToEnd(
  sessionId: string,
  { gameServers, clock, settings }: AppDependencies,
  { deadlineMs, gone }: Waiting,
): Promise<void> {
  const untilMs = Math.min(deadlineMs, clock.nowMs() + settings.lossNoticeMs);
  while (isSeenRunning(gameServers, sessionId) && clock.nowMs() < untilMs && !gone.aborted) {
    await pause(clock, LOOK_AGAIN_MS);
  }
}

/**
 * The session itself while it runs, else the one that came in its place, or is made now.
 *
 * @returns undefined when nobody waits for it any more
 * @throws ProblemError session_over, or why none could be had
 */
async function sessionToReturnTo(
  { sessionId, game }: SessionDescriptor,
  dependencies: AppDependencies,
  waiting: Waiting,
): Promise<{ session: SessionDescriptor; gameServer: GameServerView } | undefined> {
  const { gameServers, settings } = dependencies;
  let next: { sessionId: string; gameServer?: GameServerRef } = { sessionId };
  for (let successors = 0; ; successors += 1) {
    const where = await lookFor(gameServers, next.sessionId, settings.retryAfterSeconds, next.gameServer);
    if (where.state === 'running') return where;
    if (where.state === 'over') throw new ProblemError('session_over', 'The session was played to its end');
    if (successors === MAX_SUCCESSORS) {
      throw new ProblemError('session_over', 'GameServer after GameServer of this session was lost');
    }
    // Of one that nobody saw end it is better to play again than to turn its players away.
    const region = where.state === 'lost' ? where.region : undefined;
    const successor = await makeSuccessor({ sessionId: next.sessionId, game, region }, dependencies, waiting);
    if (successor === undefined) return undefined;
    next = successor;
  }
}

/** Made once for all the players of the lost session, whoever of them asks first, at whichever replica. */
async function makeSuccessor(
  lost: LostSession,
  dependencies: AppDependencies,
  { deadlineMs, gone }: Waiting,
): Promise<Successor | undefined> {
  const { allocations, games, settings } = dependencies;
  refuseSecond(dependencies);
  const game = games.byName(lost.game);
  if (game === undefined) throw new ProblemError('unknown_game', 'No Fleet plays the game of the session any more');
  const key = `resume/${lost.sessionId}`;
  const outcome = await makeOnce(dependencies, { key, fingerprint: '', deadlineMs }, async (session) => {
    const result = await allocations.allocate({
      game,
      preferredRegions: lost.region === undefined ? [] : [lost.region],
      isReturning: true,
      ...(session === undefined ? {} : { session }),
      deadlineMs,
      gone,
    });
    if (result.state === 'refused') return refusedOutcome(result, settings.retryAfterSeconds);
    const { cluster, name } = result.gameServer;
    const answer: Successor = { sessionId: result.session.sessionId, gameServer: { cluster, name } };
    return { answer: JSON.stringify(answer) };
  });
  if (outcome.refused !== undefined) throw outcome.refused;
  // Written by the lines above, here or at another replica.
  return outcome.answer === undefined ? undefined : (JSON.parse(outcome.answer) as Successor);
}
