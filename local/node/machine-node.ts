import { release } from 'node:os';
import type { KubernetesObject } from '../../lib/agones.ts';
import type { WatchEvent } from '../api/store.ts';
import type { RecordEvent } from '../controllers/event-recorder.ts';
import type { Node, Pod } from '../controllers/pods.ts';
import { toTimestamp } from '../controllers/timestamps.ts';
import { PodWorker } from './pod-worker.ts';
import type { PodWorkerContext } from './pod-worker.ts';
import { StartBackoff } from './start-backoff.ts';

export interface MachineNodeOptions extends Omit<PodWorkerContext, 'backoff'> {
  nodeName: string;
  /** Pods beyond this wait until one is gone. */
  maxPods: number;
  /** The recorder of `default-scheduler`. */
  recordScheduling: RecordEvent;
  /** What its processes get to end themselves when the node stops. */
  stopGraceMs: number;
}

/** Keeps a Pod's object until its processes have ended, as a kubelet does with a graceful deletion. */
const PROCESS_FINALIZER = 'regatta.dev/process';

/**
 * The scheduler and the node in one: takes every Pod that is bound to no other, and runs it as processes of this machine.
 *
 * A Pod carries a finalizer of the node from the moment it is taken, so that a deleted one is there until its processes are
 * not. Who takes the finalizer off by hand has them killed at once.
 */
export class MachineNode {
  readonly #options: MachineNodeOptions;
  readonly #context: PodWorkerContext;
  /** By uid; until the Pod's object is gone. */
  readonly #workers = new Map<string, PodWorker>();
  readonly #unsubscribe: (() => void)[];

  constructor(options: MachineNodeOptions) {
    this.#options = options;
    this.#context = { ...options, backoff: new StartBackoff(options.clock) };
    registerNode(options);
    const { store } = options;
    this.#unsubscribe = [
      store.subscribe<Pod>('pods', (event) => {
        this.#onPod(event);
      }),
      ...['configmaps', 'secrets'].map((resource) =>
        store.subscribe(resource, ({ object }) => {
          this.#onSource(object);
        }),
      ),
    ];
    for (const pod of store.list<Pod>('pods')) this.#take(pod);
  }

  /** Ends every process; resolves when the last is gone. The Pods' objects stay as they are. */
  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.end(this.#options.stopGraceMs);
    await Promise.all(workers.map((worker) => worker.done));
  }

  #onPod({ type, object, previous }: WatchEvent<Pod>): void {
    const { deletionTimestamp } = object.metadata;
    if (type === 'DELETED') {
      this.#workers.get(uidOf(object))?.end(0);
      this.#workers.delete(uidOf(object));
      this.#takeWaiting();
    } else if (type === 'ADDED') {
      this.#take(object);
    } else if (deletionTimestamp !== undefined && previous?.metadata.deletionTimestamp === undefined) {
      this.#end(object);
    }
  }

  #take(pod: Pod): void {
    const { store, nodeName, maxPods, recordScheduling } = this.#options;
    const { name, namespace = 'default', deletionTimestamp } = pod.metadata;
    const { nodeName: bound = '' } = pod.spec;
    if (deletionTimestamp !== undefined || (bound !== '' && bound !== nodeName)) return;
    if (this.#workers.has(uidOf(pod))) return;
    if (this.#workers.size >= maxPods) {
      const message = `${maxPods} Pods run on this machine already; LOCAL_MAX_PODS allows more`;
      recordScheduling(pod, 'Warning', 'FailedScheduling', message);
      return;
    }
    const taken = store.modify<Pod>('pods', namespace, name, (copy) => {
      copy.spec.nodeName = nodeName;
      copy.metadata.finalizers = [...new Set([...(copy.metadata.finalizers ?? []), PROCESS_FINALIZER])];
    });
    if (taken === undefined) return;
    recordScheduling(taken, 'Normal', 'Scheduled', `Assigned to ${nodeName}`);
    const worker = new PodWorker(this.#context, taken);
    this.#workers.set(uidOf(taken), worker);
    void worker.done.then(() => {
      this.#release(taken);
    });
  }

  #takeWaiting(): void {
    for (const pod of this.#options.store.list<Pod>('pods')) {
      if ((pod.spec.nodeName ?? '') === '') this.#take(pod);
    }
  }

  /** A deletion was asked for: the processes go, then the object. */
  #end(pod: Pod): void {
    const worker = this.#workers.get(uidOf(pod));
    if (worker === undefined) {
      this.#release(pod);
      return;
    }
    worker.end((pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000);
    void worker.done.then(() => {
      this.#release(pod);
    });
  }

  /** Lets go of a Pod that is being deleted and has no processes. */
  #release({ metadata: { name, namespace = 'default', uid } }: Pod): void {
    const { store } = this.#options;
    const current = store.find<Pod>('pods', namespace, name);
    if (current?.metadata.uid !== uid || current?.metadata.deletionTimestamp === undefined) return;
    store.modify<Pod>('pods', namespace, name, (copy) => {
      copy.metadata.finalizers = copy.metadata.finalizers?.filter((finalizer) => finalizer !== PROCESS_FINALIZER) ?? [];
    });
  }

  #onSource({ metadata }: KubernetesObject): void {
    for (const pod of this.#options.store.list<Pod>('pods', { namespace: metadata.namespace ?? 'default' })) {
      this.#workers.get(uidOf(pod))?.sourceChanged();
    }
  }
}

function uidOf({ metadata }: KubernetesObject): string {
  return metadata.uid ?? '';
}

function registerNode({ store, clock, nodeName, address, maxPods }: MachineNodeOptions): void {
  store.create<Node>('nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName, labels: { 'kubernetes.io/hostname': nodeName } },
  });
  const now = toTimestamp(clock.nowMs());
  const pods = String(maxPods);
  const status = {
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: nodeName },
    ],
    capacity: { pods },
    allocatable: { pods },
    conditions: [{ type: 'Ready', status: 'True', reason: 'LocalReady', lastTransitionTime: now }],
    nodeInfo: {
      architecture: process.arch,
      operatingSystem: process.platform,
      osImage: process.platform,
      kernelVersion: release(),
      kubeletVersion: 'regatta',
      containerRuntimeVersion: `process://${process.version.slice(1)}`,
    },
  };
  store.modify<Node>(
    'nodes',
    '',
    nodeName,
    (node) => {
      node.status = status;
    },
    { subresource: 'status' },
  );
}
