import { randomUUID } from 'node:crypto';
import { systemClock } from '../lib/clock.ts';
import type { Clock } from '../lib/clock.ts';
import { JoinTokenIssuer } from '../lib/join-token.ts';
import { openKeyFile } from '../lib/key-set.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import { pause } from '../lib/pause.ts';
import { DrainingAcrossClusters } from './allocation/clusters/draining-across-clusters.ts';
import { GamesAcrossClusters } from './allocation/clusters/games-across-clusters.ts';
import { ReturningSeats } from './allocation/returning-seats.ts';
import { Seats } from './allocation/seats.ts';
import { createApp } from './app.ts';
import type { ClusterConfig } from './clusters-file.ts';
import type { AllocatorConfig } from './config.ts';
import { listen } from './http-server.ts';
import type { AllocatorMetrics } from './metrics.ts';
import type { AppDependencies, AppSettings } from './routes/dependencies.ts';
import { openServiceCredential } from './service-credential.ts';
import { sessionIdOfKey } from './session-ids.ts';
import { startEngine } from './start-engine.ts';
import type { Engine } from './start-engine.ts';

/** An allocator that answers. */
export interface RunningAllocator {
  url: string;
  /** Undefined when metrics are served nowhere. */
  metricsUrl: string | undefined;
  /** Resolves when what Kubernetes holds is known, and that this allocator may work. */
  ready: Promise<void>;
}

interface AllocatorParts {
  logger: Logger;
  lifecycle: Lifecycle;
}

const READY_CHECK_MS = 20;

/**
 * Puts the allocator together and starts it. It answers at once; it says that it is ready when it knows Fleets and
 * GameServers, and that no other allocator is at work that it shares no store with.
 *
 * @throws Error when a key file is not good, the kubeconfig names no cluster or a port is taken
 */
export async function startAllocator(config: AllocatorConfig, parts: AllocatorParts): Promise<RunningAllocator> {
  const { logger, lifecycle } = parts;
  const clock = systemClock;
  const secrets = openSecrets(config, { clock, logger });
  const engine = await startEngine(config, { clock, random: Math.random, logger, lifecycle });
  const { allocations, clusters, replica, metrics } = engine;
  const knowsClusters = knowledgeOf(clusters, clock, config.KUBERNETES_TIMEOUT_MS);
  const app = createApp({
    ...engine,
    ...secrets,
    games: new GamesAcrossClusters(clusters.map((cluster) => cluster.games)),
    reaper: { look: () => clusters.flatMap(({ upkeep }) => upkeep?.reaper.look() ?? []) },
    draining: new DrainingAcrossClusters(clusters.flatMap(({ upkeep }) => upkeep?.draining ?? [])),
    isReady: () => lifecycle.isReady && knowsClusters() && !replica.isSecond,
    isSecond: () => replica.isSecond,
    clock,
    logger,
    newRequestId: randomUUID,
    settings: settingsOf(config),
  });
  const listeners = await openListeners(config, { app, metrics, lifecycle });
  // Before the server closes, for it waits for the answers: those who wait in line are answered now.
  lifecycle.onStop('allocations', () => allocations.close());
  const stopping = new AbortController();
  lifecycle.onStop('drain delay', async () => {
    stopping.abort();
    await pause(clock, config.DRAIN_DELAY_MS);
  });
  const becomeReady = async (): Promise<void> => {
    const isReady = (): boolean => knowsClusters() && replica.isSettled;
    while (!isReady() && !stopping.signal.aborted) await pause(clock, READY_CHECK_MS, stopping.signal);
    lifecycle.markReady();
  };
  return { ...listeners, ready: becomeReady() };
}

type Secrets = Pick<AppDependencies, 'seats' | 'returningSeats' | 'sessionIdOfKey' | 'serviceCredential'>;

/** What is made with keys. @throws KeyFileError */
function openSecrets(config: AllocatorConfig, { clock, logger }: { clock: Clock; logger: Logger }): Secrets {
  const keyOptions = { clock, logger, recheckMs: config.KEY_RECHECK_MS };
  const sealingKeys = openKeyFile(config.SEALING_KEYS_FILE, 'seal', keyOptions);
  const signingKeys = openKeyFile(config.SIGNING_KEYS_FILE, 'sign', keyOptions);
  const { SERVICE_TOKEN_FILE: serviceTokenFile } = config;
  return {
    seats: new Seats({
      joinTokens: new JoinTokenIssuer({ sealing: sealingKeys, signing: signingKeys }),
      clock,
      seatSeconds: config.SEAT_SECONDS,
      resumableSeconds: config.MAX_SESSION_SECONDS,
    }),
    returningSeats: new ReturningSeats({ sealingKeys, signingKeys, clock }),
    sessionIdOfKey: (key) => sessionIdOfKey(sealingKeys, key),
    serviceCredential: serviceTokenFile === undefined ? undefined : openServiceCredential(serviceTokenFile, keyOptions),
  };
}

function settingsOf(config: AllocatorConfig): AppSettings {
  return {
    publicUrl: config.PUBLIC_URL,
    trustProxy: config.TRUST_PROXY,
    directMode: config.DIRECT_MODE,
    directNameSuffix: config.DIRECT_NAME_SUFFIX,
    directPortName: config.DIRECT_PORT_NAME,
    defaultGame: config.DEFAULT_GAME,
    defaultWaitSeconds: config.DEFAULT_WAIT_SECONDS,
    maxWaitSeconds: config.MAX_WAIT_SECONDS,
    retryAfterSeconds: config.RETRY_AFTER_SECONDS,
    lossNoticeMs: config.LOSS_NOTICE_MS,
    maxBodyBytes: config.MAX_BODY_BYTES,
    maxServiceBodyBytes: config.MAX_SERVICE_BODY_BYTES,
    webDirectory: config.WEB_DIR,
    regions: regionsOf(config.CLUSTERS_FILE ?? []),
  };
}

/** Begins to listen for requests, and for who reads the metrics where they have a port. */
async function openListeners(
  config: AllocatorConfig,
  { app, metrics, lifecycle }: { app: ReturnType<typeof createApp>; metrics: AllocatorMetrics; lifecycle: Lifecycle },
): Promise<Omit<RunningAllocator, 'ready'>> {
  const limits = {
    address: config.LISTEN_ADDRESS,
    maxHeaderBytes: config.MAX_HEADER_BYTES,
    requestTimeoutMs: config.REQUEST_TIMEOUT_MS,
    keepAliveMs: config.KEEP_ALIVE_MS,
  };
  const metricsUrl =
    config.METRICS_PORT === undefined
      ? undefined
      : await listenForMetrics(metrics, { ...limits, port: config.METRICS_PORT }, lifecycle);
  const server = await listen(app, { ...limits, port: config.PORT });
  lifecycle.onStop('http server', server.close);
  return { url: urlOf(config.LISTEN_ADDRESS, server.port), metricsUrl };
}

async function listenForMetrics(
  { registry }: AllocatorMetrics,
  options: Parameters<typeof listen>[1],
  lifecycle: Lifecycle,
): Promise<string> {
  const server = await listen((_request, response) => {
    void registry.metrics().then((text) => {
      response.setHeader('content-type', registry.contentType);
      response.end(text);
    });
  }, options);
  lifecycle.onStop('metrics server', server.close);
  return `${urlOf(options.address, server.port)}/metrics`;
}

/**
 * Whether enough is known to answer: at the start of every cluster, so that no game is unknown that is played; then of
 * one, for the others may be gone for long.
 *
 * @param patienceMs - how long the start waits for all of them
 */
function knowledgeOf(clusters: Engine['clusters'], clock: Clock, patienceMs: number): () => boolean {
  const untilMs = clock.nowMs() + patienceMs;
  let knewAll = false;
  return () => {
    knewAll ||= clusters.every(({ isFresh }) => isFresh);
    return (knewAll || clock.nowMs() >= untilMs) && clusters.some(({ isFresh }) => isFresh);
  };
}

/** Each once, in the order of the clusters. */
function regionsOf(clusters: readonly ClusterConfig[]): AppSettings['regions'] {
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
