import { randomUUID } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import { GAME_LABEL } from '../lib/session.ts';
import { ClaimedGameServers } from './agones/claimed-game-servers.ts';
import { AllocationPlaces } from './agones/allocation-places.ts';
import { KubernetesAllocations } from './agones/kubernetes-allocations.ts';
import { FLEETS, GAME_SERVERS, KubernetesConnection } from './agones/kubernetes-connection.ts';
import { PatchAllocations } from './agones/patch-allocations.ts';
import { PatchPlaces } from './agones/patch-places.ts';
import { Reflector } from './agones/reflector.ts';
import { WatchedFleets } from './agones/watched-fleets.ts';
import { WatchedGameServers } from './agones/watched-game-servers.ts';
import { AllocationsByMode } from './allocation/allocations-by-mode.ts';
import { Bindings } from './allocation/bindings.ts';
import { BoundGameServers } from './allocation/bound-game-servers.ts';
import type { Draining } from './allocation/draining.ts';
import type { Reaper } from './allocation/reaper.ts';
import { PlaceBatches } from './allocation/place-batches.ts';
import type { AllocationObserver, GameServerAllocations, GameServers, Games } from './allocation/ports.ts';
import { QuietGameServers } from './allocation/quiet-game-servers.ts';
import type { Store } from './allocation/store.ts';
import { WarmClaims } from './allocation/warm-claims.ts';
import type { AllocatorConfig } from './config.ts';
import { startUpkeep } from './start-upkeep.ts';
import type { UpkeepParts } from './start-upkeep.ts';

/** One cluster as the engine needs it. */
export interface Cluster {
  gameServerAllocations: GameServerAllocations;
  gameServers: GameServers;
  games: Games;
  /** By game, how many claims are free. */
  readonly freeClaims: ReadonlyMap<string, number>;
  reaper: Reaper;
  draining: Draining;
  /** Whether what it holds is known, and was heard of lately. */
  readonly isFresh: boolean;
}

/** Where a cluster's Kubernetes API is. */
export interface KubernetesAccess {
  /** Without one the client's own search. */
  kubeconfigFile: string | undefined;
  /** Without one, that of the kubeconfig's context. */
  namespace: string | undefined;
}

export interface ClusterParts {
  store: Store;
  observer: AllocationObserver;
  /** Whether requests for a game wait in line. */
  isWaitedFor: (game: string) => boolean;
  upkeep: Pick<UpkeepParts, 'observer' | 'isHeld' | 'isPursuing' | 'answeredWith'>;
  clock: Clock;
  logger: Logger;
  lifecycle: Lifecycle;
  /** 0 ≤ n < 1. */
  random: () => number;
}

/**
 * Puts together what one cluster needs and begins to follow its Fleets and GameServers; does not wait for the first look.
 *
 * @throws Error when the kubeconfig names no cluster
 */
export function startKubernetesCluster(
  access: KubernetesAccess,
  config: AllocatorConfig,
  parts: ClusterParts,
): Cluster {
  const { clock, logger, lifecycle, random, store } = parts;
  // Alone, it goes on with the claims of its predecessor.
  const claimHolder = store.isShared ? `regatta-${randomUUID()}` : 'regatta';
  const connection = new KubernetesConnection({ ...access, callTimeoutMs: config.KUBERNETES_TIMEOUT_MS });
  lifecycle.onStop('kubernetes connection', () => connection.close());
  const gameServers = new WatchedGameServers({
    connection,
    clock,
    route: { addressType: config.GAME_SERVER_ADDRESS_TYPE, portName: config.GAME_SERVER_PORT_NAME },
    maxEndedSessions: config.MAX_ENDED_SESSIONS,
    claimHolder,
    joinWithinMs: config.JOIN_WITHIN_SECONDS * 1000,
    sharedPatienceMs: config.SHARED_PATIENCE_MS,
  });
  const games = new WatchedFleets();
  const following = {
    connection,
    clock,
    logger,
    random,
    staleAfterMs: config.STALE_AFTER_MS,
    relistMs: config.RELIST_MS,
  };
  const reflectors = [
    new Reflector({ ...following, path: GAME_SERVERS, labelSelector: GAME_LABEL, target: gameServers }),
    new Reflector({ ...following, path: FLEETS, target: games }),
  ];
  for (const reflector of reflectors) {
    reflector.start();
    lifecycle.onStop('reflector', () => reflector.stop());
  }
  const byPatch = config.ALLOCATE_BY === 'Patch';
  const places = new PlaceBatches({
    writes: byPatch ? new PatchPlaces(gameServers.shared) : new AllocationPlaces(connection, gameServers.shared),
    clock,
    maxBatch: config.SHARED_BATCH,
  });
  const quiet = new QuietGameServers({
    ledger: gameServers.shared.ledger,
    giveBack: (gameServer, state) => gameServers.shared.giveBack(gameServer, state),
    isOutdated: (gameServer) => gameServers.ready.isOutdated(gameServer),
    clock,
    logger,
    quietMs: config.SHARED_QUIET_SECONDS * 1000,
  });
  quiet.start();
  lifecycle.onStop('quiet GameServers', () => quiet.stop());
  const allocations = byPatch
    ? new PatchAllocations({ connection, gameServers, clock, random })
    : new KubernetesAllocations(connection);
  const claims = new ClaimedGameServers({ connection, gameServers, maker: allocations, clock });
  const bindings = store.isShared ? new Bindings({ store, keptMs: config.KEY_KEPT_SECONDS * 1000 }) : undefined;
  const warmClaims = claimsAreWarm(config, store)
    ? new WarmClaims({
        claims,
        otherwise: allocations,
        bindings,
        gameServers,
        games,
        clock,
        logger,
        random,
        observer: parts.observer,
        holder: claimHolder,
        minClaims: config.MIN_CLAIMS,
        maxClaims: config.MAX_CLAIMS,
        aheadMs: config.CLAIM_AHEAD_MS,
        claimMs: config.CLAIM_SECONDS * 1000,
        firstPauseMs: config.FIRST_PAUSE_MS,
        maxPauseMs: config.MAX_PAUSE_MS,
        isWaitedFor: parts.isWaitedFor,
      })
    : undefined;
  if (warmClaims !== undefined) {
    warmClaims.start();
    lifecycle.onStop('claims', () => warmClaims.close());
  }
  const isFresh = (): boolean => reflectors.every((each) => each.isFresh);
  const upkeep = startUpkeep(config, {
    ...parts.upkeep,
    connection,
    gameServers,
    isFresh,
    async mayGiveBack(gameServer) {
      const claim = claims.claimOf(gameServer);
      if (claim === undefined) return false;
      if (warmClaims !== undefined) return warmClaims.giveUp(claim);
      return (await bindings?.giveUp(claim.id)) === undefined;
    },
    clock,
    logger,
    lifecycle,
  });
  return {
    ...upkeep,
    gameServers: warmClaims === undefined ? gameServers : new BoundGameServers(gameServers, warmClaims),
    games,
    gameServerAllocations: new AllocationsByMode({ exclusive: warmClaims ?? allocations, shared: places }),
    get freeClaims() {
      return warmClaims?.freeClaims ?? new Map<string, number>();
    },
    get isFresh() {
      return isFresh();
    },
  };
}

/** A patch of a Ready GameServer is as quick as one of a claim: without a store that is quicker, claims gain nothing. */
function claimsAreWarm({ WARM_CLAIMS, ALLOCATE_BY }: AllocatorConfig, store: Store): boolean {
  if (WARM_CLAIMS !== 'auto') return WARM_CLAIMS === 'on';
  return store.isShared || ALLOCATE_BY === 'GameServerAllocation';
}
