import { ask, unexpected } from './ask.ts';
import type { AskOptions } from './ask.ts';
import type { Regions } from './api-types.ts';

export type Region = Regions[number];

/** More are not measured: it is as many as a request may tell of. */
const MAX_REGIONS = 32;

/**
 * The regions in which there are GameServers; none where the installation names none.
 *
 * @throws RegattaError
 * @throws the signal's reason once it is aborted
 */
export async function listRegions(options: AskOptions = {}): Promise<Region[]> {
  const answer = await ask('/api/regions', options);
  if (!Array.isArray(answer)) throw unexpected('The answer is no list of regions');
  return answer.flatMap((each: unknown) => parseRegion(each) ?? []);
}

export interface MeasureOptions extends AskOptions {
  /** Those to measure. @default all that `listRegions` tells */
  regions?: readonly Region[];
  /** Pings of each region that count, after one that only opens the connection. @default 3 */
  pings?: number;
  /** A region whose pings take longer, all of them together, is left out or told of by those that came back. @default 2000 */
  timeoutMs?: number;
}

/**
 * How far each region is, in milliseconds: the median of a few pings over HTTPS, one after the other, all regions at the
 * same time. Give it to `newGame` as `latencies`. A region that has no URL to ping, or does not answer in time, is not in it.
 *
 * @throws RegattaError when the regions have to be asked for and cannot
 * @throws the signal's reason once it is aborted
 */
export async function measureRegions(options: MeasureOptions = {}): Promise<Record<string, number>> {
  const { pings = 3, timeoutMs = 2000, signal } = options;
  const regions = options.regions ?? (await listRegions(options));
  const inTime = AbortSignal.any([...(signal === undefined ? [] : [signal]), AbortSignal.timeout(timeoutMs)]);
  const measured = await Promise.all(
    regions.slice(0, MAX_REGIONS).map(async ({ name, pingUrl }) => {
      const latencyMs = pingUrl === undefined ? undefined : await medianPingMs(pingUrl, pings, inTime);
      return latencyMs === undefined ? [] : [[name, latencyMs] as const];
    }),
  );
  signal?.throwIfAborted();
  return Object.fromEntries(measured.flat());
}

async function medianPingMs(url: string, pings: number, signal: AbortSignal): Promise<number | undefined> {
  const timesMs: number[] = [];
  try {
    // The first one looks the name up and shakes hands.
    for (let ping = 0; ping <= pings; ping++) {
      const tookMs = await pingMs(url, signal);
      if (ping > 0) timesMs.push(tookMs);
    }
  } catch {
    // Too late, or not there: those that came back count.
  }
  return timesMs.toSorted((a, b) => a - b)[timesMs.length >> 1];
}

async function pingMs(url: string, signal: AbortSignal): Promise<number> {
  const startedAtMs = performance.now();
  // Of an answer of another origin nothing is read, not even whether it is one of success.
  await fetch(url, { mode: 'no-cors', cache: 'no-store', credentials: 'omit', redirect: 'follow', signal }).then(
    (response) => response.arrayBuffer(),
  );
  return Math.round((performance.now() - startedAtMs) * 10) / 10;
}

function parseRegion(value: unknown): Region | undefined {
  if (typeof value !== 'object' || value === null || !('name' in value) || typeof value.name !== 'string') {
    return undefined;
  }
  const { name } = value;
  return 'pingUrl' in value && typeof value.pingUrl === 'string' ? { name, pingUrl: value.pingUrl } : { name };
}
