import type { RequestHandler } from 'express';
import type { z } from 'zod';
import { ProblemError } from '../../lib/errors.ts';
import type { AppDependencies } from './dependencies.ts';
import { pageOf } from './page-of.ts';
import { parseQuery } from './read-body.ts';
import { fleetsQuery } from './schemas.ts';
import type { drainAnswer, fleetsAnswer } from './schemas.ts';

/** GET /v1/fleets: the Fleets that play games, and their GameServers by state. */
export function listFleets({ games, gameServers }: AppDependencies): RequestHandler {
  return (request, response) => {
    const { limit, after } = parseQuery(fleetsQuery, request);
    const { items, ...rest } = pageOf(games.fleets(), ({ fleet }) => fleet, { limit, after });
    const members = Map.groupBy(gameServers.all(), ({ fleet }) => fleet);
    const fleets = items.map(({ fleet, game, mode }) => {
      const ofFleet = members.get(fleet) ?? [];
      const replicas: Record<string, number> = {};
      for (const { state } of ofFleet) replicas[state] = (replicas[state] ?? 0) + 1;
      return {
        name: fleet,
        game,
        mode,
        replicas,
        outdated: ofFleet.filter((each) => gameServers.isOutdated(each)).length,
        draining: ofFleet.filter(({ drainingSince }) => drainingSince !== undefined).length,
      };
    });
    const answer: z.input<typeof fleetsAnswer> = { fleets, ...rest };
    response.set('cache-control', 'no-store').json(answer);
  };
}

/** POST /v1/fleets/NAME/drain: none of its GameServers takes a new session; each ends with those it has. */
export function drainFleet({ games, draining }: AppDependencies): RequestHandler {
  return async (request, response) => {
    const { fleet } = request.params;
    if (typeof fleet !== 'string' || !games.fleets().some((each) => each.fleet === fleet)) {
      throw new ProblemError('unknown_game', 'No Fleet of this name plays a game', {
        errors: [{ field: 'path fleet', message: 'is not there, or plays no game' }],
      });
    }
    const answer: z.input<typeof drainAnswer> = { fleet, ...(await draining.drainFleet(fleet)) };
    response.set('cache-control', 'no-store').json(answer);
  };
}
