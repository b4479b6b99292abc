import type { GameServer, Priority } from '../../lib/agones.ts';
import { ownValue } from '../api/json.ts';

/**
 * Orders two GameServers by the room they have left in Counters and Lists; the first priority that tells them apart
 * decides.
 *
 * `Ascending` puts the fuller one first, `Descending` the emptier; in both, one that has the Counter or List comes
 * before one that lacks it.
 *
 * @returns below 0 when `left` comes first, above 0 when `right` does, 0 when the priorities do not decide
 */
export function comparePriorities(priorities: readonly Priority[], left: GameServer, right: GameServer): number {
  for (const priority of priorities) {
    const order = comparePriority(priority, roomLeft(priority, left), roomLeft(priority, right));
    if (order !== 0) return order;
  }
  return 0;
}

function comparePriority(priority: Priority, left: number | undefined, right: number | undefined): number {
  if (left === undefined && right === undefined) return 0;
  if (left === undefined) return 1;
  if (right === undefined) return -1;
  return priority.order === 'Descending' ? right - left : left - right;
}

function roomLeft(priority: Priority, gameServer: GameServer): number | undefined {
  if (priority.type === 'Counter') {
    const counter = ownValue(gameServer.status?.counters, priority.key);
    return counter === undefined ? undefined : (counter.capacity ?? 0) - (counter.count ?? 0);
  }
  const list = ownValue(gameServer.status?.lists, priority.key);
  return list === undefined ? undefined : (list.capacity ?? 0) - (list.values?.length ?? 0);
}
