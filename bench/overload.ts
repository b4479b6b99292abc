import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { pointerKey } from '../allocator/agones/json-pointer.ts';
import { FLEETS, GAME_SERVERS } from '../allocator/agones/kubernetes-connection.ts';
import { SESSION_KEY } from '../lib/session.ts';
import { AllocatorUnderTest, atOnce, devGameServers } from './allocator-under-test.ts';
import { percentile } from './percentiles.ts';
import { usageOf } from './process-usage.ts';

const NAME = 'bench-overload';
/** GameServers, each of which plays a session a second. */
const GAME_SERVERS_AT_FIRST = 20;
const PLAY_MS = 1000;
/** Sessions before anything is measured: what is over after seconds is over before V8 has compiled it. */
const WARM_UP_SESSIONS = 400;
const WAIT_SECONDS = 5;
const SAMPLE_MS = 1000;
/** From the call for more capacity. */
const RECOVERY_MS = 10_000;

export interface OverloadOptions {
  /** Of requests, as a multiple of the sessions that can be had. */
  times: number;
  seconds: number;
  onProgress: (line: string) => void;
}

export interface OverloadResult {
  requests: number;
  served: number;
  /** Told that there was none, or that too many wait. */
  refused: number;
  unanswered: number;
  /** Later than its deadline, the latest answer of all. */
  latestAfterDeadlineMs: number;
  /** The longest time by which somebody who had come earlier was served later than one who had come after them. */
  overtakenByMs: { overloaded: number; recovering: number };
  /** Of the allocator: after a sixth of the time, at its end, and at most. */
  residentMegabytes: { early: number; late: number; most: number };
  cpuShare: number;
  recovery: { capacityMs: number; servedAtOnceMs: number; p50Ms: number };
}

interface Answered extends Asked {
  answeredAtMs: number;
}

interface Asked {
  arrivedAtMs: number;
  answeredAtMs: number | undefined;
  isServed: boolean;
}

/** Many more requests than there can be sessions, for a while; then there is capacity for all. */
export async function measureOverload({ times, seconds, onProgress }: OverloadOptions): Promise<OverloadResult> {
  const bench = await AllocatorUnderTest.start({
    kubeconfigFile: undefined,
    fleet: devGameServers(NAME, GAME_SERVERS_AT_FIRST),
    onProgress,
  });
  try {
    const perSecond = (times * GAME_SERVERS_AT_FIRST * 1000) / PLAY_MS;
    onProgress(`${WARM_UP_SESSIONS} sessions first, each over at once`);
    await atOnce(WARM_UP_SESSIONS, GAME_SERVERS_AT_FIRST, () => playNothing(bench));
    const load = new Load(bench, perSecond);
    const memory: number[] = [];
    const cpuBefore = usageOf(bench.processId).cpuSeconds;
    load.start();
    for (let second = 0; second < seconds; second += 1) {
      await pause(SAMPLE_MS);
      memory.push(usageOf(bench.processId).residentBytes / 2 ** 20);
      if (second % 10 === 9) onProgress(`${second + 1} s: ${load.underWay} wait, ${Math.round(memory.at(-1) ?? 0)} MB`);
    }
    const cpuShare = (usageOf(bench.processId).cpuSeconds - cpuBefore) / seconds;
    onProgress('capacity for everybody');
    const overloadedUntilMs = performance.now();
    const waiting = load.underWay;
    load.perSecond = perSecond / times;
    const recovery = await recover(bench, load, waiting);
    await load.stop();
    const { asked } = load;
    const answered = asked.filter(isAnswered);
    return {
      requests: asked.length,
      served: asked.filter(({ isServed }) => isServed).length,
      refused: answered.filter(({ isServed }) => !isServed).length,
      unanswered: asked.length - answered.length,
      latestAfterDeadlineMs: round(Math.max(...answered.map((each) => durationMs(each) - WAIT_SECONDS * 1000))),
      overtakenByMs: {
        overloaded: round(overtakenByMs(answered.filter((each) => each.answeredAtMs < overloadedUntilMs))),
        recovering: round(overtakenByMs(answered.filter((each) => each.answeredAtMs >= overloadedUntilMs))),
      },
      residentMegabytes: {
        early: round(memory[Math.floor(seconds / 6)] ?? 0),
        late: round(memory.at(-1) ?? 0),
        most: round(Math.max(...memory)),
      },
      cpuShare: round(cpuShare),
      recovery,
    };
  } finally {
    await bench.stop();
  }
}

/** Requests that come at their times, answered or not, and sessions that end a while after they were given. */
class Load {
  readonly asked: Asked[] = [];
  perSecond: number;
  readonly #bench: AllocatorUnderTest;
  readonly #work = new Set<Promise<void>>();
  #isOver = false;
  #sender: Promise<void> = Promise.resolve();

  constructor(bench: AllocatorUnderTest, perSecond: number) {
    this.#bench = bench;
    this.perSecond = perSecond;
  }

  get underWay(): number {
    return this.asked.filter(({ answeredAtMs }) => answeredAtMs === undefined).length;
  }

  start(): void {
    this.#sender = this.#send();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#sender;
    await Promise.all(this.#work);
  }

  async #send(): Promise<void> {
    for (let nextAtMs = performance.now(); !this.#isOver; nextAtMs += 1000 / this.perSecond) {
      await pause(Math.max(0, nextAtMs - performance.now()));
      const work = this.#ask().finally(() => this.#work.delete(work));
      this.#work.add(work);
    }
  }

  async #ask(): Promise<void> {
    const asked: Asked = { arrivedAtMs: performance.now(), answeredAtMs: undefined, isServed: false };
    this.asked.push(asked);
    try {
      const answer = await this.#bench.newGame({ playerId: 'player', game: NAME }, { prefer: `wait=${WAIT_SECONDS}` });
      asked.answeredAtMs = performance.now();
      const gameServer = answer.allocation?.gameServer;
      if (gameServer === undefined) return;
      asked.isServed = true;
      await pause(PLAY_MS);
      await endSession(this.#bench, gameServer);
    } catch {
      // Stays among those who had no answer.
    }
  }
}

async function playNothing(bench: AllocatorUnderTest): Promise<string | undefined> {
  const answer = await bench.newGame({ playerId: 'player', game: NAME }, { prefer: 'wait=30' });
  const gameServer = answer.allocation?.gameServer;
  if (gameServer !== undefined) await endSession(bench, gameServer);
  return gameServer;
}

/** The GameServer is Ready again, as if its game had asked for it. */
async function endSession(bench: AllocatorUnderTest, gameServer: string): Promise<void> {
  await bench.connection.patch(GAME_SERVERS, gameServer, [
    { op: 'add', path: `/metadata/labels/${pointerKey(SESSION_KEY)}`, value: '' },
    { op: 'replace', path: '/status/state', value: 'Ready' },
  ]);
}

/** The Fleet grows until nobody need wait; how long it takes until whoever comes is served at once. */
async function recover(bench: AllocatorUnderTest, load: Load, waiting: number): Promise<OverloadResult['recovery']> {
  const startedAtMs = performance.now();
  const replicas = waiting + 2 * GAME_SERVERS_AT_FIRST;
  await bench.connection.patch(FLEETS, NAME, [{ op: 'replace', path: '/spec/replicas', value: replicas }]);
  let capacityAtMs: number | undefined;
  while (performance.now() - startedAtMs < RECOVERY_MS) {
    await pause(50);
    if (capacityAtMs === undefined && (await readyReplicas(bench)) > 0) capacityAtMs = performance.now();
  }
  const after = load.asked.filter(({ arrivedAtMs }) => arrivedAtMs > startedAtMs);
  const firstAtOnce = after.find((asked) => asked.isServed && durationMs(asked) < 100);
  const inTheEnd = after.slice(-GAME_SERVERS_AT_FIRST).filter(({ isServed }) => isServed);
  return {
    capacityMs: round((capacityAtMs ?? Number.POSITIVE_INFINITY) - startedAtMs),
    servedAtOnceMs: round((firstAtOnce?.arrivedAtMs ?? Number.POSITIVE_INFINITY) - startedAtMs),
    p50Ms: round(percentile(inTheEnd.map(durationMs), 50)),
  };
}

async function readyReplicas(bench: AllocatorUnderTest): Promise<number> {
  const { status } = (await bench.connection.get(FLEETS, NAME)) as { status?: { readyReplicas?: number } };
  return status?.readyReplicas ?? 0;
}

function durationMs({ arrivedAtMs, answeredAtMs }: Asked): number {
  return (answeredAtMs ?? Number.POSITIVE_INFINITY) - arrivedAtMs;
}

function isAnswered(asked: Asked): asked is Answered {
  return asked.answeredAtMs !== undefined;
}

function overtakenByMs(asked: readonly Answered[]): number {
  const byArrival = asked.filter(({ isServed }) => isServed).toReversed();
  let earliestLaterAnswerMs = Number.POSITIVE_INFINITY;
  let longestMs = 0;
  for (const { answeredAtMs } of byArrival) {
    longestMs = Math.max(longestMs, answeredAtMs - earliestLaterAnswerMs);
    earliestLaterAnswerMs = Math.min(earliestLaterAnswerMs, answeredAtMs);
  }
  return longestMs;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
