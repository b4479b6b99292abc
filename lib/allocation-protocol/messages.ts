/** A wrapper of Protocol Buffers: null where the field is not set, which is not the same as 0 or ''. */
export type Wrapped<T> = { value: T } | null;

type TextMap = Record<string, string>;

/** An enum's value: its name, or the bare number where the number has none. */
export type EnumValue<Name extends string> = Name | number;

/** What selects GameServers: labels match exactly, expressions do not exist in this protocol. */
export interface SelectorMessage {
  matchLabels: TextMap;
  gameServerState: EnumValue<'READY' | 'ALLOCATED'>;
  counters: Record<string, { minCount: number; maxCount: number; minAvailable: number; maxAvailable: number }>;
  lists: Record<string, { containsValue: string; minAvailable: number; maxAvailable: number }>;
}

export interface MetaPatchMessage {
  labels: TextMap;
  annotations: TextMap;
}

/** An `allocation.AllocationRequest` as it was read: every field is there. */
export interface AllocationRequest {
  namespace: string;
  multiClusterSetting: { enabled: boolean; policySelector: { matchLabels: TextMap } | null } | null;
  requiredGameServerSelector: SelectorMessage | null;
  preferredGameServerSelectors: SelectorMessage[];
  scheduling: EnumValue<'Packed' | 'Distributed'>;
  metaPatch: MetaPatchMessage | null;
  metadata: MetaPatchMessage | null;
  gameServerSelectors: SelectorMessage[];
  priorities: { type: EnumValue<'Counter' | 'List'>; key: string; order: EnumValue<'Ascending' | 'Descending'> }[];
  counters: Record<string, { action: Wrapped<string>; amount: Wrapped<number>; capacity: Wrapped<number> }>;
  lists: Record<string, { addValues: string[]; capacity: Wrapped<number>; deleteValues: string[] }>;
}

/** An `allocation.AllocationResponse`. It has no state: whatever is not Allocated is an error. */
export interface AllocationResponse {
  gameServerName: string;
  ports: { name: string; port: number }[];
  address: string;
  nodeName: string;
  /** `local`, or the endpoint of the cluster that was asked. */
  source: string;
  metadata: MetaPatchMessage | null;
  addresses: { type: string; address: string }[];
  counters: Record<string, { count: Wrapped<number>; capacity: Wrapped<number> }>;
  lists: Record<string, { values: string[]; capacity: Wrapped<number> }>;
}
