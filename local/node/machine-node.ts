import type { KubernetesObject } from '../../lib/agones.ts';
import type { WatchEvent } from '../api/store.ts';
import type { RecordEvent } from '../controllers/event-recorder.ts';
import type { Pod } from '../controllers/pods.ts';
import { registerNode, tellNodeReady } from './node-object.ts';
import { PodWorker } from './pod-worker.ts';
import type { PodWorkerContext } from './pod-worker.ts';
import type { ProcessGroup } from './process-group.ts';
import { StartBackoff } from './start-backoff.ts';

export interface MachineNodeOptions extends Omit<PodWorkerContext, 'backoff' | 'isCutOff'> {
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
  /** How many outages there are. */
  #outages = 0;

  constructor(options: MachineNodeOptions) {
    this.#options = options;
    this.#context = {
      ...options,
      backoff: new StartBackoff(options.clock),
      record: (...event) => {
        if (!this.#isGone) options.record(...event);
      },
      isCutOff: () => this.#isGone,
    };
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

  /** The process of a GameServer's game, while it runs. */
  gameOf(namespace: string, gameServerName: string): ProcessGroup | undefined {
    const pod = this.#options.store.find<Pod>('pods', namespace, gameServerName);
    return pod === undefined ? undefined : this.#workers.get(uidOf(pod))?.game;
  }

  /**
   * What a machine does that loses its power: its processes are gone, nobody is told so, no Pod starts. Its Pods look as if
   * they ran until they are lost ({@link losePods}), or until it is back, and can say how they ended.
   *
   * @returns has it come back, unless there is another outage
   */
  goAway(): () => void {
    this.#outages += 1;
    if (this.#outages === 1) {
      tellNodeReady(this.#options, { isReady: false });
      for (const worker of this.#workers.values()) worker.kill();
    }
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#outages -= 1;
      if (!this.#isGone) this.#comeBack();
    };
  }

  /** What a cluster does with the Pods of a machine that it has given up: they have failed, and are deleted. */
  losePods(): void {
    if (!this.#isGone) return;
    const { store, nodeName } = this.#options;
    for (const { spec, metadata } of store.list<Pod>('pods')) {
      const { name, namespace = 'default' } = metadata;
      if (spec.nodeName !== nodeName) continue;
      store.modify<Pod>(
        'pods',
        namespace,
        name,
        (copy) => {
          const hasEnded = copy.status?.phase === 'Succeeded' || copy.status?.phase === 'Failed';
          if (!hasEnded) copy.status = { ...copy.status, phase: 'Failed', reason: 'NodeLost' };
        },
        { subresource: 'status' },
      );
      store.delete('pods', namespace, name, { gracePeriodSeconds: 0 });
      this.#dropFinalizer(namespace, name);
    }
  }

  get #isGone(): boolean {
    return this.#outages > 0;
  }

  #comeBack(): void {
    tellNodeReady(this.#options, { isReady: true });
    for (const pod of this.#options.store.list<Pod>('pods')) {
      const worker = this.#workers.get(uidOf(pod));
      if (worker === undefined) {
        this.#take(pod);
        continue;
      }
      void worker.done.then(() => {
        this.#catchUp(pod, worker);
      });
    }
  }

  /** Tells what has become of a Pod while nobody heard of the node, or starts it when it had not been. */
  #catchUp(pod: Pod, worker: PodWorker): void {
    if (this.#isGone || this.#workers.get(uidOf(pod)) !== worker) return;
    if (worker.hasRun) {
      worker.tellStatus();
      this.#release(pod);
    } else {
      this.#workers.delete(uidOf(pod));
      this.#release(pod);
      this.#take(pod);
    }
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
    if (this.#isGone) {
      recordScheduling(pod, 'Warning', 'FailedScheduling', `node ${nodeName} is not ready`);
      return;
    }
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
    if (this.#isGone) return;
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

  /** Lets go of a Pod that is being deleted and has no processes; a node that is gone lets go of none by itself. */
  #release({ metadata: { name, namespace = 'default', uid } }: Pod): void {
    const { metadata } = this.#options.store.find<Pod>('pods', namespace, name) ?? {};
    if (metadata?.uid !== uid || metadata?.deletionTimestamp === undefined) return;
    if (!this.#isGone || metadata.deletionGracePeriodSeconds === 0) this.#dropFinalizer(namespace, name);
  }

  #dropFinalizer(namespace: string, name: string): void {
    this.#options.store.modify<Pod>('pods', namespace, name, (copy) => {
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
