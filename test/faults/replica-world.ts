import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeys } from '../../lib/key-set.ts';
import { seededRandom } from '../../lib/seeded-random.ts';
import { CLAIM_LABEL, SESSION_KEY } from '../../lib/session.ts';
import { AllocatorProcess } from '../helpers/allocator-process.ts';
import { eventually } from '../helpers/conditions.ts';
import { RedisServer } from '../helpers/redis-server.ts';
import { createFakeFleet } from './fake-fleet.ts';
import { FaultyLocal } from './faulty-local.ts';

/** Requests of one key to each replica, besides those of whoever waits for the answer. */
const REPEATS = 3;
const CALLERS_AT_ONCE = 30;
/** A caller goes on asking for this long. */
const PATIENCE_MS = 90_000;
const MAX_CLAIMS = 20;

/** What was answered to a new game. */
export interface Answer {
  sessionId: string;
  gameServer: string;
  /** As it came. */
  text: string;
}

export interface ReplicaWorldOptions {
  redisProgram: string;
  /** Keys that players use: as many sessions. */
  keyCount: number;
  /** Of what is drawn: who is asked first, which answers are dropped. */
  seed: number;
}

/** A `local` of fakes, a Redis, and two allocators that share both. */
export class ReplicaWorld {
  readonly redis: RedisServer;
  readonly replicas: readonly AllocatorProcess[];
  /** Callers whose patience ended. */
  unanswered = 0;
  /** Answers that say that a request was wrong: none of them was. */
  readonly refused: string[] = [];
  readonly #local: FaultyLocal;
  readonly #directory: string;
  readonly #random: () => number;
  readonly #keyCount: number;
  readonly #outcomes = new Map<string, number>();

  private constructor(
    options: ReplicaWorldOptions,
    parts: { local: FaultyLocal; redis: RedisServer; replicas: readonly AllocatorProcess[]; directory: string },
  ) {
    this.#keyCount = options.keyCount;
    this.#random = seededRandom(options.seed);
    this.redis = parts.redis;
    this.replicas = parts.replicas;
    this.#local = parts.local;
    this.#directory = parts.directory;
  }

  static async start(options: ReplicaWorldOptions): Promise<ReplicaWorld> {
    const directory = mkdtempSync(join(tmpdir(), 'regatta-replicas-'));
    const local = await FaultyLocal.start({
      LOCAL_FAKE_READY_MS: '0',
      LOCAL_MIN_GAME_PORT: '20000',
      LOCAL_MAX_GAME_PORT: '28999',
    });
    const redis = await RedisServer.start(options.redisProgram);
    const keys = generateKeys();
    for (const name of ['sealing', 'signing'] as const) writeFileSync(join(directory, name), keys[name]);
    const environment = {
      KUBECONFIG: local.local.kubeconfigPath,
      SEALING_KEYS_FILE: join(directory, 'sealing'),
      SIGNING_KEYS_FILE: join(directory, 'signing'),
      REDIS_URL: redis.url,
      MAX_CLAIMS: String(MAX_CLAIMS),
    };
    await createFakeFleet(local, options.keyCount + 3 * MAX_CLAIMS);
    const replicas = await Promise.all([0, 1].map(() => AllocatorProcess.start(environment)));
    return new ReplicaWorld(options, { local, redis, replicas, directory });
  }

  async stop(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.stop()));
    await this.redis.stop();
    await this.#local.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** SIGKILL for one of the two. */
  async killOne(): Promise<void> {
    await this.replicas[0]?.kill();
  }

  /** Starts a fault of Kubernetes' that ends by itself; see local's own schema. */
  async strikeKubernetes(asked: object): Promise<void> {
    await this.#local.fault(asked);
  }

  /**
   * A caller for each key, some at a time, each beside repeats to both replicas of whose answers some are not waited for.
   * Afterwards everybody asks both once more.
   *
   * @param inTheMiddle - happens when half of them are on their way
   * @returns every answer that was heard, by key
   */
  async askForAll(inTheMiddle: () => Promise<void> = () => Promise.resolve()): Promise<Map<string, Answer[]>> {
    const keys = Array.from({ length: this.#keyCount }, (_, index) => `key-${index}`);
    const answers = new Map<string, Answer[]>(keys.map((key) => [key, []]));
    let fault: Promise<void> | undefined;
    await someAtATime(keys, async (key, index) => {
      if (index >= this.#keyCount / 2) fault ??= inTheMiddle();
      answers.get(key)?.push(...(await this.#askForOne(key)));
    });
    await fault;
    await someAtATime(keys, async (key) => {
      answers.get(key)?.push(...(await this.#askLiving(key)));
    });
    return answers;
  }

  /** Waits until every session that was answered is on its GameServer, and no GameServer is taken for anything else. */
  async settle(): Promise<void> {
    await eventually('every session on its GameServer, and no other', 60_000, () =>
      this.sessionCount() === this.#keyCount - this.unanswered && this.#leaked().length === 0 ? true : undefined,
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
      `${name}: ${this.#keyCount} keys, ${given} answers, ${this.sessionCount()} sessions, ${this.doubles().length} doubles, ` +
      `${this.unanswered} unanswered, ${claims.length} claims; ${outcomes.join(', ')}`;
    process.stderr.write(`${line}\n`);
  }

  /** Allocated, with no session and claimed by nobody. */
  #leaked(): string[] {
    return this.#local
      .gameServers()
      .filter(({ metadata: { labels = {} }, status }) => {
        return status?.state === 'Allocated' && !labels[SESSION_KEY] && !labels[CLAIM_LABEL];
      })
      .map(({ metadata }) => metadata.name);
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
