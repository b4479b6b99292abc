import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../../allocator/config.ts';
import { startAllocator } from '../../../allocator/start-allocator.ts';
import type { GameServer } from '../../../lib/agones.ts';
import { generateKeys } from '../../../lib/key-set.ts';
import { Lifecycle } from '../../../lib/lifecycle.ts';
import { silentLogger } from '../../../lib/logger.ts';
import type { Logger } from '../../../lib/logger.ts';
import { SESSION_KEY } from '../../../lib/session.ts';
import { LocalProgram } from '../../../local/testing/local-program.ts';
import { eventually } from '../../helpers/conditions.ts';

const READY_MS = 60_000;

/** What a test reads of an answer. */
export interface Answer {
  status: number;
  // The tests say what they expect of it.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
}

/**
 * Two `local`s as two clusters, each a process, and an allocator over both: `near` by its Kubernetes API, and asked first;
 * `far` by nothing but its allocator service with mTLS, through a door that can be slammed.
 */
export class TwoLocals {
  readonly directory = mkdtempSync(join(tmpdir(), 'regatta-several-clusters-'));
  readonly keys = generateKeys();
  readonly warnings: string[] = [];
  near!: LocalProgram;
  far!: LocalProgram;
  door!: Door;
  url = '';
  #lifecycle: Lifecycle | undefined;
  readonly #environment: Record<string, string>;

  private constructor(environment: Record<string, string>) {
    this.#environment = environment;
  }

  /** @param counts - GameServers of each, Ready before it resolves */
  static async start(
    counts: { near: number; far: number },
    environment: Record<string, string> = {},
  ): Promise<TwoLocals> {
    const two = new TwoLocals(environment);
    try {
      [two.near, two.far] = await Promise.all([
        two.startLocal('near'),
        two.startLocal('far', { LOCAL_ALLOCATOR_GRPC_PORT: '0' }),
      ]);
      two.door = await Door.open(two.far.allocatorServicePort ?? 0);
      await Promise.all([createFleet(two.near, 'near', counts.near), createFleet(two.far, 'far', counts.far)]);
      await two.startAllocator();
      return two;
    } catch (error) {
      await two.stop();
      throw error;
    }
  }

  startLocal(name: 'near' | 'far', environment: Record<string, string> = {}): Promise<LocalProgram> {
    return LocalProgram.start(join(this.directory, name), {
      LOCAL_FAKE_READY_MS: '0',
      LOCAL_ALLOCATION_BATCH_WAIT_MS: '5',
      ...environment,
    });
  }

  /** The folder of what a client of `far` shows and trusts. */
  get clientFiles(): string {
    return join(this.directory, 'far', 'allocator-service', 'client');
  }

  async startAllocator(): Promise<void> {
    const file = (name: string, text: string): string => {
      writeFileSync(join(this.directory, name), text);
      return join(this.directory, name);
    };
    const logger: Logger = { ...silentLogger, warn: (_fields, message) => this.warnings.push(message) };
    this.#lifecycle = new Lifecycle({ logger, stopDeadlineMs: 20_000 });
    const client = this.clientFiles;
    const clusters = {
      clusters: [
        { name: 'near', region: 'europe', kubeconfig: join('near', 'kubeconfig') },
        {
          name: 'far',
          region: 'asia',
          priority: 1,
          games: [{ name: 'boat-race', seats: 4 }],
          allocator: {
            endpoint: `localhost:${this.door.port}`,
            namespace: 'default',
            caFile: join(client, 'ca.crt'),
            certFile: join(client, 'tls.crt'),
            keyFile: join(client, 'tls.key'),
          },
        },
      ],
    };
    const { url, ready } = await startAllocator(
      loadConfig({
        PORT: '0',
        LISTEN_ADDRESS: '127.0.0.1',
        CLUSTERS_FILE: file('clusters.json', JSON.stringify(clusters)),
        SEALING_KEYS_FILE: file('sealing.json', this.keys.sealing),
        SIGNING_KEYS_FILE: file('signing.json', this.keys.signing),
        KUBERNETES_TIMEOUT_MS: '1000',
        BREAKER_SLOW_MS: '500',
        BREAKER_OPEN_MS: '1000',
        SETTLE_MS: '500',
        KEY_RECHECK_MS: '50',
        FIRST_PAUSE_MS: '10',
        MAX_PAUSE_MS: '100',
        ...this.#environment,
      }),
      { logger, lifecycle: this.#lifecycle },
    );
    await ready;
    this.url = url;
  }

  async stopAllocator(): Promise<void> {
    await this.#lifecycle?.stop();
  }

  async newGame(body: object = {}, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${this.url}/api/new-game`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=10', ...headers },
      body: JSON.stringify({ playerId: 'a', ...body }),
    });
    return { status: response.status, body: await response.json() };
  }

  /** Which cluster the GameServer of an answer is in; `none` where there is none. */
  static clusterOf({ body }: Answer): string {
    return String(body.allocation?.gameServer ?? 'none').split('-')[0] ?? 'none';
  }

  /** The sessions of all GameServers that are Allocated, from both clusters. */
  async sessions(): Promise<string[]> {
    const all = await Promise.all([this.near, this.far].map((local) => sessionsOf(local)));
    return all.flat();
  }

  async fault(local: LocalProgram, asked: object): Promise<void> {
    await local.request('POST', '/regatta.dev/v1/faults', asked);
  }

  async endFaults(local: LocalProgram): Promise<void> {
    await fetch(`${local.url}/regatta.dev/v1/faults`, { method: 'DELETE' });
  }

  async stop(): Promise<void> {
    await this.stopAllocator();
    this.door?.close();
    for (const local of [this.near, this.far]) {
      if (local === undefined) continue;
      local.child.kill('SIGKILL');
      await local.exited;
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

export async function sessionsOf(local: LocalProgram): Promise<string[]> {
  const allocated = (await local.gameServers()).filter(({ status }) => status?.state === 'Allocated');
  return allocated.map(({ metadata }) => metadata.labels?.[SESSION_KEY] ?? 'none');
}

async function createFleet(local: LocalProgram, name: string, replicas: number): Promise<void> {
  await local.request('POST', '/apis/agones.dev/v1/namespaces/default/fleets', {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name },
    spec: {
      replicas,
      template: {
        metadata: { labels: { 'regatta.dev/game': 'boat-race' }, annotations: { 'regatta.dev/seats': '4' } },
        spec: {
          ports: [{ name: 'game', portPolicy: 'None', containerPort: 7654, protocol: 'TCP' }],
          template: { spec: { containers: [{ name: 'game', image: 'regatta.dev/fake' }] } },
        },
      },
    },
  });
  await eventually(`${replicas} Ready GameServers of ${name}`, READY_MS, async () => {
    const all: GameServer[] = await local.gameServers();
    return all.length === replicas && all.every(({ status }) => status?.state === 'Ready') ? true : undefined;
  });
}

/** A way to a port through which bytes go as they are, until somebody slams it. */
export class Door {
  /** Called with each piece that comes back, before it is handed on: true slams the door on its connection. */
  slamsOn: () => boolean = () => false;
  /** Connections that were made through it. */
  passed = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(targetPort: number) {
    this.#server = createServer((client) => {
      this.passed += 1;
      const target = connect(targetPort, '127.0.0.1');
      const end = (): void => {
        client.destroy();
        target.destroy();
      };
      for (const socket of [client, target]) {
        this.#sockets.add(socket);
        socket.on('error', end);
        socket.on('close', () => {
          this.#sockets.delete(socket);
          end();
        });
      }
      client.pipe(target);
      target.on('data', (bytes) => {
        if (this.slamsOn()) end();
        else client.write(bytes);
      });
    });
  }

  static async open(targetPort: number): Promise<Door> {
    const door = new Door(targetPort);
    await new Promise<void>((resolve) => door.#server.listen(0, '127.0.0.1', resolve));
    return door;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends every connection; new ones are welcome. */
  slam(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.slam();
    this.#server.close();
  }
}
