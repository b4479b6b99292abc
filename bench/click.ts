import { performance } from 'node:perf_hooks';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { WebSocket } from 'ws';
import { GAME_SERVER_ALLOCATIONS } from '../allocator/agones/kubernetes-connection.ts';
import type { GameServerAllocation } from '../lib/agones.ts';
import type { ServerMessage } from '../server/games/boat-race/protocol.ts';
import type { Series } from './distribution-plot.ts';
import { p50AndP99 } from './percentiles.ts';
import { shutDown, untilReady } from './subject.ts';
import type { Subject } from './subject.ts';

const CLICK_DEADLINE_MS = 30_000;
const WAIT_SECONDS = 20;

export interface ClickOptions {
  clicks: number;
  /** Ready GameServers to wait for before each click; the wait is not measured. */
  warm: number;
  /** On a cluster: how many Pods to make one by one, and from which image. 0 leaves it out. */
  pods: number;
  podImage: string;
  onProgress: (line: string) => void;
}

export interface ClickResult {
  summary: {
    click: {
      addressP50Ms: number;
      addressP99Ms: number;
      firstFrameP50Ms: number;
      firstFrameP99Ms: number;
      failed: number;
    };
    direct: { p50Ms: number; p99Ms: number };
  };
  series: Series[];
}

/**
 * One click after another: how long until the address, the connection and the first frame of the game; after each, a
 * GameServerAllocation sent straight to the same Kubernetes API. Both in turn, so that both meet the same machine.
 */
export async function measureClicks(subject: Subject, options: ClickOptions): Promise<ClickResult> {
  const addressMs: number[] = [];
  const connectionMs: number[] = [];
  const firstFrameMs: number[] = [];
  const directMs: number[] = [];
  let failed = 0;
  for (let turn = 1; turn <= options.clicks; turn += 1) {
    await untilReady(subject, options.warm);
    try {
      const click = await clickOnce(subject.url, `bench-${turn}`);
      addressMs.push(click.addressMs);
      connectionMs.push(click.connectionMs);
      firstFrameMs.push(click.firstFrameMs);
      await shutDown(subject, click.gameServer);
    } catch (error) {
      failed += 1;
      options.onProgress(`click ${turn} failed: ${error instanceof Error ? error.message : 'unknown'}`);
    }
    await untilReady(subject, options.warm);
    const direct = await allocateDirectly(subject);
    directMs.push(direct.durationMs);
    await shutDown(subject, direct.gameServer);
    if (turn % 10 === 0) options.onProgress(`${turn} of ${options.clicks} clicks`);
  }
  const podMs = await measurePods(subject, options);
  const address = p50AndP99(addressMs);
  const firstFrame = p50AndP99(firstFrameMs);
  return {
    summary: {
      click: {
        addressP50Ms: address.p50Ms,
        addressP99Ms: address.p99Ms,
        firstFrameP50Ms: firstFrame.p50Ms,
        firstFrameP99Ms: firstFrame.p99Ms,
        failed,
      },
      direct: p50AndP99(directMs),
    },
    series: [
      { name: 'address', valuesMs: addressMs },
      { name: 'connection', valuesMs: connectionMs },
      { name: 'first frame', valuesMs: firstFrameMs },
      { name: 'direct allocation', valuesMs: directMs },
      { name: 'a Pod per click', valuesMs: podMs },
    ],
  };
}

interface Click {
  addressMs: number;
  connectionMs: number;
  firstFrameMs: number;
  gameServer: string;
}

async function clickOnce(url: string, playerId: string): Promise<Click> {
  const startMs = performance.now();
  const answer = await fetch(`${url}/api/new-game`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: `wait=${WAIT_SECONDS}` },
    body: JSON.stringify({ playerId }),
    signal: AbortSignal.timeout(CLICK_DEADLINE_MS),
  });
  const { wsUrl } = (await answer.json()) as { wsUrl?: string };
  const addressMs = performance.now() - startMs;
  if (answer.status !== 201 || wsUrl === undefined) throw new Error(`answered ${answer.status}`);
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(wsUrl, { perMessageDeflate: false });
    const deadline = setTimeout(() => {
      socket.terminate();
      reject(new Error('no first frame in time'));
    }, CLICK_DEADLINE_MS);
    let connectionMs = 0;
    let gameServer = '';
    socket.on('open', () => {
      connectionMs = performance.now() - startMs;
    });
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as ServerMessage;
      if (message.type === 'welcome') gameServer = message.gameServer;
      if (message.type !== 'state') return;
      clearTimeout(deadline);
      socket.close();
      resolve({ addressMs, connectionMs, firstFrameMs: performance.now() - startMs, gameServer });
    });
    socket.on('error', (error) => {
      clearTimeout(deadline);
      reject(error);
    });
  });
}

async function allocateDirectly(subject: Subject): Promise<{ durationMs: number; gameServer: string }> {
  const allocation: Omit<GameServerAllocation, 'metadata'> = {
    apiVersion: 'allocation.agones.dev/v1',
    kind: 'GameServerAllocation',
    spec: { selectors: [{ matchLabels: { 'regatta.dev/game': 'boat-race' } }] },
  };
  const startMs = performance.now();
  const made = (await subject.kubernetes.create(GAME_SERVER_ALLOCATIONS, allocation)) as GameServerAllocation;
  const durationMs = performance.now() - startMs;
  if (made.status?.state !== 'Allocated' || made.status.gameServerName === undefined) {
    throw new Error(`the direct allocation is ${made.status?.state ?? 'without a state'}`);
  }
  return { durationMs, gameServer: made.status.gameServerName };
}

/** The way without Agones: a Pod made for the click, until its container runs. */
async function measurePods(subject: Subject, options: ClickOptions): Promise<number[]> {
  if (!subject.isCluster || options.pods === 0) return [];
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromDefault();
  const pods = kubeConfig.makeApiClient(CoreV1Api);
  const { namespace } = subject.kubernetes;
  const durations: number[] = [];
  for (let turn = 1; turn <= options.pods; turn += 1) {
    const name = `regatta-bench-${process.pid}-${turn}`;
    const startMs = performance.now();
    await pods.createNamespacedPod({
      namespace,
      body: {
        metadata: { name },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 0,
          automountServiceAccountToken: false,
          containers: [
            {
              name: 'game',
              image: options.podImage,
              imagePullPolicy: 'IfNotPresent',
              command: ['node', '-e', 'require("node:net").createServer().listen(7000)'],
              ports: [{ containerPort: 7000 }],
              readinessProbe: { tcpSocket: { port: 7000 }, periodSeconds: 1 },
            },
          ],
        },
      },
    });
    while ((await pods.readNamespacedPod({ namespace, name })).status?.containerStatuses?.[0]?.ready !== true) {
      if (performance.now() - startMs > CLICK_DEADLINE_MS) throw new Error(`Pod ${name} did not become ready`);
      await new Promise((done) => setTimeout(done, 20));
    }
    durations.push(performance.now() - startMs);
    await pods.deleteNamespacedPod({ namespace, name, gracePeriodSeconds: 0 });
    options.onProgress(`${turn} of ${options.pods} Pods`);
  }
  return durations;
}
