import type { FleetStatus } from '../../lib/agones.ts';
import { sizeWithShareFree } from './policy.ts';
import type { BufferPolicy, DesiredReplicas } from './policy.ts';

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
    typeof bufferSize === 'number' ? allocatedReplicas + bufferSize : sizeWithShareFree(allocatedReplicas, bufferSize);
  const replicas = Math.min(Math.max(wanted, minReplicas), maxReplicas);
  return { replicas, limited: replicas !== wanted };
}
