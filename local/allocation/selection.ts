import type {
  GameServer,
  GameServerAllocation,
  GameServerSelector,
  LabelSelector,
  Priority,
} from '../../lib/agones.ts';
import { ownValue } from '../api/json.ts';
import type { AllocatableGameServers } from './allocatable-game-servers.ts';
import { compareByPriorities } from './game-server-group.ts';
import type { GameServerGroup } from './game-server-group.ts';

type Spec = GameServerAllocation['spec'];

/** Below 0 when the left one is offered first. */
type Order = (left: GameServer, right: GameServer) => number;

type Condition = (gameServer: GameServer) => boolean;

/** So often one is taken at random and looked at, before all are looked at. */
const RANDOM_TRIES = 16;

/**
 * Picks a GameServer: the first selector that any GameServer matches decides, and of those it matches the first in
 * order, or, with `Distributed` and no priorities, any.
 *
 * @param isOffered - whether a GameServer may be given out at all
 * @param random - a number in [0, 1)
 */
export function pick(
  spec: Spec,
  namespace: string,
  gameServers: AllocatableGameServers,
  { isOffered, random }: { isOffered: Condition; random: () => number },
): GameServer | undefined {
  const priorities = spec.priorities ?? [];
  const anyWillDo = spec.scheduling === 'Distributed' && priorities.length === 0;
  const order = orderForAllocation(spec, gameServers);
  for (const selector of spec.selectors ?? []) {
    const { state, matchesLabels, matchesValues } = conditionsOf(selector);
    const groups: GameServerGroup[] = [];
    for (const group of gameServers.groups(namespace, state)) {
      if (matchesLabels(group.labels)) groups.push(group);
    }
    const willDo: Condition = (gameServer) => isOffered(gameServer) && matchesValues(gameServer);
    const found = anyWillDo ? pickAny(groups, willDo, random) : pickFirst(groups, willDo, priorities, order);
    if (found !== undefined) return found;
  }
  return undefined;
}

function pickFirst(
  groups: readonly GameServerGroup[],
  willDo: Condition,
  priorities: readonly Priority[],
  order: Order,
): GameServer | undefined {
  let first: GameServer | undefined;
  for (const group of groups) {
    const candidate = group.inOrder(priorities).find(willDo);
    if (candidate !== undefined && (first === undefined || order(candidate, first) < 0)) first = candidate;
  }
  return first;
}

/** Each that will do has the same chance. */
function pickAny(groups: readonly GameServerGroup[], willDo: Condition, random: () => number): GameServer | undefined {
  const total = groups.reduce((sum, { size }) => sum + size, 0);
  for (let attempt = 0; attempt < RANDOM_TRIES; attempt += 1) {
    let index = Math.floor(random() * total);
    const group = groups.find(({ size }) => {
      if (index < size) return true;
      index -= size;
      return false;
    });
    const candidate = group?.inOrder([])[index];
    if (candidate !== undefined && willDo(candidate)) return candidate;
  }
  const good = groups.flatMap((group) => group.inOrder([]).filter(willDo));
  return good[Math.floor(random() * good.length)];
}

/**
 * Orders GameServers of one state as Agones offers them: with `Packed` the fullest nodes first, then priorities and name;
 * with `Distributed` by priorities and name alone.
 *
 * Source: Agones 1.57, `pkg/gameserverallocations/allocation_cache.go`.
 */
function orderForAllocation(spec: Spec, nodes: AllocatableGameServers): Order {
  const byPriorities = compareByPriorities(spec.priorities ?? []);
  if (spec.scheduling === 'Distributed') return byPriorities;
  return (left, right) => compareNodes(left, right, nodes) || byPriorities(left, right);
}

function compareNodes(left: GameServer, right: GameServer, nodes: AllocatableGameServers): number {
  const leftNode = left.status?.nodeName ?? '';
  const rightNode = right.status?.nodeName ?? '';
  if (leftNode === rightNode) return 0;
  const leftCounts = nodes.countsOf(leftNode);
  const rightCounts = nodes.countsOf(rightNode);
  return rightCounts.allocated - leftCounts.allocated || rightCounts.ready - leftCounts.ready;
}

/** What a selector asks for, all of which must hold. An absent or zero maximum is no bound. */
function conditionsOf(selector: GameServerSelector): {
  state: 'Ready' | 'Allocated';
  matchesLabels: (labels: Readonly<Record<string, string>>) => boolean;
  matchesValues: Condition;
} {
  const counters = Object.entries(selector.counters ?? {});
  const lists = Object.entries(selector.lists ?? {});
  const matchesValues: Condition = ({ status }) => {
    for (const [name, wanted] of counters) {
      const counter = ownValue(status?.counters, name);
      if (counter === undefined) return false;
      const { count = 0, capacity = 0 } = counter;
      if (!within(capacity - count, wanted.minAvailable, wanted.maxAvailable)) return false;
      if (!within(count, wanted.minCount, wanted.maxCount)) return false;
    }
    for (const [name, wanted] of lists) {
      const list = ownValue(status?.lists, name);
      if (list === undefined) return false;
      const { values = [], capacity = 0 } = list;
      if (!within(capacity - values.length, wanted.minAvailable, wanted.maxAvailable)) return false;
      const { containsValue = '' } = wanted;
      if (containsValue !== '' && !values.includes(containsValue)) return false;
    }
    return true;
  };
  return { state: selector.gameServerState ?? 'Ready', matchesLabels: labelMatcherOf(selector), matchesValues };
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
