import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { ChildProgram } from '../bin/child-program.ts';
import { fakeFleet } from '../bin/fake-fleet.ts';
import { chooseFreePort } from '../bin/free-ports.ts';
import type { Fleet, GameServer, GameServerAllocation, KubernetesObject } from '../lib/agones.ts';
import { LocalApi } from './local-api.ts';
import { p50AndP99, percentile } from './percentiles.ts';
import { usageOf } from './process-usage.ts';

const FLEETS = '/apis/agones.dev/v1/namespaces/default/fleets';
const GAME_SERVERS = '/apis/agones.dev/v1/namespaces/default/gameservers';
const ALLOCATIONS = '/apis/allocation.agones.dev/v1/namespaces/default/gameserverallocations';
const IN_FLIGHT = 50;
const BATCH_WAIT_MS = 1;
const READY_DEADLINE_MS = 300_000;
const LOOK_AGAIN_MS = 20;
const SETTLE_MS = 2000;
const EVENT_DEADLINE_MS = 30_000;
const LIST_TURNS = 9;
/** So that the smallest size, which comes first, does not pay for the compiler. */
const WARM_UP_TURNS = 20;

export interface ScaleOptions {
  /** How many GameServers, one `local` after the other. */
  sizes: readonly number[];
  /** Allocations one at a time; and as many rounds of 50 at once. */
  turns: number;
  /** Writes that are watched. */
  writes: number;
  onProgress: (line: string) => void;
}

/** What one size costs. */
export interface ScaleFigures {
  gameServers: number;
  readySeconds: number;
  /** Of `local`'s process, for each GameServer on its way to Ready. */
  readyCpuMsEach: number;
  /** From a Fleet of this size to one of none. */
  goneSeconds: number;
  /** Requests sent 50 at a time. */
  atOnce: Percentiles & { perSecond: number; cpuMs: number };
  alone: Percentiles;
  lists: { allMs: number; tableMs: number; pagesMs: number; oneMs: number };
  watch1: WatchFigures;
  watch50: WatchFigures;
  residentMegabytes: number;
  /** By what there are more of than in the size before; undefined for the first. */
  kilobytesPerFurtherOne?: number;
}

interface Percentiles {
  p50Ms: number;
  p99Ms: number;
}

interface WatchFigures {
  /** From when the write was answered; an event that comes before the answer counts as 0. */
  fromAnswer: Percentiles;
  /** From when the write was sent. */
  fromWrite: Percentiles;
  /** For one write and all its watchers. */
  cpuMs: number;
}

/** Fakes in several sizes, each in a `local` of its own: how what is asked of it grows with them. */
export async function measureScale(options: ScaleOptions): Promise<ScaleFigures[]> {
  const figures: ScaleFigures[] = [];
  for (const size of options.sizes) {
    options.onProgress(`${size} GameServers`);
    const figure = await measureSize(size, options);
    const before = figures.at(-1);
    if (before !== undefined) {
      const kilobytes = (figure.residentMegabytes - before.residentMegabytes) * 1024;
      figure.kilobytesPerFurtherOne = kilobytes / (size - before.gameServers);
    }
    figures.push(figure);
  }
  return figures;
}

async function measureSize(size: number, { turns, writes, onProgress }: ScaleOptions): Promise<ScaleFigures> {
  const directory = mkdtempSync(join(tmpdir(), 'regatta-scale-'));
  const port = await chooseFreePort();
  const program = await ChildProgram.start({
    name: 'local',
    main: 'local/main.ts',
    env: {
      LOCAL_PORT: String(port),
      LOCAL_STATE_DIR: join(directory, 'local'),
      LOCAL_ALLOCATION_BATCH_WAIT_MS: String(BATCH_WAIT_MS),
      NODE_COMPILE_CACHE: join(directory, 'compile-cache'),
    },
    logFile: join(directory, 'local.log'),
    readyDeadlineMs: 30_000,
  });
  const api = new LocalApi(`http://127.0.0.1:${port}`, IN_FLIGHT);
  try {
    await pause(SETTLE_MS);
    const cpuBeforeMs = cpuMsOf(program);
    const readySeconds = await scaleTo(api, size);
    const readyCpuMsEach = (cpuMsOf(program) - cpuBeforeMs) / size;
    await pause(SETTLE_MS);
    const residentMegabytes = residentBytes(program) / 1_048_576;
    onProgress(`  Ready after ${readySeconds.toFixed(2)} s`);
    await measureAllocations(api, program, WARM_UP_TURNS);
    const allocations = await measureAllocations(api, program, turns);
    onProgress('  allocated');
    const lists = await measureLists(api);
    onProgress('  listed');
    await measureWatches(api, program, 1, WARM_UP_TURNS);
    const watch1 = await measureWatches(api, program, 1, writes);
    const watch50 = await measureWatches(api, program, 50, writes);
    onProgress('  watched');
    const goneSeconds = await scaleTo(api, 0);
    return {
      gameServers: size,
      readySeconds,
      readyCpuMsEach,
      goneSeconds,
      ...allocations,
      lists,
      watch1,
      watch50,
      residentMegabytes,
    };
  } finally {
    api.close();
    await program.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** The Fleet of `--fake`, whose GameServers have a List to order by. */
function fleetOf(replicas: number): object {
  const fleet = fakeFleet(replicas).object as Fleet;
  fleet.spec.template.spec.lists = { players: { capacity: 8 } };
  return fleet;
}

/** @returns how long it took until the Fleet's status said so */
async function scaleTo(api: LocalApi, replicas: number): Promise<number> {
  const startMs = performance.now();
  const isThere = (await api.call('GET', `${FLEETS}/fake`)).status === 200;
  const { status, text } = isThere
    ? await api.call('PATCH', `${FLEETS}/fake`, { spec: { replicas } })
    : await api.call('POST', FLEETS, fleetOf(replicas));
  if (status >= 300) throw new Error(`the Fleet is refused: ${text}`);
  for (;;) {
    const fleet = await api.get<Fleet>(`${FLEETS}/fake`);
    const seconds = (performance.now() - startMs) / 1000;
    const { replicas: there, readyReplicas } = fleet.status ?? {};
    if (there === replicas && readyReplicas === replicas) return seconds;
    if (seconds * 1000 > READY_DEADLINE_MS) throw new Error(`${there} GameServers, ${readyReplicas} of them Ready`);
    await pause(LOOK_AGAIN_MS);
  }
}

async function measureAllocations(
  api: LocalApi,
  program: ChildProgram,
  turns: number,
): Promise<Pick<ScaleFigures, 'atOnce' | 'alone'>> {
  const durationsMs: number[] = [];
  const aloneMs: number[] = [];
  let totalMs = 0;
  let cpuMs = 0;
  for (let turn = 0; turn < turns; turn += 1) {
    const startMs = performance.now();
    const cpuBeforeMs = cpuMsOf(program);
    const names = await Promise.all(Array.from({ length: IN_FLIGHT }, () => allocate(api, durationsMs)));
    totalMs += performance.now() - startMs;
    cpuMs += cpuMsOf(program) - cpuBeforeMs;
    await giveBack(api, names);
    await giveBack(api, [await allocate(api, aloneMs)]);
  }
  const count = durationsMs.length;
  return {
    atOnce: { ...p50AndP99(durationsMs), perSecond: count / (totalMs / 1000), cpuMs: cpuMs / count },
    alone: p50AndP99(aloneMs),
  };
}

async function allocate(api: LocalApi, durationsMs: number[]): Promise<string> {
  const startMs = performance.now();
  const { text } = await api.call('POST', ALLOCATIONS, {
    apiVersion: 'allocation.agones.dev/v1',
    kind: 'GameServerAllocation',
    spec: {
      selectors: [{ matchLabels: { 'agones.dev/fleet': 'fake' }, lists: { players: { minAvailable: 1 } } }],
      priorities: [{ type: 'List', key: 'players', order: 'Ascending' }],
      scheduling: 'Packed',
    },
  });
  durationsMs.push(performance.now() - startMs);
  const { status } = JSON.parse(text) as GameServerAllocation;
  if (status?.state !== 'Allocated' || status.gameServerName === undefined) throw new Error(`not allocated: ${text}`);
  return status.gameServerName;
}

/** Every turn meets as many Ready ones. Not measured. */
async function giveBack(api: LocalApi, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => api.call('PATCH', `${GAME_SERVERS}/${name}`, { status: { state: 'Ready' } })));
}

async function measureLists(api: LocalApi): Promise<ScaleFigures['lists']> {
  const { items } = await api.get<{ items: GameServer[] }>(`${GAME_SERVERS}?limit=1`);
  await api.call('PATCH', `${GAME_SERVERS}/${items[0]?.metadata.name}`, { metadata: { labels: { one: 'yes' } } });
  return {
    allMs: await medianMs(() => api.call('GET', GAME_SERVERS)),
    tableMs: await medianMs(() => api.table(GAME_SERVERS)),
    pagesMs: await medianMs(() => listPages(api)),
    oneMs: await medianMs(() => api.call('GET', `${GAME_SERVERS}?labelSelector=one%3Dyes`)),
  };
}

/** Reads nothing of a page but where the next begins, which stands at its end. */
async function listPages(api: LocalApi): Promise<void> {
  for (let token: string | undefined = ''; token !== undefined;) {
    const { text } = await api.call('GET', `${GAME_SERVERS}?limit=500&continue=${token}`);
    token = /"continue":"([^"]+)"/.exec(text.slice(-1000))?.[1];
  }
}

async function medianMs(run: () => Promise<unknown>): Promise<number> {
  const durationsMs: number[] = [];
  for (let turn = 0; turn < LIST_TURNS; turn += 1) {
    const startMs = performance.now();
    await run();
    durationsMs.push(performance.now() - startMs);
  }
  return percentile(durationsMs, 50);
}

async function measureWatches(
  api: LocalApi,
  program: ChildProgram,
  watchers: number,
  writes: number,
): Promise<WatchFigures> {
  const page = await api.get<{ items: GameServer[]; metadata: KubernetesObject['metadata'] }>(
    `${GAME_SERVERS}?limit=50`,
  );
  const names = page.items.map(({ metadata }) => metadata.name);
  let mark = '';
  let seenMs: number[] = [];
  let allSeen = (): void => {};
  const onLine = (line: string): void => {
    if (!line.includes(mark)) return;
    seenMs.push(performance.now());
    if (seenMs.length === watchers) allSeen();
  };
  const since = `watch=true&resourceVersion=${page.metadata.resourceVersion ?? ''}`;
  const ends = await Promise.all(Array.from({ length: watchers }, () => api.watch(`${GAME_SERVERS}?${since}`, onLine)));
  const cpuBeforeMs = cpuMsOf(program);
  const fromAnswerMs: number[] = [];
  const fromWriteMs: number[] = [];
  for (let turn = 0; turn < writes; turn += 1) {
    const value = `${turn}-${Date.now()}`;
    mark = `"mark":"${value}"`;
    seenMs = [];
    const seen = new Promise<void>((resolve) => {
      allSeen = resolve;
    });
    const startMs = performance.now();
    await api.call('PATCH', `${GAME_SERVERS}/${names[turn % names.length]}`, {
      metadata: { labels: { mark: value } },
    });
    const answeredMs = performance.now();
    const late = AbortSignal.timeout(EVENT_DEADLINE_MS);
    await Promise.race([seen, once(late, 'abort').then(() => Promise.reject(new Error('an event did not come')))]);
    for (const atMs of seenMs) {
      fromAnswerMs.push(Math.max(0, atMs - answeredMs));
      fromWriteMs.push(atMs - startMs);
    }
  }
  const cpuMs = (cpuMsOf(program) - cpuBeforeMs) / writes;
  for (const end of ends) end();
  return { fromAnswer: p50AndP99(fromAnswerMs), fromWrite: p50AndP99(fromWriteMs), cpuMs };
}

/** What the system keeps in memory for the program. Linux only, as elsewhere there is nothing to read it from. */
function residentBytes({ processId }: ChildProgram): number {
  if (process.platform !== 'linux' || processId === undefined) return Number.NaN;
  return usageOf(processId).residentBytes;
}

/** What it has used of the processors, whatever else runs on them. Linux only. */
function cpuMsOf({ processId }: ChildProgram): number {
  if (process.platform !== 'linux' || processId === undefined) return Number.NaN;
  return usageOf(processId).cpuSeconds * 1000;
}
