import { AGONES } from '../../lib/agones.ts';
import type { Fleet, FleetAutoscaler, GameServer } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { jsonEquals } from '../api/json.ts';
import type { ObjectStore } from '../api/store.ts';
import { desiredReplicas } from '../autoscaling/desired-replicas.ts';
import type { Decision } from '../autoscaling/desired-replicas.ts';
import type { Policy } from '../autoscaling/policy.ts';
import { WebhookClient } from '../autoscaling/webhook-policy.ts';
import type { WebhookOptions } from '../autoscaling/webhook-policy.ts';
import type { RecordEvent } from './event-recorder.ts';
import { splitKey } from './ownership.ts';
import type { NodeLoadCounts } from './node-load-counts.ts';
import { sortForRemoval } from './removal-order.ts';
import { toTimestamp } from './timestamps.ts';
import type { Lane } from './work-queue.ts';

export interface FleetAutoscalerControllerOptions {
  store: ObjectStore;
  clock: Clock;
  record: RecordEvent;
  webhook: WebhookOptions;
  nodes: NodeLoadCounts;
  lane(): Lane;
}

type Status = NonNullable<FleetAutoscaler['status']>;

const DEFAULT_INTERVAL_SECONDS = 30;

/** What Go reads where nothing was written: a status that says just this is not written either. */
const NO_STATUS: Status = {
  currentReplicas: 0,
  desiredReplicas: 0,
  lastScaleTime: null,
  ableToScale: false,
  scalingLimited: false,
  lastAppliedPolicy: '',
};

/** A fault is tried again five times soon, then every three seconds, whatever the interval. */
export function autoscalerRetryDelayMs(attempt: number): number {
  return attempt <= 5 ? 200 : 3000;
}

/**
 * Writes to each Fleet the replicas that its FleetAutoscaler's policy asks for: at once when the policy changes, and
 * then at its interval.
 *
 * Source: Agones 1.57, `pkg/fleetautoscalers/controller.go`; statuses and events as recorded.
 */
export class FleetAutoscalerController {
  readonly #options: FleetAutoscalerControllerOptions;
  /** Of each FleetAutoscaler by its key, for one generation of its spec. */
  readonly #webhooks = new Map<string, { version: string; client: WebhookClient }>();

  constructor(options: FleetAutoscalerControllerOptions) {
    this.#options = options;
  }

  /** @throws PolicyError, StatusError: to be tried again */
  async sync(key: string): Promise<void> {
    const { store, record, lane } = this.#options;
    const { namespace, name } = splitKey(key);
    const autoscaler = store.find<FleetAutoscaler>('fleetautoscalers', namespace, name);
    if (autoscaler === undefined) {
      this.#webhooks.delete(key);
      return;
    }
    lane().addAfter(key, (autoscaler.spec.sync?.fixedInterval?.seconds ?? DEFAULT_INTERVAL_SECONDS) * 1000);
    const { fleetName } = autoscaler.spec;
    const fleet = store.find<Fleet>('fleets', namespace, fleetName);
    if (fleet === undefined) {
      record(autoscaler, 'Warning', 'FailedGetFleet', `There is no Fleet ${fleetName}`);
      this.#writeUnable(autoscaler);
      return;
    }
    if (fleet.metadata.deletionTimestamp !== undefined) return;
    let desired: Decision;
    try {
      desired = await this.#decide(key, autoscaler, fleet);
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      if (autoscaler.spec.policy.type === 'Chain') {
        record(autoscaler, 'Warning', 'ChainPolicy', `No entry of the Chain of ${name} applies`);
      }
      const message = `Error calculating desired fleet size on FleetAutoscaler ${name}. Error: ${because}`;
      record(autoscaler, 'Warning', 'FleetAutoscaler', message);
      this.#writeUnable(autoscaler);
      throw error;
    }
    const { appliedPolicy } = desired;
    if (appliedPolicy.startsWith('Chain:') && appliedPolicy !== autoscaler.status?.lastAppliedPolicy) {
      record(autoscaler, 'Normal', 'ChainPolicy', `FleetAutoscaler ${name} applies ${appliedPolicy}`);
    }
    const scaled = this.#scale(autoscaler, fleetName, desired.replicas);
    this.#writeStatus(autoscaler, fleet, desired, scaled);
  }

  #decide(key: string, autoscaler: FleetAutoscaler, fleet: Fleet): Promise<Decision> {
    const { store, clock, nodes } = this.#options;
    const { namespace = '', name } = fleet.metadata;
    // Admission has checked the policy's shape.
    return desiredReplicas(autoscaler.spec.policy as Policy, {
      fleet,
      nowMs: clock.nowMs(),
      inRemovalOrder: () => {
        const labelSelector = `${AGONES.fleetLabel}=${name}`;
        const gameServers = store.list<GameServer>('gameservers', { namespace, labelSelector });
        return sortForRemoval(fleet.spec.scheduling ?? 'Packed', gameServers, nodes.loads, fleet.spec.priorities ?? []);
      },
      askWebhook: (policy) => this.#webhookOf(key, autoscaler).ask(policy, fleet),
    });
  }

  #webhookOf(key: string, { metadata: { uid, generation } }: FleetAutoscaler): WebhookClient {
    const version = `${uid} ${generation}`;
    const known = this.#webhooks.get(key);
    if (known?.version === version) return known.client;
    const client = new WebhookClient(this.#options.webhook);
    this.#webhooks.set(key, { version, client });
    return client;
  }

  #scale(autoscaler: FleetAutoscaler, fleetName: string, replicas: number): boolean {
    const { store, record } = this.#options;
    const namespace = autoscaler.metadata.namespace ?? '';
    const fleet = store.find<Fleet>('fleets', namespace, fleetName);
    if (fleet === undefined || fleet.spec.replicas === replicas) return false;
    const from = fleet.spec.replicas;
    try {
      store.modify<Fleet>('fleets', namespace, fleetName, (copy) => {
        copy.spec.replicas = replicas;
      });
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      const message = `Error on scaling fleet ${fleetName} from ${from} to ${replicas}: ${because}`;
      record(autoscaler, 'Warning', 'AutoScalingFleetError', message);
      throw error;
    }
    record(autoscaler, 'Normal', 'AutoScalingFleet', `Scaling fleet ${fleetName} from ${from} to ${replicas}`);
    return true;
  }

  #writeUnable(autoscaler: FleetAutoscaler): void {
    this.#writeIfChanged(autoscaler, { ...NO_STATUS, lastScaleTime: autoscaler.status?.lastScaleTime ?? null });
  }

  #writeStatus(autoscaler: FleetAutoscaler, fleet: Fleet, desired: Decision, scaled: boolean): void {
    const currentReplicas = fleet.status?.replicas ?? 0;
    const changed = this.#writeIfChanged(autoscaler, {
      currentReplicas,
      desiredReplicas: desired.replicas,
      lastScaleTime: scaled ? toTimestamp(this.#options.clock.nowMs()) : (autoscaler.status?.lastScaleTime ?? null),
      ableToScale: true,
      scalingLimited: desired.limited,
      lastAppliedPolicy: desired.appliedPolicy,
    });
    if (!changed || !desired.limited) return;
    const bound = currentReplicas > desired.replicas ? 'maximum' : 'minimum';
    const message = `Scaling fleet ${autoscaler.spec.fleetName} was limited to ${bound} size of ${desired.replicas}`;
    this.#options.record(autoscaler, 'Warning', 'ScalingLimited', message);
  }

  #writeIfChanged(autoscaler: FleetAutoscaler, status: Status): boolean {
    if (jsonEquals(autoscaler.status ?? NO_STATUS, status)) return false;
    const { namespace = '', name } = autoscaler.metadata;
    this.#options.store.modify<FleetAutoscaler>(
      'fleetautoscalers',
      namespace,
      name,
      (copy) => {
        copy.status = status;
      },
      { subresource: 'status' },
    );
    return true;
  }
}
