import type { GameServerAllocation, KubernetesObject } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { pause } from '../../lib/pause.ts';
import { StatusError } from '../api/status-error.ts';
import type { ObjectStore } from '../api/store.ts';
import { PlainTextRefusal } from '../api/virtual-resource.ts';
import { withDefaults } from './allocation-answer.ts';
import { clustersInOrder } from './allocation-policies.ts';
import type { ClusterConnection, GameServerAllocationPolicy } from './allocation-policies.ts';
import type { AllocationEngine } from './allocation-engine.ts';
import { labelMatcherOf } from './selection.ts';

/** As Go writes them, by number. */
const CODE_NAMES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

/** What a cluster's allocator service answered instead of a GameServer, or why it could not be asked. */
export class RemoteAllocationError extends PlainTextRefusal {
  readonly grpcCode: number;
  readonly details: string;

  constructor(grpcCode: number, details: string) {
    super(500, `rpc error: code = ${CODE_NAMES[grpcCode] ?? `Code(${grpcCode})`} desc = ${details}`);
    this.name = 'RemoteAllocationError';
    this.grpcCode = grpcCode;
    this.details = details;
  }
}

/** One call of another cluster's allocator service. */
export interface RemoteAllocation {
  /** `host:port` */
  endpoint: string;
  /** In the other cluster. */
  namespace: string;
  /** With defaults. */
  request: GameServerAllocation;
  credentials: ClientCredentials;
  timeoutMs: number;
  /** Aborted when the answer is of no use any more. */
  signal: AbortSignal;
}

/** PEM. */
export interface ClientCredentials {
  certificate: Buffer;
  key: Buffer;
  /** Without any, those that the system trusts are. */
  authorities?: Buffer;
}

/** @throws RemoteAllocationError */
export type AllocateRemotely = (call: RemoteAllocation) => Promise<GameServerAllocation>;

export interface MultiClusterOptions {
  store: ObjectStore;
  clock: Clock;
  logger: Logger;
  /** Allocates in this cluster. */
  engine: AllocationEngine;
  allocateRemotely: AllocateRemotely;
  /** For one call. @default 10 000, as Agones */
  remoteTimeoutMs?: number;
  /** For all calls of one cluster. @default 30 000, as Agones */
  totalRemoteTimeoutMs?: number;
  /** A number in [0, 1). @default Math.random */
  random?: () => number;
  /** More requests than this at once that other clusters may be asked for are refused with 429. @default 1000 */
  maxPendingRequests?: number;
}

const RESOURCE_EXHAUSTED = 8;
const DEADLINE_EXCEEDED = 4;
const MAX_TRIES = 7;
const FIRST_WAIT_MS = 100;
const ALLOCATOR_PORT = 443;

/**
 * An allocation engine for several clusters: requests that switch `multiClusterSetting` on go to the clusters that the
 * GameServerAllocationPolicies of their namespace name, one after the other until one has a GameServer; all others go
 * to this cluster's engine as they are. The last cluster's answer or error is the request's.
 *
 * Source: Agones 1.57, `pkg/gameserverallocations/allocator.go`.
 */
export function createMultiClusterEngine(options: MultiClusterOptions): AllocationEngine {
  return new MultiClusterEngine(options);
}

class MultiClusterEngine implements AllocationEngine {
  readonly #options: Required<MultiClusterOptions>;
  readonly #stopped = new AbortController();
  #pending = 0;

  constructor(options: MultiClusterOptions) {
    this.#options = {
      remoteTimeoutMs: 10_000,
      totalRemoteTimeoutMs: 30_000,
      random: Math.random,
      maxPendingRequests: 1000,
      ...options,
    };
  }

  async allocate(namespace: string, request: GameServerAllocation): Promise<GameServerAllocation> {
    if (request.spec.multiClusterSetting?.enabled !== true) {
      return this.#options.engine.allocate(namespace, request);
    }
    if (this.#pending >= this.#options.maxPendingRequests) {
      throw new StatusError(429, 'TooManyRequests', 'too many allocations are waiting', { retryAfterSeconds: 1 });
    }
    this.#pending += 1;
    try {
      return await this.#askClusters(namespace, request);
    } finally {
      this.#pending -= 1;
    }
  }

  stop(): void {
    this.#stopped.abort();
    this.#options.engine.stop();
  }

  async #askClusters(namespace: string, request: GameServerAllocation): Promise<GameServerAllocation> {
    let outcome: () => GameServerAllocation = () => {
      throw new PlainTextRefusal(500, 'no multi-cluster allocation policy is specified');
    };
    for (const connection of clustersInOrder(this.#policiesFor(namespace, request), this.#options.random)) {
      try {
        const answer = await this.#askCluster(namespace, request, connection);
        if (answer.status?.state === 'Allocated') return answer;
        outcome = () => answer;
      } catch (error) {
        if (this.#stopped.signal.aborted) throw stopping();
        this.#options.logger.debug({ err: error, cluster: connection.clusterName }, 'a cluster could not allocate');
        outcome = () => {
          throw error;
        };
      }
    }
    return outcome();
  }

  #policiesFor(namespace: string, { spec }: GameServerAllocation): GameServerAllocationPolicy[] {
    const matches = labelMatcherOf(spec.multiClusterSetting?.policySelector ?? {});
    return this.#options.store
      .list<GameServerAllocationPolicy>('gameserverallocationpolicies', { namespace })
      .filter(({ metadata }) => matches(metadata.labels ?? {}));
  }

  async #askCluster(
    namespace: string,
    request: GameServerAllocation,
    connection: ClusterConnection,
  ): Promise<GameServerAllocation> {
    const { allocationEndpoints = [] } = connection;
    if (allocationEndpoints.length === 0) return this.#options.engine.allocate(connection.namespace, request);
    const credentials = this.#credentialsFor(namespace, connection);
    const deadlineMs = this.#options.clock.nowMs() + this.#options.totalRemoteTimeoutMs;
    const filled = withDefaults(request, namespace, this.#options.clock.nowMs());
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#askEndpoints(filled, connection, credentials, deadlineMs);
      } catch (error) {
        if (tries === MAX_TRIES || !(error instanceof RemoteAllocationError) || isFinal(error)) throw error;
      }
      await pause(this.#options.clock, FIRST_WAIT_MS * 2 ** (tries - 1), this.#stopped.signal);
      if (this.#stopped.signal.aborted) throw stopping();
    }
  }

  /** The error of the last endpoint counts. */
  async #askEndpoints(
    request: GameServerAllocation,
    { allocationEndpoints = [], namespace }: ClusterConnection,
    credentials: ClientCredentials,
    deadlineMs: number,
  ): Promise<GameServerAllocation> {
    const { clock, remoteTimeoutMs, allocateRemotely } = this.#options;
    let failure: unknown;
    for (const address of allocationEndpoints) {
      const leftMs = deadlineMs - clock.nowMs();
      if (leftMs <= 0) throw new TotalTimeoutError();
      const endpoint = address.includes(':') ? address : `${address}:${ALLOCATOR_PORT}`;
      const timeoutMs = Math.min(remoteTimeoutMs, leftMs);
      try {
        const signal = this.#stopped.signal;
        return await allocateRemotely({ endpoint, namespace, request, credentials, timeoutMs, signal });
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  #credentialsFor(namespace: string, { secretName = '', serverCa }: ClusterConnection): ClientCredentials {
    const secret = this.#options.store.find<Secret>('secrets', namespace, secretName);
    if (secret === undefined) throw new PlainTextRefusal(500, `secret "${secretName}" not found`);
    const read = (key: string): Buffer => Buffer.from(secret.data?.[key] ?? '', 'base64');
    const certificate = read('tls.crt');
    const key = read('tls.key');
    if (certificate.length === 0 || key.length === 0) {
      throw new PlainTextRefusal(500, `missing client certificate key pair in secret ${secretName}`);
    }
    const authorities = Buffer.concat([Buffer.from(serverCa ?? '', 'base64'), Buffer.from('\n'), read('ca.crt')]);
    return { certificate, key, ...(authorities.length > 1 ? { authorities } : {}) };
  }
}

interface Secret extends KubernetesObject {
  data?: Record<string, string>;
}

class TotalTimeoutError extends RemoteAllocationError {
  constructor() {
    super(DEADLINE_EXCEEDED, 'remote allocation total timeout exceeded');
  }
}

/** A cluster that has no GameServer has none a moment later either: the next one is asked. */
function isFinal(error: RemoteAllocationError): boolean {
  return error.grpcCode === RESOURCE_EXHAUSTED || error instanceof TotalTimeoutError;
}

function stopping(): StatusError {
  return new StatusError(503, 'ServiceUnavailable', 'the allocation service is stopping');
}
