import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubernetesObject } from '../../../lib/agones.ts';
import { systemClock } from '../../../lib/clock.ts';
import { silentLogger } from '../../../lib/logger.ts';
import { createObjectStore } from '../../api/memory-store.ts';
import type { ObjectStore } from '../../api/store.ts';
import { EventRecorder } from '../../controllers/event-recorder.ts';
import type { CoreEvent } from '../../controllers/event-recorder.ts';
import type { Pod } from '../../controllers/pods.ts';
import { resourceDefinitions } from '../../resources/resource-definitions.ts';
import { eventually } from '../../testing/conditions.ts';
import { Sidecars } from '../../sdk/sidecars.ts';
import { FakePods } from '../fake-pods.ts';
import type { FakePodsOptions } from '../fake-pods.ts';
import { MachineNode } from '../machine-node.ts';
import type { MachineNodeOptions } from '../machine-node.ts';
import { PodLogs } from '../pod-logs.ts';
import { ProcessRecords } from '../process-records.ts';

/** The status of one container, as far as tests look. */
export interface SeenContainer {
  state: {
    waiting?: { reason: string; message: string };
    running?: object;
    terminated?: { exitCode: number; signal?: number; reason: string };
  };
}

/** How many fakes there may be, and how their games go. */
export type FakeTimes = Pick<FakePodsOptions, 'maxPods' | 'startMs' | 'readyMs' | 'sessionMs'>;

/** A node over a store, with a folder of its own; its programs are Node scripts in the Pods' arguments. */
export class NodeFixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'regatta-node-'));
  readonly store: ObjectStore;
  readonly logs: PodLogs;
  readonly node: MachineNode;

  constructor({ fakes, ...options }: Partial<MachineNodeOptions> & { fakes?: FakeTimes } = {}) {
    const clock = options.clock ?? systemClock;
    this.store = createObjectStore(resourceDefinitions, { clock, logger: silentLogger });
    this.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    this.logs = new PodLogs({
      clock,
      directory: join(this.directory, 'logs'),
      keptLines: 100,
      maxFileBytes: 10_000,
      keptEndedPods: 10,
    });
    const { store } = this;
    const events = new EventRecorder({ store, clock, log: silentLogger });
    const record = events.from('kubelet');
    const sidecars = new Sidecars({ store, clock, record: events.from('gameserver-sidecar'), writeIntervalMs: 500 });
    this.node = new MachineNode({
      store: this.store,
      clock,
      logger: silentLogger,
      record,
      recordScheduling: events.from('default-scheduler'),
      images: new Map([['script', { command: ['node', '-e'], env: { FROM_IMAGE: 'yes' } }]]),
      logs: this.logs,
      records: new ProcessRecords(join(this.directory, 'processes')),
      openSidecar: () => Promise.reject(new Error('these Pods belong to no GameServer')),
      podsDirectory: join(this.directory, 'pods'),
      baseEnvironment: {},
      defaultDirectory: this.directory,
      nodeName: 'local',
      address: '127.0.0.1',
      maxPods: 10,
      stopGraceMs: 1000,
      ...(fakes === undefined
        ? {}
        : {
            otherRunners: [
              new FakePods({
                ...fakes,
                store,
                clock,
                record,
                connectSidecar: (namespace, name) => sidecars.connect(namespace, name),
                address: '127.0.0.1',
              }),
            ],
          }),
      ...options,
    });
  }

  create(resource: string, object: KubernetesObject): void {
    this.store.create(resource, object);
  }

  createConfigMap(name: string, data: Record<string, string>): void {
    const object: KubernetesObject & { data: object } = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'default' },
      data,
    };
    this.create('configmaps', object);
  }

  /** A Pod with one container that runs a script; `spec` and `container` go over it. */
  run(name: string, script: string, spec: object = {}, container: object = {}): void {
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', labels: { role: 'test' } },
      spec: { containers: [{ name: 'game', image: 'script', args: [script], ...container }], ...spec },
    };
    this.create('pods', pod);
  }

  find(name: string): Pod | undefined {
    return this.store.find<Pod>('pods', 'default', name);
  }

  container(name: string, index = 0): SeenContainer | undefined {
    return (this.find(name)?.status?.['containerStatuses'] as SeenContainer[] | undefined)?.[index];
  }

  phase(name: string, phase: string): Promise<Pod> {
    return eventually(`${name} ${phase}`, () => {
      const pod = this.find(name);
      return pod?.status?.phase === phase ? pod : undefined;
    });
  }

  waiting(name: string, reason: string): Promise<{ reason: string; message: string }> {
    return eventually(`${name} waiting for ${reason}`, () => {
      const waiting = this.container(name)?.state.waiting;
      return waiting?.reason === reason ? waiting : undefined;
    });
  }

  gone(name: string): Promise<true> {
    return eventually(`${name} gone`, () => this.find(name) === undefined);
  }

  delete(name: string, gracePeriodSeconds?: number): void {
    this.store.delete('pods', 'default', name, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds });
  }

  /** All that a container has printed so far, once it holds the text. */
  async printed(name: string, text: string): Promise<string> {
    return eventually(`${name} printing ${text}`, async () => {
      const all = await this.log(name);
      return all.includes(text) ? all : undefined;
    });
  }

  async log(name: string): Promise<string> {
    const pieces: string[] = [];
    for await (const piece of this.logs.read('default', name, { follow: false }) ?? []) pieces.push(piece);
    return pieces.join('');
  }

  events(name: string): string[] {
    return this.store
      .list<CoreEvent>('events')
      .filter(({ involvedObject }) => involvedObject.name === name)
      .map(({ type, reason }) => `${type} ${reason}`);
  }

  async stop(): Promise<void> {
    await this.node.stop();
    this.logs.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
