import type { GameServer, Priority, SchedulingStrategy } from '../../lib/agones.ts';
import { isBeforeReady } from '../resources/game-server-state.ts';
import { stateOf } from './game-server-states.ts';
import { comparePriorities } from './priorities.ts';

/** How many GameServers of a node are Ready or Allocated. A node without any is not in the map. */
export type NodeLoads = ReadonlyMap<string, number>;

/** Counts the Ready and Allocated GameServers of each node. */
export function countNodeLoads(gameServers: Iterable<GameServer>): NodeLoads {
  const loads = new Map<string, number>();
  for (const gameServer of gameServers) {
    const nodeName = gameServer.status?.nodeName ?? '';
    const state = stateOf(gameServer);
    if (nodeName === '' || (state !== 'Ready' && state !== 'Allocated')) continue;
    loads.set(nodeName, (loads.get(nodeName) ?? 0) + 1);
  }
  return loads;
}

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
  if (strategy === 'Distributed') return gameServers.toSorted((a, b) => compareDistributed(a, b, priorities));
  return gameServers.toSorted((a, b) => comparePacked(a, b, loads, priorities));
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
