import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { CustomObjectsApi, KubeConfig } from '@kubernetes/client-node';
import { FLEETS, GAME_SERVERS, KubernetesConnection } from '../allocator/agones/kubernetes-connection.ts';
import { ChildProgram } from '../bin/child-program.ts';
import { chooseFreePort } from '../bin/free-ports.ts';
import { KEY_FILES, writeKeys } from '../bin/keys.ts';
import type { Fleet, GameServer, GameServerSpec } from '../lib/agones.ts';
import { GAME_LABEL, SEATS_ANNOTATION } from '../lib/session.ts';
import { RedisServer } from '../test/helpers/redis-server.ts';
import { findProgram } from '../test/helpers/requirements.ts';

const READY_DEADLINE_MS = 300_000;
const LOOK_AGAIN_MS = 2000;
const CALL_TIMEOUT_MS = 30_000;

/** What the allocator answers, as far as benchmarks look. */
export interface NewGameAnswer {
  sessionId?: string;
  allocation?: { gameServer: string };
}

export interface AllocatorUnderTestOptions {
  /** A cluster with Agones; without it a `local` is started, with Agones' own batch wait. */
  kubeconfigFile: string | undefined;
  fleet: Fleet;
  /** Whether it has a Redis, of its own, and so claims GameServers ahead of need. */
  hasRedis?: boolean;
  /** Added to the allocator's environment. */
  environment?: Record<string, string>;
  onProgress: (line: string) => void;
}

/** An allocator of one's own with a Fleet of its own, on a cluster or on `local`. */
export class AllocatorUnderTest {
  readonly connection: KubernetesConnection;
  /** Of the allocator. */
  readonly processId: number;
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #end: () => Promise<void>;

  private constructor(
    connection: KubernetesConnection,
    allocator: ChildProgram,
    url: string,
    end: () => Promise<void>,
  ) {
    this.connection = connection;
    this.processId = allocator.processId ?? 0;
    this.#url = url;
    this.#end = end;
  }

  /** Resolves when all GameServers of the Fleet are Ready. */
  static async start({ kubeconfigFile, fleet, hasRedis = false, environment, onProgress }: AllocatorUnderTestOptions) {
    const directory = mkdtempSync(join(tmpdir(), 'regatta-allocate-'));
    const endings: (() => Promise<void>)[] = [];
    const end = async (): Promise<void> => {
      for (const ending of endings.toReversed()) await ending();
      rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    };
    const program = async (name: string, env: Record<string, string>): Promise<ChildProgram> => {
      const started = await ChildProgram.start({
        name,
        main: `${name}/main.ts`,
        env: { ...env, NODE_COMPILE_CACHE: join(directory, 'compile-cache') },
        logFile: join(directory, `${name}.log`),
        readyDeadlineMs: 60_000,
      });
      endings.push(() => started.stop());
      return started;
    };
    try {
      const file =
        kubeconfigFile === undefined
          ? (await program('local', { LOCAL_PORT: '0', LOCAL_STATE_DIR: join(directory, 'local') })).ready.kubeconfig
          : resolve(kubeconfigFile);
      const connection = new KubernetesConnection({
        kubeconfigFile: file,
        namespace: 'default',
        callTimeoutMs: CALL_TIMEOUT_MS,
      });
      endings.push(() => connection.close());
      await connection.create(FLEETS, fleet);
      endings.push(() => deleteFleet(file, fleet.metadata.name));
      const keys = join(directory, 'keys');
      writeKeys(keys);
      const port = await chooseFreePort();
      const redis = hasRedis ? await startRedis() : undefined;
      if (redis !== undefined) endings.push(() => redis.stop());
      const allocator = await program('allocator', {
        ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
        KUBECONFIG: file ?? '',
        NAMESPACE: 'default',
        PORT: String(port),
        LISTEN_ADDRESS: '127.0.0.1',
        LOG_LEVEL: 'warn',
        SEALING_KEYS_FILE: join(keys, KEY_FILES.sealing),
        SIGNING_KEYS_FILE: join(keys, KEY_FILES.signing),
        ...environment,
      });
      await untilReady(connection, fleet, onProgress);
      return new AllocatorUnderTest(connection, allocator, `http://127.0.0.1:${port}`, end);
    } catch (error) {
      await end();
      throw error;
    }
  }

  /** POST /api/new-game, by a client that costs little itself. */
  newGame(body: object, headers: Record<string, string>): Promise<NewGameAnswer> {
    const text = JSON.stringify(body);
    return new Promise((done, fail) => {
      const sent = request(`${this.#url}/api/new-game`, {
        method: 'POST',
        agent: this.#agent,
        headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      });
      sent.on('error', fail);
      sent.on('response', (response) => {
        let answer = '';
        response.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
        response.on('error', fail).on('end', () => {
          done(JSON.parse(answer) as NewGameAnswer);
        });
      });
      sent.end(text);
    });
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await this.#end();
  }
}

function startRedis(): Promise<RedisServer> {
  const program = findProgram('redis-server');
  if (program === undefined) throw new Error('--redis needs redis-server');
  return RedisServer.start(program);
}

/** A Fleet of GameServers that have `agones.dev/dev-address`: they are Ready without a Pod. */
export function devGameServers(name: string, replicas: number, spec: Partial<GameServerSpec> = {}): Fleet {
  const metadata = {
    labels: { [GAME_LABEL]: name },
    annotations: { 'agones.dev/dev-address': '127.0.0.1', [SEATS_ANNOTATION]: '4' },
  };
  return {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name },
    spec: {
      replicas,
      template: {
        metadata,
        spec: {
          ports: [{ name: 'game', portPolicy: 'Static', hostPort: 7777, containerPort: 7777, protocol: 'TCP' }],
          template: { spec: { containers: [{ name: 'game', image: 'none' }] } },
          ...spec,
        },
      },
    },
  };
}

/** All GameServers of a game. */
export async function gameServersOf(connection: KubernetesConnection, game: string): Promise<GameServer[]> {
  const list = await connection.list(GAME_SERVERS, { labelSelector: `${GAME_LABEL}=${game}`, limit: 5000 });
  return (list as { items: GameServer[] }).items;
}

async function deleteFleet(kubeconfigFile: string | undefined, name: string): Promise<void> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfigFile ?? '');
  const objects = kubeConfig.makeApiClient(CustomObjectsApi);
  await objects.deleteNamespacedCustomObject({ ...FLEETS, namespace: 'default', name });
}

async function untilReady(
  connection: KubernetesConnection,
  { metadata, spec: { replicas } }: Fleet,
  onProgress: (line: string) => void,
): Promise<void> {
  const untilMs = Date.now() + READY_DEADLINE_MS;
  for (;;) {
    const { status } = (await connection.get(FLEETS, metadata.name)) as Fleet;
    // Some may be claimed by now.
    const upCount = (status?.readyReplicas ?? 0) + (status?.allocatedReplicas ?? 0);
    if (upCount >= replicas) return;
    if (Date.now() > untilMs) throw new Error(`only ${upCount} GameServers became Ready`);
    onProgress(`${upCount} of ${replicas} GameServers are Ready`);
    await pause(LOOK_AGAIN_MS);
  }
}

/** What came of calls. */
export interface Run {
  durationsMs: number[];
  perSecond: number;
  failed: number;
  /** What those that did not fail got. */
  names: string[];
}

/** So many calls, never more than `inFlight` at the same time. */
export async function atOnce(count: number, inFlight: number, call: () => Promise<string | undefined>): Promise<Run> {
  const run: Run = { durationsMs: [], perSecond: 0, failed: 0, names: [] };
  const startedAtMs = performance.now();
  let begun = 0;
  const work = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      await timed(run, call);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  run.perSecond = Math.round((count / (performance.now() - startedAtMs)) * 10_000) / 10;
  return run;
}

/** One call, and how long it took. */
export async function timed(run: Run, call: () => Promise<string | undefined>): Promise<string | undefined> {
  const startedAtMs = performance.now();
  const name = await call().catch(() => undefined);
  run.durationsMs.push(performance.now() - startedAtMs);
  if (name === undefined) run.failed += 1;
  else run.names.push(name);
  return name;
}
