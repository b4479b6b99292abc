import { findProgram } from '../helpers/requirements.ts';
import { ReplicaWorld } from './replica-world.ts';
import type { Answer } from './replica-world.ts';

/** Keys that players use in each case: as many sessions. */
const KEYS = Number(process.env['REGATTA_KEYS'] ?? '40');
const SEED = Number(process.env['REGATTA_SEED'] ?? '6');
/** How long a dependency is away. */
const OUTAGE_MS = Number(process.env['REGATTA_OUTAGE_MS'] ?? '1500');
const CASE_DEADLINE_MS = 120_000 + KEYS * 200 + OUTAGE_MS;

const program = findProgram('redis-server');
const describeWithRedis = program === undefined ? describe.skip : describe;

/** What befalls everybody when half of the callers are on their way, and whether each answer stays the same to the letter. */
const FAULTS: Record<string, { strike: (world: ReplicaWorld) => Promise<void>; isAnswerKept: boolean }> = {
  'nothing goes wrong': { strike: () => Promise.resolve(), isAnswerKept: true },
  'Redis is killed and comes back empty': {
    async strike({ redis }) {
      await redis.kill();
      await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS / 6));
      await redis.start();
    },
    isAnswerKept: false,
  },
  'one of them is killed': { strike: (world) => world.killOne(), isAnswerKept: false },
  'Kubernetes refuses everything for a while': {
    strike: (world) => world.strikeKubernetes({ kind: 'error-storm', forMs: OUTAGE_MS }),
    isAnswerKept: true,
  },
  'Kubernetes says nothing for a while': {
    strike: (world) => world.strikeKubernetes({ kind: 'api-black-hole', forMs: OUTAGE_MS }),
    isAnswerKept: true,
  },
  'every watch falls silent': {
    strike: (world) => world.strikeKubernetes({ kind: 'watch-silent', forMs: OUTAGE_MS, afterwards: 'resume' }),
    isAnswerKept: true,
  },
  'the answers to writes are lost now and then': {
    strike: (world) => world.strikeKubernetes({ kind: 'answer-lost', probability: 0.3, seed: SEED, forMs: OUTAGE_MS }),
    isAnswerKept: true,
  },
};

describeWithRedis(`two replicas make one session of each of ${KEYS} keys, and leak nothing, when`, () => {
  let world: ReplicaWorld;

  beforeEach(async () => {
    world = await ReplicaWorld.start({ redisProgram: program ?? '', keyCount: KEYS, seed: SEED });
  }, CASE_DEADLINE_MS);

  afterEach(async () => {
    await world.stop();
  }, CASE_DEADLINE_MS);

  it.each(Object.entries(FAULTS))(
    '%s',
    async (name, { strike, isAnswerKept }) => {
      const answers = await world.askForAll(() => strike(world));
      await world.settle();
      world.report(name, answers);
      expectOneAnswerEach(answers);
      if (isAnswerKept) {
        for (const [key, given] of answers) {
          expect([key, new Set(given.map(({ text }) => text)).size]).toEqual([key, 1]);
        }
      }
      expect(world.doubles()).toEqual([]);
      expect(world.sessionCount()).toBe(KEYS);
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
