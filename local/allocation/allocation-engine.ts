import { AGONES } from '../../lib/agones.ts';
import type { GameServer, GameServerAllocation } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { stableText } from '../api/json.ts';
import { StatusError } from '../api/status-error.ts';
import type { ObjectStore } from '../api/store.ts';
import { PlainTextRefusal } from '../api/virtual-resource.ts';
import type { RecordEvent } from '../controllers/event-recorder.ts';
import { applyActions } from './actions.ts';
import type { ActionFaults } from './actions.ts';
import { AllocatableGameServers } from './allocatable-game-servers.ts';
import { allocated, unallocated, withDefaults } from './allocation-answer.ts';
import { pick } from './selection.ts';

export interface AllocationEngineOptions {
  store: ObjectStore;
  clock: Clock;
  /** The recorder of `GameServerAllocation-Allocator`. */
  record: RecordEvent;
  /** How long requests gather before they are answered; a lone one waits between 0 and this. @default 500, as Agones */
  batchWaitMs?: number;
  /** A number in [0, 1). @default Math.random */
  random?: () => number;
  /** More requests than this at once are refused with 429. @default 10 000 */
  maxPendingRequests?: number;
  /** Asked of each GameServer that a request would get; undefined lets it have it. @default nothing is withheld */
  withhold?: (gameServer: GameServer) => Withheld | undefined;
}

/** Why a request does not get a GameServer: others are faster, or it sees none of those that the function names. */
export type Withheld = 'Contention' | ((gameServer: GameServer) => boolean);

export interface AllocationEngine {
  /**
   * Answers a request that has been found valid, out of the GameServers of this cluster.
   *
   * Like Agones', an allocation cannot be called off: whoever stops listening leaves an Allocated GameServer behind.
   *
   * @returns the request with defaults and `status`; `UnAllocated` is an answer too
   * @throws StatusError 429; PlainTextRefusal 500 when the GameServer could not be written
   */
  allocate(namespace: string, request: GameServerAllocation): Promise<GameServerAllocation>;
  /** Refuses what waits and what comes, with 503. */
  stop(): void;
}

interface PendingRequest {
  namespace: string;
  request: GameServerAllocation;
  resolve(answer: GameServerAllocation): void;
  reject(error: Error): void;
}

/** Agones sorts its list of GameServers anew after so many requests. */
const MAX_REQUESTS_BEFORE_REFRESH = 100;

/**
 * Answers GameServerAllocations with Agones' batching: requests gather for the batch wait, and are then worked off one
 * after the other. A GameServer that was given out is not offered again before Agones would make its list anew: after 100
 * requests, when a request sorts differently, and with each batch.
 *
 * Source: Agones 1.57, `pkg/gameserverallocations/allocator.go`.
 */
export function createAllocationEngine(options: AllocationEngineOptions): AllocationEngine {
  return new BatchingEngine(options);
}

class BatchingEngine implements AllocationEngine {
  readonly #options: Required<AllocationEngineOptions>;
  readonly #gameServers: AllocatableGameServers;
  #pending: PendingRequest[] = [];
  #cancelBatch: (() => void) | undefined;
  #lastBatchMs: number;
  #lastAllocatedNs = 0n;
  #stopped = false;

  constructor(options: AllocationEngineOptions) {
    this.#options = {
      batchWaitMs: 500,
      random: Math.random,
      maxPendingRequests: 10_000,
      withhold: () => undefined,
      ...options,
    };
    this.#gameServers = new AllocatableGameServers(options.store);
    this.#lastBatchMs = options.clock.nowMs();
  }

  async allocate(namespace: string, request: GameServerAllocation): Promise<GameServerAllocation> {
    if (this.#stopped) throw stopping();
    if (this.#pending.length >= this.#options.maxPendingRequests) {
      throw new StatusError(429, 'TooManyRequests', 'too many allocations are waiting', { retryAfterSeconds: 1 });
    }
    const { promise, resolve, reject } = Promise.withResolvers<GameServerAllocation>();
    const filled = withDefaults(request, namespace, this.#options.clock.nowMs());
    this.#pending.push({ namespace, request: filled, resolve, reject });
    this.#scheduleBatch();
    return promise;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelBatch?.();
    this.#gameServers.stop();
    for (const { reject } of this.#pending) reject(stopping());
    this.#pending = [];
  }

  /** Agones looks for requests every batch wait, counted from when it last found none left. */
  #scheduleBatch(): void {
    if (this.#cancelBatch !== undefined) return;
    const { clock, batchWaitMs } = this.#options;
    const sinceLastMs = clock.nowMs() - this.#lastBatchMs;
    const waitMs = batchWaitMs === 0 ? 0 : batchWaitMs - (sinceLastMs % batchWaitMs);
    this.#runAfter(waitMs);
  }

  #runAfter(delayMs: number): void {
    const { clock } = this.#options;
    this.#cancelBatch = clock.after(delayMs, () => {
      this.#cancelBatch = undefined;
      this.#runBatch();
      if (this.#pending.length > 0) this.#runAfter(0);
      else this.#lastBatchMs = clock.nowMs();
    });
  }

  #runBatch(): void {
    const batch = this.#pending.splice(0, MAX_REQUESTS_BEFORE_REFRESH);
    let takenByNamespace = new Map<string, Set<string>>();
    let sortKey = '';
    for (const pending of batch) {
      const key = sortKeyOf(pending.request);
      if (key !== sortKey) takenByNamespace = new Map();
      sortKey = key;
      const taken = takenByNamespace.get(pending.namespace) ?? new Set();
      takenByNamespace.set(pending.namespace, taken);
      this.#answer(pending, taken);
    }
  }

  /** @param taken - names of those that are not to be given out; gets the one that is */
  #answer(pending: PendingRequest, taken: Set<string>): void {
    const chosen = this.#choose(pending, taken);
    if (chosen === undefined) {
      pending.resolve(unallocated(pending.request));
      return;
    }
    try {
      const gameServer = chosen === 'Contention' ? undefined : this.#write(pending, chosen);
      if (gameServer === undefined) pending.resolve({ ...pending.request, status: { state: 'Contention' } });
      else pending.resolve(allocated(pending.request, gameServer));
    } catch (error) {
      const refusal = new PlainTextRefusal(500, 'the GameServer that was selected could not be updated');
      refusal.cause = error;
      pending.reject(refusal);
    }
  }

  /** The GameServer that the request gets, which is taken then. */
  #choose({ request, namespace }: PendingRequest, taken: Set<string>): GameServer | 'Contention' | undefined {
    const { random, withhold } = this.#options;
    const hidden: ((gameServer: GameServer) => boolean)[] = [];
    const isOffered = (gameServer: GameServer): boolean =>
      !taken.has(gameServer.metadata.name) && !hidden.some((hides) => hides(gameServer));
    for (;;) {
      const chosen = pick(request.spec, namespace, this.#gameServers, { isOffered, random });
      if (chosen === undefined) return undefined;
      const withheld = withhold(chosen);
      if (withheld === 'Contention') return withheld;
      if (withheld === undefined) {
        taken.add(chosen.metadata.name);
        return chosen;
      }
      hidden.push(withheld);
    }
  }

  /** State, labels, annotations, Counters and Lists change in one write, so that a watch sees the allocation whole. */
  #write({ request }: PendingRequest, chosen: GameServer): GameServer | undefined {
    const { store, record } = this.#options;
    const { namespace = '', name } = chosen.metadata;
    const { metadata: patch } = request.spec;
    let faults: ActionFaults = { counters: [], lists: [] };
    const updated = store.modify<GameServer>('gameservers', namespace, name, (copy) => {
      if (patch?.labels !== undefined) copy.metadata.labels = { ...copy.metadata.labels, ...patch.labels };
      copy.metadata.annotations = {
        ...copy.metadata.annotations,
        ...patch?.annotations,
        [AGONES.lastAllocatedAnnotation]: this.#nextLastAllocated(),
      };
      copy.status = { ...copy.status, state: 'Allocated' };
      faults = applyActions(request.spec, copy);
    });
    if (updated === undefined) return undefined;
    if (faults.counters.length > 0) record(updated, 'Warning', 'CounterActionError', faults.counters.join('\n'));
    if (faults.lists.length > 0) record(updated, 'Warning', 'ListActionError', faults.lists.join('\n'));
    record(updated, 'Normal', 'Allocated', 'Allocated');
    return updated;
  }

  /** RFC 3339 with nanoseconds, each later than the one before: a game server knows an allocation by its change. */
  #nextLastAllocated(): string {
    const nowNs = BigInt(Math.trunc(this.#options.clock.nowMs())) * 1_000_000n;
    this.#lastAllocatedNs = nowNs > this.#lastAllocatedNs ? nowNs : this.#lastAllocatedNs + 1n;
    const seconds = new Date(Number(this.#lastAllocatedNs / 1_000_000n)).toISOString().slice(0, 19);
    const fraction = (this.#lastAllocatedNs % 1_000_000_000n).toString().padStart(9, '0');
    return `${seconds}.${fraction}Z`;
  }
}

function sortKeyOf({ spec }: GameServerAllocation): string {
  return stableText([spec.scheduling, spec.priorities ?? []]);
}

function stopping(): StatusError {
  return new StatusError(503, 'ServiceUnavailable', 'the allocation service is stopping');
}
