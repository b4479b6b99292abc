import type { Request, Response } from 'express';
import { ProblemError } from '../../lib/errors.ts';
import type { MadeSession } from '../allocation/allocations.ts';
import type { Game } from '../allocation/ports.ts';
import type { IssuedSeat } from '../allocation/seats.ts';
import type { AppDependencies } from './dependencies.ts';
import { answerOnce } from './idempotency.ts';
import { readWaitSeconds } from './preference.ts';
import { refusedOutcome } from './refusal.ts';
import { callerGone } from './request-context.ts';

/** What a request asks for, found good. */
export interface WantedSession {
  /** Of the keys of this path. */
  scope: string;
  /** All of what is asked for: an Idempotency-Key is good for this alone. */
  makes: object;
  game: Game;
  fleet: string | undefined;
  /** In the order of the preference. */
  preferredRegions: readonly string[];
  exclude: readonly string[] | undefined;
  playerIds: readonly string[];
}

/**
 * A session with a seat for each player, waited for as long as the request prefers, answered once for each key.
 *
 * @param answerOf - the answer's body; seats in the order of the players
 * @throws ProblemError
 */
export function makeSession(
  request: Request,
  response: Response,
  dependencies: AppDependencies,
  { scope, makes, game, fleet, preferredRegions, exclude, playerIds }: WantedSession,
  answerOf: (made: MadeSession, seats: readonly IssuedSeat[]) => object,
): Promise<void> {
  const { allocations, seats, settings } = dependencies;
  refuseSecond(dependencies);
  const deadlineMs = deadlineOf(request, response, dependencies);
  const gone = callerGone(response);
  return answerOnce(request, response, dependencies, { scope, makes, deadlineMs }, async (session) => {
    const result = await allocations.allocate({
      game,
      ...(fleet === undefined ? {} : { fleet }),
      preferredRegions,
      ...(exclude === undefined ? {} : { exclude }),
      ...(session === undefined ? {} : { session }),
      deadlineMs,
      gone,
    });
    if (result.state === 'refused') return refusedOutcome(result, settings.retryAfterSeconds);
    const issued = await Promise.all(
      playerIds.map((playerId) => seats.issue(playerId, result.session, result.gameServer)),
    );
    if (gone.aborted && session === undefined) {
      await allocations.release(result.gameServer, result.session.sessionId);
      return {};
    }
    return { answer: JSON.stringify(answerOf(result, issued)) };
  });
}

/** @throws ProblemError second_allocator where another one is at work that this one knows nothing of */
export function refuseSecond({ isSecond, settings }: AppDependencies): void {
  if (!isSecond()) return;
  throw new ProblemError('second_allocator', 'Another allocator serves this namespace; this one must not', {
    retryAfterSeconds: settings.retryAfterSeconds,
  });
}

/**
 * Until when a request wants to wait in line: milliseconds since the epoch.
 *
 * @throws ProblemError invalid_request
 */
export function deadlineOf(request: Request, response: Response, { clock, settings }: AppDependencies): number {
  const waitSeconds = readWaitSeconds(request, response, {
    defaultSeconds: settings.defaultWaitSeconds,
    maxSeconds: settings.maxWaitSeconds,
  });
  return clock.nowMs() + waitSeconds * 1000;
}
