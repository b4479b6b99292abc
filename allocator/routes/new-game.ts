import type { RequestHandler } from 'express';
import type { z } from 'zod';
import type { MadeSession } from '../allocation/allocations.ts';
import type { IssuedSeat } from '../allocation/seats.ts';
import { chooseGame } from './choose-game.ts';
import type { AppDependencies, AppSettings } from './dependencies.ts';
import { directAccess } from './direct-access.ts';
import { makeSession } from './make-session.ts';
import { sessionUrl, webSocketOrigin } from './public-url.ts';
import { parseBody } from './read-body.ts';
import { MAX_REGIONS, newGameRequest } from './schemas.ts';
import type { newGameAnswer } from './schemas.ts';

/** POST /api/new-game: a session of one's own. All that can be wrong with the request is found before Agones is asked. */
export function newGame(dependencies: AppDependencies): RequestHandler {
  const { games, settings } = dependencies;
  return async (request, response) => {
    const body = parseBody(newGameRequest, request.body);
    const { playerId, exclude } = body;
    const game = chooseGame(games, body.game, settings.defaultGame);
    const origin = webSocketOrigin(request, settings);
    const wanted = {
      scope: 'new-game',
      makes: body,
      game,
      fleet: undefined,
      preferredRegions: regionsOf(body),
      exclude,
      playerIds: [playerId],
    };
    await makeSession(request, response, dependencies, wanted, (made, seats) =>
      newGameBody(made, seats, { origin, settings }),
    );
  };
}

/** The region that is named, then those that were measured, the nearest first. */
function regionsOf({ region, latencies = {} }: z.output<typeof newGameRequest>): string[] {
  const measured = Object.entries(latencies).toSorted(([, oneMs], [, otherMs]) => oneMs - otherMs);
  const named = region === undefined ? [] : [region];
  return [...new Set([...named, ...measured.map(([each]) => each)])].slice(0, MAX_REGIONS);
}

function newGameBody(
  { session, gameServer, durationMs }: MadeSession,
  [seat]: readonly IssuedSeat[],
  { origin, settings }: { origin: string; settings: AppSettings },
): z.input<typeof newGameAnswer> {
  if (seat === undefined) throw new Error('a new game without a seat');
  return {
    sessionId: session.sessionId,
    wsUrl: sessionUrl(origin, session.sessionId, seat.sealedToken),
    expiresAt: seat.expiresAt,
    ...(settings.directMode ? directAccess(gameServer, session.sessionId, seat, settings) : {}),
    game: session.game,
    allocation: { durationMs, gameServer: gameServer.name },
  };
}
