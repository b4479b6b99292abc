import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { ProblemError } from '../../lib/errors.ts';
import { isSessionId } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { KubernetesDown } from '../allocation/ports.ts';
import type { GameServerRef, GameServers, GameServerView } from '../allocation/ports.ts';
import { whereaboutsOf } from '../allocation/whereabouts.ts';
import type { Whereabouts } from '../allocation/whereabouts.ts';
import type { AppDependencies } from './dependencies.ts';
import { directAccess } from './direct-access.ts';
import { sessionUrl, webSocketOrigin } from './public-url.ts';
import { parseBody } from './read-body.ts';
import { joinRequest } from './schemas.ts';
import type { seatAnswer, sessionAnswer } from './schemas.ts';

/** POST /api/sessions/ID/join: whoever knows a session's id is invited. */
export function joinSession(dependencies: AppDependencies): RequestHandler {
  const { gameServers, settings } = dependencies;
  return async (request, response) => {
    const { playerId } = parseBody(joinRequest, request.body);
    const origin = webSocketOrigin(request, settings);
    const { session, gameServer } = await findSession(gameServers, sessionIdOf(request), settings.retryAfterSeconds);
    await answerSeat(response, dependencies, { playerId, session, gameServer, origin });
  };
}

/** Answers with a seat of its own for the player. */
export async function answerSeat(
  response: Response,
  { seats, settings }: AppDependencies,
  taken: { playerId: string; session: SessionDescriptor; gameServer: GameServerView; origin: string },
): Promise<void> {
  const { playerId, session, gameServer, origin } = taken;
  const seat = await seats.issue(playerId, session, gameServer);
  const answer: z.input<typeof seatAnswer> = {
    sessionId: session.sessionId,
    wsUrl: sessionUrl(origin, session.sessionId, seat.sealedToken),
    expiresAt: seat.expiresAt,
    ...(settings.directMode ? directAccess(gameServer, session.sessionId, seat, settings) : {}),
  };
  response.status(201).set('cache-control', 'no-store').json(answer);
}

/** GET /api/sessions/ID: what a page may show of a session. No address. */
export function showSession(dependencies: AppDependencies): RequestHandler {
  const { gameServers, settings } = dependencies;
  return async (request, response) => {
    const sessionId = sessionIdOf(request);
    let answer: z.input<typeof sessionAnswer>;
    try {
      const { session } = await findSession(gameServers, sessionId, settings.retryAfterSeconds);
      const { game, seats, madeAt } = session;
      answer = { sessionId, state: 'running', game, seats, madeAt };
    } catch (error) {
      if (!(error instanceof ProblemError) || error.code !== 'session_over') throw error;
      answer = { sessionId, state: 'over' };
    }
    response.set('cache-control', 'no-store').json(answer);
  };
}

/** @throws ProblemError session_not_found when it is no session's id at all */
export function sessionIdOf(request: Request): string {
  const { sessionId } = request.params;
  if (typeof sessionId !== 'string' || !isSessionId(sessionId)) throw sessionNotFound();
  return sessionId;
}

/**
 * The session and its GameServer: from memory, else by asking Kubernetes.
 *
 * @throws ProblemError session_over, session_not_found or kubernetes_unavailable
 */
export async function findSession(
  gameServers: GameServers,
  sessionId: string,
  retryAfterSeconds: number,
): Promise<{ session: SessionDescriptor; gameServer: GameServerView }> {
  const where = await lookFor(gameServers, sessionId, retryAfterSeconds);
  switch (where.state) {
    case 'running':
      return where;
    case 'over':
    case 'lost':
      throw new ProblemError('session_over', 'The session has ended');
    case 'unknown':
      throw sessionNotFound();
  }
}

/**
 * Where a session is.
 *
 * @throws ProblemError kubernetes_unavailable
 */
export async function lookFor(
  gameServers: GameServers,
  sessionId: string,
  retryAfterSeconds: number,
  answered?: GameServerRef,
): Promise<Whereabouts> {
  try {
    return await whereaboutsOf(gameServers, sessionId, answered);
  } catch (error) {
    if (!(error instanceof KubernetesDown)) throw error;
    const detail = 'Whether there is such a session cannot be told just now';
    throw new ProblemError('kubernetes_unavailable', detail, { cause: error, retryAfterSeconds });
  }
}

function sessionNotFound(): ProblemError {
  return new ProblemError('session_not_found', 'No session of this id runs here, or it ended a while ago');
}
