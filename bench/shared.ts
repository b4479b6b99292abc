import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { GAME_SERVER_ALLOCATIONS, GAME_SERVERS } from '../allocator/agones/kubernetes-connection.ts';
import type { KubernetesConnection } from '../allocator/agones/kubernetes-connection.ts';
import type { GameServerAllocation, GameServerSelector } from '../lib/agones.ts';
import { GAME_LABEL, SESSIONS_LIST } from '../lib/session.ts';
import { AllocatorUnderTest, atOnce, devGameServers, gameServersOf } from './allocator-under-test.ts';
import type { Run } from './allocator-under-test.ts';
import { p50AndP99 } from './percentiles.ts';

const NAME = 'bench-shared';
const CAPACITY = 100;
const GAME_SERVERS_AT_LEAST = 30;
const IN_FLIGHT = 50;
const WAIT_SECONDS = 30;
/** Before the measured ones: a run of 500 would be over before the programs are compiled. */
const WARM_UP_REQUESTS = 2000;
/** GameServerAllocations cost the same from the first on: most of their time is Agones' batch wait. */
const DIRECT_WARM_UP_REQUESTS = 100;
/** Watches have told by then what was given back. */
const GIVE_BACK_PAUSE_MS = 500;
/** As many at most: one at a time they would take minutes. */
const MAX_DIRECT = 500;

export interface SharedOptions {
  /** A cluster with Agones; without it a `local` is started, with Agones' own batch wait. */
  kubeconfigFile: string | undefined;
  /** 50 in flight. */
  requests: number;
  onProgress: (line: string) => void;
}

export interface SharedResult {
  summary: {
    /** `overfull`: GameServers with more sessions than their capacity. */
    shared: SideResult & { overfull: number };
    direct: SideResult;
  };
  latency: { shared: ReturnType<typeof p50AndP99>; direct: ReturnType<typeof p50AndP99> };
}

/** `sessions`: those that are in a List after they were answered. `servers`: GameServers in use for them. */
interface SideResult {
  sessions: number;
  servers: number;
  perSecond: number;
  failed: number;
}

/**
 * `POST /api/new-game` for sessions on shared GameServers, beside GameServerAllocations for the same sent straight to the
 * same API: into the fullest GameServer that is Allocated and has a place, else into one that is Ready.
 */
export async function measureShared({ kubeconfigFile, requests, onProgress }: SharedOptions): Promise<SharedResult> {
  const replicas = Math.max(GAME_SERVERS_AT_LEAST, Math.ceil((1.5 * requests) / CAPACITY));
  const fleet = devGameServers(NAME, replicas, { lists: { [SESSIONS_LIST]: { capacity: CAPACITY } } });
  const bench = await AllocatorUnderTest.start({ kubeconfigFile, fleet, onProgress });
  const { connection } = bench;
  const newGame = async (): Promise<string | undefined> => {
    const headers = { prefer: `wait=${WAIT_SECONDS}` };
    return (await bench.newGame({ playerId: 'player', game: NAME }, headers)).sessionId;
  };
  try {
    await atOnce(WARM_UP_REQUESTS, IN_FLIGHT, newGame);
    await empty(connection);
    onProgress(`${requests} new games, ${IN_FLIGHT} in flight`);
    const shared = await atOnce(requests, IN_FLIGHT, newGame);
    const sharedResult = { ...(await resultOf(connection, shared)), overfull: await countOverfull(connection) };
    await empty(connection);
    const directRequests = Math.min(requests, MAX_DIRECT);
    await atOnce(DIRECT_WARM_UP_REQUESTS, IN_FLIGHT, () => allocateDirectly(connection));
    await empty(connection);
    onProgress(`${directRequests} GameServerAllocations, ${IN_FLIGHT} in flight`);
    const direct = await atOnce(directRequests, IN_FLIGHT, () => allocateDirectly(connection));
    return {
      summary: { shared: sharedResult, direct: await resultOf(connection, direct) },
      latency: { shared: p50AndP99(shared.durationsMs), direct: p50AndP99(direct.durationsMs) },
    };
  } finally {
    await bench.stop();
  }
}

async function allocateDirectly(connection: KubernetesConnection): Promise<string | undefined> {
  const id = randomUUID();
  const selector = (gameServerState: 'Allocated' | 'Ready'): GameServerSelector => ({
    matchLabels: { [GAME_LABEL]: NAME },
    gameServerState,
    lists: { [SESSIONS_LIST]: { minAvailable: 1 } },
  });
  const answer = (await connection.create(GAME_SERVER_ALLOCATIONS, {
    apiVersion: 'allocation.agones.dev/v1',
    kind: 'GameServerAllocation',
    spec: {
      selectors: [selector('Allocated'), selector('Ready')],
      priorities: [{ type: 'List', key: SESSIONS_LIST, order: 'Ascending' }],
      lists: { [SESSIONS_LIST]: { addValues: [id] } },
    },
  })) as GameServerAllocation;
  return answer.status?.state === 'Allocated' ? id : undefined;
}

async function resultOf(connection: KubernetesConnection, run: Run): Promise<SideResult> {
  const lists = await sessionLists(connection);
  const there = new Set(lists.flat());
  const sessions = run.names.filter((id) => there.has(id)).length;
  const all = run.durationsMs.length;
  return {
    sessions,
    servers: lists.filter(({ length }) => length > 0).length,
    perSecond: Math.round((run.perSecond * sessions * 10) / all) / 10,
    failed: all - sessions,
  };
}

async function countOverfull(connection: KubernetesConnection): Promise<number> {
  return (await sessionLists(connection)).filter(({ length }) => length > CAPACITY).length;
}

async function sessionLists(connection: KubernetesConnection): Promise<string[][]> {
  const gameServers = await gameServersOf(connection, NAME);
  return gameServers.map(({ status }) => status?.lists?.[SESSIONS_LIST]?.values ?? []);
}

/** Every session ends and every GameServer is Ready again. */
async function empty(connection: KubernetesConnection): Promise<void> {
  const gameServers = await gameServersOf(connection, NAME);
  const inUse = gameServers.filter(({ status }) => status?.state === 'Allocated');
  await Promise.all(
    inUse.map(({ metadata }) =>
      connection.patch(GAME_SERVERS, metadata.name, [
        { op: 'add', path: `/status/lists/${SESSIONS_LIST}`, value: { capacity: CAPACITY, values: [] } },
        { op: 'replace', path: '/status/state', value: 'Ready' },
      ]),
    ),
  );
  await pause(GIVE_BACK_PAUSE_MS);
}
