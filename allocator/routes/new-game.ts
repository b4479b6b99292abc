import type { RequestHandler } from 'express';
import type { z } from 'zod';
import type { MadeSession } from '../allocation/allocations.ts';
import type { IssuedSeat } from '../allocation/seats.ts';
import { chooseGame } from './choose-game.ts';
import type { AppDependencies } from './dependencies.ts';
import { readWaitSeconds } from './preference.ts';
import { sessionUrl, webSocketOrigin } from './public-url.ts';
import { answerOnce } from './idempotency.ts';
import { parseBody } from './read-body.ts';
import { refusedOutcome } from './refusal.ts';
import { callerGone } from './request-context.ts';
import { newGameRequest } from './schemas.ts';
import type { newGameAnswer } from './schemas.ts';

/** POST /api/new-game: a session of one's own. All that can be wrong with the request is found before Agones is asked. */
export function newGame(dependencies: AppDependencies): RequestHandler {
  const { allocations, seats, games, clock, settings } = dependencies;
  return async (request, response) => {
    const body = parseBody(newGameRequest, request.body);
    const { playerId, game: gameName, region } = body;
    const game = chooseGame(games, gameName, settings.defaultGame);
    const origin = webSocketOrigin(request, settings);
    const waitSeconds = readWaitSeconds(request, response, {
      defaultSeconds: settings.defaultWaitSeconds,
      maxSeconds: settings.maxWaitSeconds,
    });
    const gone = callerGone(response);
    const deadlineMs = clock.nowMs() + waitSeconds * 1000;
    await answerOnce(
      request,
      response,
      dependencies,
      { scope: 'new-game', makes: body, deadlineMs },
      async (session) => {
        const result = await allocations.allocate({
          game,
          ...(region === undefined ? {} : { preferredRegion: region }),
          ...(session === undefined ? {} : { session }),
          deadlineMs,
          gone,
        });
        if (result.state === 'refused') return refusedOutcome(result, settings.retryAfterSeconds);
        const seat = await seats.issue(playerId, result.session, result.gameServer);
        if (gone.aborted && session === undefined) {
          await allocations.release(result.gameServer.name, result.session.sessionId);
          return {};
        }
        return { answer: JSON.stringify(newGameBody(result, seat, { origin, directMode: settings.directMode })) };
      },
    );
  };
}

function newGameBody(
  { session, gameServer, durationMs }: MadeSession,
  seat: IssuedSeat,
  { origin, directMode }: { origin: string; directMode: boolean },
): z.input<typeof newGameAnswer> {
  return {
    sessionId: session.sessionId,
    wsUrl: sessionUrl(origin, session.sessionId, seat.sealedToken),
    expiresAt: seat.expiresAt,
    ...(directMode ? { ...gameServer.direct, ports: [...gameServer.direct.ports], token: seat.seatToken } : {}),
    game: session.game,
    allocation: { durationMs, gameServer: gameServer.name },
  };
}
