import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { CustomObjectsApi, KubeConfig } from '@kubernetes/client-node';
import { pointerKey } from '../allocator/agones/json-pointer.ts';
import {
  FLEETS,
  GAME_SERVER_ALLOCATIONS,
  GAME_SERVERS,
  KubernetesConnection,
} from '../allocator/agones/kubernetes-connection.ts';
import { ChildProgram } from '../bin/child-program.ts';
import { chooseFreePort } from '../bin/free-ports.ts';
import { KEY_FILES, writeKeys } from '../bin/keys.ts';
import type { Fleet, GameServer, GameServerAllocation } from '../lib/agones.ts';
import { SESSION_KEY } from '../lib/session.ts';
import type { Series } from './distribution-plot.ts';
import { p50AndP99 } from './percentiles.ts';

const NAME = 'bench-allocate';
const GAME_LABEL = 'regatta.dev/game';
const IN_FLIGHT = 50;
/** Of burst and API writes in turn, so that both meet the same machine. */
const ROUNDS = 5;
const WAIT_SECONDS = 30;
const READY_DEADLINE_MS = 300_000;
const LOOK_AGAIN_MS = 250;
const WARM_UP_REQUESTS = 30;
const CALL_TIMEOUT_MS = 30_000;

export interface AllocateOptions {
  /** A cluster with Agones; without it a `local` is started, with Agones' own batch wait. */
  kubeconfigFile: string | undefined;
  /** Requests a second that come whether or not earlier ones were answered, and for how long. */
  perSecond: number;
  seconds: number;
  /** Requests of the burst, 50 in flight. */
  burst: number;
  onProgress: (line: string) => void;
}

export interface AllocateResult {
  summary: {
    warm: { p50Ms: number; p99Ms: number; failed: number };
    burst: { perSecond: number; apiWritesPerSecond: number; failed: number; duplicates: number };
    direct: { p50Ms: number; p99Ms: number; perSecond: number; failed: number };
  };
  series: Series[];
}

interface Bench {
  connection: KubernetesConnection;
  allocatorUrl: string;
  stop(): Promise<void>;
}

/**
 * `POST /api/new-game` at a steady rate and in a burst, beside GameServerAllocations sent straight to the same API and
 * what that API writes at all. The GameServers have `agones.dev/dev-address`: they are Ready without a Pod.
 */
export async function measureAllocations(options: AllocateOptions): Promise<AllocateResult> {
  const { onProgress } = options;
  const directory = mkdtempSync(join(tmpdir(), 'regatta-allocate-'));
  const programs: ChildProgram[] = [];
  let bench: Bench | undefined;
  try {
    bench = await start(options, directory, programs);
    await untilReady(bench.connection, options.burst + WARM_UP_REQUESTS, onProgress);
    await atOnce(WARM_UP_REQUESTS, 1, () => newGame(bench!.allocatorUrl));
    await giveBack(bench.connection);

    onProgress('one GameServerAllocation at a time');
    const alone = await atOnce(40, 1, () => allocateDirectly(bench!.connection));
    await giveBack(bench.connection);
    onProgress(`${options.perSecond} new games a second, for ${options.seconds} s`);
    const warm = await steadily(bench, options);
    await giveBack(bench.connection);
    onProgress(`${options.burst} new games, ${IN_FLIGHT} in flight, and as many plain writes`);
    const burst = await bursts(bench, options.burst);
    await giveBack(bench.connection);
    onProgress(`GameServerAllocations, ${IN_FLIGHT} in flight`);
    const direct = await atOnce(Math.min(200, options.burst), IN_FLIGHT, () => allocateDirectly(bench!.connection));
    return {
      summary: {
        warm: { ...p50AndP99(warm.durationsMs), failed: warm.failed },
        burst,
        direct: { ...p50AndP99(alone.durationsMs), perSecond: direct.perSecond, failed: alone.failed + direct.failed },
      },
      series: [
        { name: `New Game, ${options.perSecond}/s`, valuesMs: warm.durationsMs },
        { name: 'GameServerAllocation, one at a time', valuesMs: alone.durationsMs },
        { name: `GameServerAllocation, ${IN_FLIGHT} in flight`, valuesMs: direct.durationsMs },
      ],
    };
  } finally {
    await bench?.stop();
    for (const program of programs.toReversed()) await program.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

async function start(
  { kubeconfigFile, burst }: AllocateOptions,
  directory: string,
  programs: ChildProgram[],
): Promise<Bench> {
  const program = async (name: string, env: Record<string, string>): Promise<ChildProgram> => {
    const started = await ChildProgram.start({
      name,
      main: `${name}/main.ts`,
      env: { ...env, NODE_COMPILE_CACHE: join(directory, 'compile-cache') },
      logFile: join(directory, `${name}.log`),
      readyDeadlineMs: 60_000,
    });
    programs.push(started);
    return started;
  };
  const file =
    kubeconfigFile === undefined
      ? (await program('local', { LOCAL_PORT: '0', LOCAL_STATE_DIR: join(directory, 'local') })).ready.kubeconfig
      : resolve(kubeconfigFile);
  const connection = new KubernetesConnection({
    kubeconfigFile: file,
    namespace: 'default',
    callTimeoutMs: CALL_TIMEOUT_MS,
  });
  await connection.create(FLEETS, fleetOf(burst + WARM_UP_REQUESTS));
  const keys = join(directory, 'keys');
  writeKeys(keys);
  const port = await chooseFreePort();
  await program('allocator', {
    KUBECONFIG: file ?? '',
    NAMESPACE: 'default',
    PORT: String(port),
    LISTEN_ADDRESS: '127.0.0.1',
    LOG_LEVEL: 'warn',
    SEALING_KEYS_FILE: join(keys, KEY_FILES.sealing),
    SIGNING_KEYS_FILE: join(keys, KEY_FILES.signing),
  });
  return {
    connection,
    allocatorUrl: `http://127.0.0.1:${port}`,
    async stop() {
      await connection.close();
      await deleteFleet(file);
    },
  };
}

async function deleteFleet(kubeconfigFile: string | undefined): Promise<void> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfigFile ?? '');
  await kubeConfig
    .makeApiClient(CustomObjectsApi)
    .deleteNamespacedCustomObject({ ...FLEETS, namespace: 'default', name: NAME });
}

function fleetOf(replicas: number): object {
  const ports = [{ name: 'game', portPolicy: 'Static', hostPort: 7777, containerPort: 7777, protocol: 'TCP' }];
  const metadata = {
    labels: { [GAME_LABEL]: NAME },
    annotations: { 'agones.dev/dev-address': '127.0.0.1', 'regatta.dev/seats': '4' },
  };
  const template = { spec: { containers: [{ name: 'game', image: 'none' }] } };
  return {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name: NAME },
    spec: { replicas, template: { metadata, spec: { ports, template } } },
  };
}

async function untilReady(
  connection: KubernetesConnection,
  count: number,
  onProgress: (line: string) => void,
): Promise<void> {
  const untilMs = Date.now() + READY_DEADLINE_MS;
  for (;;) {
    const { status } = (await connection.get(FLEETS, NAME)) as Fleet;
    if ((status?.readyReplicas ?? 0) >= count) return;
    if (Date.now() > untilMs) throw new Error(`only ${status?.readyReplicas} GameServers became Ready`);
    onProgress(`${status?.readyReplicas ?? 0} of ${count} GameServers are Ready`);
    await pause(LOOK_AGAIN_MS * 8);
  }
}

/** What is Allocated becomes Ready again, as if its game had asked for it. */
async function giveBack(connection: KubernetesConnection, names?: readonly string[]): Promise<void> {
  const taken = names ?? (await namesOf(connection, (gameServer) => gameServer.status?.state === 'Allocated'));
  await Promise.all(
    taken.map((name) =>
      connection.patch(GAME_SERVERS, name, [
        { op: 'add', path: `/metadata/labels/${pointerKey(SESSION_KEY)}`, value: 'none' },
        { op: 'replace', path: '/status/state', value: 'Ready' },
      ]),
    ),
  );
  if (names === undefined) await pause(LOOK_AGAIN_MS);
}

async function namesOf(
  connection: KubernetesConnection,
  wanted: (gameServer: GameServer) => boolean,
): Promise<string[]> {
  const list = await connection.list(GAME_SERVERS, { labelSelector: `${GAME_LABEL}=${NAME}`, limit: 5000 });
  return (list as { items: GameServer[] }).items.filter(wanted).map(({ metadata }) => metadata.name);
}

/** @returns the GameServer's name, undefined when there was none */
async function newGame(allocatorUrl: string): Promise<string | undefined> {
  const response = await fetch(`${allocatorUrl}/api/new-game`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
      prefer: `wait=${WAIT_SECONDS}`,
    },
    body: JSON.stringify({ playerId: 'player', game: NAME }),
  });
  const body = (await response.json()) as { allocation?: { gameServer: string } };
  return body.allocation?.gameServer;
}

async function allocateDirectly(connection: KubernetesConnection): Promise<string | undefined> {
  try {
    const answer = (await connection.create(GAME_SERVER_ALLOCATIONS, {
      apiVersion: 'allocation.agones.dev/v1',
      kind: 'GameServerAllocation',
      spec: { selectors: [{ matchLabels: { [GAME_LABEL]: NAME } }] },
    })) as GameServerAllocation;
    return answer.status?.state === 'Allocated' ? answer.status.gameServerName : undefined;
  } catch {
    // Agones answers 500 when it has lost a GameServer to somebody five times.
    return undefined;
  }
}

interface Run {
  durationsMs: number[];
  perSecond: number;
  failed: number;
  names: string[];
}

/** So many calls, never more than `inFlight` at the same time. */
async function atOnce(count: number, inFlight: number, call: () => Promise<string | undefined>): Promise<Run> {
  const run: Run = { durationsMs: [], perSecond: 0, failed: 0, names: [] };
  const startedAtMs = performance.now();
  let begun = 0;
  const work = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      await timed(run, call);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  run.perSecond = Math.round((count / (performance.now() - startedAtMs)) * 10_000) / 10;
  return run;
}

async function timed(run: Run, call: () => Promise<string | undefined>): Promise<string | undefined> {
  const startedAtMs = performance.now();
  const name = await call().catch(() => undefined);
  run.durationsMs.push(performance.now() - startedAtMs);
  if (name === undefined) run.failed += 1;
  else run.names.push(name);
  return name;
}

/** Requests that come at their times, answered or not; each GameServer is given back behind its answer. */
async function steadily({ connection, allocatorUrl }: Bench, { perSecond, seconds }: AllocateOptions): Promise<Run> {
  const run: Run = { durationsMs: [], perSecond, failed: 0, names: [] };
  const startedAtMs = performance.now();
  const underWay: Promise<void>[] = [];
  for (let request = 0; request < perSecond * seconds; request += 1) {
    await pause(Math.max(0, startedAtMs + (request * 1000) / perSecond - performance.now()));
    underWay.push(
      timed(run, () => newGame(allocatorUrl)).then(async (name) => {
        if (name !== undefined) await giveBack(connection, [name]);
      }),
    );
  }
  await Promise.all(underWay);
  return run;
}

async function bursts({ connection, allocatorUrl }: Bench, count: number): Promise<AllocateResult['summary']['burst']> {
  const names = await namesOf(connection, () => true);
  const taken: string[] = [];
  let failed = 0;
  let gamesMs = 0;
  let writesMs = 0;
  let next = 0;
  const write = async (): Promise<string> => {
    const name = names[next++ % names.length] ?? '';
    const value = String(next);
    await connection.patch(GAME_SERVERS, name, [{ op: 'add', path: '/metadata/labels/bench', value }]);
    return name;
  };
  const share = Math.ceil(count / ROUNDS);
  for (let round = 0; round < ROUNDS; round += 1) {
    const games = await atOnce(share, IN_FLIGHT, () => newGame(allocatorUrl));
    const writes = await atOnce(share, IN_FLIGHT, write);
    gamesMs += (share / games.perSecond) * 1000;
    writesMs += (share / writes.perSecond) * 1000;
    taken.push(...games.names);
    failed += games.failed;
  }
  const perSecond = (ms: number): number => Math.round(((share * ROUNDS) / ms) * 10_000) / 10;
  return {
    perSecond: perSecond(gamesMs),
    apiWritesPerSecond: perSecond(writesMs),
    failed,
    duplicates: taken.length - new Set(taken).size,
  };
}
