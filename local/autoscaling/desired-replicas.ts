import type { Fleet, GameServer } from '../../lib/agones.ts';
import { applyBuffer } from './buffer-policy.ts';
import { applyCapacity } from './capacity-policy.ts';
import { NO_FLEET_STATUS, PolicyError } from './policy.ts';
import type { ChainEntry, DesiredReplicas, Policy, WebhookPolicy } from './policy.ts';
import { isScheduleActive } from './schedule-policy.ts';

/** What policies decide from. */
export interface FleetView {
  fleet: Fleet;
  nowMs: number;
  /** The Fleet's GameServers in the order in which it would lose them. */
  inRemovalOrder(): readonly GameServer[];
  /** @throws PolicyError */
  askWebhook(policy: WebhookPolicy): Promise<DesiredReplicas>;
}

export interface Decision extends DesiredReplicas {
  /** The policy that decided, as the status of a FleetAutoscaler names it: `Buffer`, `Chain:night:Schedule`. */
  appliedPolicy: string;
}

/**
 * How many replicas the Fleet should have.
 *
 * A Schedule that is not active is a fault, as in Agones, which means to pass over it and does not: alone it is tried
 * again every three seconds, and a Chain in which nothing applies is a fault too.
 *
 * Source: Agones 1.57, `computeDesiredFleetSize`.
 *
 * @throws PolicyError
 */
export async function desiredReplicas(policy: Policy, view: FleetView): Promise<Decision> {
  const { fleet } = view;
  switch (policy.type) {
    case 'Buffer':
      if (policy.buffer === undefined) break;
      return { ...applyBuffer(policy.buffer, fleet.status ?? NO_FLEET_STATUS), appliedPolicy: 'Buffer' };
    case 'Counter':
    case 'List': {
      const settings = policy.type === 'Counter' ? policy.counter : policy.list;
      if (settings === undefined) break;
      return { ...applyCapacity(policy.type, settings, fleet, view.inRemovalOrder), appliedPolicy: policy.type };
    }
    case 'Webhook':
      return { ...(await view.askWebhook(policy.webhook ?? {})), appliedPolicy: 'Webhook' };
    case 'Schedule': {
      const { schedule } = policy;
      if (schedule === undefined) break;
      if (!isScheduleActive(schedule, view.nowMs)) {
        throw new PolicyError('inactive schedule, policy not applicable');
      }
      return { ...(await desiredReplicas(schedule.policy, view)), appliedPolicy: 'Schedule' };
    }
    case 'Chain':
      return applyChain(policy.chain ?? [], view);
    default:
      throw new PolicyError(`policies of type ${policy.type} are off`);
  }
  // Within a Schedule nobody checks them. Agones crashes on most.
  throw new PolicyError(`the policy of type ${policy.type} has no settings`);
}

/** The first entry that can decide does; else the fault of the last. An empty Chain, which crashes Agones, is a fault. */
async function applyChain(chain: readonly ChainEntry[], view: FleetView): Promise<Decision> {
  let fault = new PolicyError('the Chain has no entry');
  for (const entry of chain) {
    try {
      const { replicas, limited } = await desiredReplicas(entry, view);
      return { replicas, limited, appliedPolicy: `Chain:${entry.id ?? ''}:${entry.type}` };
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      fault = error;
    }
  }
  throw fault;
}
