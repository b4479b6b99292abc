import type {
  Container,
  EnvironmentVariable,
  GameServer,
  GameServerPort,
  KubernetesObject,
  NodeAddress,
  PodTemplate,
} from '../../lib/agones.ts';
import { controlledBy } from './ownership.ts';

/** A Pod of core/v1, as far as Agones looks at it. */
export interface Pod extends KubernetesObject {
  spec: PodTemplate['spec'] & { nodeName?: string };
  status?: {
    phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
    podIPs?: { ip: string }[];
    [field: string]: unknown;
  };
}

/** A Node of core/v1, as far as Agones looks at it. */
export interface Node extends KubernetesObject {
  status?: { addresses?: NodeAddress[]; [field: string]: unknown };
}

/** On the Pod of a GameServer: the GameServer's name. */
export const GAME_SERVER_LABEL = 'agones.dev/gameserver';

const SDK_VARIABLES: ReadonlySet<string> = new Set(['AGONES_SDK_GRPC_PORT', 'AGONES_SDK_HTTP_PORT']);
const SAFE_TO_EVICT_ANNOTATION = 'cluster-autoscaler.kubernetes.io/safe-to-evict';
const PASSTHROUGH_ANNOTATION = 'agones.dev/container-passthrough-port-assignment';

/**
 * The Pod Agones makes for a GameServer, without the sidecar's container: `local` serves the SDK beside the process.
 *
 * Source: recorded from Agones 1.57 on Kubernetes 1.34.
 *
 * @param ports - those of the GameServer, one for each protocol
 */
export function podFor(gameServer: GameServer, ports: readonly GameServerPort[]): Pod {
  const { template } = gameServer.spec;
  const { name, namespace = 'default' } = gameServer.metadata;
  const gameContainer = gameServer.spec.container ?? template.spec.containers[0]?.name ?? '';
  const safe = gameServer.spec.eviction?.safe ?? 'Never';
  const portsOf = (container: Container): GameServerPort[] =>
    ports.filter((port) => (port.container ?? gameContainer) === container.name);
  const fill = (container: Container): Container =>
    containerFor(gameServer, container, portsOf(container), gameContainer);
  const { initContainers, ...spec } = template.spec;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: {
        ...template.metadata?.labels,
        'agones.dev/role': 'gameserver',
        [GAME_SERVER_LABEL]: name,
        'agones.dev/safe-to-evict': safe === 'Never' ? 'false' : 'true',
      },
      annotations: {
        ...sdkVersion(gameServer),
        [SAFE_TO_EVICT_ANNOTATION]: safe === 'Always' ? 'true' : 'false',
        ...template.metadata?.annotations,
        'agones.dev/container': gameContainer,
        ...passthroughAnnotation([...(initContainers ?? []), ...spec.containers], portsOf),
      },
      ownerReferences: [controlledBy(gameServer)],
    },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 30,
      serviceAccountName: 'agones-sdk',
      hostname: name.replaceAll('.', '-'),
      ...(gameServer.spec.scheduling === 'Distributed' ? {} : { affinity: besideOtherGameServers() }),
      ...structuredClone(spec),
      ...(initContainers === undefined ? {} : { initContainers: initContainers.map(fill) }),
      containers: spec.containers.map(fill),
    },
  };
}

function sdkVersion(gameServer: GameServer): Record<string, string> {
  const version = gameServer.metadata.annotations?.['agones.dev/sdk-version'];
  return version === undefined ? {} : { 'agones.dev/sdk-version': version };
}

function besideOtherGameServers(): object {
  const podAffinityTerm = {
    topologyKey: 'kubernetes.io/hostname',
    labelSelector: { matchLabels: { 'agones.dev/role': 'gameserver' } },
  };
  return { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] } };
}

/** Which of each container's ports are `Passthrough`, by their place in its list. */
function passthroughAnnotation(
  containers: readonly Container[],
  portsOf: (container: Container) => GameServerPort[],
): Record<string, string> {
  const places = containers.flatMap((container): [string, number[]][] => {
    const first = ownPortsOf(container).length;
    const own = portsOf(container).flatMap(({ portPolicy }, at) => (portPolicy === 'Passthrough' ? [first + at] : []));
    return own.length === 0 ? [] : [[container.name, own]];
  });
  if (places.length === 0) return {};
  const sorted = places.toSorted(([one], [other]) => (one < other ? -1 : 1));
  return { [PASSTHROUGH_ANNOTATION]: JSON.stringify(Object.fromEntries(sorted)) };
}

/** The ports that the template itself gives the container. */
function ownPortsOf(container: Container): unknown[] {
  const { ports } = container;
  return Array.isArray(ports) ? (ports as unknown[]) : [];
}

function containerFor(
  gameServer: GameServer,
  template: Container,
  ports: readonly GameServerPort[],
  gameContainer: string,
): Container {
  const container: Container = { ...structuredClone(template), env: environmentFor(gameServer, template) };
  if (ports.length > 0) container['ports'] = [...ownPortsOf(template), ...ports.map(containerPort)];
  const { health } = gameServer.spec;
  if (template.name === gameContainer && health?.disabled !== true && template['livenessProbe'] === undefined) {
    container['livenessProbe'] = {
      httpGet: { path: '/gshealthz', port: 8080 },
      initialDelaySeconds: health?.initialDelaySeconds ?? 5,
      periodSeconds: health?.periodSeconds ?? 5,
      failureThreshold: health?.failureThreshold ?? 3,
    };
  }
  return container;
}

function environmentFor(gameServer: GameServer, container: Container): EnvironmentVariable[] {
  return [
    ...(container.env ?? []).filter((variable) => !SDK_VARIABLES.has(variable.name)),
    { name: 'AGONES_SDK_GRPC_PORT', value: String(gameServer.spec.sdkServer?.grpcPort ?? 9357) },
    { name: 'AGONES_SDK_HTTP_PORT', value: String(gameServer.spec.sdkServer?.httpPort ?? 9358) },
  ];
}

function containerPort(port: GameServerPort): object {
  return {
    ...(port.portPolicy === 'None' || port.hostPort === undefined ? {} : { hostPort: port.hostPort }),
    containerPort: port.containerPort,
    protocol: port.protocol ?? 'UDP',
  };
}
