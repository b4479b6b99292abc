import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeys } from '../../lib/key-set.ts';
import { seededRandom } from '../../lib/seeded-random.ts';
import { CLAIM_LABEL, SESSION_KEY } from '../../lib/session.ts';
import { AllocatorProcess } from '../helpers/allocator-process.ts';
import { eventually } from '../helpers/conditions.ts';
import { RedisServer } from '../helpers/redis-server.ts';
import { findProgram } from '../helpers/requirements.ts';
import { createFakeFleet } from './fake-fleet.ts';
import { FaultyLocal } from './faulty-local.ts';

/** Keys that players use in each case: as many sessions. */
const KEYS = Number(process.env['REGATTA_KEYS'] ?? '200');
const SEED = Number(process.env['REGATTA_SEED'] ?? '6');
/** Requests of one key to each replica, besides those of whoever waits for the answer. */
const REPEATS = 3;
const CALLERS_AT_ONCE = 30;
/** A caller goes on asking for this long. */
const PATIENCE_MS = 40_000;
const MAX_CLAIMS = 20;
const CASE_DEADLINE_MS = 120_000 + KEYS * 200;

interface Answer {
  sessionId: string;
  gameServer: string;
  /** As it came. */
  text: string;
}

const program = findProgram('redis-server');
const describeWithRedis = program === undefined ? describe.skip : describe;

describeWithRedis(`two replicas and ${KEYS} keys`, () => {
  let world: World;

  beforeEach(async () => {
    world = await World.start();
  }, CASE_DEADLINE_MS);

  afterEach(async () => {
    await world.stop();
  }, CASE_DEADLINE_MS);

  it(
    'make one session of each key, though every one is sent to both again and again and answers are dropped',
    async () => {
      const answers = await world.askForAll();
      await world.settle();
      world.report('no fault', answers);
      expectOneAnswerEach(answers);
      for (const [key, given] of answers) {
        expect([key, new Set(given.map(({ text }) => text)).size]).toEqual([key, 1]);
      }
      expect(world.doubles()).toEqual([]);
      expect(world.sessionCount()).toBe(KEYS);
      expect(world.unanswered).toBe(0);
    },
    CASE_DEADLINE_MS,
  );

  it(
    'make no second session of any key when Redis is killed in the middle and comes back empty',
    async () => {
      const answers = await world.askForAll(async () => {
        await world.redis.kill();
        await new Promise((resolve) => setTimeout(resolve, 500));
        await world.redis.start();
      });
      await world.settle();
      world.report('Redis killed', answers);
      expectOneAnswerEach(answers);
      expect(world.doubles()).toEqual([]);
      expect(world.unanswered).toBe(0);
    },
    CASE_DEADLINE_MS,
  );

  it(
    'answer every caller who repeats when one of them is killed in the middle',
    async () => {
      const answers = await world.askForAll(() => world.replicas[0]!.kill());
      await world.settle();
      world.report('a replica killed', answers);
      expectOneAnswerEach(answers);
      expect(world.doubles()).toEqual([]);
      expect(world.unanswered).toBe(0);
    },
    CASE_DEADLINE_MS,
  );
});

/** One session on one GameServer for each key, and no GameServer for two. */
function expectOneAnswerEach(answers: Map<string, Answer[]>): void {
  const gameServers = new Map<string, string>();
  for (const [key, given] of answers) {
    expect([key, new Set(given.map(({ sessionId }) => sessionId)).size]).toEqual([key, 1]);
    expect([key, new Set(given.map(({ gameServer }) => gameServer)).size]).toEqual([key, 1]);
    const { gameServer = '' } = given[0] ?? {};
    expect([key, gameServers.get(gameServer)]).toEqual([key, undefined]);
    gameServers.set(gameServer, key);
  }
}

/** A `local` of fakes, a Redis, and two allocators that share both. */
class World {
  readonly redis: RedisServer;
  readonly replicas: readonly AllocatorProcess[];
  /** Callers whose patience ended. */
  unanswered = 0;
  /** Answers that say that a request was wrong: none of them was. */
  readonly refused: string[] = [];
  readonly #local: FaultyLocal;
  readonly #directory: string;
  readonly #random = seededRandom(SEED);
  readonly #outcomes = new Map<string, number>();

  private constructor(
    local: FaultyLocal,
    redis: RedisServer,
    replicas: readonly AllocatorProcess[],
    directory: string,
  ) {
    this.#local = local;
    this.redis = redis;
    this.replicas = replicas;
    this.#directory = directory;
  }

  static async start(): Promise<World> {
    const directory = mkdtempSync(join(tmpdir(), 'regatta-replicas-'));
    const local = await FaultyLocal.start({
      LOCAL_FAKE_READY_MS: '0',
      LOCAL_MIN_GAME_PORT: '20000',
      LOCAL_MAX_GAME_PORT: '28999',
    });
    const redis = await RedisServer.start(program ?? '');
    const keys = generateKeys();
    for (const name of ['sealing', 'signing'] as const) writeFileSync(join(directory, name), keys[name]);
    const environment = {
      KUBECONFIG: local.local.kubeconfigPath,
      SEALING_KEYS_FILE: join(directory, 'sealing'),
      SIGNING_KEYS_FILE: join(directory, 'signing'),
      REDIS_URL: redis.url,
      MAX_CLAIMS: String(MAX_CLAIMS),
    };
    await createFakeFleet(local, KEYS + 3 * MAX_CLAIMS);
    const replicas = await Promise.all([0, 1].map(() => AllocatorProcess.start(environment)));
    return new World(local, redis, replicas, directory);
  }

  async stop(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.stop()));
    await this.redis.stop();
    await this.#local.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /**
   * A caller for each key, some at a time, each beside repeats to both replicas of whose answers some are not waited for.
   * Afterwards everybody asks both once more.
   *
   * @param inTheMiddle - happens when half of them are on their way
   * @returns every answer that was heard, by key
   */
  async askForAll(inTheMiddle: () => Promise<void> = () => Promise.resolve()): Promise<Map<string, Answer[]>> {
    const keys = Array.from({ length: KEYS }, (_, index) => `key-${index}`);
    const answers = new Map<string, Answer[]>(keys.map((key) => [key, []]));
    let fault: Promise<void> | undefined;
    await someAtATime(keys, async (key, index) => {
      if (index >= KEYS / 2) fault ??= inTheMiddle();
      answers.get(key)?.push(...(await this.#askForOne(key)));
    });
    await fault;
    await someAtATime(keys, async (key) => {
      answers.get(key)?.push(...(await this.#askLiving(key)));
    });
    return answers;
  }

  /** Waits until every session that was answered is on its GameServer. */
  async settle(): Promise<void> {
    await eventually('every session on its GameServer', 30_000, () =>
      this.sessionCount() >= KEYS - this.unanswered ? true : undefined,
    );
  }

  /** Sessions that GameServers hold. */
  sessionCount(): number {
    return this.#gameServersBySession().size;
  }

  /** Sessions that more than one GameServer holds. */
  doubles(): string[] {
    return [...this.#gameServersBySession()].filter(([, names]) => names.length > 1).map(([id]) => id);
  }

  report(name: string, answers: Map<string, Answer[]>): void {
    const given = [...answers.values()].flat().length;
    const sorted = [...this.#outcomes].toSorted(([one], [other]) => one.localeCompare(other));
    const outcomes = sorted.map(([outcome, count]) => `${outcome} ${count}`);
    const claims = this.#local.gameServers().filter(({ metadata, status }) => {
      return status?.state === 'Allocated' && (metadata.labels?.[CLAIM_LABEL] ?? '') !== '';
    });
    const line =
      `${name}: ${KEYS} keys, ${given} answers, ${this.sessionCount()} sessions, ${this.doubles().length} doubles, ` +
      `${this.unanswered} unanswered, ${claims.length} claims; ${outcomes.join(', ')}`;
    process.stderr.write(`${line}\n`);
  }

  #gameServersBySession(): Map<string, string[]> {
    const names = new Map<string, string[]>();
    for (const { metadata, status } of this.#local.gameServers()) {
      const sessionId = metadata.labels?.[SESSION_KEY];
      // A claim has no session yet, and says so.
      if (sessionId === undefined || sessionId === '' || status?.state !== 'Allocated') continue;
      names.set(sessionId, [...(names.get(sessionId) ?? []), metadata.name]);
    }
    return names;
  }

  async #askForOne(key: string): Promise<Answer[]> {
    const repeats = this.replicas.flatMap((replica) =>
      Array.from({ length: REPEATS }, () => this.#send(replica, key, this.#random() < 0.4)),
    );
    const [answer, ...repeated] = await Promise.all([this.#askUntilAnswered(key), ...repeats]);
    return [answer, ...repeated].filter((each) => each !== undefined);
  }

  /** Asks one replica and then the other, as a player's page does, until there is an answer. */
  async #askUntilAnswered(key: string): Promise<Answer | undefined> {
    const untilMs = Date.now() + PATIENCE_MS;
    for (let attempt = Math.floor(this.#random() * 2); Date.now() < untilMs; attempt += 1) {
      if (this.refused.length > 0) throw new Error(`refused: ${this.refused.join(', ')}`);
      const answer = await this.#send(this.replicas[attempt % 2]!, key, false);
      if (answer !== undefined) return answer;
      await new Promise((resolve) => setTimeout(resolve, 100 + 200 * this.#random()));
    }
    this.unanswered += 1;
    return undefined;
  }

  async #askLiving(key: string): Promise<Answer[]> {
    const answers = await Promise.all(this.replicas.map((replica) => this.#send(replica, key, false)));
    return answers.filter((each) => each !== undefined);
  }

  /** @returns undefined when there was no answer, or it was not waited for */
  async #send({ url }: AllocatorProcess, key: string, isDropped: boolean): Promise<Answer | undefined> {
    const caller = new AbortController();
    let status = 0;
    const drop = isDropped ? setTimeout(() => caller.abort(), this.#random() * 60) : undefined;
    try {
      const response = await fetch(`${url}/api/new-game`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key, prefer: 'wait=20' },
        body: JSON.stringify({ playerId: `player-of-${key}` }),
        signal: caller.signal,
      });
      status = response.status;
      const text = await response.text();
      const body = JSON.parse(text) as { sessionId: string; code?: string; allocation: { gameServer: string } };
      this.#count(response.status === 201 ? '201' : `${response.status} ${body.code ?? ''}`);
      if (response.status !== 201) return undefined;
      return { sessionId: body.sessionId, gameServer: body.allocation.gameServer, text };
    } catch {
      this.#count(caller.signal.aborted ? 'dropped' : 'broken connection');
      return undefined;
    } finally {
      clearTimeout(drop);
      if (status >= 400 && status < 500) this.refused.push(`${key}: ${status}`);
    }
  }

  #count(outcome: string): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }
}

async function someAtATime(keys: readonly string[], work: (key: string, index: number) => Promise<void>) {
  const left = keys.entries();
  const worker = async (): Promise<void> => {
    for (const [index, key] of left) await work(key, index);
  };
  await Promise.all(Array.from({ length: CALLERS_AT_ONCE }, worker));
}
