import type { GameServer, GameServerAllocation, GameServerSelector } from '../../lib/agones.ts';
import { toTimestamp } from '../controllers/timestamps.ts';

/**
 * The request with Agones' defaults: what it answers, and what it selects by.
 *
 * Only a request that names its `apiVersion` is answered with it: to Agones the group is known, and `v1` is left.
 * Without `selectors`, `preferred` in order and then `required` take their place.
 */
export function withDefaults(request: GameServerAllocation, namespace: string, nowMs: number): GameServerAllocation {
  const { selectors = [], required = {}, preferred, priorities, counters, lists, ...rest } = request.spec;
  const given = selectors.length > 0;
  const requiredFilled = given ? required : withSelectorDefaults(required);
  const preferredFilled = given ? preferred : preferred?.map(withSelectorDefaults);
  return {
    kind: 'GameServerAllocation',
    apiVersion: request.apiVersion || 'v1',
    metadata: { ...request.metadata, namespace, creationTimestamp: toTimestamp(nowMs) },
    spec: {
      multiClusterSetting: {
        ...rest.multiClusterSetting,
        policySelector: rest.multiClusterSetting?.policySelector ?? {},
      },
      required: requiredFilled,
      ...filledOf({
        preferred: preferredFilled,
        priorities: priorities?.map((priority) => ({ ...priority, order: priority.order || ('Ascending' as const) })),
      }),
      selectors: given ? selectors.map(withSelectorDefaults) : [...(preferredFilled ?? []), requiredFilled],
      scheduling: rest.scheduling || 'Packed',
      metadata: rest.metadata ?? {},
      ...filledOf({ counters, lists }),
    },
  };
}

function withSelectorDefaults(selector: GameServerSelector): GameServerSelector {
  const filled: GameServerSelector = { ...selector, gameServerState: selector.gameServerState ?? 'Ready' };
  if (selector.counters !== undefined) {
    const none = { minCount: 0, maxCount: 0, minAvailable: 0, maxAvailable: 0 };
    filled.counters = mapValues(selector.counters, (counter) => ({ ...none, ...counter }));
  }
  if (selector.lists !== undefined) {
    const none = { containsValue: '', minAvailable: 0, maxAvailable: 0 };
    filled.lists = mapValues(selector.lists, (list) => ({ ...none, ...list }));
  }
  return filled;
}

function mapValues<T>(map: Record<string, T>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}

/** The answer when no GameServer matches. It comes with HTTP 201 as well. */
export function unallocated(request: GameServerAllocation): GameServerAllocation {
  return { ...request, status: { state: 'UnAllocated', gameServerName: '', source: '' } };
}

/** @param gameServer - as it is after the allocation */
export function allocated(request: GameServerAllocation, gameServer: GameServer): GameServerAllocation {
  const { name, labels, annotations } = gameServer.metadata;
  const { ports, address, addresses, nodeName, counters, lists } = gameServer.status ?? {};
  return {
    ...request,
    metadata: { ...request.metadata, name },
    status: {
      state: 'Allocated',
      gameServerName: name,
      ...filledOf({ ports, address, addresses, nodeName }),
      source: 'local',
      metadata: filledOf({ labels, annotations }),
      ...filledOf({ counters, lists }),
    },
  };
}

/** The fields that hold anything: what is empty is left out. */
function filledOf<T extends object>(fields: T): Filled<T> {
  const filled = Object.entries(fields).filter(([, value]) => value && Object.keys(value as object).length > 0);
  // What was taken out was optional, by the type of the result.
  return Object.fromEntries(filled) as Filled<T>;
}

type Filled<T> = { [K in keyof T]?: NonNullable<T[K]> };
