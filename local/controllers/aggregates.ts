import type { GameServer, GameServerSet, GameServerSetStatus } from '../../lib/agones.ts';
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
  const counters = zeros(set.spec.template.spec.counters);
  const lists = zeros(set.spec.template.spec.lists);
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
    const allocated = state === 'Allocated';
    for (const [name, { count = 0, capacity = 0 }] of Object.entries(gameServer.status?.counters ?? {})) {
      add(counters, name, count, capacity, { allocated });
    }
    for (const [name, { values = [], capacity = 0 }] of Object.entries(gameServer.status?.lists ?? {})) {
      add(lists, name, values.length, capacity, { allocated });
    }
  }
  if (Object.keys(counters).length > 0) status.counters = counters;
  if (Object.keys(lists).length > 0) status.lists = lists;
  return status;
}

function zeros(names: object | undefined): Aggregates {
  return Object.fromEntries(Object.keys(names ?? {}).map((name) => [name, { ...NOTHING }]));
}

function add(sums: Aggregates, name: string, count: number, capacity: number, of: { allocated: boolean }): void {
  const sum = (sums[name] ??= { ...NOTHING });
  sum.count += count;
  sum.capacity += capacity;
  if (!of.allocated) return;
  sum.allocatedCount += count;
  sum.allocatedCapacity += capacity;
}
