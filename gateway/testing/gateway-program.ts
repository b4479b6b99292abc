import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateKeys } from '../../lib/key-set.ts';
import type { GeneratedKeys } from '../../lib/key-set.ts';
import { closing } from './front-door.ts';

/** The gateway as a process of its own, with a folder for its keys. */
export interface GatewayProgram {
  child: ChildProcess;
  /** What it has written so far. */
  output: () => string;
  exited: Promise<[number | null, string | null]>;
}

export interface StartedGateway extends GatewayProgram {
  url: string;
  port: number;
  healthUrl: string;
}

/** A folder of its own, for one test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'regatta-gateway-'));
  closing(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** A folder with a fresh `sealing.json`, and the keys. */
export function directoryWithKeys(): { directory: string; keys: GeneratedKeys } {
  const directory = temporaryDirectory();
  const keys = generateKeys();
  writeFileSync(join(directory, 'sealing.json'), keys.sealing);
  return { directory, keys };
}

/** Starts the program with free ports and the keys of a folder. It may end at once, as it is told to. */
export function runGateway(directory: string, environment: Record<string, string> = {}): GatewayProgram {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../main.ts', import.meta.url))], {
    env: {
      PORT: '0',
      HEALTH_PORT: '0',
      LISTEN_ADDRESS: '127.0.0.1',
      ALLOCATOR_URL: 'http://127.0.0.1:1',
      SEALING_KEYS_FILE: join(directory, 'sealing.json'),
      LOG_LEVEL: 'debug',
      WORKERS: '1',
      DRAIN_SPREAD_MS: '100',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  closing(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await exited;
  });
  return { child, output: () => output, exited };
}

/** The same, and waits until it serves. */
export async function startGatewayProgram(
  directory: string,
  environment: Record<string, string> = {},
): Promise<StartedGateway> {
  const program = runGateway(directory, environment);
  const first = (await Promise.race([once(program.child, 'message'), program.exited])) as [unknown];
  const [{ url, healthPort }] = first as [{ url: string; healthPort: number }];
  if (url === undefined) throw new Error(`the gateway did not start:\n${program.output()}`);
  return { ...program, url, port: Number(new URL(url).port), healthUrl: `http://127.0.0.1:${healthPort}` };
}

/** The processes that a program has started and that live. Reads /proc, so it needs Linux. */
export function childrenOf({ child }: GatewayProgram): number[] {
  const text = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

/** A metric's value by its name with labels, as Prometheus reads it; undefined where there is none. */
export async function metricOf({ healthUrl }: StartedGateway, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${healthUrl}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}
