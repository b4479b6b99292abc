import type { Pod } from '../controllers/pods.ts';
import type { ProcessGroup } from './process-group.ts';

/** A Pod that was started on the node, until its object is gone. */
export interface RunningPod {
  /** Resolves once nothing of the Pod runs. */
  readonly done: Promise<void>;
  /** The process of the game itself, where it has one, while that runs. */
  readonly game: ProcessGroup | undefined;
  /** Whether one of its containers was started. */
  readonly hasRun: boolean;
  /** A ConfigMap or Secret of the Pod's namespace has changed. */
  sourceChanged(): void;
  /** @param graceMs - what the Pod gets to end itself; the last call's counts */
  end(graceMs: number): void;
  /** Ends it without a word before. */
  kill(): void;
  /** Tells the status again, for one that was not heard. */
  tellStatus(): void;
}

/** A way in which the node runs Pods, as a runtime class of Kubernetes is. */
export interface PodRunner {
  /** Pods beyond this wait until one is gone. */
  readonly maxPods: number;
  /** The setting that allows more, for who is told of the bound. */
  readonly maxPodsSetting: string;
  /** Whether this Pod is run in this way. */
  takes(pod: Pod): boolean;
  /** @param pod - bound to the node, and taken */
  start(pod: Pod): RunningPod;
}
