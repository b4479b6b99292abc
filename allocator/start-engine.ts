import { randomUUID } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import { Allocations } from './allocation/allocations.ts';
import { AllocationsAcrossClusters } from './allocation/clusters/allocations-across-clusters.ts';
import { GameServersAcrossClusters } from './allocation/clusters/game-servers-across-clusters.ts';
import { Confirmations } from './allocation/confirmations.ts';
import { Once } from './allocation/once.ts';
import type { Store } from './allocation/store.ts';
import { startClusters } from './cluster.ts';
import type { RunningCluster } from './cluster.ts';
import type { AllocatorConfig } from './config.ts';
import { createMetrics } from './metrics.ts';
import type { AllocatorMetrics } from './metrics.ts';
import { startReplicaLease } from './replica-lease.ts';
import type { ReplicaLease } from './replica-lease.ts';
import { newSessionId } from './session-ids.ts';
import { openStore } from './store/open-store.ts';

export interface EngineParts {
  clock: Clock;
  /** 0 ≤ n < 1. */
  random: () => number;
  logger: Logger;
  lifecycle: Lifecycle;
}

/** What gets sessions, without anybody who asks for them. */
export interface Engine {
  allocations: Allocations;
  gameServers: GameServersAcrossClusters;
  once: Once;
  clusters: readonly RunningCluster[];
  replica: ReplicaLease;
  metrics: AllocatorMetrics;
  /** Whether a session may be there that a predecessor asked for, and that only Kubernetes itself knows of. */
  mayHavePredecessor: () => boolean;
}

/** How often work that another process does under the same key is looked at. */
const KEY_POLL_MS = 100;

/** Opens the store, begins to watch the clusters, and puts on top of them what allocates. */
export async function startEngine(config: AllocatorConfig, parts: EngineParts): Promise<Engine> {
  const { clock } = parts;
  const metrics = createMetrics({
    waiting: () => allocations.waitingCount,
    freeClaims: () => freeClaimsIn(clusters),
    isStoreUp: () => isStoreUp(),
    breakers: () => clusters.map(({ name, breaker }) => ({ name, isOpen: breaker.isOpen })),
  });
  const { store, isUp: isStoreUp } = await openStore(config, { ...parts, observer: metrics.storeObserver });
  const processId = randomUUID();
  const replica = startReplicaLease(config, { ...parts, store, processId });
  const clusters = await startClusters(config, {
    ...parts,
    store,
    observer: metrics.observer,
    isWaitedFor: (game) => allocations.isWaitedFor(game),
    upkeep: {
      observer: metrics.reaperObserver,
      isHeld: () => replica.lease.isHeld,
      isPursuing: (sessionId) => allocations.isPursuing(sessionId),
      answeredWith: (sessionId) => allocations.answeredWith(sessionId),
    },
  });
  const gameServers = new GameServersAcrossClusters(clusters);
  const observer = metrics.observer;
  const allocations: Allocations = new Allocations({
    ...parts,
    gameServerAllocations: new AllocationsAcrossClusters({ ...parts, clusters, observer }),
    gameServers,
    observer,
    newSessionId,
    maxConcurrentAttempts: config.MAX_CONCURRENT_ATTEMPTS,
    maxWaitingRequests: config.MAX_WAITING_REQUESTS,
    firstPauseMs: config.FIRST_PAUSE_MS,
    maxPauseMs: config.MAX_PAUSE_MS,
    settleMs: config.SETTLE_MS,
    answerGraceMs: config.ANSWER_GRACE_MS,
    joinWithinMs: config.JOIN_WITHIN_SECONDS * 1000,
    ...(config.CONFIRM
      ? { confirmations: new Confirmations({ gameServers, clock, withinMs: config.CONFIRM_WITHIN_MS }) }
      : {}),
  });
  const once = new Once({
    store,
    clock,
    processId,
    keptMs: config.KEY_KEPT_SECONDS * 1000,
    leaseMs: config.KEY_LEASE_MS,
    pollMs: KEY_POLL_MS,
    maxWatchedKeys: config.MAX_WAITING_REQUESTS,
  });
  const mayHavePredecessor = predecessors(config, { store, clusters, clock });
  return { allocations, gameServers, once, clusters, replica, metrics, mayHavePredecessor };
}

/** What `mayHavePredecessor` of the engine asks. */
function predecessors(
  config: AllocatorConfig,
  { store, clusters, clock }: { store: Store; clusters: readonly RunningCluster[]; clock: Clock },
): () => boolean {
  const startedAtMs = clock.nowMs();
  // What a predecessor asked of Kubernetes may be carried out after it has gone, a GameServerAllocation for a while; where
  // the keys went with it, any of them may be one of its own. And a store that may have lost a key says no more of what
  // another replica had begun for it.
  const unsettledSinceMs = (): number =>
    Math.max(
      !store.isShared || clusters.some(({ goesOn }) => goesOn) ? startedAtMs : Number.NEGATIVE_INFINITY,
      store.unbrokenSinceMs + config.KEY_LEASE_MS,
    );
  // A session of a cluster without a watch is known by its key alone: to a store that outlives us, or to this process.
  const keysKnownSinceMs =
    store.isShared || clusters.every(({ isWatched }) => isWatched) ? Number.NEGATIVE_INFINITY : startedAtMs;
  return () =>
    clock.nowMs() - unsettledSinceMs() < config.SETTLE_MS + config.KUBERNETES_TIMEOUT_MS ||
    clock.nowMs() - keysKnownSinceMs < config.KEY_KEPT_SECONDS * 1000;
}

function freeClaimsIn(clusters: readonly RunningCluster[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { freeClaims } of clusters) {
    for (const [game, count] of freeClaims) sums.set(game, (sums.get(game) ?? 0) + count);
  }
  return sums;
}
