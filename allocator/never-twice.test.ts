import { SimulatedAllocators } from './testing/simulated-allocators.ts';
import type { Answer, SimulationOptions } from './testing/simulated-allocators.ts';
import { allocatedAt } from './testing/simulated-kubernetes.ts';

/** Of one run. `REGATTA_SIMULATED_REQUESTS` says how many there are in all. */
const REQUESTS_PER_RUN = 50;
const REQUESTS = Number(process.env.REGATTA_SIMULATED_REQUESTS ?? 2000);
const PATIENCE_MS = 120_000;
const QUIET_MS = 90_000;
const FAULTS = { cut: 0.03, lostAnswer: 0.05, refused: 0.03 };

interface Counts {
  requests: number;
  kills: number;
  unanswered: number;
  violations: string[];
  leaked: string[];
}

async function simulate(options: SimulationOptions, counts: Counts): Promise<void> {
  const world = new SimulatedAllocators(options);
  const { time, random, kubernetes } = world;
  world.startTending();
  const players: Promise<Answer[]>[] = [];
  for (let request = 0; request < REQUESTS_PER_RUN; request += 1) {
    // Some come twice at once under one key.
    const key = `${options.seed}x${request}`;
    for (let copy = random() < 0.3 ? 2 : 1; copy > 0; copy -= 1) players.push(world.play(key, PATIENCE_MS));
    await time.run(random() * 200);
    if (random() < 0.1) {
      world.kill();
      counts.kills += 1;
    }
    if (random() < 0.05) {
      const names = [...kubernetes.gameServers.keys()];
      world.lose(names[Math.floor(random() * names.length)] ?? '');
    }
    if (random() < 0.02) {
      const network = random() < 0.5 ? world.apiNetwork : world.storeNetwork;
      network.isDown = true;
      time.after(500 + random() * 2000, () => {
        network.isDown = false;
      });
    }
  }
  await time.run(PATIENCE_MS + QUIET_MS);
  for (const answers of await Promise.all(players)) {
    counts.requests += 1;
    if (answers.length === 0) counts.unanswered += 1;
  }
  await world.stop();
  await time.run(QUIET_MS);
  counts.violations.push(...world.violations);
  for (const gameServer of kubernetes.allocated()) {
    counts.leaked.push(`seed ${options.seed}: ${gameServer.metadata.name} since ${allocatedAt(gameServer)}`);
  }
}

describe.each([
  ['three allocators that share a store', { isStoreShared: true, allocators: 3 }],
  ['one allocator with its store in memory', { isStoreShared: false, allocators: 1 }],
])('%s, under lost answers, kills and outages', (_name, kind) => {
  it('make no session twice, give no GameServer twice, leave nobody unanswered and leak nothing', async () => {
    const counts: Counts = { requests: 0, kills: 0, unanswered: 0, violations: [], leaked: [] };
    for (let seed = 1; seed <= REQUESTS / REQUESTS_PER_RUN; seed += 1) {
      await simulate({ ...kind, seed, gameServers: 30, faults: FAULTS }, counts);
    }
    process.stdout.write(`${JSON.stringify({ ...counts, violations: counts.violations.length })}\n`);
    expect(counts).toMatchObject({ unanswered: 0, violations: [], leaked: [] });
  }, 600_000);
});
