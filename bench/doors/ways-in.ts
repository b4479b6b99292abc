import { mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildProgram } from '../../bin/child-program.ts';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { KEY_FILES, writeKeys } from '../../bin/keys.ts';
import { GATEWAY_NODE_OPTIONS } from '../../bin/stack.ts';
import { findProgram } from '../../test/helpers/requirements.ts';
import { startHaproxy, startNginx } from '../../test/helpers/stock-proxy.ts';
import { startProgram } from './load.ts';

/** One way from the load client to the echo game server. */
export interface WayIn {
  name: WayName;
  port: number;
  /** What stands between the two; undefined for the direct way. */
  processId: number | undefined;
}

export type WayName = 'direct' | 'gateway' | 'nginx' | 'haproxy' | 'nginxAskingUs';

const READY_DEADLINE_MS = 30_000;

/** An echo game server, and all ways to it, each of one process or worker. */
export class WaysIn {
  readonly ways: WayIn[] = [];
  /** Where the game server is. */
  gameServerPort = 0;
  /** JWK sets, as `regatta keys` writes them. */
  readonly keysDirectory: string;
  readonly #directory: string;
  readonly #stops: (() => Promise<void>)[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
    this.keysDirectory = join(directory, 'keys');
  }

  /** @param maxConnections - each way takes so many */
  static async start(maxConnections: number): Promise<WaysIn> {
    const ways = new WaysIn(await mkdtemp(join(tmpdir(), 'regatta-bench-')));
    try {
      await ways.#start(maxConnections);
    } catch (error) {
      await ways.stop();
      throw error;
    }
    return ways;
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0).toReversed()) await stop();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  async #start(maxConnections: number): Promise<void> {
    const gameServer = await startProgram('echo-game-server.ts');
    this.#stops.push(async () => {
      gameServer.child.kill();
    });
    this.gameServerPort = gameServer.port;
    this.ways.push({ name: 'direct', port: gameServer.port, processId: undefined });
    const authorityPort = await this.#startGateway(maxConnections);
    await this.#startNginx(maxConnections, authorityPort);
    await this.#startHaproxy(maxConnections);
  }

  async #startGateway(maxConnections: number): Promise<number> {
    writeKeys(this.keysDirectory);
    const [port, healthPort, authorityPort] = [await chooseFreePort(), await chooseFreePort(), await chooseFreePort()];
    const gateway = await ChildProgram.start({
      name: 'gateway',
      main: 'gateway/main.ts',
      nodeOptions: GATEWAY_NODE_OPTIONS,
      env: {
        PORT: String(port),
        HEALTH_PORT: String(healthPort),
        AUTHORITY_PORT: String(authorityPort),
        LISTEN_ADDRESS: '127.0.0.1',
        ALLOCATOR_URL: 'http://127.0.0.1:1',
        SEALING_KEYS_FILE: join(this.keysDirectory, KEY_FILES.sealing),
        WORKERS: '1',
        MAX_CONNECTIONS: String(2 * maxConnections),
        DRAIN_SPREAD_MS: '0',
      },
      logFile: join(this.#directory, 'gateway.log'),
      readyDeadlineMs: READY_DEADLINE_MS,
    });
    this.#stops.push(() => gateway.stop());
    this.ways.push({ name: 'gateway', port, processId: gateway.processId });
    return authorityPort;
  }

  async #startNginx(maxConnections: number, authorityPort: number): Promise<void> {
    const program = findProgram('nginx');
    if (program === undefined) return;
    const port = await chooseFreePort();
    const nginx = await startNginx({
      program,
      port,
      maxConnections,
      http: `server {
  listen 127.0.0.1:${port} backlog=4096;
  location / {
    proxy_pass http://127.0.0.1:${this.gameServerPort};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection Upgrade;
    proxy_read_timeout 1h;
  }
}`,
    });
    this.#stops.push(() => nginx.stop());
    this.ways.push({ name: 'nginx', port, processId: nginx.processId });

    const askingPort = await chooseFreePort();
    const documented = readFileSync('docs/proxies/nginx.conf', 'utf8')
      .replace('listen 443 ssl;', `listen 127.0.0.1:${askingPort} backlog=4096;`)
      .replaceAll(/ssl_certificate\w* .*;/g, '')
      .replace(/access_log .*;/, 'access_log off;')
      .replace('127.0.0.1:9081', `127.0.0.1:${authorityPort}`);
    const asking = await startNginx({ program, port: askingPort, maxConnections, http: documented });
    this.#stops.push(() => asking.stop());
    this.ways.push({ name: 'nginxAskingUs', port: askingPort, processId: asking.processId });
  }

  async #startHaproxy(maxConnections: number): Promise<void> {
    const program = findProgram('haproxy');
    if (program === undefined) return;
    const port = await chooseFreePort();
    const haproxy = await startHaproxy({
      program,
      port,
      config: `global
  nbthread 1
  maxconn ${maxConnections + 64}
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
  maxconn ${maxConnections + 64}
frontend way
  bind 127.0.0.1:${port} backlog 4096
  default_backend echo
backend echo
  server echo 127.0.0.1:${this.gameServerPort}
`,
    });
    this.#stops.push(() => haproxy.stop());
    this.ways.push({ name: 'haproxy', port, processId: haproxy.processId });
  }
}
