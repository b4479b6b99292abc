import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { joinSession, newGame, Sailor } from '../test/helpers/sailor.ts';
import { GAME_SERVERS } from '../allocator/agones/kubernetes-connection.ts';
import type { GameServer } from '../lib/agones.ts';
import { usageOf } from './process-usage.ts';
import { shutDown, startOnThisMachine, untilReady } from './subject.ts';
import type { Subject } from './subject.ts';

const OBSERVED_MS = 20_000;
const SETTLE_MS = 3_000;
const LOOK_AGAIN_MS = 20;
const BOATS = 8;
const MEGABYTE = 1_048_576;

export interface GameServerFigures {
  what: string;
  value: string;
}

/**
 * What one game server costs: its start, and memory and CPU while idle and with eight boats racing.
 *
 * Reads /proc, so it needs Linux.
 */
export async function measureGameServer(say: (line: string) => void): Promise<GameServerFigures[]> {
  if (process.platform !== 'linux') throw new Error('this benchmark reads /proc: it needs Linux');
  const startMs = performance.now();
  const subject = await startOnThisMachine(1);
  try {
    await untilReady(subject, 1);
    const stackMs = performance.now() - startMs;
    const registerDirectory = join(subject.stateDirectory ?? '', 'local', 'processes');

    say('idle, started with an empty compile cache');
    await pause(SETTLE_MS);
    const cold = await observe(onlyProcess(registerDirectory));

    say('a second start');
    const [first = ''] = await readyNames(subject);
    const againMs = performance.now();
    await shutDown(subject, first);
    while (!(await readyNames(subject)).some((name) => name !== first)) await pause(LOOK_AGAIN_MS);
    const replacedMs = performance.now() - againMs;
    while (processIds(registerDirectory).length > 1) await pause(LOOK_AGAIN_MS);

    say('idle, started with a full compile cache');
    await pause(SETTLE_MS);
    const processId = onlyProcess(registerDirectory);
    const idle = await observe(processId);

    say(`${BOATS} boats`);
    const game = await newGame(subject.url, 'bench-0');
    const others = await Promise.all(
      Array.from({ length: BOATS - 1 }, (_, index) => joinSession(subject.url, game.sessionId, `bench-${index + 1}`)),
    );
    const sailors = [game, ...others].map(({ wsUrl }) => new Sailor(wsUrl));
    await Promise.all(sailors.map((sailor) => sailor.hear('welcome')));
    for (const sailor of sailors) sailor.say({ type: 'start' });
    await sailors[0]?.hear('state', ({ phase }) => phase === 'racing', 30_000);
    const playing = await observe(processId);
    for (const sailor of sailors) sailor.leave();
    return [
      {
        what: 'start of everything to the first Ready, empty compile cache',
        value: `${(stackMs / 1000).toFixed(2)} s`,
      },
      {
        what: 'Shutdown of a GameServer to its replacement Ready, full cache',
        value: `${(replacedMs / 1000).toFixed(2)} s`,
      },
      ...rows('idle, empty cache', cold),
      ...rows('idle, full cache', idle),
      ...rows(`${BOATS} boats racing, full cache`, playing),
    ];
  } finally {
    await subject.stop();
  }
}

interface Usage {
  residentMegabytes: number;
  cpuPercent: number;
}

function rows(what: string, usage: Usage): GameServerFigures[] {
  return [
    { what: `${what}: resident`, value: `${usage.residentMegabytes.toFixed(0)} MB` },
    { what: `${what}: CPU`, value: `${usage.cpuPercent.toFixed(2)} % of a core` },
  ];
}

async function readyNames(subject: Subject): Promise<string[]> {
  const { items } = (await subject.kubernetes.list(GAME_SERVERS, { limit: 500 })) as { items: GameServer[] };
  return items.filter(({ status }) => status?.state === 'Ready').map(({ metadata }) => metadata.name);
}

/** The processes that `local` runs, from its register. */
function processIds(directory: string): number[] {
  return readdirSync(directory).map(Number.parseFloat).filter(Number.isInteger);
}

/** @throws Error when there is not exactly one */
function onlyProcess(directory: string): number {
  const [processId, ...more] = processIds(directory);
  if (processId === undefined || more.length > 0) throw new Error(`there are ${more.length} game servers too many`);
  return processId;
}

async function observe(processId: number): Promise<Usage> {
  const from = usageOf(processId);
  const startMs = performance.now();
  await pause(OBSERVED_MS);
  const to = usageOf(processId);
  const seconds = (performance.now() - startMs) / 1000;
  return {
    residentMegabytes: to.residentBytes / MEGABYTE,
    cpuPercent: (100 * (to.cpuSeconds - from.cpuSeconds)) / seconds,
  };
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
