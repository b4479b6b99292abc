import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { generateKeys, parseKeySet } from '../../lib/key-set.ts';
import { percentile, toHundredth } from '../percentiles.ts';
import { sessionPath } from '../session-path.ts';
import { memoryOf, processTree } from '../process-usage.ts';
import type { Attack, AttackReport } from './bad-upgrades.ts';

export interface AbuseOptions {
  /** Rounds of the three phases. */
  rounds: number;
  /** How long each phase takes. */
  phaseMs: number;
  players: number;
  /** Connections that the sender of bad upgrades has at once. */
  badAtOnce: number;
  messagesPerSecond: number;
  /** Processes of the gateway that serve. */
  workers: number;
  onProgress: (line: string) => void;
}

/** Round trips of good players in one phase, all rounds together. */
export interface PhaseFigures {
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  roundTrips: number;
}

export interface AbuseFigures {
  workers: number;
  /** Nobody but the good players. */
  calm: PhaseFigures;
  /** The sender of bad upgrades runs as well, at a port where nobody listens: what its core costs the others. */
  busy: PhaseFigures;
  /** It sends them to the gateway. */
  attack: PhaseFigures;
  p95AttackToCalm: number;
  p95AttackToBusy: number;
  badPerSecond: number;
  badAnswered: number;
  /** Connections of good players that broke. */
  lost: number;
  /** Of all processes of the gateway together, proportional set size. */
  megabytesBefore: number;
  megabytesAfter: number;
}

/** Good players come from here, and are not limited. */
const GOOD_ADDRESS = '127.0.0.1';
/** Bad ones come from here, and are limited as any stranger is. */
const BAD_ADDRESS = '127.0.0.2';
const SETTLE_MS = 500;

/**
 * What good players notice of bad upgrades that are sent as fast as one core can.
 *
 * All of it is on loopback and ends by itself. Reads /proc, so it needs Linux.
 */
export async function measureAbuse(options: AbuseOptions): Promise<AbuseFigures> {
  const directory = mkdtempSync(join(tmpdir(), 'regatta-abuse-'));
  const children: ChildProcess[] = [];
  const start = (file: string, environment: Record<string, string> = {}): ChildProcess => {
    const child = fork(resolve(file), { env: { ...process.env, ...environment } });
    children.push(child);
    return child;
  };
  try {
    const keys = generateKeys();
    writeFileSync(join(directory, 'sealing.json'), keys.sealing);
    const gateway = start('gateway/main.ts', {
      PORT: '0',
      HEALTH_PORT: '0',
      LISTEN_ADDRESS: GOOD_ADDRESS,
      ALLOCATOR_URL: 'http://127.0.0.1:1',
      SEALING_KEYS_FILE: join(directory, 'sealing.json'),
      WORKERS: String(options.workers),
      UNLIMITED_NETWORKS: `${GOOD_ADDRESS}/32`,
      LOG_LEVEL: 'warn',
    });
    const [{ url }] = (await once(gateway, 'message')) as [{ url: string }];
    const [{ port: gamePort }] = (await once(start('bench/abuse/echo-game-server.ts'), 'message')) as [
      { port: number },
    ];
    const sender = start('bench/abuse/bad-upgrades.ts');
    await once(sender, 'message');

    const port = Number(new URL(url).port);
    const paths = await sessionPaths(keys, gamePort);
    const attackOn = (target: number): Attack => ({
      port: target,
      localAddress: BAD_ADDRESS,
      requests: badRequests(paths),
      atOnce: options.badAtOnce,
      durationMs: options.phaseMs,
    });
    const players = await Players.open(`ws://${GOOD_ADDRESS}:${port}${paths.good}`, options);
    await players.play(SETTLE_MS);
    players.take();
    const megabytes = (): number => memoryOf(processTree(gateway.pid ?? 0)).proportionalMegabytes;
    const phases = { calm: [] as number[], busy: [] as number[], attack: [] as number[] };
    const bad: AttackReport = { sent: 0, answered: 0 };
    const nobody = await chooseFreePort();
    const megabytesBefore = megabytes();
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const phase of ['calm', 'busy', 'attack'] as const) {
        options.onProgress(`round ${round} of ${options.rounds}: ${phase}`);
        const sending = phase === 'calm' ? undefined : send(sender, attackOn(phase === 'busy' ? nobody : port));
        await players.play(options.phaseMs);
        phases[phase].push(...players.take());
        const report = await sending;
        if (phase === 'attack' && report !== undefined) {
          bad.sent += report.sent;
          bad.answered += report.answered;
        }
        await players.play(SETTLE_MS);
        players.take();
      }
    }
    const [calm, busy, attack] = [figuresOf(phases.calm), figuresOf(phases.busy), figuresOf(phases.attack)];
    const figures: AbuseFigures = {
      workers: options.workers,
      calm,
      busy,
      attack,
      p95AttackToCalm: toHundredth(attack.p95Ms / calm.p95Ms),
      p95AttackToBusy: toHundredth(attack.p95Ms / busy.p95Ms),
      badPerSecond: Math.round((1000 * bad.sent) / (options.rounds * options.phaseMs)),
      badAnswered: bad.answered,
      lost: players.lost,
      megabytesBefore: Math.round(megabytesBefore),
      megabytesAfter: Math.round(megabytes()),
    };
    players.close();
    return figures;
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

async function send(sender: ChildProcess, attack: Attack): Promise<AttackReport> {
  const reported = once(sender, 'message') as Promise<[AttackReport]>;
  sender.send(attack);
  const [report] = await reported;
  return report;
}

async function sessionPaths(
  keys: ReturnType<typeof generateKeys>,
  port: number,
): Promise<{ good: string; expired: string }> {
  const sealing = parseKeySet(keys.sealing, 'seal', 'sealing');
  const signing = parseKeySet(keys.signing, 'sign', 'signing');
  const pathUntil = (expiresAtSeconds: number): Promise<string> =>
    sessionPath({ sealing, signing, port, expiresAtSeconds });
  const nowSeconds = Math.floor(Date.now() / 1000);
  return { good: await pathUntil(nowSeconds + 3600), expired: await pathUntil(nowSeconds - 3600) };
}

/** Forged, expired, oversize and half-open, by turns. */
function badRequests({ good, expired }: { good: string; expired: string }): string[] {
  const upgrade = (path: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  const forged = `${good.slice(0, -8)}AAAAAAAA`;
  return [upgrade(forged), upgrade(expired), upgrade(`${good}${'x'.repeat(20_000)}`), upgrade(good).slice(0, 80)];
}

function figuresOf(roundTripsMs: readonly number[]): PhaseFigures {
  return {
    p50Ms: toHundredth(percentile(roundTripsMs, 50)),
    p95Ms: toHundredth(percentile(roundTripsMs, 95)),
    p99Ms: toHundredth(percentile(roundTripsMs, 99)),
    roundTrips: roundTripsMs.length,
  };
}

/** Good players, who each say something at a steady rate and note when it came back. */
class Players {
  readonly #webSockets: WebSocket[];
  readonly #messagesPerSecond: number;
  #roundTripsMs: number[] = [];
  #isClosing = false;
  lost = 0;

  private constructor(webSockets: WebSocket[], messagesPerSecond: number) {
    this.#webSockets = webSockets;
    this.#messagesPerSecond = messagesPerSecond;
    for (const webSocket of webSockets) {
      webSocket.on('message', (data: Buffer) => this.#roundTripsMs.push(performance.now() - Number(data.toString())));
      webSocket.on('close', () => {
        if (!this.#isClosing) this.lost += 1;
      });
    }
  }

  static async open(url: string, { players, messagesPerSecond }: AbuseOptions): Promise<Players> {
    const opening = Array.from({ length: players }, async () => {
      const webSocket = new WebSocket(url, { perMessageDeflate: false });
      await once(webSocket, 'open');
      webSocket.on('error', () => webSocket.terminate());
      return webSocket;
    });
    return new Players(await Promise.all(opening), messagesPerSecond);
  }

  /** Lets them play for a while: one after the other, so that no two speak at once. */
  async play(durationMs: number): Promise<void> {
    const startMs = performance.now();
    const total = Math.floor((durationMs * this.#messagesPerSecond) / 1000);
    for (let said = 0; said < total; said += 1) {
      const dueMs = startMs + (said * 1000) / this.#messagesPerSecond;
      await delay(Math.max(0, dueMs - performance.now()));
      this.#webSockets[said % this.#webSockets.length]?.send(String(performance.now()));
    }
  }

  /** The round trips since the last call. */
  take(): number[] {
    const taken = this.#roundTripsMs;
    this.#roundTripsMs = [];
    return taken;
  }

  close(): void {
    this.#isClosing = true;
    for (const webSocket of this.#webSockets) webSocket.terminate();
  }
}
