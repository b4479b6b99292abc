import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '../lib/agones.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { createAllocationEngine } from './allocation/allocation-engine.ts';
import type { AllocationEngine } from './allocation/allocation-engine.ts';
import { allocationResource } from './allocation/allocation-resource.ts';
import { createMultiClusterEngine } from './allocation/multi-cluster-allocation.ts';
import type { AllocatorService } from './allocator-service/allocator-service.ts';
import { createApiServer } from './api/api-server.ts';
import { kubeconfigText } from './api/kubeconfig.ts';
import { createObjectStore } from './api/memory-store.ts';
import type { ObjectStore } from './api/store.ts';
import type { LocalConfig } from './config.ts';
import { EventRecorder } from './controllers/event-recorder.ts';
import { startControllers } from './controllers/start-controllers.ts';
import { Notices } from './development/notices.ts';
import { ProgramRestarts } from './development/program-restarts.ts';
import { apiFaults } from './faults/api-faults.ts';
import { capacityFaults } from './faults/capacity-faults.ts';
import { FaultSet } from './faults/fault-set.ts';
import { startNodeFaults } from './faults/node-faults.ts';
import { startRunningFaults } from './faults/running-faults.ts';
import { SlowReady } from './faults/slow-ready.ts';
import { FakePods } from './node/fake-pods.ts';
import { isPortFree } from './node/free-ports.ts';
import { MachineNode } from './node/machine-node.ts';
import { PodLogs } from './node/pod-logs.ts';
import { ProcessRecords } from './node/process-records.ts';
import { takeStateDirectory } from './node/state-directory.ts';
import {
  gameServerAllocationDefinition,
  gameServerAllocationTypeFaults,
  validateGameServerAllocation,
} from './resources/game-server-allocation.ts';
import { resourceDefinitions } from './resources/resource-definitions.ts';
import { Sidecars } from './sdk/sidecars.ts';

export interface LocalOptions {
  config: LocalConfig;
  clock: Clock;
  logger: Logger;
  /** Told every line that a GameServer prints. */
  onLogLine?: (gameServer: string, line: string) => void;
  /** Told what whoever develops a game has to know: lines, the first of which says what happened. */
  onNotice?: (notice: string) => void;
}

/** Agones on this machine, running. */
export interface Local {
  /** Of the Kubernetes API. */
  url: string;
  kubeconfigPath: string;
  store: ObjectStore;
  events: EventRecorder;
  /** What is asked for here, or over HTTP, goes wrong. */
  faults: FaultSet;
  /** Undefined when it is switched off. */
  allocatorService: AllocatorService | undefined;
  /** Ends every GameServer, then the API; leaves the logs. */
  stop(): Promise<void>;
}

const NODE_NAME = 'local';
const NAMESPACES = ['default', 'kube-system', 'agones-system'];

/**
 * Starts Agones on this machine: the Kubernetes API, the controllers, the allocation engine, a node, the sidecars.
 *
 * The state directory is taken for this process alone, and what a run that crashed left running is ended first.
 *
 * @throws StateDirectoryInUseError, or Error with code EADDRINUSE when the API's port is taken; nothing is left running then
 */
export async function startLocal(options: LocalOptions): Promise<Local> {
  const undo: (() => void | Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const each of undo.splice(0).toReversed()) await each();
  };
  try {
    return { ...(await start(options, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @param undo - gets what ends each part, in order of start */
async function start(
  { config, clock, logger, onLogLine, onNotice }: LocalOptions,
  undo: (() => void | Promise<void>)[],
): Promise<Omit<Local, 'stop'>> {
  const { stateDirectory } = config;
  undo.push(await takeStateDirectory(stateDirectory));
  const podsDirectory = join(stateDirectory, 'pods');
  const records = new ProcessRecords(join(stateDirectory, 'processes'));
  const left = await records.sweep();
  if (left.length > 0) logger.warn({ processes: left }, 'ended what an earlier run had left running');
  const removePods = (): void => {
    rmSync(podsDirectory, { recursive: true, force: true });
  };
  removePods();
  undo.push(removePods);

  const store = createObjectStore(resourceDefinitions, { clock, logger, historyLimit: config.watchHistory });
  for (const name of NAMESPACES) store.create<KubernetesObject>('namespaces', namespaceObject(name));
  const events = new EventRecorder({ store, clock, log: logger });
  const faults = new FaultSet({ clock, logger, bounds: config.faults });
  const slowReady = new SlowReady({ faults, store, clock });
  const engine = createMultiClusterEngine({
    store,
    clock,
    logger,
    engine: createAllocationEngine({
      store,
      clock,
      record: events.from('GameServerAllocation-Allocator'),
      batchWaitMs: config.allocationBatchWaitMs,
      ...capacityFaults(faults),
    }),
    allocateRemotely: async (call) => {
      // Few use other clusters: the client for them is not loaded at the start.
      const { createAllocateRemotely } = await import('./allocator-service/remote-allocation.ts');
      return createAllocateRemotely(clock)(call);
    },
    remoteTimeoutMs: config.remoteAllocationTimeoutMs,
    totalRemoteTimeoutMs: config.totalRemoteAllocationTimeoutMs,
  });
  const logs = new PodLogs({
    clock,
    directory: join(stateDirectory, 'logs'),
    keptLines: config.logLinesPerPod,
    maxFileBytes: config.logFileBytes,
    keptEndedPods: config.logsOfEndedPods,
    ...(onLogLine === undefined ? {} : { onLine: onLogLine }),
  });
  const tell = (notice: string): void => {
    logger.warn({ notice }, 'notice');
    onNotice?.(notice);
  };
  const notices = new Notices({
    store,
    clock,
    lastLines: (...asked) => logs.lastLines(...asked),
    readyWithinMs: config.readyNoticeMs,
    tell,
  });
  undo.push(() => {
    notices.stop();
  });
  const api = createApiServer({
    ...apiFaults({ faults, clock }),
    store,
    clock,
    logger,
    virtual: [
      allocationResource({
        definition: gameServerAllocationDefinition,
        engine,
        typeFaults: gameServerAllocationTypeFaults,
        validate: validateGameServerAllocation,
      }),
    ],
    logs: { openLog: (namespace, name, wanted) => logs.read(namespace, name, wanted) },
    async decodeProtobuf(bytes) {
      // Few clients send it: what reads it is not loaded at the start.
      const { decodeKubernetesProtobuf } = await import('./resources/protobuf/decode-protobuf.ts');
      return decodeKubernetesProtobuf(bytes);
    },
  });
  undo.push(() => api.close());
  const url = await api.listen(config.port, config.listenAddress);
  undo.push(() => {
    logs.close();
  });

  const sidecars = new Sidecars({
    store,
    clock,
    record: events.from('gameserver-sidecar'),
    writeIntervalMs: config.sdkWriteIntervalMs,
    holdReady: (namespace, name, calledOff) => slowReady.holdReady(namespace, name, calledOff),
    onSilent: (...silent) => {
      notices.fellSilent(...silent);
    },
  });
  undo.push(() => {
    sidecars.stop();
  });
  const record = events.from('kubelet');
  const fakes = new FakePods({
    ...config.fakes,
    store,
    clock,
    record,
    connectSidecar: (namespace, name) => sidecars.connect(namespace, name),
    holdStart: (pod, ending) => slowReady.holdStart(pod, ending),
    address: config.address,
  });
  const node = new MachineNode({
    store,
    clock,
    logger,
    record,
    recordScheduling: events.from('default-scheduler'),
    images: config.images,
    logs,
    records,
    openSidecar: (namespace, name, onDead) => sidecars.open(namespace, name, onDead),
    holdStart: (pod, ending) => slowReady.holdStart(pod, ending),
    podsDirectory,
    baseEnvironment: config.baseEnvironment,
    defaultDirectory: process.cwd(),
    nodeName: NODE_NAME,
    address: config.address,
    maxPods: config.maxPods,
    otherRunners: [fakes],
    stopGraceMs: config.stopGraceMs,
    onProgramEnd: (end) => {
      notices.programEnded(end);
    },
  });
  undo.push(() => node.stop());
  const restarts = new ProgramRestarts({
    store,
    clock,
    images: config.images,
    ignoredDirectories: [stateDirectory],
    restartAllocated: config.restartAllocated,
    beforeRestart() {
      notices.forget();
      node.forgetFailures();
    },
    tell,
  });
  undo.push(() => {
    restarts.stop();
  });
  const controllers = startControllers({
    store,
    clock,
    log: logger,
    events,
    minPort: config.minGamePort,
    maxPort: config.maxGamePort,
    isPortFree,
    webhookServices: config.services,
  });
  undo.push(() => {
    engine.stop();
    controllers.stop();
  });
  startRunningFaults({
    faults,
    store,
    gameOf: (namespace, name) => node.gameOf(namespace, name),
    sdkServerOf: (namespace, name) => sidecars.serverOf(namespace, name),
  });
  startNodeFaults({ faults, clock, node });
  undo.push(() => {
    faults.stop();
  });
  const allocatorService = await startAllocatorService({ config, clock, logger, store, engine });
  undo.push(() => allocatorService?.close());
  const kubeconfigPath = join(stateDirectory, 'kubeconfig');
  writeFileSync(kubeconfigPath, kubeconfigText(url), { mode: 0o600 });
  undo.push(() => {
    rmSync(kubeconfigPath, { force: true });
  });
  return { url, kubeconfigPath, store, events, faults, allocatorService };
}

async function startAllocatorService({
  config: { allocatorService, address },
  store,
  ...options
}: Pick<LocalOptions, 'config' | 'clock' | 'logger'> & {
  store: ObjectStore;
  engine: AllocationEngine;
}): Promise<AllocatorService | undefined> {
  if (allocatorService === undefined) return undefined;
  const service = await import('./allocator-service/allocator-service.ts');
  const { createCertificateSecrets } = await import('./allocator-service/certificates/certificate-secrets.ts');
  const started = await service.startAllocatorService({ ...allocatorService, ...options, hosts: [address] });
  if (allocatorService.tls !== undefined) createCertificateSecrets(store, allocatorService.tls.directory);
  return started;
}

function namespaceObject(name: string): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}
