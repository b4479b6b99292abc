import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { ProblemError } from '../../lib/errors.ts';
import type { MadeSession } from '../allocation/allocations.ts';
import type { Game, Games } from '../allocation/ports.ts';
import type { IssuedSeat } from '../allocation/seats.ts';
import { chooseGame } from './choose-game.ts';
import type { AppDependencies, AppSettings } from './dependencies.ts';
import { directAccess } from './direct-access.ts';
import { makeSession } from './make-session.ts';
import { sessionUrl, webSocketOrigin } from './public-url.ts';
import { parseBody } from './read-body.ts';
import { allocationRequest } from './schemas.ts';
import type { allocationAnswer, serviceSessionAnswer } from './schemas.ts';
import { findSession, sessionIdOf } from './sessions.ts';

/** Lets pass who presents the service credential as a bearer token. */
export function requireServiceCredential({ serviceCredential }: AppDependencies): RequestHandler {
  return (request: Request, response: Response, next: NextFunction) => {
    if (serviceCredential === undefined) {
      throw new ProblemError('service_api_off', 'No service credential is configured here');
    }
    const [, presented] = /^Bearer +([^ ]{1,512})$/i.exec(request.get('authorization') ?? '') ?? [];
    if (presented === undefined || !serviceCredential.matches(presented)) {
      response.set('www-authenticate', 'Bearer');
      throw new ProblemError('credential_invalid', 'Present the service credential as a bearer token');
    }
    next();
  };
}

/** POST /v1/allocations: a session for players the caller has put together. */
export function allocateForPlayers(dependencies: AppDependencies): RequestHandler {
  const { games, settings } = dependencies;
  return async (request, response) => {
    const body = parseBody(allocationRequest, request.body);
    const game = gameOf(games, body);
    if (body.mode !== undefined && body.mode !== game.mode) {
      throw new ProblemError('invalid_request', `The sessions of this game are ${game.mode}`, {
        errors: [{ field: 'mode', message: `is ${game.mode} for this game` }],
      });
    }
    if (body.players.length > game.seats) {
      throw new ProblemError('invalid_request', `A session of this game has ${game.seats} seats`, {
        errors: [{ field: 'players', message: `are more than the ${game.seats} seats of the game` }],
      });
    }
    const origin = webSocketOrigin(request, settings);
    const wanted = {
      scope: 'allocations',
      makes: body,
      game,
      fleet: body.fleet,
      preferredRegions: body.regions ?? [],
      exclude: body.exclude,
      playerIds: body.players.map(({ playerId }) => playerId),
    };
    await makeSession(request, response, dependencies, wanted, (made, issued) =>
      allocationBody(made, issued, { origin, settings }),
    );
  };
}

function allocationBody(
  { session, gameServer }: MadeSession,
  issued: readonly IssuedSeat[],
  { origin, settings }: { origin: string; settings: AppSettings },
): z.input<typeof allocationAnswer> {
  return {
    sessionId: session.sessionId,
    game: session.game,
    mode: session.mode,
    seats: session.seats,
    gameServer: gameServer.name,
    madeAt: session.madeAt,
    joinBy: session.joinBy,
    expiresAt: issued[0]?.expiresAt ?? session.joinBy,
    players: issued.map((seat) => ({
      playerId: seat.playerId,
      wsUrl: sessionUrl(origin, session.sessionId, seat.sealedToken),
      ...directAccess(gameServer, session.sessionId, seat, settings),
    })),
  };
}

/** GET /v1/sessions/ID: the session and where its GameServer is. */
export function showServiceSession({ gameServers, settings }: AppDependencies): RequestHandler {
  return async (request, response) => {
    const { session, gameServer } = await findSession(gameServers, sessionIdOf(request), settings.retryAfterSeconds);
    const { sessionId, game, mode, seats, madeAt, joinBy } = session;
    const { address, ports } = gameServer.direct;
    const answer: z.input<typeof serviceSessionAnswer> = {
      sessionId,
      game,
      mode,
      seats,
      madeAt,
      joinBy,
      gameServer: gameServer.name,
      address,
      ports: [...ports],
    };
    response.set('cache-control', 'no-store').json(answer);
  };
}

function gameOf(games: Games, body: z.output<typeof allocationRequest>): Game {
  const { fleet } = body;
  if (fleet === undefined) return chooseGame(games, body.game, undefined);
  const game = games.all().find(({ fleets }) => fleets.includes(fleet));
  if (game === undefined || (body.game !== undefined && body.game !== game.name)) {
    throw new ProblemError('unknown_game', 'This Fleet does not play the game', {
      errors: [{ field: 'fleet', message: 'does not play this game, or is not there' }],
    });
  }
  return game;
}
