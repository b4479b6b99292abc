import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { GAME_SERVERS, KubernetesConnection } from '../allocator/agones/kubernetes-connection.ts';
import { readManifests } from '../bin/apply-manifests.ts';
import type { Manifest } from '../bin/apply-manifests.ts';
import { chooseFreePort } from '../bin/free-ports.ts';
import { Stack } from '../bin/stack.ts';
import type { GameServer } from '../lib/agones.ts';

const CALL_TIMEOUT_MS = 10_000;
const LOOK_AGAIN_MS = 50;
const READY_DEADLINE_MS = 180_000;

/** What is measured: Regatta on this machine, started for the purpose, or one that runs already on a cluster. */
export interface Subject {
  /** The front door. */
  url: string;
  kubernetes: KubernetesConnection;
  /** Whether real Pods can be made beside it. */
  isCluster: boolean;
  kubeconfigFile: string | undefined;
  /** Where `local` keeps its files; undefined on a cluster. */
  stateDirectory: string | undefined;
  stop(): Promise<void>;
}

export interface MachineOptions {
  /** Folder of the manifests. @default fleets/base */
  fleets?: string;
  /** Changes each object of them. */
  change?: (object: Manifest['object']) => Manifest['object'];
  gameServerEnvironment?: Record<string, string>;
}

/** Starts `local`, allocator and gateway on free ports, with `readyGameServers` of the boat race kept warm. */
export async function startOnThisMachine(readyGameServers: number, options: MachineOptions = {}): Promise<Subject> {
  const { fleets = 'fleets/base', change = (object) => object, gameServerEnvironment } = options;
  const stateDirectory = await mkdtemp(join(tmpdir(), 'regatta-bench-'));
  const stack = await Stack.start({
    stateDirectory,
    port: await chooseFreePort(),
    allocatorPort: await chooseFreePort(),
    apiPort: await chooseFreePort(),
    gatewayHealthPort: await chooseFreePort(),
    gamePorts: { first: 30_000, last: 30_999 },
    manifests: readManifests(resolve(fleets)).map(({ file, object }) => ({
      file,
      object: change(keepReady(object, readyGameServers)),
    })),
    ...(gameServerEnvironment === undefined ? {} : { gameServerEnvironment }),
    onStep: (step) => process.stderr.write(`${step}\n`),
  }).catch(async (error: unknown) => {
    await removeState(stateDirectory);
    throw error;
  });
  const kubernetes = new KubernetesConnection({
    kubeconfigFile: stack.kubeconfigPath,
    namespace: 'default',
    callTimeoutMs: CALL_TIMEOUT_MS,
  });
  return {
    url: stack.url,
    kubernetes,
    isCluster: false,
    kubeconfigFile: stack.kubeconfigPath,
    stateDirectory,
    async stop() {
      await kubernetes.close();
      await stack.stop();
      await removeState(stateDirectory);
    },
  };
}

/** Regatta at `url`, on the cluster that KUBECONFIG names. */
export function onCluster(url: string): Subject {
  const kubernetes = new KubernetesConnection({
    kubeconfigFile: undefined,
    namespace: undefined,
    callTimeoutMs: CALL_TIMEOUT_MS,
  });
  return {
    url,
    kubernetes,
    isCluster: true,
    kubeconfigFile: undefined,
    stateDirectory: undefined,
    stop: () => kubernetes.close(),
  };
}

/** Waits until `count` GameServers are Ready, or as many as the Fleet has when that is fewer. */
export async function untilReady(subject: Subject, count: number): Promise<void> {
  const untilMs = Date.now() + READY_DEADLINE_MS;
  for (;;) {
    const list = (await subject.kubernetes.list(GAME_SERVERS, { limit: 500 })) as { items: GameServer[] };
    const ready = list.items.filter(({ status }) => status?.state === 'Ready').length;
    if (ready >= count) return;
    if (Date.now() > untilMs) throw new Error(`only ${ready} GameServers became Ready`);
    await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
  }
}

/** Ends a GameServer the way its own Shutdown call does; the Fleet makes another. */
export async function shutDown(subject: Subject, gameServerName: string): Promise<void> {
  await subject.kubernetes.patch(GAME_SERVERS, gameServerName, [
    { op: 'replace', path: '/status/state', value: 'Shutdown' },
  ]);
}

/** A Fleet of a fixed size for the length of a run: a benchmark must not wait for an autoscaler. */
function keepReady<T extends { kind: string }>(manifest: T, count: number): T {
  const { kind, spec } = manifest as { kind: string; spec?: object };
  if (kind !== 'FleetAutoscaler') return manifest;
  return {
    ...manifest,
    spec: {
      ...spec,
      policy: { type: 'Buffer', buffer: { bufferSize: count, minReplicas: count, maxReplicas: 4 * count } },
      sync: { type: 'FixedInterval', fixedInterval: { seconds: 1 } },
    },
  };
}

/** Programs that have just ended may still be writing what they compiled. */
async function removeState(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
