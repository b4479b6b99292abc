import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeys } from '../../lib/key-set.ts';
import { seededRandom } from '../../lib/seeded-random.ts';
import { SESSION_KEY } from '../../lib/session.ts';
import { AllocatorProcess } from '../helpers/allocator-process.ts';
import { eventually } from '../helpers/conditions.ts';
import { RedisServer } from '../helpers/redis-server.ts';
import { findProgram } from '../helpers/requirements.ts';
import { createFakeFleet } from './fake-fleet.ts';
import { FaultyLocal } from './faulty-local.ts';

/** Sessions that are lost at the same time. */
const SESSIONS = Number(process.env['REGATTA_LOST_SESSIONS'] ?? '30');
const PLAYERS = 4;
const MAX_CLAIMS = 10;
const SEED = Number(process.env['REGATTA_SEED'] ?? '6');
const PATIENCE_MS = 60_000;
const CASE_DEADLINE_MS = 120_000 + SESSIONS * 500;

const program = findProgram('redis-server');
const describeWithRedis = program === undefined ? describe.skip : describe;

interface Lost {
  sessionId: string;
  gameServer: string;
  tokens: string[];
}

describeWithRedis(
  `the players of ${SESSIONS} lost sessions meet again, each in one place, by two replicas, when`,
  () => {
    let local: FaultyLocal;
    let redis: RedisServer;
    let replicas: AllocatorProcess[];
    let directory: string;
    const random = seededRandom(SEED);

    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), 'regatta-lost-'));
      local = await FaultyLocal.start({
        LOCAL_FAKE_READY_MS: '0',
        LOCAL_MIN_GAME_PORT: '20000',
        LOCAL_MAX_GAME_PORT: '28999',
      });
      redis = await RedisServer.start(program ?? '');
      const keys = generateKeys();
      for (const name of ['sealing', 'signing'] as const) writeFileSync(join(directory, name), keys[name]);
      await createFakeFleet(local, 2 * SESSIONS + 3 * MAX_CLAIMS);
      replicas = await Promise.all(
        [0, 1].map(() =>
          AllocatorProcess.start({
            KUBECONFIG: local.local.kubeconfigPath,
            SEALING_KEYS_FILE: join(directory, 'sealing'),
            SIGNING_KEYS_FILE: join(directory, 'signing'),
            REDIS_URL: redis.url,
            MAX_CLAIMS: String(MAX_CLAIMS),
          }),
        ),
      );
    }, CASE_DEADLINE_MS);

    afterEach(async () => {
      await Promise.all(replicas.map((replica) => replica.stop()));
      await redis.stop();
      await local.stop();
      rmSync(directory, { recursive: true, force: true });
    }, CASE_DEADLINE_MS);

    it.each([
      ['nothing else goes wrong', () => Promise.resolve()],
      ['one of the replicas is killed meanwhile', () => replicas[0]?.kill()],
      [
        'Redis is killed meanwhile and comes back empty',
        async () => {
          await redis.kill();
          await redis.start();
        },
      ],
      [
        'answers of Kubernetes are lost meanwhile',
        () => local.fault({ kind: 'answer-lost', probability: 0.3, seed: SEED, forMs: 3000 }),
      ],
    ])(
      '%s',
      async (name, strike) => {
        const lost = await Promise.all(Array.from({ length: SESSIONS }, (_, index) => play(index)));
        await eventually('every session on its GameServer', PATIENCE_MS, () =>
          lost.every(({ sessionId }) => holding(sessionId).length === 1) ? true : undefined,
        );
        for (const { gameServer } of lost) {
          const { status } = await local.request(
            'DELETE',
            `/apis/agones.dev/v1/namespaces/default/gameservers/${gameServer}`,
          );
          expect(status).toBe(200);
        }
        const players = lost.flatMap(({ sessionId, tokens }) => tokens.map((token) => ({ sessionId, token })));
        const answers = players.map(async ({ sessionId, token }) => ({
          sessionId,
          met: await comeBack(sessionId, token),
        }));
        // While all of them are on their way.
        const [those] = await Promise.all([Promise.all(answers), strike()]);
        const met = Map.groupBy(those, ({ sessionId }) => sessionId);

        const places = [...met.values()].map((players) => new Set(players.map((player) => player.met)));
        expect(places.filter(({ size }) => size !== 1)).toEqual([]);
        const successors = places.flatMap((each) => [...each]);
        expect(new Set(successors).size).toBe(SESSIONS);
        expect(successors.filter((sessionId) => lost.some((each) => each.sessionId === sessionId))).toEqual([]);
        await eventually('each new session on one GameServer', PATIENCE_MS, () =>
          successors.every((sessionId) => holding(sessionId).length === 1) ? true : undefined,
        );
        process.stderr.write(
          `${name}: ${players.length} players of ${SESSIONS} sessions in ${successors.length} new ones\n`,
        );
      },
      CASE_DEADLINE_MS,
    );

    async function post(replica: number, path: string, body: object): Promise<{ status: number; body: Answer }> {
      const response = await fetch(`${replicas[replica % 2]!.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: 'wait=20' },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as Answer };
    }

    async function play(index: number): Promise<Lost> {
      const first = await post(index, '/api/new-game', { playerId: 'player-0' });
      const { sessionId, allocation } = first.body;
      const others = Array.from({ length: PLAYERS - 1 }, async (_, player) =>
        post(index, `/api/sessions/${sessionId}/join`, { playerId: `player-${player + 1}` }),
      );
      const answers = [first, ...(await Promise.all(others))];
      const tokens = answers.map(({ body }) => new URL(body.wsUrl).searchParams.get('token') ?? '');
      return { sessionId, gameServer: allocation.gameServer, tokens };
    }

    /** Asks one replica and then the other, as a player's page does, until there is a new place. @returns its session */
    async function comeBack(sessionId: string, token: string): Promise<string> {
      let attempt = Math.floor(random() * 2);
      return eventually('a place to go on', PATIENCE_MS, async () => {
        attempt += 1;
        const answer = await post(attempt, `/api/sessions/${sessionId}/resume`, { token, closeCode: 4007 }).catch(
          () => undefined,
        );
        if (answer !== undefined && answer.status < 500 && answer.status !== 201) {
          throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
        }
        return answer?.status === 201 && answer.body.sessionId !== sessionId ? answer.body.sessionId : undefined;
      });
    }

    /** Names of the GameServers that hold a session. */
    function holding(sessionId: string): string[] {
      return local
        .gameServers()
        .filter(({ metadata, status }) => metadata.labels?.[SESSION_KEY] === sessionId && status?.state === 'Allocated')
        .map(({ metadata }) => metadata.name);
    }
  },
);

interface Answer {
  sessionId: string;
  wsUrl: string;
  allocation: { gameServer: string };
}
