import type { CounterStatus, GameServer, GameServerSet, GameServerSetStatus, ListStatus } from '../../lib/agones.ts';
import { isBeingDeleted } from '../resources/game-server-state.ts';
import { stateOf } from './game-server-states.ts';

/** A Counter or a List summed over GameServers; for a List `count` is how many values there are. */
export interface Aggregate {
  allocatedCount: number;
  allocatedCapacity: number;
  count: number;
  capacity: number;
}

export type Aggregates = Record<string, Aggregate>;

const NOTHING: Aggregate = { allocatedCount: 0, allocatedCapacity: 0, count: 0, capacity: 0 };

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

/**
 * The status of a set with these GameServers. Those on their way out count as `shutdownReplicas` only.
 *
 * Counters and Lists of the template are there, at zero, even while there is no GameServer.
 */
export function setStatus(set: GameServerSet, gameServers: readonly GameServer[]): GameServerSetStatus {
  const status: GameServerSetStatus = {
    replicas: 0,
    readyReplicas: 0,
    reservedReplicas: 0,
    allocatedReplicas: 0,
    shutdownReplicas: 0,
  };
  const { counters: templateCounters, lists: templateLists } = set.spec.template.spec;
  let counters = zeros(templateCounters);
  let lists = zeros(templateLists);
  for (const gameServer of gameServers) {
    if (isBeingDeleted(gameServer)) {
      status.shutdownReplicas += 1;
      continue;
    }
    const state = stateOf(gameServer);
    status.replicas += 1;
    if (state === 'Ready') status.readyReplicas += 1;
    if (state === 'Reserved') status.reservedReplicas += 1;
    if (state === 'Allocated') status.allocatedReplicas += 1;
    counters = addAggregates(counters, sums(gameServer.status?.counters, state === 'Allocated'));
    lists = addAggregates(lists, sums(gameServer.status?.lists, state === 'Allocated'));
  }
  if (Object.keys(counters).length > 0) status.counters = counters;
  if (Object.keys(lists).length > 0) status.lists = lists;
  return status;
}

function zeros(names: object | undefined): Aggregates {
  return Object.fromEntries(Object.keys(names ?? {}).map((name) => [name, NOTHING]));
}

function sums(values: Record<string, CounterStatus & ListStatus> | undefined, allocated: boolean): Aggregates {
  return Object.fromEntries(
    Object.entries(values ?? {}).map(([name, value]) => {
      const count = value.values?.length ?? value.count ?? 0;
      const capacity = value.capacity ?? 0;
      const sum: Aggregate = {
        allocatedCount: allocated ? count : 0,
        allocatedCapacity: allocated ? capacity : 0,
        count,
        capacity,
      };
      return [name, sum];
    }),
  );
}
