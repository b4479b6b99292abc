import type { RequestHandler } from 'express';
import type { z } from 'zod';
import { chooseGame } from './choose-game.ts';
import type { AppDependencies } from './dependencies.ts';
import { readWaitSeconds } from './preference.ts';
import { sessionUrl, webSocketOrigin } from './public-url.ts';
import { parseBody } from './read-body.ts';
import { problemOfRefusal } from './refusal.ts';
import { callerGone } from './request-context.ts';
import { newGameRequest } from './schemas.ts';
import type { newGameAnswer } from './schemas.ts';

/** POST /api/new-game: a session of one's own. All that can be wrong with the request is found before Agones is asked. */
export function newGame(dependencies: AppDependencies): RequestHandler {
  const { allocations, seats, games, clock, settings } = dependencies;
  return async (request, response) => {
    const { playerId, game: gameName, region } = parseBody(newGameRequest, request.body);
    const game = chooseGame(games, gameName, settings.defaultGame);
    const origin = webSocketOrigin(request, settings);
    const waitSeconds = readWaitSeconds(request, response, {
      defaultSeconds: settings.defaultWaitSeconds,
      maxSeconds: settings.maxWaitSeconds,
    });
    const gone = callerGone(response);
    const result = await allocations.allocate({
      game,
      ...(region === undefined ? {} : { preferredRegion: region }),
      deadlineMs: clock.nowMs() + waitSeconds * 1000,
      gone,
    });
    if (result.state === 'refused') {
      if (result.refusal === 'caller_gone') return;
      throw problemOfRefusal(result.refusal, { ...result, retryAfterSeconds: settings.retryAfterSeconds });
    }
    const { session, gameServer, durationMs } = result;
    const seat = await seats.issue(playerId, session, gameServer);
    if (gone.aborted) {
      await allocations.release(gameServer.name, session.sessionId);
      return;
    }
    const answer: z.input<typeof newGameAnswer> = {
      sessionId: session.sessionId,
      wsUrl: sessionUrl(origin, session.sessionId, seat.sealedToken),
      expiresAt: seat.expiresAt,
      ...(settings.directMode
        ? { ...gameServer.direct, ports: [...gameServer.direct.ports], token: seat.seatToken }
        : {}),
      game: session.game,
      allocation: { durationMs, gameServer: gameServer.name },
    };
    response.status(201).set('cache-control', 'no-store').json(answer);
  };
}
