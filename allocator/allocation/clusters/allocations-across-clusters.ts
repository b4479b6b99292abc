import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/logger.ts';
import { KubernetesRefusal } from '../ports.ts';
import type {
  AllocationObserver,
  AllocationOrder,
  AllocationOutcome,
  PlacedAllocations,
  PlacedOutcome,
} from '../ports.ts';
import type { Cluster } from './cluster.ts';
import { orderClusters } from './cluster-order.ts';

export interface AllocationsAcrossClustersOptions {
  clusters: readonly Cluster[];
  clock: Clock;
  logger: Logger;
  observer: Pick<AllocationObserver, 'asked'>;
  /** 0 ≤ n < 1. */
  random: () => number;
}

/** Of outcomes that leave the next cluster to be asked, the one that tells most about a GameServer that may be had. */
const TELLING = ['Unavailable', 'UnAllocated', 'Contention'] as const;

type Passing = (typeof TELLING)[number];

/**
 * Allocates in one cluster after the other, until one has a GameServer.
 *
 * One that does not say what came of it is the last that is asked: the session may be there, and must not be in two.
 */
export class AllocationsAcrossClusters implements PlacedAllocations {
  readonly #options: AllocationsAcrossClustersOptions;

  constructor(options: AllocationsAcrossClustersOptions) {
    this.#options = options;
  }

  async allocate(order: AllocationOrder, until: AbortSignal): Promise<PlacedOutcome> {
    const { clusters, random } = this.#options;
    const playing = clusters.filter(({ games }) => games.byName(order.game) !== undefined);
    const outcomes: Passing[] = [];
    let refusal: KubernetesRefusal | undefined;
    for (const cluster of orderClusters(playing, order.preferredRegions, random)) {
      if (until.aborted && outcomes.length > 0) break;
      const outcome = await this.#ask(cluster, order);
      if (outcome instanceof KubernetesRefusal) refusal ??= outcome;
      else if (outcome.state === 'Allocated' || outcome.state === 'Unknown') {
        return { cluster: cluster.name, ...outcome };
      } else outcomes.push(outcome.state);
    }
    // Where another cluster answers, one that refuses us is the operators' affair and not the caller's.
    if (refusal !== undefined && outcomes.every((state) => state === 'Unavailable')) throw refusal;
    return { state: mostTelling(outcomes) };
  }

  async #ask(cluster: Cluster, order: AllocationOrder): Promise<AllocationOutcome | KubernetesRefusal> {
    const { clusters, clock, logger, observer } = this.#options;
    const call = cluster.breaker.beginAllocation();
    // With nowhere else to go there is nothing to be won by not asking.
    if (call === undefined && clusters.length > 1) return { state: 'Unavailable' };
    const startedAtMs = clock.nowMs();
    let hasAnswered = false;
    let told: AllocationOutcome['state'] | 'Refused' = 'Unknown';
    try {
      const outcome = await cluster.gameServerAllocations.allocate(order);
      told = outcome.state;
      hasAnswered = told !== 'Unknown' && told !== 'Unavailable';
      return outcome;
    } catch (error) {
      if (!(error instanceof KubernetesRefusal)) throw error;
      told = 'Refused';
      logger.error({ err: error, cluster: cluster.name }, 'a cluster does not accept what we send');
      return error;
    } finally {
      call?.end(hasAnswered ? 'answered' : 'failed');
      observer.asked(cluster.name, told, clock.nowMs() - startedAtMs);
    }
  }
}

/** None at all: nobody plays the game any more. */
function mostTelling(outcomes: readonly Passing[]): Passing {
  if (outcomes.length === 0) return 'UnAllocated';
  return TELLING[Math.max(...outcomes.map((state) => TELLING.indexOf(state)))] ?? 'UnAllocated';
}
