import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { processIds } from '../test/helpers/game-server-process.ts';
import { readManifests } from '../bin/apply-manifests.ts';
import { askApi } from '../bin/ask-api.ts';
import { chooseFreePort } from '../bin/free-ports.ts';
import { KEY_FILES, writeKeys } from '../bin/keys.ts';
import type { GameServer } from '../lib/agones.ts';
import { p50AndP99 } from './percentiles.ts';
import { memoryOf, processTree, usageOf } from './process-usage.ts';
import type { Memory } from './process-usage.ts';

const GAME_SERVERS = 2;
const LOOK_AGAIN_MS = 10;
const SETTLE_MS = 3000;
const READY_DEADLINE_MS = 120_000;

export interface StartOptions {
  /** Starts with a full compile cache, after the first. */
  runs: number;
  /** The Node that starts the command; one that is too old starts the one beside it. */
  node: string;
  onProgress(line: string): void;
}

type Percentiles = ReturnType<typeof p50AndP99>;

export interface StartFigures {
  game: string;
  /** From the command to two Ready GameServers, with an empty compile cache. */
  firstMs: number;
  /** The same from the second start on. */
  readyMs: Percentiles;
  /** From the command to the Kubernetes API. */
  apiMs: Percentiles;
  /** CPU time of the command's processes until two are Ready: what a machine with other work shows best. */
  cpuMs: Percentiles;
  runs: number;
  /** Of the command's processes, without those of the GameServers, the largest of all runs. */
  local: Memory;
}

interface Game {
  name: string;
  manifests: object[];
  parameters: string[];
}

/** What a developer waits for: `regatta local` from the command line to two Ready GameServers, and what it takes of memory. */
export async function measureStart(options: StartOptions): Promise<StartFigures[]> {
  if (process.platform !== 'linux') throw new Error('this benchmark reads /proc: it needs Linux');
  const directory = await mkdtemp(join(tmpdir(), 'regatta-bench-start-'));
  try {
    const figures: StartFigures[] = [];
    for (const game of [smallestGame(), await boatRace(directory)])
      figures.push(await measureGame(game, directory, options));
    return figures;
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

function smallestGame(): Game {
  const containers = [{ name: 'game', image: 'smallest:1' }];
  const ports = [{ name: 'game', portPolicy: 'Dynamic', containerPort: 7654 }];
  return {
    name: 'smallest game',
    manifests: [fleet({ spec: { ports, template: { spec: { containers } } } })],
    parameters: ['--command', `smallest:1=node "${resolve('bench/games/smallest.mjs')}"`],
  };
}

async function boatRace(directory: string): Promise<Game> {
  writeKeys(directory);
  const keys = await readFile(join(directory, KEY_FILES.verifying), 'utf8');
  const found = readManifests(resolve('fleets/base')).find(({ object }) => object.kind === 'Fleet')?.object;
  const { template } = (found as unknown as { spec: { template: object } }).spec;
  const data = { [KEY_FILES.verifying]: keys };
  return {
    name: 'boat race',
    manifests: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'regatta-join-keys' }, data },
      fleet(template),
    ],
    parameters: [],
  };
}

function fleet(template: object): object {
  return {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name: 'bench' },
    spec: { replicas: GAME_SERVERS, template },
  };
}

async function measureGame(game: Game, directory: string, options: StartOptions): Promise<StartFigures> {
  const stateDirectory = join(directory, game.name.replace(' ', '-'));
  const file = join(directory, 'manifests.yaml');
  await writeFile(file, game.manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n'));
  const start = () =>
    startOnce(options.node, ['-f', file, '--state-dir', stateDirectory, ...game.parameters], stateDirectory);
  options.onProgress(`${game.name}: first start`);
  const first = await start();
  const next: Run[] = [];
  for (let run = 1; run <= options.runs; run += 1) {
    options.onProgress(`${game.name}: start ${run} of ${options.runs} with a full compile cache`);
    next.push(await start());
  }
  const largest = next.map(({ memory }) => memory).toSorted((a, b) => b.residentMegabytes - a.residentMegabytes)[0];
  return {
    game: game.name,
    firstMs: first.readyMs,
    readyMs: p50AndP99(next.map(({ readyMs }) => readyMs)),
    apiMs: p50AndP99(next.map(({ apiMs }) => apiMs)),
    cpuMs: p50AndP99(next.map(({ cpuMs }) => cpuMs)),
    runs: next.length,
    local: largest ?? first.memory,
  };
}

interface Run {
  apiMs: number;
  readyMs: number;
  cpuMs: number;
  memory: Memory;
}

async function startOnce(node: string, parameters: string[], stateDirectory: string): Promise<Run> {
  const port = await chooseFreePort();
  const startMs = performance.now();
  const child = spawn(node, ['bin/regatta.js', 'local', '--api-port', String(port), ...parameters], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: join(stateDirectory, 'compile-cache') },
  });
  const exited = new Promise<void>((done) => {
    child.once('exit', () => {
      done();
    });
  });
  try {
    let apiMs: number | undefined;
    for (;;) {
      const ready = await countReady(port);
      if (ready !== undefined) apiMs ??= performance.now() - startMs;
      if (ready === GAME_SERVERS) break;
      if (child.exitCode !== null) throw new Error(`the command ended with exit code ${child.exitCode}`);
      if (performance.now() - startMs > READY_DEADLINE_MS) throw new Error('the GameServers did not become Ready');
      await pause(LOOK_AGAIN_MS);
    }
    const readyMs = performance.now() - startMs;
    const games = processIds(stateDirectory);
    const own = processTree(child.pid ?? 0).filter((id) => !games.includes(id));
    const cpuMs = own.reduce((sum, id) => sum + usageOf(id).cpuSeconds * 1000, 0);
    await pause(SETTLE_MS);
    return { apiMs: apiMs ?? readyMs, readyMs, cpuMs, memory: memoryOf(own) };
  } finally {
    child.kill('SIGINT');
    await exited;
  }
}

/** Undefined while nobody answers. */
async function countReady(port: number): Promise<number | undefined> {
  try {
    const { body } = await askApi(`http://127.0.0.1:${port}/apis/agones.dev/v1/gameservers`, { timeoutMs: 5000 });
    const { items } = body as { items: GameServer[] };
    return items.filter(({ status }) => status?.state === 'Ready').length;
  } catch {
    return undefined;
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((done) => setTimeout(done, durationMs));
}
