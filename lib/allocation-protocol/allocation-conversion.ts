import type { GameServerAllocation, GameServerSelector } from '../agones.ts';
import type { AllocationRequest, AllocationResponse, MetaPatchMessage, SelectorMessage, Wrapped } from './messages.ts';

type Spec = GameServerAllocation['spec'];
type Status = NonNullable<GameServerAllocation['status']>;

const API = { apiVersion: 'allocation.agones.dev/v1', kind: 'GameServerAllocation' };

/** What is not said anywhere in this protocol: numbers of enums that nobody knows count as their first. */
function named<Name extends string>(value: Name | number, first: Name): Name {
  return typeof value === 'string' ? value : first;
}

/** The GameServerAllocation a request asks for. Its labels, annotations and actions were not looked at. */
export function gameServerAllocationOf(request: AllocationRequest): GameServerAllocation {
  const { namespace, multiClusterSetting, requiredGameServerSelector } = request;
  const metadata = request.metadata ?? request.metaPatch;
  const spec: Spec = {
    selectors: request.gameServerSelectors.map(selectorOf),
    preferred: request.preferredGameServerSelectors.map(selectorOf),
    ...(requiredGameServerSelector === null ? {} : { required: selectorOf(requiredGameServerSelector) }),
    scheduling: named(request.scheduling, 'Packed'),
    priorities: request.priorities.map(({ type, key, order }) => ({
      type: named(type, 'Counter'),
      key,
      order: named(order, 'Ascending'),
    })),
    ...(metadata === null ? {} : { metadata }),
    counters: mapValues(request.counters, ({ action, amount, capacity }) => ({
      ...unwrapped('action', action),
      ...unwrapped('amount', amount),
      ...unwrapped('capacity', capacity),
    })),
    lists: mapValues(request.lists, ({ addValues, capacity, deleteValues }) => ({
      addValues,
      ...unwrapped('capacity', capacity),
      deleteValues,
    })),
    ...(multiClusterSetting === null
      ? {}
      : {
          multiClusterSetting: {
            enabled: multiClusterSetting.enabled,
            policySelector: { matchLabels: multiClusterSetting.policySelector?.matchLabels ?? {} },
          },
        }),
  };
  // The name is the GameServer's, and comes with the answer.
  return { ...API, metadata: { name: '', namespace }, spec };
}

function selectorOf({ matchLabels, gameServerState, counters, lists }: SelectorMessage): GameServerSelector {
  return {
    matchLabels,
    gameServerState: gameServerState === 'ALLOCATED' ? 'Allocated' : 'Ready',
    ...(Object.keys(counters).length === 0 ? {} : { counters }),
    ...(Object.keys(lists).length === 0 ? {} : { lists }),
  };
}

/**
 * The request to another cluster: for its namespace, and not to be sent on from there.
 *
 * Label expressions have no place in this protocol and are lost, as they are with Agones.
 *
 * @param allocation - with defaults, so that all it selects by is in `selectors`
 */
export function allocationRequestOf({ spec }: GameServerAllocation, namespace: string): AllocationRequest {
  const selectors = (spec.selectors ?? []).map(selectorMessageOf);
  const metadata: MetaPatchMessage = {
    labels: spec.metadata?.labels ?? {},
    annotations: spec.metadata?.annotations ?? {},
  };
  return {
    namespace,
    multiClusterSetting: { enabled: false, policySelector: null },
    // Both spellings of what selects and what is put on, for allocators that know only the older one.
    requiredGameServerSelector: selectors.at(-1) ?? null,
    preferredGameServerSelectors: selectors.slice(0, -1),
    gameServerSelectors: selectors,
    metaPatch: metadata,
    metadata,
    scheduling: spec.scheduling ?? 'Packed',
    priorities: (spec.priorities ?? []).map(({ type, key, order }) => ({ type, key, order: order ?? 'Ascending' })),
    counters: mapValues(spec.counters ?? {}, ({ action, amount, capacity }) => ({
      action: wrapped(action),
      amount: wrapped(amount),
      capacity: wrapped(capacity),
    })),
    lists: mapValues(spec.lists ?? {}, ({ addValues, capacity, deleteValues }) => ({
      addValues: addValues ?? [],
      capacity: wrapped(capacity),
      deleteValues: deleteValues ?? [],
    })),
  };
}

function selectorMessageOf(selector: GameServerSelector): SelectorMessage {
  const none = { minAvailable: 0, maxAvailable: 0 };
  return {
    matchLabels: selector.matchLabels ?? {},
    gameServerState: selector.gameServerState === 'Allocated' ? 'ALLOCATED' : 'READY',
    counters: mapValues(selector.counters ?? {}, (counter) => ({ minCount: 0, maxCount: 0, ...none, ...counter })),
    lists: mapValues(selector.lists ?? {}, (list) => ({ containsValue: '', ...none, ...list })),
  };
}

/** What the service answers for an allocation. */
export function allocationResponseOf(status: Status): AllocationResponse {
  const { metadata } = status;
  return {
    gameServerName: status.gameServerName ?? '',
    ports: status.ports ?? [],
    address: status.address ?? '',
    nodeName: status.nodeName ?? '',
    source: status.source ?? '',
    metadata:
      metadata === undefined || metadata === null
        ? null
        : { labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {} },
    addresses: status.addresses ?? [],
    counters: mapValues(status.counters ?? {}, ({ count = 0, capacity = 0 }) => ({
      count: { value: count },
      capacity: { value: capacity },
    })),
    lists: mapValues(status.lists ?? {}, ({ values = [], capacity = 0 }) => ({
      values,
      capacity: { value: capacity },
    })),
  };
}

/** The GameServerAllocation that another cluster's answer becomes; nothing of the request is in it, as with Agones. */
export function remoteAllocationOf(response: AllocationResponse, source: string): GameServerAllocation {
  const { gameServerName, ports, address, addresses, nodeName, metadata, counters, lists } = response;
  return {
    ...API,
    metadata: { name: '' },
    spec: { multiClusterSetting: { policySelector: {} }, required: {}, metadata: {} },
    status: {
      state: 'Allocated',
      gameServerName,
      ports,
      address,
      addresses,
      nodeName,
      source,
      metadata,
      ...(Object.keys(counters).length === 0 ? {} : { counters: mapValues(counters, unwrappedCounter) }),
      ...(Object.keys(lists).length === 0 ? {} : { lists: mapValues(lists, unwrappedList) }),
    },
  };
}

function unwrappedCounter({ count, capacity }: AllocationResponse['counters'][string]) {
  return { count: count?.value ?? 0, capacity: capacity?.value ?? 0 };
}

function unwrappedList({ values, capacity }: AllocationResponse['lists'][string]) {
  return { values, capacity: capacity?.value ?? 0 };
}

function wrapped<T>(value: T | undefined): Wrapped<T> {
  return value === undefined ? null : { value };
}

/** The field, or none when it is not set. */
function unwrapped<Name extends string, T>(name: Name, value: Wrapped<T>): { [field in Name]?: T } {
  // A computed key of a generic type is widened to string by the compiler.
  return (value === null ? {} : { [name]: value.value }) as { [field in Name]?: T };
}

function mapValues<From, To>(map: Record<string, From>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
