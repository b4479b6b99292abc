import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { joinSession, newGame, Sailor } from '../test/helpers/sailor.ts';
import { shutDown, startOnThisMachine, untilReady } from './subject.ts';

const OBSERVED_MS = 20_000;
const SETTLE_MS = 3_000;
const BOATS = 8;
const CLOCK_TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;
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

    say('idle');
    await pause(SETTLE_MS);
    const [processId = 0] = processIds(registerDirectory);
    const idle = await observe(processId);

    say(`${BOATS} boats`);
    const first = await newGame(subject.url, 'bench-0');
    const others = await Promise.all(
      Array.from({ length: BOATS - 1 }, (_, index) => joinSession(subject.url, first.sessionId, `bench-${index + 1}`)),
    );
    const sailors = [first, ...others].map(({ wsUrl }) => new Sailor(wsUrl));
    const [welcome] = await Promise.all(sailors.map((sailor) => sailor.hear('welcome')));
    for (const sailor of sailors) sailor.say({ type: 'start' });
    await sailors[0]?.hear('state', ({ phase }) => phase === 'racing', 30_000);
    const playing = await observe(processId);
    for (const sailor of sailors) sailor.leave();

    say('a second start');
    const gameServer = welcome?.gameServer ?? '';
    await untilReady(subject, 1);
    const before = new Set(processIds(registerDirectory));
    const againMs = performance.now();
    await shutDown(subject, gameServer);
    while (!processIds(registerDirectory).some((id) => !before.has(id))) await pause(20);
    await untilReady(subject, 1);
    const replacedMs = performance.now() - againMs;
    return [
      {
        what: 'first start of everything, empty compile cache, to the first Ready',
        value: `${(stackMs / 1000).toFixed(2)} s`,
      },
      { what: 'Shutdown to its replacement Ready, warm compile cache', value: `${(replacedMs / 1000).toFixed(2)} s` },
      { what: 'idle: resident', value: `${idle.residentMegabytes.toFixed(0)} MB` },
      { what: 'idle: CPU', value: `${idle.cpuPercent.toFixed(2)} % of a core` },
      { what: `${BOATS} boats: resident`, value: `${playing.residentMegabytes.toFixed(0)} MB` },
      { what: `${BOATS} boats: CPU`, value: `${playing.cpuPercent.toFixed(2)} % of a core` },
    ];
  } finally {
    await subject.stop();
  }
}

/** The processes that `local` runs, from its register. */
function processIds(directory: string): number[] {
  return readdirSync(directory).map(Number.parseFloat).filter(Number.isInteger);
}

async function observe(processId: number): Promise<{ residentMegabytes: number; cpuPercent: number }> {
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

function usageOf(processId: number): { residentBytes: number; cpuSeconds: number } {
  const stat = readFileSync(`/proc/${processId}/stat`, 'utf8');
  // Fields are counted from behind the name in brackets, which may hold blanks: 12 and 13 are user and system time.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const residentPages = Number(readFileSync(`/proc/${processId}/statm`, 'utf8').split(' ')[1]);
  return {
    residentBytes: residentPages * PAGE_BYTES,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND,
  };
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
