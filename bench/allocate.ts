import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { pointerKey } from '../allocator/agones/json-pointer.ts';
import { GAME_SERVER_ALLOCATIONS, GAME_SERVERS } from '../allocator/agones/kubernetes-connection.ts';
import type { KubernetesConnection } from '../allocator/agones/kubernetes-connection.ts';
import type { GameServer, GameServerAllocation } from '../lib/agones.ts';
import { GAME_LABEL, SESSION_KEY } from '../lib/session.ts';
import { AllocatorUnderTest, atOnce, devGameServers, gameServersOf, timed } from './allocator-under-test.ts';
import type { Run } from './allocator-under-test.ts';
import type { Series } from './distribution-plot.ts';
import { p50AndP99 } from './percentiles.ts';

const NAME = 'bench-allocate';
const IN_FLIGHT = 50;
/** Of burst and API writes in turn, so that both meet the same machine. */
const ROUNDS = 5;
const WAIT_SECONDS = 30;
const LOOK_AGAIN_MS = 250;
const WARM_UP_REQUESTS = 30;
/** GameServers that may be claimed meanwhile. */
const MAX_CLAIMS = 100;

export interface AllocateOptions {
  /** A cluster with Agones; without it a `local` is started, with Agones' own batch wait. */
  kubeconfigFile: string | undefined;
  /** Requests a second that come whether or not earlier ones were answered, and for how long. */
  perSecond: number;
  seconds: number;
  /** Whether the allocator has a Redis, and so claims GameServers ahead of need. */
  hasRedis: boolean;
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

/**
 * `POST /api/new-game` at a steady rate and in a burst, beside GameServerAllocations sent straight to the same API and
 * what that API writes at all. The GameServers have `agones.dev/dev-address`: they are Ready without a Pod.
 */
export async function measureAllocations(options: AllocateOptions): Promise<AllocateResult> {
  const { onProgress, kubeconfigFile, hasRedis } = options;
  const gameServers = Math.max(options.burst, options.perSecond * options.seconds) + WARM_UP_REQUESTS + MAX_CLAIMS;
  const fleet = devGameServers(NAME, gameServers);
  const bench = await AllocatorUnderTest.start({ kubeconfigFile, fleet, hasRedis, onProgress });
  const { connection } = bench;
  try {
    await atOnce(WARM_UP_REQUESTS, 1, () => newGame(bench));
    await giveBack(connection);

    onProgress('one GameServerAllocation at a time');
    const alone = await atOnce(40, 1, () => allocateDirectly(connection));
    await giveBack(connection);
    onProgress(`${options.perSecond} new games a second, for ${options.seconds} s`);
    const warm = await steadily(bench, options);
    await giveBack(connection);
    onProgress(`${options.burst} new games, ${IN_FLIGHT} in flight, and as many plain writes`);
    const burst = await bursts(bench, options.burst);
    await giveBack(connection);
    onProgress(`GameServerAllocations, ${IN_FLIGHT} in flight`);
    const direct = await atOnce(Math.min(200, options.burst), IN_FLIGHT, () => allocateDirectly(connection));
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
    await bench.stop();
  }
}

/** What is Allocated becomes Ready again, as if its game had asked for it. */
async function giveBack(connection: KubernetesConnection): Promise<void> {
  const taken = await namesOf(connection, (gameServer) => gameServer.status?.state === 'Allocated');
  for (let from = 0; from < taken.length; from += IN_FLIGHT) {
    const batch = taken.slice(from, from + IN_FLIGHT).map((name) =>
      connection.patch(GAME_SERVERS, name, [
        { op: 'add', path: `/metadata/labels/${pointerKey(SESSION_KEY)}`, value: 'none' },
        { op: 'replace', path: '/status/state', value: 'Ready' },
      ]),
    );
    await Promise.all(batch);
  }
  await pause(LOOK_AGAIN_MS);
}

async function namesOf(
  connection: KubernetesConnection,
  wanted: (gameServer: GameServer) => boolean,
): Promise<string[]> {
  const gameServers = await gameServersOf(connection, NAME);
  return gameServers.filter(wanted).map(({ metadata }) => metadata.name);
}

/** @returns the GameServer's name, undefined when there was none */
async function newGame(bench: AllocatorUnderTest): Promise<string | undefined> {
  const headers = { 'idempotency-key': randomUUID(), prefer: `wait=${WAIT_SECONDS}` };
  const answer = await bench.newGame({ playerId: 'player', game: NAME }, headers);
  return answer.allocation?.gameServer;
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

/** Requests that come at their times, answered or not. */
async function steadily(bench: AllocatorUnderTest, { perSecond, seconds }: AllocateOptions): Promise<Run> {
  const run: Run = { durationsMs: [], perSecond, failed: 0, names: [] };
  const startedAtMs = performance.now();
  const underWay: Promise<void>[] = [];
  for (let request = 0; request < perSecond * seconds; request += 1) {
    await pause(Math.max(0, startedAtMs + (request * 1000) / perSecond - performance.now()));
    underWay.push(timed(run, () => newGame(bench)).then(() => {}));
  }
  await Promise.all(underWay);
  return run;
}

async function bursts(bench: AllocatorUnderTest, count: number): Promise<AllocateResult['summary']['burst']> {
  const { connection } = bench;
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
    const games = await atOnce(share, IN_FLIGHT, () => newGame(bench));
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
