import type { GameServer, GameServerAllocation, GameServerSelector } from '../../lib/agones.ts';
import { toTimestamp } from '../controllers/timestamps.ts';

/**
 * The request with Agones' defaults: what it answers, and what it selects by.
 *
 * Without `selectors`, `preferred` in order and then `required` take their place.
 */
export function withDefaults(request: GameServerAllocation, namespace: string, nowMs: number): GameServerAllocation {
  const { selectors = [], required = {}, preferred, priorities, counters, lists, ...rest } = request.spec;
  const given = selectors.length > 0;
  const requiredFilled = given ? required : withSelectorDefaults(required);
  const preferredFilled = given ? preferred : preferred?.map(withSelectorDefaults);
  return {
    kind: 'GameServerAllocation',
    apiVersion: 'allocation.agones.dev/v1',
    metadata: { ...request.metadata, namespace, creationTimestamp: toTimestamp(nowMs) },
    spec: {
      multiClusterSetting: {
        ...rest.multiClusterSetting,
        policySelector: rest.multiClusterSetting?.policySelector ?? {},
      },
      required: requiredFilled,
      ...(preferredFilled === undefined ? {} : { preferred: preferredFilled }),
      ...(priorities === undefined ? {} : { priorities }),
      selectors: given ? selectors.map(withSelectorDefaults) : [...(preferredFilled ?? []), requiredFilled],
      scheduling: rest.scheduling ?? 'Packed',
      metadata: rest.metadata ?? {},
      ...(counters === undefined ? {} : { counters }),
      ...(lists === undefined ? {} : { lists }),
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
      ports: ports ?? [],
      address: address ?? '',
      addresses: addresses ?? [],
      nodeName: nodeName ?? '',
      source: 'local',
      metadata: { ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }) },
      ...(counters === undefined || Object.keys(counters).length === 0 ? {} : { counters }),
      ...(lists === undefined || Object.keys(lists).length === 0 ? {} : { lists }),
    },
  };
}
