import { join } from 'node:path';
import type { Container } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ObjectStore } from '../api/store.ts';
import type { RecordEvent } from '../controllers/event-recorder.ts';
import { GAME_SERVER_LABEL } from '../controllers/pods.ts';
import type { Pod } from '../controllers/pods.ts';
import type { ImagePrograms } from './image-programs.ts';
import { PodConfigurationError, variablesOf } from './pod-configuration.ts';
import type { PodLogs } from './pod-logs.ts';
import type { RunningPod } from './pod-runner.ts';
import { initContainersOf, writePodStatus } from './pod-status.ts';
import type { ContainerState, PodPhase } from './pod-status.ts';
import { ProcessGroup } from './process-group.ts';
import type { ProcessExit } from './process-group.ts';
import type { ProgramEnd } from './program-end.ts';
import type { ProcessRecords } from './process-records.ts';
import { programOf } from './program.ts';
import type { Program } from './program.ts';
import type { StartBackoff } from './start-backoff.ts';
import { containersOf, findStartObstacles } from './start-obstacles.ts';
import type { StartObstacle } from './start-obstacles.ts';
import { PodVolumes } from './volumes.ts';

/** The SDK server of one GameServer, for as long as its processes run. */
export interface OpenSidecar {
  grpcPort: number;
  httpPort: number;
  close(): Promise<void>;
}

/** What all Pods of the node have in common. */
export interface PodWorkerContext {
  store: ObjectStore;
  clock: Clock;
  logger: Logger;
  /** The recorder of `kubelet`. */
  record: RecordEvent;
  images: ImagePrograms;
  logs: PodLogs;
  records: ProcessRecords;
  backoff: StartBackoff;
  /** Opens the SDK server of the GameServer of this name, which calls back when the game is to end for being silent. */
  openSidecar(namespace: string, gameServerName: string, onDead: () => void): Promise<OpenSidecar>;
  /** Where volumes of Pods are projected. */
  podsDirectory: string;
  /** Environment that every process needs to run at all, e.g. PATH. */
  baseEnvironment: Readonly<Record<string, string>>;
  /** Where a program runs whose image names no folder. */
  defaultDirectory: string;
  /** Of this machine, as players and gateways reach it. */
  address: string;
  /** Asked once before a Pod's first process; undefined lets it start, else it starts when that resolves. */
  holdStart?(pod: Pod, ending: AbortSignal): Promise<void> | undefined;
  /** Whether nobody hears of what happens on the node. */
  isCutOff(): boolean;
  /** Told of each process that ends without being asked to, before its Pod's status tells of it. */
  onProgramEnd?(end: ProgramEnd): void;
}

const GAME_CONTAINER_ANNOTATION = 'agones.dev/container';

/** Helpers that are left when a Pod's own containers have ended get so long. */
const HELPER_GRACE_MS = 2000;

/**
 * Runs one Pod: waits until everything it names is there, starts its containers as processes, tells its status, ends them.
 *
 * As in Kubernetes with `restartPolicy: Never`, which Agones gives its Pods, nothing is started twice. The SDK server opens
 * with the first process, so that no health is asked of a game that still waits.
 */
export class PodWorker implements RunningPod {
  /** Resolves once no process of the Pod runs and nothing of it is left on disk but its logs. */
  readonly done: Promise<void>;
  readonly #context: PodWorkerContext;
  readonly #pod: Pod;
  readonly #volumes: PodVolumes;
  readonly #states = new Map<string, ContainerState>();
  readonly #processes = new Map<string, ProcessGroup>();
  readonly #wakers = new Set<() => void>();
  readonly #startedAtMs: number;
  readonly #endingSignal = new AbortController();
  #phase: PodPhase = 'Pending';
  #reachable = false;
  #finished = false;
  /** Whether the grace it was given to end is over. */
  #graceOver = false;
  #cancelKill: () => void = () => {};

  constructor(context: PodWorkerContext, pod: Pod) {
    const { name, namespace = 'default' } = pod.metadata;
    this.#context = context;
    this.#pod = pod;
    this.#startedAtMs = context.clock.nowMs();
    this.#volumes = new PodVolumes(context.store, pod, join(context.podsDirectory, namespace, name));
    this.done = this.#run();
  }

  get #ending(): boolean {
    return this.#endingSignal.signal.aborted;
  }

  /** The process of the game itself; undefined before it starts, and once it has ended. */
  get game(): ProcessGroup | undefined {
    return this.#processes.get(this.#pod.metadata.annotations?.[GAME_CONTAINER_ANNOTATION] ?? '');
  }

  /** Whether one of its processes was started. */
  get hasRun(): boolean {
    return [...this.#states.values()].some(({ kind }) => kind !== 'waiting');
  }

  /** A ConfigMap or Secret of the Pod's namespace has changed. */
  sourceChanged(): void {
    if (this.#processes.size > 0 && !this.#ending) this.#refreshVolumes();
    for (const wake of this.#wakers) wake();
  }

  /**
   * SIGTERM to each process, and after the grace SIGKILL to it and all it started.
   *
   * @param graceMs - the last call's counts
   */
  end(graceMs: number): void {
    if (this.#finished) return;
    const { clock } = this.#context;
    if (!this.#ending) {
      for (const name of this.#processes.keys()) this.#record(name, 'Killing', `Stopping container ${name}`);
      this.#signal('SIGTERM');
    }
    this.#endingSignal.abort();
    for (const wake of this.#wakers) wake();
    this.#cancelKill();
    this.#cancelKill = clock.after(graceMs, () => {
      this.kill();
    });
  }

  /** SIGKILL to all of it, without a word before. */
  kill(): void {
    this.#graceOver = true;
    this.#endingSignal.abort();
    for (const wake of this.#wakers) wake();
    this.#signal('SIGKILL');
  }

  /** Tells the status again, for one that was not heard. */
  tellStatus(): void {
    this.#report(this.#phase);
  }

  async #run(): Promise<void> {
    let sidecar: OpenSidecar | undefined;
    try {
      await this.#untilStartable();
      if (!this.#ending) await this.#untilLet();
      if (this.#ending) return;
      sidecar = await this.#openSidecar();
      await this.#runContainers(sidecar);
    } catch (error) {
      this.#tellFault(error);
    } finally {
      await this.#endHelpers();
      this.#finished = true;
      this.#cancelKill();
      await sidecar?.close();
      this.#volumes.remove();
    }
  }

  /** Resolves when every container could be started, or the Pod is to end. */
  async #untilStartable(): Promise<void> {
    for (;;) {
      const obstacles = findStartObstacles(this.#pod, this.#volumes, this.#context);
      this.#reachable = obstacles.every(({ eventReason }) => eventReason !== 'FailedMount');
      if (obstacles.length === 0) break;
      for (const obstacle of obstacles) this.#tellObstacle(obstacle);
      await this.#change();
      if (this.#ending) return;
    }
    const containers = containersOf(this.#pod);
    const delayMs = Math.max(...containers.map((container) => this.#context.backoff.delayMs(programKey(container))));
    if (delayMs <= 0) return;
    const message = `its program failed right after its start several times: the next start waits ${delayMs / 1000} s`;
    for (const { name } of containers) {
      this.#states.set(name, { kind: 'waiting', reason: 'CrashLoopBackOff', message });
    }
    this.#context.record(this.#pod, 'Warning', 'BackOff', message);
    this.#report('Pending');
    const untilMs = this.#context.clock.nowMs() + delayMs;
    while (!this.#ending && this.#context.clock.nowMs() < untilMs) {
      await this.#change(untilMs - this.#context.clock.nowMs());
    }
  }

  async #untilLet(): Promise<void> {
    const held = this.#context.holdStart?.(this.#pod, this.#endingSignal.signal);
    if (held === undefined) return;
    this.#report('Pending');
    await held;
  }

  async #runContainers(sidecar: OpenSidecar | undefined): Promise<void> {
    for (const container of initContainersOf(this.#pod)) {
      const { ended } = await this.#start(container, sidecar);
      if (container['restartPolicy'] === 'Always') continue;
      const { exitCode } = await ended;
      if (exitCode !== 0) {
        this.#report('Failed');
        return;
      }
      if (this.#ending) return;
    }
    const started = await Promise.allSettled(
      this.#pod.spec.containers.map((container) => this.#start(container, sidecar)),
    );
    const exits: ProcessExit[] = [];
    for (const start of started) {
      if (start.status === 'fulfilled') exits.push(await start.value.ended);
      else this.#tellFault(start.reason);
    }
    if (exits.length < started.length) return;
    this.#report(exits.every(({ exitCode }) => exitCode === 0) ? 'Succeeded' : 'Failed');
  }

  /** @throws ProcessStartError, PodConfigurationError */
  async #start(container: Container, sidecar: OpenSidecar | undefined): Promise<{ ended: Promise<ProcessExit> }> {
    const { clock, logs, records } = this.#context;
    const { name, image } = container;
    const { name: podName, namespace = 'default' } = this.#pod.metadata;
    const program = this.#programOf(container, sidecar);
    this.#record(name, 'Pulled', `Image ${image} is a program of this machine: ${program.file}`);
    this.#record(name, 'Created', `Created container: ${name}`);
    const group = await ProcessGroup.start(program);
    const startedAtMs = clock.nowMs();
    const log = logs.open(namespace, podName, name);
    log.follow(group.stdout);
    log.follow(group.stderr);
    this.#processes.set(name, group);
    this.#states.set(name, { kind: 'running', containerId: containerIdOf(group), startedAtMs });
    this.#reachable = true;
    this.#report(initContainersOf(this.#pod).includes(container) ? 'Pending' : 'Running');
    this.#record(name, 'Started', `Started container ${name}`);
    // Asked to end while it was being started: nobody has told it yet.
    if (this.#ending) group.signal(this.#graceOver ? 'SIGKILL' : 'SIGTERM');
    await records.add(group.pid, `${podName} ${name}`);
    return { ended: this.#untilEnd(container, program, group, startedAtMs) };
  }

  async #untilEnd(
    container: Container,
    program: Program,
    group: ProcessGroup,
    startedAtMs: number,
  ): Promise<ProcessExit> {
    const { clock, logs, records, backoff, onProgramEnd } = this.#context;
    const { name: podName, namespace = 'default' } = this.#pod.metadata;
    const exit = await group.ended;
    this.#processes.delete(container.name);
    records.remove(group.pid);
    logs.end(namespace, podName, container.name);
    if (!this.#ending) {
      backoff.noteEnd(programKey(container), startedAtMs, exit);
      // What a fault on demand has killed is no news of the program.
      if (exit.killed !== true)
        onProgramEnd?.({ pod: this.#pod, container, program, exit, ranMs: clock.nowMs() - startedAtMs });
    }
    this.#states.set(container.name, {
      kind: 'terminated',
      containerId: containerIdOf(group),
      startedAtMs,
      finishedAtMs: clock.nowMs(),
      exit,
    });
    this.#report(this.#phase);
    return exit;
  }

  #programOf(container: Container, sidecar: OpenSidecar | undefined): Program {
    const { images, store, records, baseEnvironment, defaultDirectory } = this.#context;
    const image = images.get(container.image);
    if (image === undefined) throw new PodConfigurationError(`image ${container.image} is not there`);
    const variables = variablesOf(store, this.#pod, container);
    if (sidecar !== undefined) {
      variables.set('AGONES_SDK_GRPC_PORT', String(sidecar.grpcPort));
      variables.set('AGONES_SDK_HTTP_PORT', String(sidecar.httpPort));
    }
    return programOf({
      container,
      image,
      baseEnvironment: { ...baseEnvironment, ...records.environment, HOSTNAME: this.#pod.metadata.name },
      variables,
      mounts: this.#volumes.mountsOf(container),
      defaultDirectory,
    });
  }

  #openSidecar(): Promise<OpenSidecar | undefined> {
    const { labels = {}, namespace = 'default' } = this.#pod.metadata;
    const gameServerName = labels[GAME_SERVER_LABEL];
    if (gameServerName === undefined) return Promise.resolve(undefined);
    return this.#context.openSidecar(namespace, gameServerName, () => {
      this.#endDeadGame();
    });
  }

  /** What a kubelet does when the liveness probe of the game has failed too often. */
  #endDeadGame(): void {
    const group = this.game;
    if (group === undefined || this.#ending) return;
    const name = this.#pod.metadata.annotations?.[GAME_CONTAINER_ANNOTATION] ?? '';
    this.#record(name, 'Killing', `Container ${name} failed its liveness probe`);
    group.signal('SIGTERM');
    const graceMs = (this.#pod.spec.terminationGracePeriodSeconds ?? 0) * 1000;
    const cancel = this.#context.clock.after(graceMs, () => {
      group.signal('SIGKILL');
    });
    void group.ended.then(cancel);
  }

  /** Ends what is left when the Pod's own containers have ended, or one could not be started. */
  async #endHelpers(): Promise<void> {
    const left = [...this.#processes.values()];
    if (left.length === 0) return;
    if (!this.#ending) this.end(HELPER_GRACE_MS);
    await Promise.all(left.map((group) => group.ended));
  }

  #tellObstacle({ container, reason, eventReason, message }: StartObstacle): void {
    const before = this.#states.get(container);
    if (before?.kind === 'waiting' && before.message === message) return;
    this.#states.set(container, { kind: 'waiting', reason, message });
    this.#context.record(this.#pod, 'Warning', eventReason, message);
    this.#context.logger.warn({ pod: this.#pod.metadata.name, reason, why: message }, 'a Pod cannot start yet');
    this.#report('Pending');
  }

  /** It stays as it is and says why: a Fleet would only make the next one that cannot start. */
  #tellFault(error: unknown): void {
    const message = error instanceof Error ? error.message : 'the Pod cannot be run';
    for (const { name } of containersOf(this.#pod)) {
      if (this.#states.get(name)?.kind === 'running') continue;
      this.#states.set(name, { kind: 'waiting', reason: 'RunContainerError', message });
    }
    this.#context.record(this.#pod, 'Warning', 'Failed', message);
    this.#context.logger.warn({ pod: this.#pod.metadata.name, why: message }, 'a Pod cannot be run');
    this.#report(this.#phase);
  }

  /** What happens to one container. */
  #record(container: string, reason: string, message: string): void {
    const isInit = initContainersOf(this.#pod).some(({ name }) => name === container);
    const fieldPath = `spec.${isInit ? 'initContainers' : 'containers'}{${container}}`;
    this.#context.record(this.#pod, 'Normal', reason, message, fieldPath);
  }

  #report(phase: PodPhase): void {
    this.#phase = phase;
    const { store, clock, address, isCutOff } = this.#context;
    if (isCutOff()) return;
    writePodStatus(store, this.#pod, clock.nowMs(), {
      phase,
      startedAtMs: this.#startedAtMs,
      address: this.#reachable ? address : undefined,
      states: this.#states,
    });
  }

  #refreshVolumes(): void {
    try {
      this.#volumes.project();
    } catch (error) {
      this.#context.logger.warn({ err: error, pod: this.#pod.metadata.name }, 'a volume keeps its last content');
    }
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    for (const group of this.#processes.values()) group.signal(signal);
  }

  /** Resolves with the next change of a source, the wish to end, or after the delay. */
  #change(delayMs?: number): Promise<void> {
    return new Promise((resolve) => {
      let cancel: () => void = () => {};
      const wake = (): void => {
        this.#wakers.delete(wake);
        cancel();
        resolve();
      };
      this.#wakers.add(wake);
      if (delayMs !== undefined) cancel = this.#context.clock.after(delayMs, wake);
    });
  }
}

function containerIdOf({ pid }: ProcessGroup): string {
  return `process://${pid}`;
}

/** What is the same for containers that run the same program. */
function programKey({ image, command, args }: Container): string {
  return JSON.stringify([image, command, args]);
}
