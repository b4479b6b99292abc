/**
 * The Kubernetes objects of Agones that more than one program reads or writes, as they go over the wire.
 *
 * Only fields that Regatta uses are typed; objects carry the others through unchanged.
 *
 * Source: Agones 1.57, `pkg/apis/agones/v1`, `pkg/apis/allocation/v1`, `pkg/apis/autoscaling/v1`.
 */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  /** Opaque to clients: compare for equality only. */
  resourceVersion?: string;
  generation?: number;
  /** RFC 3339, whole seconds. */
  creationTimestamp?: string;
  /** RFC 3339. Set when deletion was asked for; the object lives on until its finalizers are gone. */
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: unknown[];
}

/** Any object of the Kubernetes API. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

export const GAME_SERVER_STATES = [
  'PortAllocation',
  'Creating',
  'Starting',
  'Scheduled',
  'RequestReady',
  'Ready',
  'Shutdown',
  'Error',
  'Unhealthy',
  'Reserved',
  'Allocated',
] as const;

/** `status.state` of a GameServer, spelled as Agones spells it. */
export type GameServerState = (typeof GAME_SERVER_STATES)[number];

export type PortPolicy = 'Dynamic' | 'Static' | 'Passthrough' | 'None';
export type PortProtocol = 'TCP' | 'UDP' | 'TCPUDP';
export type SchedulingStrategy = 'Packed' | 'Distributed';

export interface GameServerPort {
  name: string;
  portPolicy?: PortPolicy;
  range?: string;
  container?: string;
  containerPort?: number;
  hostPort?: number;
  protocol?: PortProtocol;
}

export interface GameServerHealth {
  disabled?: boolean;
  periodSeconds?: number;
  failureThreshold?: number;
  initialDelaySeconds?: number;
}

export interface CounterStatus {
  count?: number;
  capacity?: number;
}

export interface ListStatus {
  capacity?: number;
  values?: string[];
}

export interface EnvironmentVariable {
  name: string;
  value?: string;
  valueFrom?: {
    configMapKeyRef?: { name: string; key: string; optional?: boolean };
    secretKeyRef?: { name: string; key: string; optional?: boolean };
    fieldRef?: { fieldPath: string };
  };
}

export interface Container {
  name: string;
  image: string;
  command?: string[];
  args?: string[];
  env?: EnvironmentVariable[];
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean; subPath?: string }[];
  [field: string]: unknown;
}

export interface Volume {
  name: string;
  configMap?: { name: string; optional?: boolean; items?: { key: string; path: string }[] };
  secret?: { secretName: string; optional?: boolean; items?: { key: string; path: string }[] };
  emptyDir?: Record<string, unknown>;
  [source: string]: unknown;
}

export interface PodTemplate {
  metadata?: Partial<ObjectMeta>;
  spec: {
    containers: Container[];
    initContainers?: Container[];
    volumes?: Volume[];
    terminationGracePeriodSeconds?: number;
    [field: string]: unknown;
  };
}

export interface GameServerSpec {
  container?: string;
  ports?: GameServerPort[];
  health?: GameServerHealth;
  scheduling?: SchedulingStrategy;
  sdkServer?: { logLevel?: string; grpcPort?: number; httpPort?: number };
  eviction?: { safe?: 'Always' | 'OnUpgrade' | 'Never' };
  immutableReplicas?: number;
  counters?: Record<string, CounterStatus>;
  lists?: Record<string, ListStatus>;
  template: PodTemplate;
}

export interface NodeAddress {
  type: string;
  address: string;
}

export interface GameServerStatus {
  state: GameServerState;
  ports?: { name: string; port: number }[] | null;
  address?: string;
  addresses?: NodeAddress[] | null;
  nodeName?: string;
  /** RFC 3339. */
  reservedUntil?: string | null;
  players?: unknown;
  counters?: Record<string, CounterStatus>;
  lists?: Record<string, ListStatus>;
  eviction?: { safe?: string };
  immutableReplicas?: number;
}

export interface GameServer extends KubernetesObject {
  spec: GameServerSpec;
  status?: GameServerStatus;
}

export interface GameServerTemplate {
  metadata?: Partial<ObjectMeta>;
  spec: GameServerSpec;
}

/** Orders servers by the capacity they have left: `Ascending` prefers the fuller one. */
export interface Priority {
  type: 'Counter' | 'List';
  key: string;
  order?: 'Ascending' | 'Descending';
}

export interface GameServerSetStatus {
  replicas: number;
  readyReplicas: number;
  reservedReplicas: number;
  allocatedReplicas: number;
  shutdownReplicas: number;
  counters?: Record<string, unknown>;
  lists?: Record<string, unknown>;
  players?: unknown;
}

export interface GameServerSet extends KubernetesObject {
  spec: {
    replicas: number;
    allocationOverflow?: { labels?: Record<string, string>; annotations?: Record<string, string> };
    scheduling?: SchedulingStrategy;
    priorities?: Priority[];
    template: GameServerTemplate;
  };
  status?: GameServerSetStatus;
}

export interface FleetStatus {
  replicas: number;
  readyReplicas: number;
  reservedReplicas: number;
  allocatedReplicas: number;
  counters?: Record<string, unknown>;
  lists?: Record<string, unknown>;
  players?: unknown;
}

export interface Fleet extends KubernetesObject {
  spec: {
    replicas: number;
    allocationOverflow?: { labels?: Record<string, string>; annotations?: Record<string, string> };
    strategy?: {
      type?: 'RollingUpdate' | 'Recreate';
      rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string };
    };
    scheduling?: SchedulingStrategy;
    priorities?: Priority[];
    template: GameServerTemplate;
  };
  status?: FleetStatus;
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'; values?: string[] }[];
}

export interface GameServerSelector extends LabelSelector {
  gameServerState?: 'Ready' | 'Allocated';
  counters?: Record<string, { minCount?: number; maxCount?: number; minAvailable?: number; maxAvailable?: number }>;
  lists?: Record<string, { containsValue?: string; minAvailable?: number; maxAvailable?: number }>;
  players?: { minAvailable?: number; maxAvailable?: number };
}

/** `UnAllocated`: nothing matched in Agones' cache. `Contention`: picks kept vanishing. Both come with HTTP 201. */
export type AllocationState = 'Allocated' | 'UnAllocated' | 'Contention';

export interface GameServerAllocation extends KubernetesObject {
  spec: {
    selectors?: GameServerSelector[];
    required?: GameServerSelector;
    preferred?: GameServerSelector[];
    priorities?: Priority[];
    scheduling?: SchedulingStrategy;
    metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
    counters?: Record<string, { action?: string; amount?: number; capacity?: number }>;
    lists?: Record<string, { addValues?: string[]; deleteValues?: string[]; capacity?: number }>;
    multiClusterSetting?: { enabled?: boolean; policySelector?: LabelSelector };
  };
  status?: {
    state: AllocationState;
    gameServerName?: string;
    ports?: { name: string; port: number }[] | null;
    address?: string;
    addresses?: NodeAddress[] | null;
    nodeName?: string;
    source?: string;
    metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> } | null;
    counters?: Record<string, CounterStatus>;
    lists?: Record<string, ListStatus>;
  };
}

export interface FleetAutoscaler extends KubernetesObject {
  spec: {
    fleetName: string;
    policy: {
      type: string;
      buffer?: { bufferSize?: number | string; minReplicas?: number; maxReplicas?: number };
      [policy: string]: unknown;
    };
    sync?: { type?: string; fixedInterval?: { seconds?: number } };
  };
  status?: {
    currentReplicas: number;
    desiredReplicas: number;
    lastScaleTime: string | null;
    ableToScale: boolean;
    scalingLimited: boolean;
    lastAppliedPolicy?: string;
  };
}

/** Agones' own label and annotation keys. */
export const AGONES = {
  fleetLabel: 'agones.dev/fleet',
  gameServerSetLabel: 'agones.dev/gameserverset',
  lastAllocatedAnnotation: 'agones.dev/last-allocated',
  controllerFinalizer: 'agones.dev/controller',
  sdkPrefix: 'agones.dev/sdk-',
  devAddressAnnotation: 'agones.dev/dev-address',
  erroredAtAnnotation: 'agones.dev/errored-at',
} as const;
