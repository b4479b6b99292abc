/** A Counter or a List summed over GameServers; for a List `count` is how many values there are. */
export interface Aggregate {
  allocatedCount: number;
  allocatedCapacity: number;
  count: number;
  capacity: number;
}

export type Aggregates = Record<string, Aggregate>;

/** The sum of none. */
export const NOTHING: Aggregate = { allocatedCount: 0, allocatedCapacity: 0, count: 0, capacity: 0 };

/** Adds sums to sums, name by name. */
export function addAggregates(left: Aggregates, right: Aggregates): Aggregates {
  const sums = { ...left };
  for (const [name, add] of Object.entries(right)) {
    const sum = sums[name] ?? NOTHING;
    sums[name] = {
      allocatedCount: sum.allocatedCount + add.allocatedCount,
      allocatedCapacity: sum.allocatedCapacity + add.allocatedCapacity,
      count: sum.count + add.count,
      capacity: sum.capacity + add.capacity,
    };
  }
  return sums;
}

/** The Counters or Lists of a status; what is not a map of sums is nothing. */
export function aggregatesOf(status: Record<string, unknown> | undefined): Aggregates {
  // Statuses of sets are written by `setStatus` alone.
  return (status ?? {}) as Aggregates;
}

/** Counters or Lists of GameServers that come and go, summed by name. A name is there as long as a GameServer has it. */
export class AggregateSum {
  readonly #byName = new Map<string, { sum: Aggregate; gameServers: number }>();

  get sums(): Aggregates {
    return Object.fromEntries([...this.#byName].map(([name, { sum }]) => [name, { ...sum }]));
  }

  /** @param sign - -1 takes away what was added */
  add(name: string, of: { count: number; capacity: number; allocated: boolean }, sign: 1 | -1): void {
    const entry = this.#byName.get(name) ?? { sum: { ...NOTHING }, gameServers: 0 };
    entry.gameServers += sign;
    if (entry.gameServers === 0) this.#byName.delete(name);
    else this.#byName.set(name, entry);
    const { sum } = entry;
    sum.count += sign * of.count;
    sum.capacity += sign * of.capacity;
    if (!of.allocated) return;
    sum.allocatedCount += sign * of.count;
    sum.allocatedCapacity += sign * of.capacity;
  }
}
