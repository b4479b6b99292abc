import type { FleetStatus } from '../../lib/agones.ts';

export interface BufferPolicy {
  /** How many Ready GameServers to keep; as a percentage it is of the size the Fleet is to have. */
  bufferSize?: number | string;
  minReplicas?: number;
  maxReplicas?: number;
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

/** Reads a percentage. @throws PolicyError */
export function percentOf(value: string): number {
  const match = /^(\d+)%$/.exec(value);
  if (match === null) throw new PolicyError(`'${value}' is neither a number nor a percentage`);
  return Number(match[1]);
}

/**
 * Allocated GameServers, and the buffer on top. Reserved ones do not count.
 *
 * Source: Agones 1.57, `applyBufferPolicy`.
 *
 * @throws PolicyError
 */
export function applyBuffer(policy: BufferPolicy, { allocatedReplicas }: FleetStatus): DesiredReplicas {
  const { bufferSize = 0, minReplicas = 0, maxReplicas = 0 } = policy;
  const wanted =
    typeof bufferSize === 'number'
      ? allocatedReplicas + bufferSize
      : Math.ceil((allocatedReplicas * 100) / (100 - percentOf(bufferSize)));
  const replicas = Math.min(Math.max(wanted, minReplicas), maxReplicas);
  return { replicas, limited: replicas !== wanted };
}
