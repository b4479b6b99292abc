import { randomUUID } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import { GAME_LABEL } from '../lib/session.ts';
import { ClaimedGameServers } from './agones/claimed-game-servers.ts';
import { AllocationPlaces } from './agones/allocation-places.ts';
import type { RouteChoice } from './agones/game-server-view.ts';
import { KubernetesAllocations } from './agones/kubernetes-allocations.ts';
import { FLEETS, GAME_SERVERS, KubernetesConnection } from './agones/kubernetes-connection.ts';
import type { KubernetesConnectionOptions } from './agones/kubernetes-connection.ts';
import { ListedGames } from './agones/listed-games.ts';
import { PatchAllocations } from './agones/patch-allocations.ts';
import { PatchPlaces } from './agones/patch-places.ts';
import { Reflector } from './agones/reflector.ts';
import { WatchedFleets } from './agones/watched-fleets.ts';
import { WatchedGameServers } from './agones/watched-game-servers.ts';
import { AllocationsByMode } from './allocation/allocations-by-mode.ts';
import { Bindings } from './allocation/bindings.ts';
import { BoundGameServers } from './allocation/bound-game-servers.ts';
import { ClusterBreaker } from './allocation/clusters/cluster-breaker.ts';
import type { Cluster, ClusterRank } from './allocation/clusters/cluster.ts';
import type { Draining } from './allocation/draining.ts';
import type { Reaper } from './allocation/reaper.ts';
import { PlaceBatches } from './allocation/place-batches.ts';
import type { AllocationObserver, GameServerRef } from './allocation/ports.ts';
import { QuietGameServers } from './allocation/quiet-game-servers.ts';
import type { Store } from './allocation/store.ts';
import { WarmClaims } from './allocation/warm-claims.ts';
import { followIdentity } from './client-identity.ts';
import type { ClusterConfig } from './clusters-file.ts';
import type { AllocatorConfig } from './config.ts';
import { startUpkeep } from './start-upkeep.ts';
import type { UpkeepParts } from './start-upkeep.ts';

/** One cluster as the engine needs it. */
export interface RunningCluster extends Cluster {
  /** By game, how many claims are free. */
  readonly freeClaims: ReadonlyMap<string, number>;
  /** Undefined where GameServers cannot be changed. */
  upkeep: { reaper: Reaper; draining: Draining } | undefined;
  /** Whether what it holds is known, and was heard of lately. */
  readonly isFresh: boolean;
  /** Whether what was asked of it goes on when this process is gone. */
  readonly goesOn: boolean;
  /** Whether a watch tells which sessions it holds: else it has to be asked for each. */
  readonly isWatched: boolean;
}

export interface ClusterParts {
  store: Store;
  observer: AllocationObserver;
  /** Whether requests for a game wait in line. */
  isWaitedFor: (game: string) => boolean;
  upkeep: Pick<UpkeepParts, 'observer' | 'isHeld' | 'isPursuing'> & {
    answeredWith: (sessionId: string) => GameServerRef | undefined;
  };
  clock: Clock;
  logger: Logger;
  lifecycle: Lifecycle;
  /** 0 ≤ n < 1. */
  random: () => number;
}

/**
 * Puts together what each cluster needs and begins to follow those that can be followed; does not wait for the first look.
 *
 * @throws Error when a kubeconfig names no cluster
 * @throws CertificateFilesError
 */
export async function startClusters(config: AllocatorConfig, parts: ClusterParts): Promise<RunningCluster[]> {
  return Promise.all(
    describedIn(config).map(async (cluster) => {
      const { name, region, priority, weight } = cluster;
      const breaker = new ClusterBreaker({
        clock: parts.clock,
        maxFaults: config.BREAKER_FAULTS,
        slowMs: config.BREAKER_SLOW_MS,
        openMs: config.BREAKER_OPEN_MS,
      });
      const ways =
        cluster.allocator === undefined
          ? startKubernetesCluster(cluster, config, parts)
          : await startServiceCluster({ ...cluster, allocator: cluster.allocator }, config, parts);
      return Object.assign(ways, { name, region, priority, weight, breaker });
    }),
  );
}

/** The ways into a cluster, without its place among the others. */
type Ways = Omit<RunningCluster, keyof ClusterRank | 'name' | 'breaker'>;

type Described = Omit<ClusterConfig, 'region'> & { region: string | undefined };

/** Without a clusters file there is the cluster of KUBECONFIG, of no region in particular. */
function describedIn({ CLUSTERS_FILE, KUBECONFIG, NAMESPACE }: AllocatorConfig): readonly Described[] {
  if (CLUSTERS_FILE !== undefined) return CLUSTERS_FILE;
  const place = { name: 'default', region: undefined, priority: 0, weight: 1 };
  return [{ ...place, kubeconfig: KUBECONFIG, namespace: NAMESPACE }];
}

/** The first cluster with a Kubernetes API: where the Lease of a sole allocator is. Undefined where there is none. */
export function homeCluster(config: AllocatorConfig): KubernetesConnectionOptions | undefined {
  const home = describedIn(config).find(({ allocator }) => allocator === undefined);
  return home === undefined ? undefined : accessTo(home, config);
}

function accessTo(cluster: Described, config: AllocatorConfig): KubernetesConnectionOptions {
  return {
    kubeconfigFile: cluster.kubeconfig ?? config.KUBECONFIG,
    context: cluster.context,
    namespace: cluster.namespace,
    callTimeoutMs: config.KUBERNETES_TIMEOUT_MS,
  };
}

/** A cluster whose Kubernetes API we speak. */
function startKubernetesCluster(cluster: Described, config: AllocatorConfig, parts: ClusterParts): Ways {
  const { clock, logger, lifecycle, random, store } = parts;
  // Alone, it goes on with the claims of its predecessor.
  const claimHolder = store.isShared ? `regatta-${randomUUID()}` : 'regatta';
  const connection = new KubernetesConnection(accessTo(cluster, config));
  lifecycle.onStop('kubernetes connection', () => connection.close());
  const gameServers = new WatchedGameServers({
    cluster: cluster.name,
    connection,
    clock,
    route: routeChoiceOf(cluster, config),
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
  const bindings = store.isShared
    ? new Bindings({ store, cluster: cluster.name, keptMs: config.KEY_KEPT_SECONDS * 1000 })
    : undefined;
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
    answeredWith(sessionId) {
      const answered = parts.upkeep.answeredWith(sessionId);
      return answered?.cluster === cluster.name ? answered.name : undefined;
    },
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
    upkeep,
    gameServers: warmClaims === undefined ? gameServers : new BoundGameServers(gameServers, warmClaims),
    games,
    gameServerAllocations: new AllocationsByMode({ exclusive: warmClaims ?? allocations, shared: places }),
    get freeClaims() {
      return warmClaims?.freeClaims ?? new Map<string, number>();
    },
    // A patch is done or lost when its process is gone; Agones may go on with a GameServerAllocation for a while.
    goesOn: config.ALLOCATE_BY === 'GameServerAllocation',
    isWatched: true,
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

/** A cluster that only its allocator service leads into. What it is made of is loaded where there is one. */
async function startServiceCluster(
  cluster: Described & { allocator: NonNullable<ClusterConfig['allocator']> },
  config: AllocatorConfig,
  { clock, logger, lifecycle }: ClusterParts,
): Promise<Ways> {
  const { AllocatorServiceConnection } = await import('./agones/allocator-service-connection.ts');
  const { AllocatorService } = await import('./agones/allocator-service.ts');
  const { endpoint, namespace, ...files } = cluster.allocator;
  const connection = new AllocatorServiceConnection({
    endpoint,
    identity: followIdentity(files, { clock, logger, recheckMs: config.KEY_RECHECK_MS }),
    clock,
    callTimeoutMs: config.KUBERNETES_TIMEOUT_MS,
  });
  lifecycle.onStop('allocator service connection', () => {
    connection.close();
  });
  const service = new AllocatorService({
    cluster: cluster.name,
    namespace,
    connection,
    route: routeChoiceOf(cluster, config),
    clock,
  });
  return {
    gameServerAllocations: service,
    gameServers: service,
    games: new ListedGames(cluster.games ?? []),
    upkeep: undefined,
    freeClaims: new Map(),
    goesOn: true,
    isWatched: false,
    // There is nothing to be followed.
    isFresh: true,
  };
}

function routeChoiceOf({ addressType }: Described, config: AllocatorConfig): RouteChoice {
  return { addressType: addressType ?? config.GAME_SERVER_ADDRESS_TYPE, portName: config.GAME_SERVER_PORT_NAME };
}
