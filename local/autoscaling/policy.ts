import type { FleetStatus } from '../../lib/agones.ts';

/** What keeps Ready GameServers in reserve. */
export interface BufferPolicy {
  /** How many Ready GameServers to keep; as a percentage it is of the size the Fleet is to have. */
  bufferSize?: number | string;
  minReplicas?: number;
  maxReplicas?: number;
}

/** What keeps room in a Counter or a List, over the whole Fleet. */
export interface CapacityPolicy {
  /** Name of the Counter or List. */
  key: string;
  /** How much room to keep; as a percentage it is of the capacity the Fleet is to have. */
  bufferSize: number | string;
  /** The least capacity of the whole Fleet. */
  minCapacity?: number;
  /** The most capacity of the whole Fleet. */
  maxCapacity: number;
}

/** Where a webhook is: one of `url` and `service`. */
export interface WebhookPolicy {
  url?: string | null;
  service?: { name: string; namespace?: string; path?: string; port?: number } | null;
  /** PEM of the only authorities trusted, in base64. */
  caBundle?: string | null;
}

/** A policy and when it applies. Times are RFC 3339. */
export interface SchedulePolicy {
  between?: { start?: string | null; end?: string | null };
  activePeriod?: {
    /** Name of the time zone the cron expression is read in; UTC unless set. */
    timezone?: string;
    startCron?: string;
    /** How long from each start, as `2h45m`; without it, until the end. */
    duration?: string;
  };
  policy: Policy;
}

/** One entry of a Chain. */
export interface ChainEntry extends Policy {
  id?: string;
}

/** How the size of a Fleet is decided; the settings are in the field that `type` names. Admission has checked its shape. */
export interface Policy {
  type: string;
  buffer?: BufferPolicy;
  counter?: CapacityPolicy;
  list?: CapacityPolicy;
  webhook?: WebhookPolicy;
  schedule?: SchedulePolicy;
  chain?: ChainEntry[];
}

/** How many replicas a policy asks for. */
export interface DesiredReplicas {
  replicas: number;
  /** The policy's least or most replicas, or capacity, held it back. */
  limited: boolean;
}

/** A policy cannot say how many replicas a Fleet should have; the message is for people. */
export class PolicyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PolicyError';
  }
}

/** The status of a Fleet that has none yet. */
export const NO_FLEET_STATUS: FleetStatus = {
  replicas: 0,
  readyReplicas: 0,
  reservedReplicas: 0,
  allocatedReplicas: 0,
};

/**
 * How large something must be for `share` of it to be free, when so much of it is in use.
 *
 * @param share - e.g. `30%`
 * @throws PolicyError when it is no percentage
 */
export function sizeWithShareFree(inUse: number, share: string): number {
  const match = /^(\d+)%$/.exec(share);
  if (match === null) throw new PolicyError(`'${share}' is neither a number nor a percentage`);
  return Math.ceil((inUse * 100) / (100 - Number(match[1])));
}
