import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeys } from '../../lib/key-set.ts';
import { CLAIM_LABEL, SESSION_KEY } from '../../lib/session.ts';
import { kubeconfigText } from '../../local/api/kubeconfig.ts';
import { AllocatorProcess } from '../helpers/allocator-process.ts';
import { eventually } from '../helpers/conditions.ts';
import { CrashDoor } from '../helpers/crash-door.ts';
import type { CrashPoint } from '../helpers/crash-door.ts';
import { RedisServer } from '../helpers/redis-server.ts';
import { findProgram } from '../helpers/requirements.ts';
import { createFakeFleet } from './fake-fleet.ts';
import { FaultyLocal } from './faulty-local.ts';

/** The steps of a request, each by the message with which an allocator takes it. */
const STORE_STEPS = {
  'takes the key': /new-game\/(?!.*"answer")/s,
  'binds a claim': /claim\//,
  'keeps the answer': /"answer"/,
} as const;
/** With a store, this one comes after the answer. */
const TELLS = /regatta\.dev~1session","value":"[a-z0-9]/;

const WHEN = ['before', 'after'] as const;
const CASE_DEADLINE_MS = 60_000;
const GAME_SERVERS = 40;

const program = findProgram('redis-server');
const describeWithRedis = program === undefined ? describe.skip : describe;

describe('an allocator alone that is killed as it', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start(undefined);
  }, CASE_DEADLINE_MS);
  afterAll(() => world.stop(), CASE_DEADLINE_MS);

  it.each(WHEN)(
    'allocates a GameServer, %s that is done, gives its caller one session by its successor, and leaves nothing',
    (when) => world.crash('kubernetes', { says: TELLS, when }),
    CASE_DEADLINE_MS,
  );
});

describeWithRedis('one of the allocators that share a Redis, killed as it', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start(await RedisServer.start(program ?? ''));
  }, CASE_DEADLINE_MS);
  afterAll(() => world.stop(), CASE_DEADLINE_MS);

  describe.each(Object.entries(STORE_STEPS))('%s', (_step, says) => {
    it.each(WHEN)(
      '%s that is done, gives its caller one session by another, and leaves nothing',
      (when) => world.crash('store', { says, when }),
      CASE_DEADLINE_MS,
    );
  });

  it.each(WHEN)(
    'tells the GameServer, %s that is done, keeps the session it answered, and leaves nothing',
    (when) => world.crash('kubernetes', { says: TELLS, when }),
    CASE_DEADLINE_MS,
  );
});

interface Answer {
  sessionId: string;
  gameServer: string;
}

/** A `local` of fakes and perhaps a Redis, and allocators that reach them through doors. */
class World {
  readonly #local: FaultyLocal;
  readonly #redis: RedisServer | undefined;
  readonly #directory: string;
  readonly #environment: Record<string, string>;
  /** GameServers by the sessions that were answered. */
  readonly #answered = new Map<string, string>();
  #keys = 0;

  private constructor(
    local: FaultyLocal,
    redis: RedisServer | undefined,
    directory: string,
    environment: Record<string, string>,
  ) {
    this.#local = local;
    this.#redis = redis;
    this.#directory = directory;
    this.#environment = environment;
  }

  static async start(redis: RedisServer | undefined): Promise<World> {
    const directory = mkdtempSync(join(tmpdir(), 'regatta-crash-points-'));
    const local = await FaultyLocal.start({ LOCAL_FAKE_READY_MS: '0' });
    await createFakeFleet(local, GAME_SERVERS);
    const keys = generateKeys();
    for (const name of ['sealing', 'signing'] as const) writeFileSync(join(directory, name), keys[name]);
    return new World(local, redis, directory, {
      SEALING_KEYS_FILE: join(directory, 'sealing'),
      SIGNING_KEYS_FILE: join(directory, 'signing'),
      // A successor of the same name need not wait until its predecessor's Lease runs out.
      REPLICA_NAME: 'replica',
      KEY_LEASE_MS: '1000',
      REPLICA_LEASE_MS: '2000',
      STORE_TIMEOUT_MS: '200',
      KUBERNETES_TIMEOUT_MS: '1000',
      SETTLE_MS: '200',
      MIN_CLAIMS: '2',
      CLAIM_SECONDS: '2',
      REAP_EVERY_MS: '100',
      REAP_GRACE_MS: '300',
    });
  }

  async stop(): Promise<void> {
    await this.#redis?.stop();
    await this.#local.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** A request to an allocator that dies at this point, the same request to its successor, and a look at what is left. */
  async crash(link: 'store' | 'kubernetes', point: CrashPoint): Promise<void> {
    this.#keys += 1;
    const key = `key-${this.#keys}`;
    const doors = {
      kubernetes: await CrashDoor.open(this.#kubernetesPort),
      store: await CrashDoor.open(this.#redis?.port ?? 0),
    };
    const victim = await this.#startAllocator(doors.kubernetes.port, doors.store.port);
    await this.#becomeWarm(victim);
    const dead = Promise.withResolvers<void>();
    doors[link].arm(point, () => {
      void victim.kill().then(dead.resolve);
    });
    const first = await ask(victim, key);
    await dead.promise;
    for (const door of Object.values(doors)) door.close();

    const successor = await this.#startAllocator(this.#kubernetesPort, this.#redis?.port ?? 0);
    try {
      const answer = await eventually('an answer', 20_000, () => ask(successor, key));
      if (first !== undefined) expect(answer).toEqual(first);
      expect(await ask(successor, key)).toEqual(answer);
      this.#answered.set(answer.sessionId, answer.gameServer);
      await eventually('each session once, and nothing else but claims of the living', 20_000, () => this.#isClean());
    } finally {
      await successor.stop();
    }
  }

  get #kubernetesPort(): number {
    return Number(new URL(this.#local.url).port);
  }

  #isClean(): true | undefined {
    const taken = this.#local.gameServers().filter(({ status }) => status?.state !== 'Ready');
    const holders = new Set<string>();
    const held = new Map<string, string>();
    for (const { metadata, status } of taken) {
      const sessionId = metadata.labels?.[SESSION_KEY] ?? '';
      if (status?.state !== 'Allocated' || held.has(sessionId)) return undefined;
      if (sessionId === '') holders.add(metadata.labels?.[CLAIM_LABEL] ?? '');
      else held.set(sessionId, metadata.name);
    }
    const isEachThere = [...this.#answered].every(([sessionId, name]) => held.get(sessionId) === name);
    return isEachThere && held.size === this.#answered.size && holders.size <= 1 ? true : undefined;
  }

  #startAllocator(kubernetesPort: number, storePort: number): Promise<AllocatorProcess> {
    const kubeconfig = join(this.#directory, `kubeconfig-${kubernetesPort}`);
    writeFileSync(kubeconfig, kubeconfigText(`http://127.0.0.1:${kubernetesPort}`));
    const store = this.#redis === undefined ? {} : { REDIS_URL: `redis://127.0.0.1:${storePort}` };
    return AllocatorProcess.start({ ...this.#environment, ...store, KUBECONFIG: kubeconfig });
  }

  /** With a store there are claims, and keys are believed to be new again. */
  async #becomeWarm(allocator: AllocatorProcess): Promise<void> {
    if (this.#redis === undefined) return;
    await eventually('two claims', 20_000, () => {
      const claims = this.#local.gameServers().filter(({ metadata, status }) => {
        return status?.state === 'Allocated' && (metadata.labels?.[CLAIM_LABEL] ?? '') !== '';
      });
      return claims.length >= 2 ? true : undefined;
    });
    const warm = await eventually('an answer to a first request', 20_000, () => ask(allocator, `warm-${this.#keys}`));
    this.#answered.set(warm.sessionId, warm.gameServer);
  }
}

/** @returns undefined when there was no session */
async function ask({ url }: AllocatorProcess, key: string): Promise<Answer | undefined> {
  try {
    const response = await fetch(`${url}/api/new-game`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key, prefer: 'wait=5' },
      body: JSON.stringify({ playerId: 'player' }),
    });
    if (response.status !== 201) return undefined;
    const { sessionId, allocation } = (await response.json()) as Answer & { allocation: { gameServer: string } };
    return { sessionId, gameServer: allocation.gameServer };
  } catch {
    // Its connection broke with it.
    return undefined;
  }
}
