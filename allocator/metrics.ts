import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AllocationObserver } from './allocation/ports.ts';
import type { ReaperObserver } from './allocation/reaper.ts';
import type { StoreObserver } from './allocation/store.ts';

/** What Prometheus is told. Labels are games and outcomes: nothing that names a player or a session. */
export interface AllocatorMetrics {
  observer: AllocationObserver;
  reaperObserver: ReaperObserver;
  storeObserver: StoreObserver;
  registry: Registry;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const STORE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** What is looked at when metrics are read. */
export interface MetricsSource {
  /** How many requests wait now. */
  waiting: () => number;
  /** By game, how many claims are free. */
  freeClaims: () => ReadonlyMap<string, number>;
  isStoreUp: () => boolean;
  breakers: () => readonly { name: string; isOpen: boolean }[];
}

export function createMetrics(source: MetricsSource): AllocatorMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const attempts = new Histogram({
    name: 'regatta_allocation_attempt_seconds',
    help: 'GameServerAllocations by outcome: Allocated, UnAllocated, Contention, Unavailable, Unknown',
    labelNames: ['game', 'outcome'],
    buckets: SECONDS,
    registers: [registry],
  });
  const asked = new Histogram({
    name: 'regatta_cluster_attempt_seconds',
    help: 'What each cluster that was asked to allocate answered: outcomes as of attempts, and Refused',
    labelNames: ['cluster', 'outcome'],
    buckets: SECONDS,
    registers: [registry],
  });
  const breakers = new Gauge({
    name: 'regatta_cluster_breaker_open',
    help: '1 while a cluster is passed over because it does not answer',
    labelNames: ['cluster'],
    registers: [registry],
    collect() {
      for (const { name, isOpen } of source.breakers()) breakers.set({ cluster: name }, isOpen ? 1 : 0);
    },
  });
  const requests = new Histogram({
    name: 'regatta_session_request_seconds',
    help: 'Requests for a session by result, from their arrival to their answer',
    labelNames: ['game', 'result'],
    buckets: SECONDS,
    registers: [registry],
  });
  const finished = new Counter({
    name: 'regatta_session_requests_total',
    help: 'Requests for a session by result',
    labelNames: ['game', 'result'],
    registers: [registry],
  });
  const waiting = new Gauge({
    name: 'regatta_session_requests_waiting',
    help: 'Requests for a session that wait now',
    registers: [registry],
    collect() {
      waiting.set(source.waiting());
    },
  });
  const claims = new Gauge({
    name: 'regatta_claims',
    help: 'GameServers that are Allocated ahead of need and free',
    labelNames: ['game'],
    registers: [registry],
    collect() {
      claims.reset();
      for (const [game, count] of source.freeClaims()) claims.set({ game }, count);
    },
  });
  const claimEvents = new Counter({
    name: 'regatta_claims_total',
    help: 'What became of claims: made, bound, lost, renewed, given back',
    labelNames: ['game', 'event'],
    registers: [registry],
  });
  const storeUp = new Gauge({
    name: 'regatta_store_up',
    help: 'Whether the store of keys and leases answers: 1 or 0',
    registers: [registry],
    collect() {
      storeUp.set(source.isStoreUp() ? 1 : 0);
    },
  });
  const storeCalls = new Histogram({
    name: 'regatta_store_call_seconds',
    help: 'Calls of a shared store by operation and outcome: ok, down',
    labelNames: ['operation', 'outcome'],
    buckets: STORE_SECONDS,
    registers: [registry],
  });
  const reaped = new Counter({
    name: 'regatta_reaped_total',
    help: 'GameServers that nobody needed and that were ended, or would have been, by finding and mode of the reaper',
    labelNames: ['finding', 'mode'],
    registers: [registry],
  });
  const orphaned = new Gauge({
    name: 'regatta_orphaned_game_servers',
    help: 'GameServers that nobody needs and that are Allocated yet',
    registers: [registry],
  });
  return {
    registry,
    storeObserver: {
      called(operation, outcome, durationMs) {
        storeCalls.observe({ operation, outcome }, durationMs / 1000);
      },
    },
    reaperObserver: {
      reaped(finding, mode) {
        reaped.inc({ finding, mode });
      },
      orphaned(count) {
        orphaned.set(count);
      },
    },
    observer: {
      claimed(game, event) {
        claimEvents.inc({ game, event });
      },
      attempted(game, outcome, durationMs) {
        attempts.observe({ game, outcome }, durationMs / 1000);
      },
      asked(cluster, outcome, durationMs) {
        asked.observe({ cluster, outcome }, durationMs / 1000);
      },
      finished(game, result, durationMs) {
        requests.observe({ game, result }, durationMs / 1000);
        finished.inc({ game, result });
      },
    },
  };
}
