import type { Fleet, FleetAutoscaler } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { jsonEquals } from '../api/json.ts';
import type { ObjectStore } from '../api/store.ts';
import { applyBuffer, PolicyError } from './buffer-policy.ts';
import type { DesiredReplicas } from './buffer-policy.ts';
import type { RecordEvent } from './event-recorder.ts';
import { splitKey } from './ownership.ts';
import { toTimestamp } from './timestamps.ts';
import { applyWebhook } from './webhook-policy.ts';
import type { WebhookOptions, WebhookPolicy } from './webhook-policy.ts';
import type { Lane } from './work-queue.ts';

export interface FleetAutoscalerControllerOptions {
  store: ObjectStore;
  clock: Clock;
  record: RecordEvent;
  webhook: WebhookOptions;
  lane(): Lane;
}

type Status = NonNullable<FleetAutoscaler['status']>;

const DEFAULT_INTERVAL_SECONDS = 30;

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

  constructor(options: FleetAutoscalerControllerOptions) {
    this.#options = options;
  }

  /** @throws PolicyError, StatusError: to be tried again */
  async sync(key: string): Promise<void> {
    const { store, record, lane } = this.#options;
    const { namespace, name } = splitKey(key);
    const autoscaler = store.find<FleetAutoscaler>('fleetautoscalers', namespace, name);
    if (autoscaler === undefined) return;
    lane().addAfter(key, (autoscaler.spec.sync?.fixedInterval?.seconds ?? DEFAULT_INTERVAL_SECONDS) * 1000);
    const { fleetName, policy } = autoscaler.spec;
    const fleet = store.find<Fleet>('fleets', namespace, fleetName);
    if (fleet === undefined) {
      record(autoscaler, 'Warning', 'FailedGetFleet', `There is no Fleet ${fleetName}`);
      this.#writeUnable(autoscaler);
      return;
    }
    if (fleet.metadata.deletionTimestamp !== undefined) return;
    let desired: DesiredReplicas;
    try {
      desired = await this.#desiredReplicas(policy, fleet);
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      record(autoscaler, 'Warning', 'FleetAutoscaler', `Error calculating desired fleet size: ${because}`);
      this.#writeUnable(autoscaler);
      throw error;
    }
    const scaled = this.#scale(autoscaler, fleetName, desired.replicas);
    this.#writeStatus(autoscaler, fleet, desired, scaled);
  }

  #desiredReplicas(
    policy: FleetAutoscaler['spec']['policy'],
    fleet: Fleet,
  ): Promise<DesiredReplicas> | DesiredReplicas {
    switch (policy.type) {
      case 'Buffer': {
        const status = fleet.status ?? { replicas: 0, readyReplicas: 0, reservedReplicas: 0, allocatedReplicas: 0 };
        return applyBuffer(policy.buffer ?? {}, status);
      }
      case 'Webhook':
        // Admission has checked the policy's shape.
        return applyWebhook((policy['webhook'] ?? {}) as WebhookPolicy, fleet, this.#options.webhook);
      default:
        throw new PolicyError(`policies of type ${policy.type} are not carried out here`);
    }
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
    this.#writeIfChanged(autoscaler, {
      currentReplicas: 0,
      desiredReplicas: 0,
      lastScaleTime: autoscaler.status?.lastScaleTime ?? null,
      ableToScale: false,
      scalingLimited: false,
      lastAppliedPolicy: '',
    });
  }

  #writeStatus(autoscaler: FleetAutoscaler, fleet: Fleet, desired: DesiredReplicas, scaled: boolean): void {
    const currentReplicas = fleet.status?.replicas ?? 0;
    const changed = this.#writeIfChanged(autoscaler, {
      currentReplicas,
      desiredReplicas: desired.replicas,
      lastScaleTime: scaled ? toTimestamp(this.#options.clock.nowMs()) : (autoscaler.status?.lastScaleTime ?? null),
      ableToScale: true,
      scalingLimited: desired.limited,
      lastAppliedPolicy: autoscaler.spec.policy.type,
    });
    if (!changed || !desired.limited) return;
    const bound = currentReplicas > desired.replicas ? 'maximum' : 'minimum';
    const message = `Scaling fleet ${autoscaler.spec.fleetName} was limited to ${bound} size of ${desired.replicas}`;
    this.#options.record(autoscaler, 'Warning', 'ScalingLimited', message);
  }

  #writeIfChanged(autoscaler: FleetAutoscaler, status: Status): boolean {
    if (jsonEquals(autoscaler.status, status)) return false;
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
