import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, listens } from './conditions.ts';

/** A running nginx or HAProxy, one worker, with a folder of its own. */
export interface StockProxy {
  port: number;
  processId: number;
  /** Where it runs: relative paths of its configuration are in here. */
  directory: string;
  /** All it has written to its standard output and error. */
  output(): string;
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 10_000;

export interface NginxOptions {
  /** As `findProgram` gives it. */
  program: string;
  /** What it will listen on, as the configuration says. */
  port: number;
  /** What stands in `http {}`. */
  http: string;
  /** Further files beside the configuration, by name. */
  files?: Record<string, string>;
  maxConnections?: number;
}

export async function startNginx({
  program,
  port,
  http,
  files = {},
  maxConnections = 1024,
}: NginxOptions): Promise<StockProxy> {
  const directory = await mkdtemp(join(tmpdir(), 'regatta-nginx-'));
  await mkdir(join(directory, 'temporary'));
  await writeFiles(directory, files);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path temporary/${name};`,
  );
  const file = join(directory, 'nginx.conf');
  await writeFile(
    file,
    `daemon off; master_process off; pid nginx.pid; error_log stderr notice; worker_rlimit_nofile ${3 * maxConnections + 512};
events { worker_connections ${3 * maxConnections + 512}; multi_accept on; }
http { ${paths.join(' ')} access_log off;\n${http}\n}\n`,
  );
  return startProxy(program, ['-p', directory, '-e', 'stderr', '-c', file], port, directory);
}

export interface HaproxyOptions {
  program: string;
  port: number;
  config: string;
  /** Further files beside the configuration, by name; it runs in their folder. */
  files?: Record<string, string>;
}

export async function startHaproxy({ program, port, config, files = {} }: HaproxyOptions): Promise<StockProxy> {
  const directory = await mkdtemp(join(tmpdir(), 'regatta-haproxy-'));
  await writeFiles(directory, files);
  await writeFile(join(directory, 'haproxy.cfg'), config);
  return startProxy(program, ['-db', '-f', 'haproxy.cfg'], port, directory);
}

async function writeFiles(directory: string, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
}

async function startProxy(program: string, args: string[], port: number, directory: string): Promise<StockProxy> {
  const child = spawn(program, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  const up = await eventually(`${program} listening`, START_DEADLINE_MS, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return 'exited' as const;
    return (await listens(port)) ? ('listening' as const) : undefined;
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  if (up === 'exited') {
    await stop();
    throw new Error(`${program} did not start:\n${output}`);
  }
  return { port, processId: child.pid ?? 0, directory, output: () => output, stop };
}
