import { randomUUID } from 'node:crypto';
import { systemClock } from '../lib/clock.ts';
import type { Clock } from '../lib/clock.ts';
import { JoinTokenIssuer } from '../lib/join-token.ts';
import { openKeyFile } from '../lib/key-set.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import { Allocations } from './allocation/allocations.ts';
import { Confirmations } from './allocation/confirmations.ts';
import { AllocationsAcrossClusters } from './allocation/clusters/allocations-across-clusters.ts';
import { DrainingAcrossClusters } from './allocation/clusters/draining-across-clusters.ts';
import { GamesAcrossClusters } from './allocation/clusters/games-across-clusters.ts';
import { GameServersAcrossClusters } from './allocation/clusters/game-servers-across-clusters.ts';
import { Once } from './allocation/once.ts';
import { pause } from '../lib/pause.ts';
import { ReturningSeats } from './allocation/returning-seats.ts';
import { Seats } from './allocation/seats.ts';
import { createApp } from './app.ts';
import { startClusters } from './cluster.ts';
import type { RunningCluster } from './cluster.ts';
import type { ClusterConfig } from './clusters-file.ts';
import type { AllocatorConfig } from './config.ts';
import { listen } from './http-server.ts';
import { createMetrics } from './metrics.ts';
import { startReplicaLease } from './replica-lease.ts';
import { openServiceCredential } from './service-credential.ts';
import { newSessionId, sessionIdOfKey } from './session-ids.ts';
import { openStore } from './store/open-store.ts';

/** An allocator that answers. */
export interface RunningAllocator {
  url: string;
  /** Undefined when metrics are served nowhere. */
  metricsUrl: string | undefined;
  /** Resolves when what Kubernetes holds is known, and that this allocator may work. */
  ready: Promise<void>;
}

const READY_CHECK_MS = 20;
/** How often work that another process does under the same key is looked at. */
const KEY_POLL_MS = 100;

/**
 * Puts the allocator together and starts it. It answers at once; it says that it is ready when it knows Fleets and
 * GameServers, and that no other allocator is at work that it shares no store with.
 *
 * @throws Error when a key file is not good, the kubeconfig names no cluster or a port is taken
 */
export async function startAllocator(
  config: AllocatorConfig,
  parts: { logger: Logger; lifecycle: Lifecycle },
): Promise<RunningAllocator> {
  const { logger, lifecycle } = parts;
  const clock = systemClock;
  const random = Math.random;
  const keyOptions = { clock, logger, recheckMs: config.KEY_RECHECK_MS };
  const sealingKeys = openKeyFile(config.SEALING_KEYS_FILE, 'seal', keyOptions);
  const signingKeys = openKeyFile(config.SIGNING_KEYS_FILE, 'sign', keyOptions);
  const joinTokens = new JoinTokenIssuer({ sealing: sealingKeys, signing: signingKeys });
  const serviceCredential =
    config.SERVICE_TOKEN_FILE === undefined ? undefined : openServiceCredential(config.SERVICE_TOKEN_FILE, keyOptions);

  const metrics = createMetrics({
    waiting: () => allocations.waitingCount,
    freeClaims: () => freeClaimsIn(clusters),
    isStoreUp: () => isStoreUp(),
    breakers: () => clusters.map(({ name, breaker }) => ({ name, isOpen: breaker.isOpen })),
  });
  const { store, isUp: isStoreUp } = await openStore(config, {
    clock,
    logger,
    random,
    observer: metrics.storeObserver,
    lifecycle,
  });
  const processId = randomUUID();
  const replica = startReplicaLease(config, { store, clock, logger, lifecycle, random, processId });
  const clusters = await startClusters(config, {
    clock,
    logger,
    lifecycle,
    random,
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
  const games = new GamesAcrossClusters(clusters.map((cluster) => cluster.games));
  const knowsClusters = knowledgeOf(clusters, clock, config.KUBERNETES_TIMEOUT_MS);

  const allocations: Allocations = new Allocations({
    gameServerAllocations: new AllocationsAcrossClusters({
      clusters,
      clock,
      logger,
      observer: metrics.observer,
      random,
    }),
    gameServers,
    clock,
    logger,
    observer: metrics.observer,
    newSessionId,
    random,
    maxConcurrentAttempts: config.MAX_CONCURRENT_ATTEMPTS,
    maxWaitingRequests: config.MAX_WAITING_REQUESTS,
    firstPauseMs: config.FIRST_PAUSE_MS,
    maxPauseMs: config.MAX_PAUSE_MS,
    settleMs: config.SETTLE_MS,
    answerGraceMs: config.ANSWER_GRACE_MS,
    joinWithinMs: config.JOIN_WITHIN_SECONDS * 1000,
    ...(config.CONFIRM
      ? {
          confirmations: new Confirmations({
            gameServers,
            clock,
            withinMs: config.CONFIRM_WITHIN_MS,
          }),
        }
      : {}),
  });
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
  const app = createApp({
    allocations,
    once: new Once({
      store,
      clock,
      processId,
      keptMs: config.KEY_KEPT_SECONDS * 1000,
      leaseMs: config.KEY_LEASE_MS,
      pollMs: KEY_POLL_MS,
      maxWatchedKeys: config.MAX_WAITING_REQUESTS,
    }),
    sessionIdOfKey: (key) => sessionIdOfKey(sealingKeys, key),
    mayHavePredecessor: () =>
      clock.nowMs() - unsettledSinceMs() < config.SETTLE_MS + config.KUBERNETES_TIMEOUT_MS ||
      clock.nowMs() - keysKnownSinceMs < config.KEY_KEPT_SECONDS * 1000,
    seats: new Seats({
      joinTokens,
      clock,
      seatSeconds: config.SEAT_SECONDS,
      resumableSeconds: config.MAX_SESSION_SECONDS,
    }),
    returningSeats: new ReturningSeats({ sealingKeys, signingKeys, clock }),
    gameServers,
    games,
    reaper: { look: () => clusters.flatMap(({ upkeep }) => upkeep?.reaper.look() ?? []) },
    draining: new DrainingAcrossClusters(clusters.flatMap(({ upkeep }) => upkeep?.draining ?? [])),
    serviceCredential,
    isReady: () => lifecycle.isReady && knowsClusters() && !replica.isSecond,
    isSecond: () => replica.isSecond,
    clock,
    logger,
    newRequestId: randomUUID,
    settings: {
      publicUrl: config.PUBLIC_URL,
      trustProxy: config.TRUST_PROXY,
      directMode: config.DIRECT_MODE,
      defaultGame: config.DEFAULT_GAME,
      defaultWaitSeconds: config.DEFAULT_WAIT_SECONDS,
      maxWaitSeconds: config.MAX_WAIT_SECONDS,
      retryAfterSeconds: config.RETRY_AFTER_SECONDS,
      lossNoticeMs: config.LOSS_NOTICE_MS,
      maxBodyBytes: config.MAX_BODY_BYTES,
      maxServiceBodyBytes: config.MAX_SERVICE_BODY_BYTES,
      webDirectory: config.WEB_DIR,
      regions: regionsOf(config.CLUSTERS_FILE ?? []),
    },
  });
  const limits = {
    address: config.LISTEN_ADDRESS,
    maxHeaderBytes: config.MAX_HEADER_BYTES,
    requestTimeoutMs: config.REQUEST_TIMEOUT_MS,
    keepAliveMs: config.KEEP_ALIVE_MS,
  };
  const metricsServer =
    config.METRICS_PORT === undefined
      ? undefined
      : await listen(
          (_request, response) => {
            void metrics.registry.metrics().then((text) => {
              response.setHeader('content-type', metrics.registry.contentType);
              response.end(text);
            });
          },
          { ...limits, port: config.METRICS_PORT },
        );
  if (metricsServer !== undefined) lifecycle.onStop('metrics server', metricsServer.close);

  const server = await listen(app, { ...limits, port: config.PORT });
  lifecycle.onStop('http server', server.close);
  // Before the server closes, for it waits for the answers: those who wait in line are answered now.
  lifecycle.onStop('allocations', () => allocations.close());
  const stopping = new AbortController();
  lifecycle.onStop('drain delay', async () => {
    stopping.abort();
    await pause(clock, config.DRAIN_DELAY_MS);
  });

  return {
    url: urlOf(config.LISTEN_ADDRESS, server.port),
    metricsUrl: metricsServer === undefined ? undefined : `${urlOf(config.LISTEN_ADDRESS, metricsServer.port)}/metrics`,
    ready: (async () => {
      const isReady = (): boolean => knowsClusters() && replica.isSettled;
      while (!isReady() && !stopping.signal.aborted) await pause(clock, READY_CHECK_MS, stopping.signal);
      lifecycle.markReady();
    })(),
  };
}

/**
 * Whether enough is known to answer: at the start of every cluster, so that no game is unknown that is played; then of
 * one, for the others may be gone for long.
 *
 * @param patienceMs - how long the start waits for all of them
 */
function knowledgeOf(clusters: readonly RunningCluster[], clock: Clock, patienceMs: number): () => boolean {
  const untilMs = clock.nowMs() + patienceMs;
  let knewAll = false;
  return () => {
    knewAll ||= clusters.every(({ isFresh }) => isFresh);
    return (knewAll || clock.nowMs() >= untilMs) && clusters.some(({ isFresh }) => isFresh);
  };
}

function freeClaimsIn(clusters: readonly RunningCluster[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { freeClaims } of clusters) {
    for (const [game, count] of freeClaims) sums.set(game, (sums.get(game) ?? 0) + count);
  }
  return sums;
}

/** Each once, in the order of the clusters. */
function regionsOf(clusters: readonly ClusterConfig[]): { name: string; pingUrl?: string }[] {
  return [...Map.groupBy(clusters, ({ region }) => region)].map(([name, those]) => {
    const pingUrl = those.find((each) => each.pingUrl !== undefined)?.pingUrl;
    return pingUrl === undefined ? { name } : { name, pingUrl };
  });
}

function urlOf(listenAddress: string, port: number): string {
  const isWildcard = listenAddress === '0.0.0.0' || listenAddress === '::';
  const host = isWildcard ? '127.0.0.1' : listenAddress;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
