import { performance } from 'node:perf_hooks';
import { WebSocket } from 'ws';
import type { Manifest } from '../bin/apply-manifests.ts';
import { SESSIONS_LIST } from '../lib/session.ts';
import type { Series } from './distribution-plot.ts';
import { p50AndP99, percentile } from './percentiles.ts';
import { startOnThisMachine, untilReady } from './subject.ts';

/** Of each GameServer: real processes are few, sessions many. */
const SESSIONS_EACH = 100;
const WARM_GAME_SERVERS = 3;
const WARM_UP_GAMES = 50;
const DEADLINE_MS = 30_000;
const PROMISED_MS = 5;

export interface UrlOptions {
  games: number;
  onProgress: (line: string) => void;
}

export interface UrlResult {
  summary: {
    games: number;
    /** Connections that were refused, or did not come. */
    failed: number;
    /** From the answer to the upgrade. */
    p50Ms: number;
    p99Ms: number;
    p999Ms: number;
    longestMs: number;
    within5Ms: number;
  };
  series: Series[];
}

/**
 * How soon a URL works: new games one after another, each connected to the moment its answer is here, through the gateway,
 * to game servers that are processes.
 */
export async function measureUrls({ games, onProgress }: UrlOptions): Promise<UrlResult> {
  const subject = await startOnThisMachine(WARM_GAME_SERVERS, {
    fleets: 'fleets/shared',
    change: withManySessions,
    gameServerEnvironment: { IDLE_LIMIT_MS: '500' },
  });
  const answeredMs: number[] = [];
  const connectedMs: number[] = [];
  let failed = 0;
  try {
    await untilReady(subject, WARM_GAME_SERVERS);
    for (let game = 1; game <= WARM_UP_GAMES + games; game += 1) {
      const isMeasured = game > WARM_UP_GAMES;
      try {
        const durations = await playOnce(subject.url, `player-${game}`);
        if (!isMeasured) continue;
        answeredMs.push(durations.answeredMs);
        connectedMs.push(durations.connectedMs);
      } catch (error) {
        if (isMeasured) failed += 1;
        onProgress(`game ${game}: ${error instanceof Error ? error.message : 'failed'}`);
      }
      if (game % 100 === 0) onProgress(`${game} of ${WARM_UP_GAMES + games} new games`);
    }
  } finally {
    await subject.stop();
  }
  const toHundredth = (valueMs: number): number => Math.round(valueMs * 100) / 100;
  return {
    summary: {
      games,
      failed,
      ...p50AndP99(connectedMs),
      p999Ms: toHundredth(percentile(connectedMs, 99.9)),
      longestMs: toHundredth(percentile(connectedMs, 100)),
      within5Ms: connectedMs.filter((valueMs) => valueMs <= PROMISED_MS).length,
    },
    series: [
      { name: 'click to answer', valuesMs: answeredMs },
      { name: 'answer to connection', valuesMs: connectedMs },
    ],
  };
}

async function playOnce(url: string, playerId: string): Promise<{ answeredMs: number; connectedMs: number }> {
  const askedAtMs = performance.now();
  const answer = await fetch(`${url}/api/new-game`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=20' },
    body: JSON.stringify({ playerId }),
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  const { wsUrl } = (await answer.json()) as { wsUrl?: string };
  if (answer.status !== 201 || wsUrl === undefined) throw new Error(`answered ${answer.status}`);
  const answeredAtMs = performance.now();
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(wsUrl, { perMessageDeflate: false, handshakeTimeout: DEADLINE_MS });
    socket.on('open', () => {
      resolve({ answeredMs: answeredAtMs - askedAtMs, connectedMs: performance.now() - answeredAtMs });
      socket.close();
    });
    socket.on('unexpected-response', (_request, response) => {
      reject(new Error(`refused with ${response.statusCode ?? 0}`));
      socket.terminate();
    });
    socket.on('error', reject);
  });
}

function withManySessions(object: Manifest['object']): Manifest['object'] {
  if (object.kind !== 'Fleet') return object;
  const changed = structuredClone(object) as Manifest['object'] & {
    spec: { template: { spec: { lists: Record<string, { capacity: number }> } } };
  };
  changed.spec.template.spec.lists[SESSIONS_LIST] = { capacity: SESSIONS_EACH };
  return changed;
}
