import type { GameServer, GameServerAllocation, GameServerSelector, LabelSelector } from '../../lib/agones.ts';
import { ownValue } from '../api/json.ts';
import { comparePriorities } from '../controllers/priorities.ts';
import type { AllocatableGameServers } from './allocatable-game-servers.ts';

type Spec = GameServerAllocation['spec'];

/** Below 0 when the left one is offered first. */
export type Order = (left: GameServer, right: GameServer) => number;

/**
 * Orders GameServers as Agones offers them: with `Packed` what is Allocated already first, then the fullest nodes, then
 * priorities and name; with `Distributed` by priorities and name alone.
 *
 * Source: Agones 1.57, `pkg/gameserverallocations/allocation_cache.go`.
 */
export function orderForAllocation(spec: Spec, nodes: AllocatableGameServers): Order {
  const priorities = spec.priorities ?? [];
  const packed = spec.scheduling !== 'Distributed';
  return (left, right) => {
    const byPlace = packed ? comparePlace(left, right, nodes) : 0;
    return byPlace || comparePriorities(priorities, left, right) || (left.metadata.name < right.metadata.name ? -1 : 1);
  };
}

function comparePlace(left: GameServer, right: GameServer, nodes: AllocatableGameServers): number {
  const leftAllocated = left.status?.state === 'Allocated';
  const rightAllocated = right.status?.state === 'Allocated';
  if (leftAllocated !== rightAllocated) return leftAllocated ? -1 : 1;
  const leftNode = left.status?.nodeName ?? '';
  const rightNode = right.status?.nodeName ?? '';
  if (leftNode === rightNode) return 0;
  const leftCounts = nodes.countsOf(leftNode);
  const rightCounts = nodes.countsOf(rightNode);
  return rightCounts.allocated - leftCounts.allocated || rightCounts.ready - leftCounts.ready;
}

/**
 * Picks a GameServer: the first selector that any GameServer matches decides, and of those it matches the first in
 * order, or, with `Distributed` and no priorities, any.
 *
 * @param candidates - sorted by the order when `order` is left out
 * @param order - for candidates that are not sorted: looking at all of them once is cheaper than sorting them for a few
 *   requests
 * @param random - a number in [0, 1)
 * @returns the index in `candidates`, or -1
 */
export function pick(
  spec: Spec,
  candidates: readonly GameServer[],
  order: Order | undefined,
  random: () => number,
): number {
  const selectors = (spec.selectors ?? []).map((selector) => matcherOf(selector));
  const anyWillDo = spec.scheduling === 'Distributed' && (spec.priorities ?? []).length === 0;
  let best = selectors.length;
  let found = -1;
  let first: GameServer | undefined;
  let matches = 0;
  for (const [index, gameServer] of candidates.entries()) {
    const selector = selectors.findIndex((matchesAll, at) => at <= best && matchesAll(gameServer));
    if (selector < 0) continue;
    matches = selector < best ? 1 : matches + 1;
    // Each of n matches is kept with a chance of 1 in n: in the end all are equally likely.
    const comesFirst = anyWillDo
      ? random() * matches < 1
      : first !== undefined && order !== undefined && order(gameServer, first) < 0;
    if (selector < best || comesFirst) {
      found = index;
      first = gameServer;
    }
    best = selector;
    if (best === 0 && order === undefined && !anyWillDo) break;
  }
  return found;
}

/** The conditions of a selector, all of which must hold. An absent or zero maximum is no bound. */
export function matcherOf(selector: GameServerSelector): (gameServer: GameServer) => boolean {
  const labels = labelMatcherOf(selector);
  const state = selector.gameServerState ?? 'Ready';
  const counters = Object.entries(selector.counters ?? {});
  const lists = Object.entries(selector.lists ?? {});
  return (gameServer) => {
    if (gameServer.status?.state !== state || !labels(gameServer.metadata.labels ?? {})) return false;
    for (const [name, wanted] of counters) {
      const counter = ownValue(gameServer.status.counters, name);
      if (counter === undefined) return false;
      const { count = 0, capacity = 0 } = counter;
      if (!within(capacity - count, wanted.minAvailable, wanted.maxAvailable)) return false;
      if (!within(count, wanted.minCount, wanted.maxCount)) return false;
    }
    for (const [name, wanted] of lists) {
      const list = ownValue(gameServer.status.lists, name);
      if (list === undefined) return false;
      const { values = [], capacity = 0 } = list;
      if (!within(capacity - values.length, wanted.minAvailable, wanted.maxAvailable)) return false;
      const { containsValue = '' } = wanted;
      if (containsValue !== '' && !values.includes(containsValue)) return false;
    }
    return true;
  };
}

function within(value: number, min = 0, max = 0): boolean {
  return value >= min && (max === 0 || value <= max);
}

/** The conditions of a label selector, all of which must hold. */
export function labelMatcherOf(selector: LabelSelector): (labels: Readonly<Record<string, string>>) => boolean {
  const equal = Object.entries(selector.matchLabels ?? {});
  const expressions = selector.matchExpressions ?? [];
  return (labels) =>
    equal.every(([key, value]) => ownValue(labels, key) === value) &&
    expressions.every(({ key, operator, values = [] }) => {
      const value = ownValue(labels, key);
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return value === undefined || !values.includes(value);
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
      }
    });
}
