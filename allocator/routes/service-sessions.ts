import type { RequestHandler } from 'express';
import type { z } from 'zod';
import { ProblemError } from '../../lib/errors.ts';
import { KubernetesDown } from '../allocation/ports.ts';
import type { GameServerView } from '../allocation/ports.ts';
import type { AppDependencies } from './dependencies.ts';
import { pageOf } from './page-of.ts';
import { parseQuery } from './read-body.ts';
import { sessionsQuery } from './schemas.ts';
import type { sessionsAnswer } from './schemas.ts';
import { findSession, sessionIdOf } from './sessions.ts';

type ListedSession = z.input<typeof sessionsAnswer>['sessions'][number];

/** GET /v1/sessions: those that run, a page at a time. */
export function listSessions({ gameServers }: AppDependencies): RequestHandler {
  return (request, response) => {
    const { game, limit, after } = parseQuery(sessionsQuery, request);
    const sessions = [...gameServers.all()]
      .flatMap(sessionsOn)
      .filter((each) => game === undefined || each.game === game);
    const { items, ...rest } = pageOf(sessions, ({ sessionId }) => sessionId, { limit, after });
    const answer: z.input<typeof sessionsAnswer> = { sessions: items, ...rest };
    response.set('cache-control', 'no-store').json(answer);
  };
}

/** DELETE /v1/sessions/ID: ends it, and its GameServer with it. */
export function endSession({ gameServers, settings }: AppDependencies): RequestHandler {
  const { retryAfterSeconds } = settings;
  return async (request, response) => {
    const { session, gameServer } = await findSession(gameServers, sessionIdOf(request), retryAfterSeconds);
    let isEnded: boolean;
    try {
      isEnded = await gameServers.release(gameServer, session.sessionId);
    } catch (error) {
      if (!(error instanceof KubernetesDown)) throw error;
      const detail = 'The session may go on: Kubernetes did not answer';
      throw new ProblemError('kubernetes_unavailable', detail, { cause: error, retryAfterSeconds });
    }
    if (!isEnded) throw new ProblemError('session_over', 'The session has ended');
    response.status(204).end();
  };
}

function sessionsOn({ name, fleet, game, session, shared, state }: GameServerView): ListedSession[] {
  const where = { gameServer: name, ...(fleet === undefined ? {} : { fleet }) };
  if (session !== undefined) {
    const { sessionId, mode, seats, madeAt, joinBy } = session;
    return [{ sessionId, game: session.game, mode, ...where, seats, madeAt, joinBy }];
  }
  if (state !== 'Allocated') return [];
  const ofGame = game === undefined ? {} : { game };
  return (shared?.sessionIds ?? []).map((sessionId) => ({ sessionId, ...ofGame, mode: 'shared', ...where }));
}
