import { hostname } from 'node:os';
import type { Clock } from '../lib/clock.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import { KubernetesConnection } from './agones/kubernetes-connection.ts';
import type { KubernetesConnectionOptions } from './agones/kubernetes-connection.ts';
import { KubernetesLease } from './agones/kubernetes-lease.ts';
import { StoreLease } from './allocation/lease.ts';
import type { Lease } from './allocation/lease.ts';
import type { Store } from './allocation/store.ts';
import { homeCluster } from './cluster.ts';
import type { AllocatorConfig } from './config.ts';

/** This replica among others. */
export interface ReplicaLease {
  /** For what one replica at a time does. */
  lease: Lease;
  /** Another allocator is at work that this one shares no store with: there must be one of them. */
  readonly isSecond: boolean;
  /** Whether it is known that this one may work. */
  readonly isSettled: boolean;
}

export interface ReplicaParts {
  store: Store;
  clock: Clock;
  logger: Logger;
  lifecycle: Lifecycle;
  /** 0 ≤ n < 1. */
  random: () => number;
  /** Differs from that of every other process. */
  processId: string;
}

const STORE_KEY = 'lease/replica';

/**
 * Begins to try for the lease of what one replica at a time does. Replicas with a shared store have it there. One without
 * holds a Lease of Kubernetes, by which a second one sees that it is one too many.
 *
 * @throws Error when the kubeconfig names no cluster
 */
export function startReplicaLease(config: AllocatorConfig, parts: ReplicaParts): ReplicaLease {
  const { clock, random, store, processId, lifecycle } = parts;
  const options = {
    clock,
    random,
    processId,
    replica: config.REPLICA_NAME ?? `${hostname()}_${process.pid}`,
    leaseMs: config.REPLICA_LEASE_MS,
  };
  if (!store.isShared) {
    const home = homeCluster(config);
    if (home !== undefined) return startSoleLease(config, home, parts, options);
    parts.logger.warn({}, 'no cluster has a Lease to be had: nothing would tell of a second allocator');
    return { lease: { isHeld: true, close: () => Promise.resolve() }, isSecond: false, isSettled: true };
  }
  const lease = new StoreLease({ ...options, store, name: STORE_KEY });
  lease.start();
  lifecycle.onStop('replica lease', () => lease.close());
  return { lease, isSecond: false, isSettled: true };
}

function startSoleLease(
  config: AllocatorConfig,
  home: KubernetesConnectionOptions,
  { logger, lifecycle, clock }: ReplicaParts,
  options: Omit<ConstructorParameters<typeof StoreLease>[0], 'store' | 'name' | 'onOtherAlive'>,
): ReplicaLease {
  const connection = new KubernetesConnection(home);
  lifecycle.onStop('connection for the Lease', () => connection.close());
  const startedAtMs = clock.nowMs();
  let isRefused = false;
  const others = new Set<string>();
  const lease = new StoreLease({
    ...options,
    name: config.ALLOCATOR_LEASE,
    store: new KubernetesLease({
      connection,
      clock,
      leaseMs: options.leaseMs,
      onRefused(why) {
        if (!isRefused) logger.warn({ why }, 'there is no Lease to be had: nothing would tell of a second allocator');
        isRefused = true;
      },
    }),
    onOtherAlive(replica) {
      if (others.has(replica)) return;
      others.add(replica);
      logger.error(
        { other: replica, lease: config.ALLOCATOR_LEASE },
        'another allocator is at work in this namespace, and they share no store: run one replica, or set REDIS_URL for all',
      );
    },
  });
  lease.start();
  lifecycle.onStop('replica lease', () => lease.close());
  return {
    lease: {
      get isHeld() {
        return isRefused || lease.isHeld;
      },
      close: () => lease.close(),
    },
    get isSecond() {
      return !isRefused && lease.isOthers;
    },
    get isSettled() {
      // Nobody to ask is no reason to wait where other clusters are there; where they are not, nothing is known anyhow.
      const isUnasked = !lease.isOthers && clock.nowMs() - startedAtMs > home.callTimeoutMs;
      return isRefused || lease.isHeld || isUnasked;
    },
  };
}
