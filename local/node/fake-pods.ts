import type { GameServer } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ObjectStore } from '../api/store.ts';
import type { RecordEvent } from '../controllers/event-recorder.ts';
import { GAME_SERVER_LABEL } from '../controllers/pods.ts';
import type { Pod } from '../controllers/pods.ts';
import type { PodRunner, RunningPod } from './pod-runner.ts';
import { initContainersOf, writePodStatus } from './pod-status.ts';
import type { ContainerState } from './pod-status.ts';
import type { ProcessExit } from './process-group.ts';

/** The image that no program stands for and none is needed for: a Pod of it alone is a fake. */
export const FAKE_IMAGE = 'regatta.dev/fake';

/** The SDK as the game of a fake uses it. */
export interface FakeGameSdk {
  ready(): void;
  shutdown(): void;
  /** Calls back with each later state of the GameServer. */
  watch(listener: (gameServer: GameServer) => void): void;
}

/** A sidecar that is called within this process. */
export interface ConnectedSidecar {
  sidecar: FakeGameSdk;
  close(): void;
}

export interface FakePodsOptions {
  store: ObjectStore;
  clock: Clock;
  /** The recorder of `kubelet`. */
  record: RecordEvent;
  /** The sidecar of the GameServer of this name, which there must be. */
  connectSidecar(namespace: string, gameServerName: string): ConnectedSidecar;
  /** Asked once before a Pod starts; undefined lets it start, else it starts when that resolves. */
  holdStart?(pod: Pod, ending: AbortSignal): Promise<void> | undefined;
  /** Of this machine; nothing listens there. */
  address: string;
  maxPods: number;
  /** From when the node takes the Pod until its container runs. */
  startMs: number;
  /** From then until the game says Ready. */
  readyMs: number;
  /** From Allocated until the game says Shutdown; undefined for never. */
  sessionMs: number | undefined;
}

/** As a SIGKILL ends a process. */
const KILLED: ProcessExit = { exitCode: 137, signal: 9 };

/**
 * Pods without a process, so that there can be ten thousand: everything about them is as it is with a program, and the
 * node plays the calls of the game.
 */
export class FakePods implements PodRunner {
  readonly maxPods: number;
  readonly maxPodsSetting = 'LOCAL_MAX_FAKE_PODS';
  readonly #options: FakePodsOptions;

  constructor(options: FakePodsOptions) {
    this.#options = options;
    this.maxPods = options.maxPods;
  }

  takes(pod: Pod): boolean {
    return initContainersOf(pod).length === 0 && pod.spec.containers.every(({ image }) => image === FAKE_IMAGE);
  }

  start(pod: Pod): RunningPod {
    return new FakePod(this.#options, pod);
  }
}

class FakePod implements RunningPod {
  readonly done: Promise<void>;
  readonly game = undefined;
  readonly #options: FakePodsOptions;
  readonly #pod: Pod;
  readonly #takenAtMs: number;
  readonly #finish: () => void;
  #startedAtMs: number | undefined;
  #endedAtMs: number | undefined;
  /** Of what comes next: the start, Ready, or the end of the session. */
  #cancelNext: () => void;
  #closeSidecar: () => void = () => {};
  #inSession = false;

  constructor(options: FakePodsOptions, pod: Pod) {
    this.#options = options;
    this.#pod = pod;
    this.#takenAtMs = options.clock.nowMs();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#finish = resolve;
    this.#cancelNext = options.clock.after(options.startMs, () => {
      this.#startWhenLet();
    });
  }

  get hasRun(): boolean {
    return this.#startedAtMs !== undefined;
  }

  sourceChanged(): void {
    // It has no program that would read it.
  }

  /** There is nothing that would need the grace. */
  end(): void {
    this.#endedAtMs ??= this.#options.clock.nowMs();
    this.#cancelNext();
    this.#closeSidecar();
    this.#finish();
  }

  kill(): void {
    this.end();
  }

  tellStatus(): void {
    const { store, clock, address } = this.#options;
    const state = this.#state();
    writePodStatus(store, this.#pod, clock.nowMs(), {
      phase: state.kind === 'running' ? 'Running' : state.kind === 'terminated' ? 'Failed' : 'Pending',
      startedAtMs: this.#takenAtMs,
      address,
      states: new Map(this.#pod.spec.containers.map(({ name }) => [name, state])),
    });
  }

  #state(): ContainerState {
    const startedAtMs = this.#startedAtMs;
    if (startedAtMs === undefined) return { kind: 'waiting', reason: 'ContainerCreating' };
    const containerId = `fake://${this.#pod.metadata.uid ?? ''}`;
    const finishedAtMs = this.#endedAtMs;
    if (finishedAtMs === undefined) return { kind: 'running', containerId, startedAtMs };
    return { kind: 'terminated', containerId, startedAtMs, finishedAtMs, exit: KILLED };
  }

  #startWhenLet(): void {
    const ending = new AbortController();
    const held = this.#options.holdStart?.(this.#pod, ending.signal);
    if (held === undefined) {
      this.#run();
      return;
    }
    this.#cancelNext = () => {
      ending.abort();
    };
    void held.then(() => {
      if (this.#endedAtMs === undefined) this.#run();
    });
  }

  #run(): void {
    const { store, clock, record, connectSidecar, readyMs, sessionMs } = this.#options;
    const { labels = {}, namespace = 'default' } = this.#pod.metadata;
    this.#startedAtMs = clock.nowMs();
    this.tellStatus();
    for (const { name } of this.#pod.spec.containers) {
      record(this.#pod, 'Normal', 'Started', `Started container ${name}`, `spec.containers{${name}}`);
    }
    const gameServerName = labels[GAME_SERVER_LABEL];
    if (gameServerName === undefined || store.find('gameservers', namespace, gameServerName) === undefined) return;
    const { sidecar, close } = connectSidecar(namespace, gameServerName);
    this.#closeSidecar = close;
    this.#cancelNext = clock.after(readyMs, () => {
      sidecar.ready();
    });
    if (sessionMs !== undefined) this.#endSessions(sidecar, sessionMs);
  }

  #endSessions(sdk: FakeGameSdk, sessionMs: number): void {
    sdk.watch(({ status }) => {
      const allocated = status?.state === 'Allocated';
      if (allocated === this.#inSession) return;
      this.#inSession = allocated;
      this.#cancelNext();
      if (!allocated) return;
      this.#cancelNext = this.#options.clock.after(sessionMs, () => {
        sdk.shutdown();
      });
    });
  }
}
