import { join } from 'node:path';
import type { Container, KubernetesObject } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ObjectStore, WatchEvent } from '../api/store.ts';
import type { RecordEvent } from '../controllers/event-recorder.ts';
import type { Node, Pod } from '../controllers/pods.ts';
import { toTimestamp } from '../controllers/timestamps.ts';
import { ContainerConfigError, expand, resolveEnvironment } from './environment.ts';
import type { ImagePrograms } from './image-programs.ts';
import type { ProcessRegister } from './orphans.ts';
import type { PodLogs } from './pod-logs.ts';
import { RunningProcess } from './running-process.ts';
import type { ProcessEnd } from './running-process.ts';
import { PodVolumes } from './pod-volumes.ts';

/** The SDK server of one GameServer, for as long as its process runs. */
export interface OpenSidecar {
  grpcPort: number;
  httpPort: number;
  close(): Promise<void>;
}

export interface MachineNodeOptions {
  store: ObjectStore;
  clock: Clock;
  logger: Logger;
  record: RecordEvent;
  images: ImagePrograms;
  logs: PodLogs;
  register: ProcessRegister;
  /** Opens the sidecar of the GameServer a Pod belongs to. */
  openSidecar: (namespace: string, gameServerName: string) => Promise<OpenSidecar>;
  /** Where volumes of Pods are projected. */
  podsDirectory: string;
  /** Environment that every process needs to run at all, e.g. PATH. */
  baseEnvironment: Record<string, string>;
  nodeName: string;
}

/** Keeps a Pod's object until its process has ended, as the kubelet does with a graceful deletion. */
const PROCESS_FINALIZER = 'regatta.dev/process';
const ADDRESS = '127.0.0.1';
const DEFAULT_GRACE_SECONDS = 30;
const STOP_GRACE_MS = 5_000;

interface RunningPod {
  stopping: boolean;
  process: RunningProcess | undefined;
  volumes: PodVolumes;
  ended: Promise<void>;
}

/** The node: runs the game container of each Pod as a process of this machine, and restarts nothing. */
export class MachineNode {
  readonly #options: MachineNodeOptions;
  readonly #running = new Map<string, RunningPod>();
  readonly #unsubscribe: (() => void)[];
  #stopped = false;

  constructor(options: MachineNodeOptions) {
    this.#options = options;
    this.#registerNode();
    const { store } = options;
    this.#unsubscribe = [
      store.subscribe<Pod>('pods', (event) => {
        this.#onPod(event);
      }),
      ...(['configmaps', 'secrets'] as const).map((resource) =>
        store.subscribe(resource, ({ object }) => {
          this.#refreshVolumes(resource, object);
        }),
      ),
    ];
    for (const pod of store.list<Pod>('pods')) this.#take(pod);
  }

  /** Ends every process; resolves when the last is gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    const running = [...this.#running.values()];
    await Promise.all(
      running.map(async (pod) => {
        await pod.process?.stop(STOP_GRACE_MS, this.#options.clock);
        await pod.ended;
      }),
    );
  }

  #registerNode(): void {
    const { store, nodeName } = this.#options;
    store.create<Node>('nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: nodeName, labels: { 'kubernetes.io/hostname': nodeName } },
    });
    store.modify<Node>(
      'nodes',
      '',
      nodeName,
      (node) => {
        node.status = {
          addresses: [
            { type: 'InternalIP', address: ADDRESS },
            { type: 'Hostname', address: nodeName },
          ],
          conditions: [{ type: 'Ready', status: 'True', reason: 'LocalReady' }],
        };
      },
      { subresource: 'status' },
    );
  }

  #onPod({ type, object }: WatchEvent<Pod>): void {
    if (type === 'DELETED') {
      this.#running.get(keyOf(object))?.process?.kill();
    } else if (object.metadata.deletionTimestamp !== undefined) {
      this.#end(object);
    } else if (type === 'ADDED') {
      this.#take(object);
    }
  }

  #take(pod: Pod): void {
    const { store, nodeName, podsDirectory } = this.#options;
    const key = keyOf(pod);
    const { nodeName: bound = '' } = pod.spec;
    if (this.#running.has(key) || (bound !== '' && bound !== nodeName)) return;
    const { name, namespace = 'default' } = pod.metadata;
    const volumes = new PodVolumes(pod, store, join(podsDirectory, `${namespace}.${name}`));
    const running: RunningPod = { stopping: false, process: undefined, volumes, ended: Promise.resolve() };
    this.#running.set(key, running);
    store.modify<Pod>('pods', namespace, name, (copy) => {
      copy.spec.nodeName = nodeName;
      copy.metadata.finalizers = [...(copy.metadata.finalizers ?? []), PROCESS_FINALIZER];
    });
    running.ended = this.#run(pod, running).finally(() => {
      this.#running.delete(key);
      this.#release(pod);
    });
  }

  /** A deletion was asked for: the process goes, then the object. */
  #end(pod: Pod): void {
    const running = this.#running.get(keyOf(pod));
    if (running === undefined) {
      this.#release(pod);
      return;
    }
    if (running.stopping) return;
    running.stopping = true;
    const graceSeconds = pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
    void running.process?.stop(graceSeconds * 1000, this.#options.clock);
  }

  /** Lets go of an object that is being deleted and has no process any more. */
  #release(pod: Pod): void {
    const { name, namespace = 'default' } = pod.metadata;
    const current = this.#options.store.find<Pod>('pods', namespace, name);
    if (
      this.#stopped ||
      current?.metadata.uid !== pod.metadata.uid ||
      current?.metadata.deletionTimestamp === undefined
    )
      return;
    this.#options.store.modify<Pod>('pods', namespace, name, (copy) => {
      copy.metadata.finalizers = (copy.metadata.finalizers ?? []).filter(
        (finalizer) => finalizer !== PROCESS_FINALIZER,
      );
    });
  }

  /** From launch to exit. */
  async #run(pod: Pod, running: RunningPod): Promise<void> {
    const { clock, register, logs } = this.#options;
    const { name, namespace = 'default' } = pod.metadata;
    const container = gameContainerOf(pod);
    const startedAt = toTimestamp(clock.nowMs());
    const log = logs.open(namespace, name);
    let sidecar: OpenSidecar | undefined;
    try {
      sidecar = await this.#options.openSidecar(namespace, name);
      const launch = await this.#prepare(pod, container, running.volumes, sidecar);
      if (running.stopping || this.#stopped) return;
      const started = await RunningProcess.start({
        ...launch,
        onOutput: (chunk) => {
          log.write(chunk);
        },
      });
      running.process = started;
      register.add(started.processId);
      this.#reportRunning(pod, container, startedAt);
      // Asked to end while it was being started: nobody has told it yet.
      if (running.stopping || this.#stopped) void started.stop(STOP_GRACE_MS, clock);
      const end = await started.ended;
      register.remove(started.processId);
      this.#reportEnd(pod, container, startedAt, end);
    } catch (error) {
      this.#reportCannotStart(pod, container, error);
    } finally {
      log.end();
      await sidecar?.close();
      await running.volumes.remove();
    }
  }

  async #prepare(
    pod: Pod,
    container: Container,
    volumes: PodVolumes,
    sidecar: OpenSidecar,
  ): Promise<{ command: string[]; cwd: string; env: Record<string, string> }> {
    const { images, store, baseEnvironment } = this.#options;
    const program = images.get(container.image);
    if (program === undefined) {
      throw new ContainerConfigError(
        `no program stands for the image ${container.image} on this machine: name one in local's configuration (LOCAL_IMAGES)`,
      );
    }
    await volumes.project();
    const declared = resolveEnvironment(container.env ?? [], pod, store);
    const mounted = Object.entries(declared).map(([name, value]) => [name, volumes.rewrite(value, container)] as const);
    const env: Record<string, string> = {
      ...baseEnvironment,
      ...program.env,
      HOSTNAME: pod.metadata.name,
      ...Object.fromEntries(mounted),
      AGONES_SDK_GRPC_PORT: String(sidecar.grpcPort),
      AGONES_SDK_HTTP_PORT: String(sidecar.httpPort),
    };
    const words = [...(container.command ?? program.command), ...(container.args ?? [])];
    const command = words.map((word) => volumes.rewrite(expand(word, env), container));
    return { command, cwd: program.cwd ?? process.cwd(), env };
  }

  #reportRunning(pod: Pod, container: Container, startedAt: string): void {
    this.#writeStatus(pod, {
      phase: 'Running',
      podIP: ADDRESS,
      podIPs: [{ ip: ADDRESS }],
      hostIP: ADDRESS,
      startTime: startedAt,
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [
        {
          name: container.name,
          image: container.image,
          ready: true,
          started: true,
          restartCount: 0,
          state: { running: { startedAt } },
        },
      ],
    });
    this.#options.record(pod, 'Normal', 'Started', `Started container ${container.name}`);
  }

  #reportEnd(pod: Pod, container: Container, startedAt: string, end: ProcessEnd): void {
    const reason = end.exitCode === 0 ? 'Completed' : 'Error';
    const terminated = {
      exitCode: end.exitCode,
      reason,
      startedAt,
      finishedAt: toTimestamp(this.#options.clock.nowMs()),
    };
    this.#writeStatus(pod, {
      phase: end.exitCode === 0 ? 'Succeeded' : 'Failed',
      podIP: ADDRESS,
      podIPs: [{ ip: ADDRESS }],
      hostIP: ADDRESS,
      startTime: startedAt,
      conditions: [{ type: 'Ready', status: 'False' }],
      containerStatuses: [
        {
          name: container.name,
          image: container.image,
          ready: false,
          started: false,
          restartCount: 0,
          state: { terminated },
        },
      ],
    });
  }

  /** It stays Pending and says why: a Fleet would only make the next one that cannot start. */
  #reportCannotStart(pod: Pod, container: Container, error: unknown): void {
    const isConfig = error instanceof ContainerConfigError;
    const message = error instanceof Error ? error.message : 'the program cannot be started';
    const reason = isConfig ? 'CreateContainerConfigError' : 'RunContainerError';
    this.#options.logger.warn({ pod: keyOf(pod), reason, why: message }, 'a GameServer cannot start');
    this.#options.record(pod, 'Warning', 'Failed', message);
    this.#writeStatus(pod, {
      phase: 'Pending',
      containerStatuses: [
        {
          name: container.name,
          image: container.image,
          ready: false,
          restartCount: 0,
          state: { waiting: { reason, message } },
        },
      ],
    });
  }

  #writeStatus(pod: Pod, status: NonNullable<Pod['status']>): void {
    const { name, namespace = 'default', uid } = pod.metadata;
    const { store } = this.#options;
    if (this.#stopped || store.find<Pod>('pods', namespace, name)?.metadata.uid !== uid) return;
    store.modify<Pod>(
      'pods',
      namespace,
      name,
      (copy) => {
        copy.status = status;
      },
      { subresource: 'status' },
    );
  }

  #refreshVolumes(resource: 'configmaps' | 'secrets', { metadata }: KubernetesObject): void {
    for (const [key, { volumes }] of this.#running) {
      if (!volumes.uses(resource, metadata.name)) continue;
      volumes.project().catch((error: unknown) => {
        this.#options.logger.warn({ err: error, pod: key }, 'a volume keeps its last content');
      });
    }
  }
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace ?? 'default'}/${metadata.name}`;
}

function gameContainerOf(pod: Pod): Container {
  const named = pod.metadata.annotations?.['agones.dev/container'];
  const { containers } = pod.spec;
  const container = containers.find(({ name }) => name === named) ?? containers[0];
  return container ?? { name: '', image: '' };
}
