import type { Fleet, GameServer } from '../../lib/agones.ts';
import { aggregatesOf } from '../controllers/aggregates.ts';
import { PolicyError, sizeWithShareFree } from './policy.ts';
import type { CapacityPolicy, DesiredReplicas } from './policy.ts';

/** How much of a Counter or List there is, and how much of that is taken. */
interface Usage {
  count: number;
  capacity: number;
}

interface Bounds {
  min: number;
  max: number;
}

/**
 * As many replicas as keep `bufferSize` of a Counter or List free over the whole Fleet.
 *
 * Which GameServers a smaller Fleet would lose decides how small it may be, as each may hold another count and capacity.
 * The bounds are of the capacity there is, not of the replicas. Scaling down leaves one replica at least.
 *
 * Source: Agones 1.57, `applyCounterOrListPolicy`.
 *
 * @param inRemovalOrder - the Fleet's GameServers, first to go first; asked for only when some have to go
 * @throws PolicyError
 */
export function applyCapacity(
  kind: 'Counter' | 'List',
  policy: CapacityPolicy,
  fleet: Fleet,
  inRemovalOrder: () => readonly GameServer[],
): DesiredReplicas {
  const { key, bufferSize } = policy;
  const bounds: Bounds = { min: policy.minCapacity ?? 0, max: policy.maxCapacity };
  const added = usageOf(kind, fleet.spec.template.spec, key);
  if (added === undefined) throw new PolicyError(`there is no ${kind} ${key} in the template of the Fleet`);
  const totals = aggregatesOf(kind === 'Counter' ? fleet.status?.counters : fleet.status?.lists);
  const total = Object.hasOwn(totals, key) ? totals[key] : undefined;
  if (total === undefined) throw new PolicyError(`there is no ${kind} ${key} in the status of the Fleet`);
  const replicas = fleet.status?.replicas ?? 0;

  const inUse = total.allocatedCount;
  if (typeof bufferSize === 'string' && inUse <= 0 && added.capacity >= bounds.min) {
    return { replicas: 1, limited: true };
  }
  const buffer = typeof bufferSize === 'number' ? bufferSize : sizeWithShareFree(inUse, bufferSize) - inUse;
  const removed = () => inRemovalOrder().map((gameServer) => usageOf(kind, gameServer.status, key));

  const free = total.capacity - total.count;
  if (total.capacity < bounds.min) return growTo(bounds.min, replicas, added, total);
  if (free > buffer) return shrink(buffer, bounds, replicas, total, removed);
  if (total.capacity > bounds.max) return shrinkTo(bounds.max, replicas, total, removed);
  return free === buffer ? { replicas, limited: false } : grow(buffer, bounds, replicas, added, total);
}

/** The Counter or List of a template or of a GameServer. */
function usageOf(
  kind: 'Counter' | 'List',
  { counters = {}, lists = {} }: Pick<NonNullable<GameServer['status']>, 'counters' | 'lists'> = {},
  key: string,
): Usage | undefined {
  if (kind === 'Counter') {
    const counter = Object.hasOwn(counters, key) ? counters[key] : undefined;
    return counter && { count: counter.count ?? 0, capacity: counter.capacity ?? 0 };
  }
  const list = Object.hasOwn(lists, key) ? lists[key] : undefined;
  return list && { count: list.values?.length ?? 0, capacity: list.capacity ?? 0 };
}

/** Grows until so much is free. */
function grow(buffer: number, bounds: Bounds, replicas: number, added: Usage, total: Usage): DesiredReplicas {
  const gain = added.capacity - added.count;
  if (gain <= 0) throw new PolicyError('another GameServer would add nothing that is free');
  const more = Math.ceil((buffer - (total.capacity - total.count)) / gain);
  if (total.capacity + more * added.capacity <= bounds.max) return { replicas: replicas + more, limited: false };
  return { replicas: replicas + Math.trunc((bounds.max - total.capacity) / added.capacity), limited: true };
}

/** Grows to the least capacity, whatever is free. */
function growTo(capacity: number, replicas: number, added: Usage, total: Usage): DesiredReplicas {
  if (added.capacity === 0) throw new PolicyError('another GameServer would add no capacity');
  return { replicas: replicas + Math.ceil((capacity - total.capacity) / added.capacity), limited: true };
}

/** Shrinks as long as enough is free and the least capacity is kept. */
function shrink(
  buffer: number,
  bounds: Bounds,
  replicas: number,
  total: Usage,
  removed: () => readonly (Usage | undefined)[],
): DesiredReplicas {
  if (total.capacity === bounds.min) return { replicas, limited: true };
  let { count, capacity } = total;
  let left = replicas;
  for (const usage of removed()) {
    left -= 1;
    if (usage === undefined) continue;
    count -= usage.count;
    capacity -= usage.capacity;
    const free = capacity - count;
    if (free < buffer) return { replicas: left + 1, limited: false };
    if (capacity < bounds.min) return { replicas: left + 1, limited: true };
    if (free === buffer) return { replicas: left, limited: false };
    if (capacity === bounds.min) return { replicas: left, limited: true };
  }
  return { replicas: Math.max(1, left), limited: false };
}

/** Shrinks to the most capacity, whatever is free. */
function shrinkTo(
  capacity: number,
  replicas: number,
  total: Usage,
  removed: () => readonly (Usage | undefined)[],
): DesiredReplicas {
  let over = total.capacity - capacity;
  let left = replicas;
  for (const usage of removed()) {
    if (over <= 0) break;
    over -= usage?.capacity ?? 0;
    left -= 1;
  }
  return { replicas: Math.max(1, left), limited: true };
}
