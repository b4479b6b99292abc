import { AGONES } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { CLAIM_LABEL, CLAIM_UNTIL_ANNOTATION } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { placeOf } from '../allocation/clusters/cluster-order.ts';
import type { Claim, ClaimOrder, Claims, ClaimTerms, ClaimWrite } from '../allocation/claims.ts';
import type { AllocationOrder, AllocationOutcome, GameServerView } from '../allocation/ports.ts';
import { claimIdOf, isClaimed } from './claim-index.ts';
import type { ClaimedGameServer } from './claim-index.ts';
import { guardedPatch } from './guarded-patch.ts';
import { asPortError, CallError, GAME_SERVERS } from './kubernetes-connection.ts';
import type { KubernetesCalls } from './kubernetes-connection.ts';
import { annotationPath, claimMarks, labelPath, markOperations, sessionMarks } from './marks.ts';
import type { WatchedGameServers } from './watched-game-servers.ts';

/** Claims a Ready GameServer, by whatever way GameServers are allocated. */
export interface ClaimMaker {
  /** @throws KubernetesRefusal when Kubernetes does not accept what we send */
  claim(order: ClaimOrder, terms: ClaimTerms): Promise<AllocationOutcome>;
}

export interface ClaimedGameServersOptions {
  connection: KubernetesCalls;
  gameServers: WatchedGameServers;
  maker: ClaimMaker;
  clock: Clock;
}

/**
 * The claims of one allocator: those that the watch shows under its name, so that one that died, or was lost in an answer
 * and found again, needs no care of its own. Each is changed by a patch that tests that it is a claim yet.
 */
export class ClaimedGameServers implements Claims {
  readonly #options: ClaimedGameServersOptions;

  constructor(options: ClaimedGameServersOptions) {
    this.#options = options;
  }

  free(game: string): readonly Claim[] {
    return this.#options.gameServers.claims.free(game).map((gameServer) => this.#claimOf(gameServer));
  }

  take(order: AllocationOrder): Claim | undefined {
    const nowMs = this.#options.clock.nowMs();
    let best: Claim | undefined;
    for (const claim of this.free(order.game)) {
      if (claim.untilMs <= nowMs || !isFitting(claim, order)) continue;
      if (best === undefined || isBetter(claim, best, order)) best = claim;
    }
    if (best !== undefined) this.#options.gameServers.claims.take(best.gameServer);
    return best;
  }

  putBack({ gameServer }: Claim): void {
    this.#options.gameServers.claims.putBack(gameServer);
  }

  async make(order: ClaimOrder, terms: ClaimTerms): Promise<AllocationOutcome> {
    const { connection, gameServers, maker } = this.#options;
    const outcome = await maker.claim(order, terms);
    if (outcome.state !== 'Allocated') return outcome;
    // The watch comes later: until then nobody would know that there is one more.
    try {
      const { gameServer, gameServerName } = outcome;
      const claimed = gameServer ?? gameServers.viewOf(await connection.get(GAME_SERVERS, gameServerName));
      gameServers.noteClaim(claimed);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
    }
    return outcome;
  }

  renew(claim: Claim, untilMs: number): Promise<ClaimWrite> {
    const value = new Date(untilMs).toISOString();
    return this.#write(claim, [{ op: 'add', path: annotationPath(CLAIM_UNTIL_ANNOTATION), value }]);
  }

  giveBack(claim: Claim): Promise<ClaimWrite> {
    return this.#write(claim, [
      { op: 'test', path: annotationPath(CLAIM_UNTIL_ANNOTATION), value: new Date(claim.untilMs).toISOString() },
      ...markOperations(claimMarks({ holder: '', untilMs: claim.untilMs })),
      { op: 'replace', path: '/status/state', value: 'Ready' },
    ]);
  }

  bind(claim: Claim, session: SessionDescriptor): Promise<ClaimWrite> {
    return this.#write(claim, [
      ...markOperations(sessionMarks(session)),
      { op: 'add', path: labelPath(CLAIM_LABEL), value: '' },
    ]);
  }

  async read(gameServerName: string): Promise<Claim | undefined> {
    const { connection, gameServers } = this.#options;
    try {
      const gameServer = gameServers.viewOf(await connection.get(GAME_SERVERS, gameServerName));
      return this.claimOf(gameServer);
    } catch (error) {
      if (error instanceof CallError && error.fault === 'not_found') return undefined;
      throw asPortError(error);
    }
  }

  async #write({ gameServer }: Claim, operations: readonly object[]): Promise<ClaimWrite> {
    const { state } = await guardedPatch(this.#options.connection, gameServer.name, [
      { op: 'test', path: '/metadata/uid', value: gameServer.uid },
      // It may have been played, made Ready and claimed again since.
      { op: 'test', path: annotationPath(AGONES.lastAllocatedAnnotation), value: gameServer.lastAllocatedAt },
      { op: 'test', path: labelPath(CLAIM_LABEL), value: gameServer.claim?.holder },
      { op: 'test', path: '/status/state', value: 'Allocated' },
      ...operations,
    ]);
    return state;
  }

  claimOf(gameServer: GameServerView): Claim | undefined {
    return isClaimed(gameServer) ? this.#claimOf(gameServer) : undefined;
  }

  #claimOf(gameServer: ClaimedGameServer): Claim {
    return {
      id: claimIdOf(gameServer),
      gameServer,
      untilMs: gameServer.claim.untilMs,
      isOutdated: gameServer.drainingSince !== undefined || this.#options.gameServers.ready.isOutdated(gameServer),
    };
  }
}

/** Which Fleet comes first was decided when it was claimed. */
function isFitting({ gameServer }: Claim, { fleet, fleetGroups, exclude = [] }: AllocationOrder): boolean {
  if (gameServer.drainingSince !== undefined || exclude.includes(gameServer.name)) return false;
  if (fleet !== undefined) return gameServer.fleet === fleet;
  return fleetGroups?.some((group) => group.includes(gameServer.fleet ?? '')) ?? true;
}

/** In the region that is preferred most; of the newest version; the one that runs out first. */
function isBetter(one: Claim, other: Claim, { preferredRegions }: AllocationOrder): boolean {
  const place = placeOf(one.gameServer.region, preferredRegions);
  const otherPlace = placeOf(other.gameServer.region, preferredRegions);
  if (place !== otherPlace) return place < otherPlace;
  if (one.isOutdated !== other.isOutdated) return !one.isOutdated;
  return one.untilMs < other.untilMs;
}
