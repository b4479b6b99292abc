import type { GameServer, Priority, SchedulingStrategy } from '../../lib/agones.ts';
import { SortedList } from '../api/sorted-list.ts';
import { isBeforeReady } from '../resources/game-server-state.ts';
import { stateOf } from './game-server-states.ts';
import { comparePriorities } from './priorities.ts';

/** How many GameServers of a node are Ready or Allocated. A node without any is not in the map. */
export type NodeLoads = ReadonlyMap<string, number>;

/**
 * The order in which a scale-down takes GameServers, first to go first.
 *
 * `Packed` empties the least used node first, and on one node takes what is not yet Ready before what is;
 * `Distributed` takes the oldest first, after the priorities, as Agones does whatever its guides say.
 *
 * Source: Agones 1.57, `pkg/gameserversets/gameserversets.go`.
 */
export function sortForRemoval(
  strategy: SchedulingStrategy,
  gameServers: readonly GameServer[],
  loads: NodeLoads,
  priorities: readonly Priority[],
): GameServer[] {
  return gameServers.toSorted(removalOrder(strategy, loads, priorities));
}

/** The first so many of that order. */
export function firstForRemoval(
  count: number,
  strategy: SchedulingStrategy,
  gameServers: Iterable<GameServer>,
  loads: NodeLoads,
  priorities: readonly Priority[],
): GameServer[] {
  if (count === 0) return [];
  const compare = removalOrder(strategy, loads, priorities);
  const first = new SortedList<GameServer>([], compare);
  for (const gameServer of gameServers) {
    const last = first.items[count - 1];
    if (last !== undefined && compare(gameServer, last) >= 0) continue;
    if (last !== undefined) first.remove(last);
    first.add(gameServer);
  }
  return [...first.items];
}

function removalOrder(
  strategy: SchedulingStrategy,
  loads: NodeLoads,
  priorities: readonly Priority[],
): (left: GameServer, right: GameServer) => number {
  return strategy === 'Distributed'
    ? (left, right) => compareDistributed(left, right, priorities)
    : (left, right) => comparePacked(left, right, loads, priorities);
}

function compareDistributed(left: GameServer, right: GameServer, priorities: readonly Priority[]): number {
  return (
    comparePriorities(priorities, left, right) ||
    compareText(left.metadata.creationTimestamp ?? '', right.metadata.creationTimestamp ?? '') ||
    compareText(left.metadata.name, right.metadata.name)
  );
}

function comparePacked(left: GameServer, right: GameServer, loads: NodeLoads, priorities: readonly Priority[]): number {
  const leftNode = left.status?.nodeName ?? '';
  const rightNode = right.status?.nodeName ?? '';
  const leftLoad = loads.get(leftNode) ?? -1;
  const rightLoad = loads.get(rightNode) ?? -1;
  if (leftLoad !== rightLoad) return leftLoad - rightLoad;
  if (leftNode !== rightNode) return compareText(leftNode, rightNode);
  return (
    compareReadiness(left, right) ||
    comparePriorities(priorities, left, right) ||
    compareText(left.metadata.name, right.metadata.name)
  );
}

/** Only what is Ready is set against what is not yet: to the other states neither is ahead. */
function compareReadiness(left: GameServer, right: GameServer): number {
  if (isBeforeReady(left) && stateOf(right) === 'Ready') return -1;
  return isBeforeReady(right) && stateOf(left) === 'Ready' ? 1 : 0;
}

/** Text order by code unit, the same everywhere. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
