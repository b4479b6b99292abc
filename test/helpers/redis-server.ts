import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { eventually, listens } from './conditions.ts';

export interface RedisServerOptions {
  password?: string;
  /** A certificate with its key, both PEM: it then speaks TLS alone. */
  tls?: { certificate: string; key: string };
}

/** A Redis of a test's own: a process on a free port of this machine that keeps nothing. */
export class RedisServer {
  readonly port: number;
  /** Without the password. */
  readonly url: string;
  readonly #program: string;
  readonly #directory: string;
  readonly #settings: string[] = [];
  #child: ChildProcess | undefined;

  private constructor(program: string, port: number, directory: string, { password, tls }: RedisServerOptions) {
    this.#program = program;
    this.port = port;
    this.url = `${tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`;
    this.#directory = directory;
    if (password !== undefined) this.#settings.push('--requirepass', password);
    if (tls === undefined) this.#settings.push('--port', String(port));
    else {
      writeFileSync(join(directory, 'tls.crt'), tls.certificate);
      writeFileSync(join(directory, 'tls.key'), tls.key);
      this.#settings.push('--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no');
      this.#settings.push('--tls-cert-file', 'tls.crt', '--tls-key-file', 'tls.key', '--tls-ca-cert-file', 'tls.crt');
    }
  }

  /** @param program - as `findProgram` gives it */
  static async start(program: string, options: RedisServerOptions = {}): Promise<RedisServer> {
    const directory = await mkdtemp(join(tmpdir(), 'regatta-redis-'));
    const server = new RedisServer(program, await chooseFreePort(), directory, options);
    await server.start();
    return server;
  }

  /** Starts it again, empty, on the same port. */
  async start(): Promise<void> {
    const settings = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...this.#settings];
    this.#child = spawn(this.#program, settings, { stdio: 'ignore', cwd: this.#directory });
    await eventually('Redis listening', 10_000, async () => ((await listens(this.port)) ? true : undefined));
  }

  /** Ends it outright: all it held is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** Holds it still, its connections open, until `goOn`. */
  standStill(): void {
    this.#child?.kill('SIGSTOP');
  }

  goOn(): void {
    this.#child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
