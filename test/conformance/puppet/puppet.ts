import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Container } from '../../../lib/agones.ts';

/** The image of a puppet: plain Node, which on one machine is the Node that runs this. */
export const PUPPET_IMAGE = 'docker.io/library/node:26-slim';

const SOURCE = readFileSync(fileURLToPath(new URL('program.ts', import.meta.url)), 'utf8');

/** How a puppet is born. */
export interface PuppetOptions {
  /** Says Ready by itself as soon as it listens. */
  ready?: boolean;
  /** Health pings from its start on; 0 for none. @default 1000 */
  pingMs?: number;
  /** Ends with this code instead of listening. */
  exitCode?: number;
}

/** The container that runs a puppet, for the template of a GameServer with one Passthrough port. */
export function puppetContainer({ ready = false, pingMs = 1000, exitCode }: PuppetOptions = {}): Container {
  return {
    name: 'puppet',
    image: PUPPET_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '--input-type=module-typescript', '-e', SOURCE],
    env: [
      { name: 'PUPPET_PING_MS', value: String(pingMs) },
      { name: 'PUPPET_READY', value: String(ready) },
      ...(exitCode === undefined ? [] : [{ name: 'PUPPET_EXIT_CODE', value: String(exitCode) }]),
    ],
  };
}

/** What the sidecar answered. */
export interface RestAnswer {
  status: number;
  contentType: string;
  tookMs: number;
  // Answers of many shapes; what is not there fails the expectation.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
}

/** A game server whose every move the case decides, and the way to the SDK server beside it. */
export class Puppet {
  readonly name: string;
  /** On this machine; what connects there is connected to the SDK server of this GameServer. */
  readonly sdkGrpcPort: number;
  readonly sdkHttpPort: number;
  readonly #address: string;
  readonly #port: number;
  readonly #tunnels: Server[];

  private constructor(name: string, address: string, port: number, tunnels: [grpc: Server, http: Server]) {
    this.name = name;
    this.#address = address;
    this.#port = port;
    this.#tunnels = tunnels;
    const [grpc, http] = tunnels.map((tunnel) => (tunnel.address() as AddressInfo).port);
    this.sdkGrpcPort = grpc!;
    this.sdkHttpPort = http!;
  }

  /** @param address - and port: those of the GameServer's status */
  static async reach(name: string, address: string, port: number): Promise<Puppet> {
    const tunnels = await Promise.all([openTunnel(address, port, 'sdk-grpc'), openTunnel(address, port, 'sdk-http')]);
    return new Puppet(name, address, port, tunnels);
  }

  /** Whether somebody answers there yet. */
  static async listensAt(address: string, port: number): Promise<boolean> {
    return (await call(address, port, 'GET', '/life').catch(() => undefined)) !== undefined;
  }

  /** Calls the SDK server over REST. */
  async sdk(
    method: string,
    path: string,
    body?: object | string,
    headers?: Record<string, string>,
  ): Promise<RestAnswer> {
    const startedAtMs = performance.now();
    const { status, contentType, text } = await call('127.0.0.1', this.sdkHttpPort, method, path, {
      body: typeof body === 'object' ? JSON.stringify(body) : body,
      headers,
    });
    return { status, contentType, tookMs: performance.now() - startedAtMs, body: parseMaybe(text) };
  }

  /** Pings from now on; 0 stops it. */
  async ping(everyMs: number): Promise<void> {
    await this.#pull(`/health?everyMs=${everyMs}`);
  }

  /** Ends the program at once. */
  async exit(code: number): Promise<void> {
    await this.#pull(`/exit?code=${code}`).catch(() => undefined);
  }

  /** From now on SIGTERM is noted and not obeyed. */
  async hold(): Promise<void> {
    await this.#pull('/hold');
  }

  async life(): Promise<{ signals: string[]; startedAt: number; grpcPort: number; httpPort: number }> {
    return JSON.parse(await this.#pull('/life')) as Awaited<ReturnType<Puppet['life']>>;
  }

  /** Closes the ways to it; the game server itself lives on. */
  close(): void {
    for (const tunnel of this.#tunnels) tunnel.close();
  }

  async #pull(path: string): Promise<string> {
    return (await call(this.#address, this.#port, 'POST', path)).text;
  }
}

function call(
  host: string,
  port: number,
  method: string,
  path: string,
  { body, headers = {} }: { body?: string | undefined; headers?: Record<string, string> | undefined } = {},
): Promise<{ status: number; contentType: string; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host,
        port,
        method,
        path,
        agent: false,
        headers: {
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...headers,
        },
        signal: AbortSignal.timeout(10_000),
      },
      (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.once('error', reject);
        answer.once('end', () => {
          resolve({ status: answer.statusCode ?? 0, contentType: answer.headers['content-type'] ?? '', text });
        });
      },
    );
    asked.once('error', reject);
    asked.end(body);
  });
}

async function openTunnel(address: string, port: number, to: string): Promise<Server> {
  const server = createServer((near) => {
    near.on('error', () => near.destroy());
    const asked = request({ host: address, port, method: 'CONNECT', path: to, agent: false });
    asked.on('error', () => near.destroy());
    asked.on('connect', (_answer, far, head) => {
      far.on('error', () => near.destroy());
      near.on('close', () => far.destroy());
      near.write(head);
      near.pipe(far).pipe(near);
    });
    asked.end();
  });
  // A tunnel that is still open must not keep the run alive.
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function parseMaybe(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
