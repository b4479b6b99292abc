import type { RequestHandler } from 'express';
import type { z } from 'zod';
import { allocatedAtMs } from '../allocation/doubles.ts';
import type { GameServerView } from '../allocation/ports.ts';
import type { Finding } from '../allocation/reap-rules.ts';
import type { AppDependencies } from './dependencies.ts';
import { pageOf } from './page-of.ts';
import { parseQuery } from './read-body.ts';
import { serversQuery } from './schemas.ts';
import type { serversAnswer } from './schemas.ts';

type ListedServer = z.input<typeof serversAnswer>['servers'][number];

/** GET /v1/servers: GameServers and what they hold, a page at a time. No addresses. */
export function listServers({ gameServers, reaper, clock }: AppDependencies): RequestHandler {
  return (request, response) => {
    const { state, olderThan, limit, after } = parseQuery(serversQuery, request);
    const nowMs = clock.nowMs();
    const fitting = [...gameServers.all()].filter(
      (each) =>
        (state === undefined || each.state === state) &&
        (olderThan === undefined || (each.state === 'Allocated' && nowMs - allocatedAtMs(each) >= olderThan * 1000)),
    );
    const { items, ...rest } = pageOf(fitting, ({ name }) => name, { limit, after });
    const findings = new Map(reaper.look().map(({ gameServer, finding }) => [gameServer.uid, finding]));
    const servers = items.map((each) => listed(each, findings.get(each.uid), nowMs));
    const answer: z.input<typeof serversAnswer> = { servers, ...rest };
    response.set('cache-control', 'no-store').json(answer);
  };
}

function listed(gameServer: GameServerView, wouldReap: Finding | undefined, nowMs: number): ListedServer {
  const { name, fleet, game, state, session, shared, claim, drainingSince, lastAllocatedAt } = gameServer;
  const isAllocated = state === 'Allocated' && lastAllocatedAt !== '';
  return {
    name,
    ...(fleet === undefined ? {} : { fleet }),
    ...(game === undefined ? {} : { game }),
    state,
    sessionIds: session === undefined ? [...(shared?.sessionIds ?? [])] : [session.sessionId],
    ...(isAllocated
      ? {
          allocatedAt: lastAllocatedAt,
          ageSeconds: Math.max(0, Math.floor((nowMs - allocatedAtMs(gameServer)) / 1000)),
        }
      : {}),
    ...(claim === undefined ? {} : { claim: listedClaim(claim) }),
    ...(drainingSince === undefined ? {} : { drainingSince }),
    ...(wouldReap === undefined ? {} : { wouldReap }),
  };
}

function listedClaim({ holder, untilMs }: NonNullable<GameServerView['claim']>): NonNullable<ListedServer['claim']> {
  return { holder, ...(untilMs === 0 ? {} : { until: new Date(untilMs).toISOString() }) };
}
