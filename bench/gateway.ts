import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { KEY_FILES } from '../bin/keys.ts';
import { openSessionRequest } from '../gateway/session-request.ts';
import { systemClock } from '../lib/clock.ts';
import { RouteOpener } from '../lib/join-token.ts';
import { parseKeySet } from '../lib/key-set.ts';
import type { KeySet, KeyUse } from '../lib/key-set.ts';
import type { Series } from './distribution-plot.ts';
import { LoadClient } from './doors/load.ts';
import type { RoundTrips } from './doors/load.ts';
import { WaysIn } from './doors/ways-in.ts';
import type { WayIn, WayName } from './doors/ways-in.ts';
import { percentile } from './percentiles.ts';
import { memoryOf, processTree, usageOf } from './process-usage.ts';
import { sessionPath } from './session-path.ts';

export interface GatewayBenchOptions {
  /** Turns of each way at each size; in each turn every way once, the first another each time. */
  rounds: number;
  /** Of one turn. */
  seconds: number;
  /** More connections are not opened, whatever the machine allows. */
  maxConnections: number;
  onProgress: (line: string) => void;
}

/**
 * The round trip of a message at one number of connections. p50 and p99 are medians of turns: what stalls the whole machine
 * in one turn is not the way's. p99.9 is of all messages.
 */
export interface RoundTripFigures {
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
  connections: number;
  lost: number;
}

/** One way in. The round trip at 100 connections stands in it, those of other sizes beside it. */
export interface WayFigures extends RoundTripFigures {
  at1000: RoundTripFigures;
  atMost: RoundTripFigures;
  /** Of a message there and its echo back, at 100 connections. 0 for the direct way, which has no process of its own. */
  cpuSecondsPerMillion: number;
  /** Proportional memory (PSS) that the most connections took, each. */
  kbPerIdle: number;
  /** Upgraded and cut again. */
  acceptsPerSecond: number;
  failedAccepts: number;
}

export interface GatewayBenchResult {
  summary: Partial<Record<WayName, WayFigures>> & { tokenCheck: { p50Ms: number; p99Ms: number } };
  series: Series[];
}

const PER_SECOND = 2000;
const FEW = 100;
const MANY = 1000;
/** Descriptors that a way has in use beside those of its connections. */
const SPARE_DESCRIPTORS = 200;
const OPENED_AT_ONCE = 64;
const WARM_UP_CONNECTIONS = 500;
/** With the most connections open a way has its turns in a row: all ways at once would need as many again. */
const MOST_TURNS = 3;
/** Of messages before those that are measured: V8 compiles what is hot while it runs. */
const WARM_UP_SECONDS = 5;
const SETTLE_MS = 4000;
const ACCEPTS_PER_ROUND = 1500;
const ACCEPTED_AT_ONCE = 32;
const TOKEN_CHECKS = 20_000;
const TOKEN_SECONDS = 6 * 3600;

/**
 * The same echo game server direct, through the gateway, nginx and HAProxy, one process or worker each, and through
 * nginx as docs/proxies has it, asking the gateway. All are up at once and take turns, so that what else the machine does
 * hits all alike.
 *
 * Reads /proc, so it needs Linux.
 */
export async function measureGateway(options: GatewayBenchOptions): Promise<GatewayBenchResult> {
  const most = Math.min(options.maxConnections, Math.floor((openFilesAllowed() - SPARE_DESCRIPTORS) / 2));
  const waysIn = await WaysIn.start(most);
  const load = await LoadClient.start();
  try {
    return await new GatewayBench(waysIn, load, options, most).run();
  } finally {
    load.stop();
    await waysIn.stop();
  }
}

class GatewayBench {
  readonly #waysIn: WaysIn;
  readonly #load: LoadClient;
  readonly #options: GatewayBenchOptions;
  readonly #most: number;
  #path = '';

  constructor(waysIn: WaysIn, load: LoadClient, options: GatewayBenchOptions, most: number) {
    this.#waysIn = waysIn;
    this.#load = load;
    this.#options = options;
    this.#most = most;
  }

  async run(): Promise<GatewayBenchResult> {
    const { onProgress: say, maxConnections } = this.#options;
    this.#path = await this.#issuePath();
    const tokenCheck = await this.#checkTokens();
    say(`token check: ${tokenCheck.p50Ms} ms p50, ${tokenCheck.p99Ms} ms p99`);
    const bound = this.#most < maxConnections ? 'as many as open files are allowed for' : 'the bound of this run';
    say(`${this.#most} connections, ${bound}`);
    const idle = new Map<WayName, { kbPerIdle: number; figures: RoundTripFigures }>();
    for (const way of this.#waysIn.ways) idle.set(way.name, await this.#atMost(way));
    const few = await this.#inTurns(FEW);
    const many = await this.#inTurns(MANY);
    const accepts = await this.#accepts();
    const summary: GatewayBenchResult['summary'] = { tokenCheck };
    for (const { name } of this.#waysIn.ways) {
      const [own, at1000, atMost, accepted] = [few.get(name), many.get(name), idle.get(name), accepts.get(name)];
      if (own === undefined || at1000 === undefined || atMost === undefined || accepted === undefined) continue;
      const { cpuSecondsPerMillion } = own;
      summary[name] = {
        ...figuresOf(own.trips, FEW),
        at1000: figuresOf(at1000.trips, MANY),
        atMost: atMost.figures,
        cpuSecondsPerMillion,
        kbPerIdle: atMost.kbPerIdle,
        acceptsPerSecond: Math.round(accepted.opened / accepted.seconds),
        failedAccepts: accepted.failed,
      };
    }
    return {
      summary,
      series: [...few].map(([name, { trips }]) => ({ name, valuesMs: durationsOf(trips) })),
    };
  }

  #issuePath(): Promise<string> {
    return sessionPath({
      sealing: this.#keys('seal'),
      signing: this.#keys('sign'),
      port: this.#waysIn.gameServerPort,
      expiresAtSeconds: Math.floor(Date.now() / 1000) + TOKEN_SECONDS,
    });
  }

  #keys(use: KeyUse): KeySet {
    const name = { seal: KEY_FILES.sealing, sign: KEY_FILES.signing, verify: KEY_FILES.verifying }[use];
    const file = join(this.#waysIn.keysDirectory, name);
    return parseKeySet(readFileSync(file, 'utf8'), use, file);
  }

  /** What the gateway does to a token before it connects, in this process. */
  async #checkTokens(): Promise<{ p50Ms: number; p99Ms: number }> {
    const opener = new RouteOpener(this.#keys('seal'));
    const durationsMs: number[] = [];
    for (let turn = 0; turn < 1.1 * TOKEN_CHECKS; turn += 1) {
      const startMs = performance.now();
      await openSessionRequest(this.#path, opener, systemClock);
      // The first tenth is V8's to compile it in.
      if (turn >= 0.1 * TOKEN_CHECKS) durationsMs.push(performance.now() - startMs);
    }
    return { p50Ms: rounded(percentile(durationsMs, 50), 4), p99Ms: rounded(percentile(durationsMs, 99), 4) };
  }

  /** Memory of many idle connections, then the round trip among as many. */
  async #atMost(way: WayIn): Promise<{ kbPerIdle: number; figures: RoundTripFigures }> {
    const { onProgress: say, seconds } = this.#options;
    await this.#load.openAndCut(way.port, this.#path, WARM_UP_CONNECTIONS, OPENED_AT_ONCE);
    await pause(SETTLE_MS);
    const before = proportionalKilobytes(way);
    const { opened, failed } = await this.#load.open(way.name, way.port, this.#path, this.#most, OPENED_AT_ONCE);
    await pause(SETTLE_MS);
    const kbPerIdle = rounded((proportionalKilobytes(way) - before) / opened, 1);
    // Once around: the first message of a connection is not what is measured.
    await this.#load.play(way.name, PER_SECOND, Math.ceil(opened / PER_SECOND));
    const turns: RoundTrips[] = [];
    for (let turn = 0; turn < MOST_TURNS; turn += 1) turns.push(await this.#load.play(way.name, PER_SECOND, seconds));
    const figures = figuresOf(turns, opened);
    await this.#load.cut(way.name);
    await pause(SETTLE_MS);
    say(`${way.name}: ${opened} open, ${failed} failed, ${kbPerIdle} KB each, p99 ${figures.p99Ms} ms`);
    return { kbPerIdle, figures };
  }

  /** The round trip at one size, and the CPU of what stands between. */
  async #inTurns(connections: number): Promise<Map<WayName, { trips: RoundTrips[]; cpuSecondsPerMillion: number }>> {
    const { rounds, seconds, onProgress: say } = this.#options;
    const trips = new Map<WayName, RoundTrips[]>();
    const cpuSeconds = new Map<WayName, number>();
    for (const way of this.#waysIn.ways) {
      await this.#load.open(way.name, way.port, this.#path, connections, OPENED_AT_ONCE);
      await this.#load.play(way.name, PER_SECOND, WARM_UP_SECONDS);
    }
    for (let round = 0; round < rounds; round += 1) {
      say(`${connections} connections, round ${round + 1} of ${rounds}`);
      for (const way of this.#inOrderOf(round)) {
        const before = cpuSecondsOf(way);
        const played = await this.#load.play(way.name, PER_SECOND, seconds);
        cpuSeconds.set(way.name, (cpuSeconds.get(way.name) ?? 0) + cpuSecondsOf(way) - before);
        trips.set(way.name, [...(trips.get(way.name) ?? []), played]);
      }
    }
    for (const way of this.#waysIn.ways) await this.#load.cut(way.name);
    await pause(SETTLE_MS);
    const figures = [...trips].map(([name, played]) => {
      const million = durationsOf(played).length / 1e6;
      return [
        name,
        { trips: played, cpuSecondsPerMillion: rounded((cpuSeconds.get(name) ?? 0) / million, 1) },
      ] as const;
    });
    return new Map(figures);
  }

  async #accepts(): Promise<Map<WayName, { opened: number; failed: number; seconds: number }>> {
    const totals = new Map<WayName, { opened: number; failed: number; seconds: number }>();
    for (let round = 0; round < this.#options.rounds; round += 1) {
      this.#options.onProgress(`${ACCEPTS_PER_ROUND} connections one after another, round ${round + 1}`);
      for (const way of this.#inOrderOf(round)) {
        const made = await this.#load.openAndCut(way.port, this.#path, ACCEPTS_PER_ROUND, ACCEPTED_AT_ONCE);
        const total = totals.get(way.name) ?? { opened: 0, failed: 0, seconds: 0 };
        totals.set(way.name, {
          opened: total.opened + made.opened,
          failed: total.failed + made.failed,
          seconds: total.seconds + made.seconds,
        });
      }
    }
    return totals;
  }

  #inOrderOf(round: number): WayIn[] {
    const { ways } = this.#waysIn;
    const first = round % ways.length;
    return [...ways.slice(first), ...ways.slice(0, first)];
  }
}

/** A process can hold so many files and sockets. */
function openFilesAllowed(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files +\d+ +(\d+)/m.exec(limits)?.[1] ?? 1024);
}

function cpuSecondsOf({ processId }: WayIn): number {
  if (processId === undefined) return 0;
  return processTree(processId).reduce((sum, id) => sum + usageOf(id).cpuSeconds, 0);
}

function proportionalKilobytes({ processId }: WayIn): number {
  return processId === undefined ? 0 : memoryOf(processTree(processId)).proportionalMegabytes * 1024;
}

function durationsOf(trips: readonly RoundTrips[]): number[] {
  return trips.flatMap(({ durationsMs }) => [...durationsMs]);
}

function figuresOf(trips: readonly RoundTrips[], connections: number): RoundTripFigures {
  const durationsMs = durationsOf(trips);
  const medianOfTurns = (percent: number): number =>
    percentile(
      trips.map((trip) => percentile([...trip.durationsMs], percent)),
      50,
    );
  const sent = trips.reduce((sum, trip) => sum + trip.sent, 0);
  return {
    p50Ms: rounded(medianOfTurns(50), 2),
    p99Ms: rounded(medianOfTurns(99), 2),
    p999Ms: rounded(percentile(durationsMs, 99.9), 2),
    connections,
    lost: sent - durationsMs.length,
  };
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
