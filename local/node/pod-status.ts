import type { Container } from '../../lib/agones.ts';
import type { ObjectStore } from '../api/store.ts';
import type { Pod } from '../controllers/pods.ts';
import { toTimestamp } from '../controllers/timestamps.ts';
import type { ProcessExit } from './process-group.ts';

/** Where one container stands. */
export type ContainerState =
  | { kind: 'waiting'; reason: string; message?: string }
  | { kind: 'running'; containerId: string; startedAtMs: number }
  | { kind: 'terminated'; containerId: string; startedAtMs: number; finishedAtMs: number; exit: ProcessExit };

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** What a Pod's status is made of. */
export interface PodProgress {
  phase: PodPhase;
  startedAtMs: number;
  /** Set once its processes can be reached. */
  address: string | undefined;
  states: ReadonlyMap<string, ContainerState>;
}

/** By name, as `kubectl describe` shows them. */
const CONDITIONS = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'] as const;

interface Condition {
  type: string;
  status: 'True' | 'False';
  lastProbeTime: null;
  lastTransitionTime: string;
}

/** Of containers that run one after the other before the others start. */
export function initContainersOf(pod: Pod): Container[] {
  return pod.spec.initContainers ?? [];
}

/** Writes a Pod's status, unless the Pod is gone. */
export function writePodStatus(store: ObjectStore, pod: Pod, nowMs: number, progress: PodProgress): void {
  const { name, namespace = 'default', uid } = pod.metadata;
  if (store.find<Pod>('pods', namespace, name)?.metadata.uid !== uid) return;
  store.modify<Pod>(
    'pods',
    namespace,
    name,
    (copy) => {
      copy.status = podStatus(copy, nowMs, progress);
    },
    { subresource: 'status' },
  );
}

/** The status of a Pod as a kubelet writes it. Nothing is restarted, so every `restartCount` is 0. */
function podStatus(pod: Pod, nowMs: number, progress: PodProgress): NonNullable<Pod['status']> {
  const { phase, startedAtMs, address, states } = progress;
  const initContainers = initContainersOf(pod);
  const ready = phase === 'Running' && pod.spec.containers.every(({ name }) => states.get(name)?.kind === 'running');
  const holds: Record<(typeof CONDITIONS)[number], boolean> = {
    PodReadyToStartContainers: address !== undefined,
    Initialized: phase !== 'Pending',
    Ready: ready,
    ContainersReady: ready,
    PodScheduled: true,
  };
  return {
    phase,
    conditions: CONDITIONS.map((type) => condition(pod, type, holds[type], nowMs)),
    ...(address === undefined
      ? {}
      : { hostIP: address, hostIPs: [{ ip: address }], podIP: address, podIPs: [{ ip: address }] }),
    startTime: toTimestamp(startedAtMs),
    ...(initContainers.length === 0
      ? {}
      : { initContainerStatuses: initContainers.map((container) => containerStatus(container, states)) }),
    containerStatuses: pod.spec.containers.map((container) => containerStatus(container, states)),
    qosClass: 'BestEffort',
  };
}

function condition(pod: Pod, type: string, holds: boolean, nowMs: number): Condition {
  const status = holds ? 'True' : 'False';
  // What this function wrote before.
  const before = (pod.status?.['conditions'] ?? []) as Condition[];
  const same = before.find((one) => one.type === type && one.status === status);
  return { type, status, lastProbeTime: null, lastTransitionTime: same?.lastTransitionTime ?? toTimestamp(nowMs) };
}

function containerStatus(container: Container, states: ReadonlyMap<string, ContainerState>): object {
  const state = states.get(container.name) ?? { kind: 'waiting', reason: 'ContainerCreating' };
  const running = state.kind === 'running';
  return {
    name: container.name,
    image: container.image,
    imageID: '',
    ...(state.kind === 'waiting' ? {} : { containerID: state.containerId }),
    state: stateObject(state),
    lastState: {},
    ready: running,
    started: running,
    restartCount: 0,
  };
}

function stateObject(state: ContainerState): object {
  switch (state.kind) {
    case 'waiting': {
      const { reason, message } = state;
      return { waiting: message === undefined ? { reason } : { reason, message } };
    }
    case 'running':
      return { running: { startedAt: toTimestamp(state.startedAtMs) } };
    case 'terminated': {
      const { exit, containerId, startedAtMs, finishedAtMs } = state;
      return {
        terminated: {
          exitCode: exit.exitCode,
          ...(exit.signal === undefined ? {} : { signal: exit.signal }),
          reason: exit.exitCode === 0 ? 'Completed' : 'Error',
          startedAt: toTimestamp(startedAtMs),
          finishedAt: toTimestamp(finishedAtMs),
          containerID: containerId,
        },
      };
    }
  }
}
