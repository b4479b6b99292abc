import type { KubernetesObject } from '../../lib/agones.ts';
import type { WatchEvent } from '../api/store.ts';
import type { RecordEvent } from '../controllers/event-recorder.ts';
import type { Pod } from '../controllers/pods.ts';
import { registerNode, tellNodeReady } from './node-object.ts';
import type { PodRunner, RunningPod } from './pod-runner.ts';
import { PodWorker } from './pod-worker.ts';
import type { PodWorkerContext } from './pod-worker.ts';
import type { ProcessGroup } from './process-group.ts';
import { StartBackoff } from './start-backoff.ts';

export interface MachineNodeOptions extends Omit<PodWorkerContext, 'backoff' | 'isCutOff'> {
  nodeName: string;
  /** Pods with processes; more wait until one is gone. */
  maxPods: number;
  /** Other ways to run Pods: those that none of them takes become processes. */
  otherRunners?: readonly PodRunner[];
  /** The recorder of `default-scheduler`. */
  recordScheduling: RecordEvent;
  /** What its processes get to end themselves when the node stops. */
  stopGraceMs: number;
}

/** Keeps a Pod's object until its processes have ended, as a kubelet does with a graceful deletion. */
const PROCESS_FINALIZER = 'regatta.dev/process';

/** A Pod of the node, until its object is gone. */
interface TakenPod {
  runner: PodRunner;
  running: RunningPod;
}

/**
 * The scheduler and the node in one: takes every Pod that is bound to no other, and runs it, most of them as processes of
 * this machine.
 *
 * A Pod carries a finalizer of the node from the moment it is taken, so that a deleted one is there until its processes are
 * not. Who takes the finalizer off by hand has them killed at once.
 */
export class MachineNode {
  readonly #options: MachineNodeOptions;
  readonly #runners: readonly PodRunner[];
  readonly #backoff: StartBackoff;
  /** By uid. */
  readonly #taken = new Map<string, TakenPod>();
  readonly #takenBy = new Map<PodRunner, number>();
  /** Those for which there is no room, by uid, the longest first. */
  readonly #waiting = new Map<PodRunner, Map<string, Pod>>();
  readonly #unsubscribe: (() => void)[];
  /** How many outages there are. */
  #outages = 0;

  constructor(options: MachineNodeOptions) {
    this.#options = options;
    this.#backoff = new StartBackoff(options.clock);
    const processes = processRunner(options, this.#backoff, () => this.#isGone);
    this.#runners = [...(options.otherRunners ?? []), processes];
    registerNode({ ...options, maxPods: this.#runners.reduce((sum, { maxPods }) => sum + maxPods, 0) });
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
    const pods = [...this.#taken.values()].map(({ running }) => running);
    for (const pod of pods) pod.end(this.#options.stopGraceMs);
    await Promise.all(pods.map((pod) => pod.done));
  }

  /** The process of a GameServer's game, while it runs. */
  gameOf(namespace: string, gameServerName: string): ProcessGroup | undefined {
    const pod = this.#options.store.find<Pod>('pods', namespace, gameServerName);
    return pod === undefined ? undefined : this.#taken.get(uidOf(pod))?.running.game;
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
      for (const { running } of this.#taken.values()) running.kill();
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
      const running = this.#taken.get(uidOf(pod))?.running;
      if (running === undefined) {
        this.#take(pod);
        continue;
      }
      void running.done.then(() => {
        this.#catchUp(pod, running);
      });
    }
  }

  /** Tells what has become of a Pod while nobody heard of the node, or starts it when it had not been. */
  #catchUp(pod: Pod, running: RunningPod): void {
    if (this.#isGone || this.#taken.get(uidOf(pod))?.running !== running) return;
    if (running.hasRun) {
      running.tellStatus();
      this.#release(pod);
    } else {
      this.#drop(uidOf(pod));
      this.#release(pod);
      this.#take(pod);
    }
  }

  /** What failed before is tried at once, e.g. because its program has changed. */
  forgetFailures(): void {
    this.#backoff.forget();
  }

  #onPod({ type, object, previous }: WatchEvent<Pod>): void {
    const { deletionTimestamp } = object.metadata;
    if (type === 'DELETED') {
      this.#forget(object);
    } else if (type === 'ADDED') {
      this.#take(object);
    } else if (deletionTimestamp !== undefined && previous?.metadata.deletionTimestamp === undefined) {
      this.#end(object);
    }
  }

  #take(pod: Pod): void {
    const { store, nodeName, recordScheduling } = this.#options;
    const { name, namespace = 'default', deletionTimestamp } = pod.metadata;
    const { nodeName: bound = '' } = pod.spec;
    if (deletionTimestamp !== undefined || (bound !== '' && bound !== nodeName)) return;
    if (this.#taken.has(uidOf(pod))) return;
    if (this.#isGone) {
      recordScheduling(pod, 'Warning', 'FailedScheduling', `node ${nodeName} is not ready`);
      return;
    }
    const runner = this.#runners.find((one) => one.takes(pod));
    if (runner === undefined) return;
    if (this.#countOf(runner) >= runner.maxPods) {
      const message = `${runner.maxPods} Pods run on this machine already; ${runner.maxPodsSetting} allows more`;
      recordScheduling(pod, 'Warning', 'FailedScheduling', message);
      this.#waitingFor(runner).set(uidOf(pod), pod);
      return;
    }
    const taken = store.modify<Pod>('pods', namespace, name, (copy) => {
      copy.spec.nodeName = nodeName;
      copy.metadata.finalizers = [...new Set([...(copy.metadata.finalizers ?? []), PROCESS_FINALIZER])];
    });
    if (taken === undefined) return;
    recordScheduling(taken, 'Normal', 'Scheduled', `Assigned to ${nodeName}`);
    const running = runner.start(taken);
    this.#waitingFor(runner).delete(uidOf(taken));
    this.#taken.set(uidOf(taken), { runner, running });
    this.#takenBy.set(runner, this.#countOf(runner) + 1);
    void running.done.then(() => {
      this.#release(taken);
    });
  }

  /** Its object is gone: what is left of it goes too, and there is room for another. */
  #forget(pod: Pod): void {
    for (const waiting of this.#waiting.values()) waiting.delete(uidOf(pod));
    const taken = this.#drop(uidOf(pod));
    if (taken === undefined) return;
    taken.running.end(0);
    this.#takeWaiting(taken.runner);
  }

  #drop(uid: string): TakenPod | undefined {
    const taken = this.#taken.get(uid);
    if (taken === undefined) return undefined;
    this.#taken.delete(uid);
    this.#takenBy.set(taken.runner, this.#countOf(taken.runner) - 1);
    return taken;
  }

  #takeWaiting(runner: PodRunner): void {
    const waiting = this.#waitingFor(runner);
    for (const [uid, { metadata }] of waiting) {
      if (this.#isGone || this.#countOf(runner) >= runner.maxPods) return;
      waiting.delete(uid);
      const pod = this.#options.store.find<Pod>('pods', metadata.namespace ?? 'default', metadata.name);
      if (pod !== undefined && uidOf(pod) === uid) this.#take(pod);
    }
  }

  #waitingFor(runner: PodRunner): Map<string, Pod> {
    const known = this.#waiting.get(runner);
    if (known !== undefined) return known;
    const none = new Map<string, Pod>();
    this.#waiting.set(runner, none);
    return none;
  }

  #countOf(runner: PodRunner): number {
    return this.#takenBy.get(runner) ?? 0;
  }

  /** A deletion was asked for: the processes go, then the object. */
  #end(pod: Pod): void {
    const running = this.#taken.get(uidOf(pod))?.running;
    if (running === undefined) {
      this.#release(pod);
      return;
    }
    running.end((pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000);
    void running.done.then(() => {
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
      this.#taken.get(uidOf(pod))?.running.sourceChanged();
    }
  }
}

function uidOf({ metadata }: KubernetesObject): string {
  return metadata.uid ?? '';
}

/** Takes every Pod. */
function processRunner(options: MachineNodeOptions, backoff: StartBackoff, isCutOff: () => boolean): PodRunner {
  const context: PodWorkerContext = {
    ...options,
    backoff,
    record: (...event) => {
      if (!isCutOff()) options.record(...event);
    },
    isCutOff,
  };
  return {
    maxPods: options.maxPods,
    maxPodsSetting: 'LOCAL_MAX_PODS',
    takes: () => true,
    start: (pod) => new PodWorker(context, pod),
  };
}
