import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { KubernetesObject } from '../lib/agones.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { createAllocationEngine } from './allocation/allocation-engine.ts';
import { allocationResource } from './allocation/allocation-resource.ts';
import { createApiServer } from './api/api-server.ts';
import { kubeconfigText } from './api/kubeconfig.ts';
import { createObjectStore } from './api/memory-store.ts';
import type { ObjectStore } from './api/store.ts';
import type { LocalConfig } from './config.ts';
import { EventRecorder } from './controllers/event-recorder.ts';
import { startControllers } from './controllers/start-controllers.ts';
import { MachineNode } from './node/machine-node.ts';
import { endOrphans, ProcessRegister } from './node/orphans.ts';
import { PodLogs } from './node/pod-logs.ts';
import { gameServerAllocationDefinition, validateGameServerAllocation } from './resources/game-server-allocation.ts';
import { resourceDefinitions } from './resources/resource-definitions.ts';
import { Sidecars } from './sdk/sidecars.ts';

export interface LocalOptions {
  config: LocalConfig;
  clock: Clock;
  logger: Logger;
  /** Told every line that a GameServer prints. */
  onLogLine?: (gameServer: string, line: string) => void;
}

/** Agones on this machine, running. */
export interface Local {
  /** Of the Kubernetes API. */
  url: string;
  kubeconfigPath: string;
  store: ObjectStore;
  /** Ends every GameServer, then the API; leaves the logs. */
  stop(): Promise<void>;
}

const NODE_NAME = 'local';
const NAMESPACES = ['default', 'kube-system', 'agones-system'];

/**
 * Starts Agones on this machine: the Kubernetes API, the controllers, the allocation engine, a node, the sidecars.
 *
 * What a run that crashed left running is ended first.
 *
 * @throws Error with code EADDRINUSE when the API's port is taken
 */
export async function startLocal({ config, clock, logger, onLogLine }: LocalOptions): Promise<Local> {
  const { stateDirectory } = config;
  mkdirSync(stateDirectory, { recursive: true });
  const processesDirectory = join(stateDirectory, 'processes');
  const left = endOrphans(processesDirectory);
  if (left > 0) logger.warn({ processes: left }, 'ended what an earlier run had left running');

  const store = createObjectStore(resourceDefinitions, { clock, logger, historyLimit: config.watchHistory });
  for (const name of NAMESPACES) store.create<KubernetesObject>('namespaces', namespaceObject(name));
  const events = new EventRecorder({ store, clock, log: logger });
  const engine = createAllocationEngine({
    store,
    clock,
    record: events.from('GameServerAllocation-Allocator'),
    batchWaitMs: config.allocationBatchWaitMs,
  });
  const logs = new PodLogs({
    directory: join(stateDirectory, 'logs'),
    keptLines: config.logLinesPerPod,
    maxFileBytes: config.logFileBytes,
    keptEndedPods: config.logsOfEndedPods,
    ...(onLogLine === undefined ? {} : { onLine: onLogLine }),
  });
  const api = createApiServer({
    store,
    clock,
    logger,
    virtual: [
      allocationResource({
        definition: gameServerAllocationDefinition,
        engine,
        validate: ({ spec }) => validateGameServerAllocation(spec),
      }),
    ],
    logs: {
      openLog: (namespace, name, options) => logs.read(namespace, name, options),
    },
  });
  const url = await api.listen(config.port, config.listenAddress);

  const controllers = startControllers({
    store,
    clock,
    log: logger,
    events,
    minPort: config.minGamePort,
    maxPort: config.maxGamePort,
    isPortFree,
  });
  const sidecars = new Sidecars({
    store,
    clock,
    record: events.from('gameserver-sidecar'),
    writeIntervalMs: config.sdkWriteIntervalMs,
  });
  const node = new MachineNode({
    store,
    clock,
    logger,
    record: events.from('local-node'),
    images: config.images,
    logs,
    register: new ProcessRegister(processesDirectory),
    openSidecar: (namespace, name) => sidecars.open(namespace, name),
    podsDirectory: join(stateDirectory, 'pods'),
    baseEnvironment: config.baseEnvironment,
    nodeName: NODE_NAME,
  });
  const kubeconfigPath = join(stateDirectory, 'kubeconfig');
  writeFileSync(kubeconfigPath, kubeconfigText(url), { mode: 0o600 });

  return {
    url,
    kubeconfigPath,
    store,
    async stop() {
      controllers.stop();
      engine.stop();
      await node.stop();
      sidecars.stop();
      logs.close();
      await api.close();
    },
  };
}

function namespaceObject(name: string): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

/** Whether nothing on this machine listens on the port. UDP ports are not asked: nothing can be lost by trying. */
function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => {
      resolve(false);
    });
    probe.listen(port, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}
