import { seededRandom } from '../lib/seeded-random.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { AllocationBehaviour, KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';

const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1);
const GAME_SERVERS = 6;
const REQUESTS = 120;
const FAULTS: readonly AllocationBehaviour[] = ['lose-answer', 'allocate-late', 'cut', 'no-endpoints', 'UnAllocated'];

/** What is wrong with the Lists that were written, by any allocator or anybody else. */
class Witness {
  readonly faults: string[] = [];
  readonly #kubernetes: KubernetesEndpoint;

  constructor(kubernetes: KubernetesEndpoint) {
    this.#kubernetes = kubernetes;
    kubernetes.onWrite = ({ metadata, status }) => {
      const { capacity = 0, values = [] } = status?.lists?.['sessions'] ?? {};
      if (values.length > capacity) this.faults.push(`${metadata.name} has ${values.length} of ${capacity}`);
    };
  }

  get sessions(): string[] {
    return this.#kubernetes.gameServers().flatMap(({ metadata }) => this.#kubernetes.sessionsOn(metadata.name));
  }
}

/** Sessions end, foreign values come, and allocations go wrong, as the seed has it. */
function disturb(kubernetes: KubernetesEndpoint, random: () => number, ended: Set<string>): void {
  const name = `boats-${Math.floor(random() * GAME_SERVERS)}`;
  const values = kubernetes.sessionsOn(name);
  const capacity = kubernetes.gameServer(name)?.status?.lists?.['sessions']?.capacity ?? 0;
  const chance = random();
  if (chance < 0.5 && values.length > 0) {
    const gone = values[Math.floor(random() * values.length)] ?? '';
    ended.add(gone);
    kubernetes.setSessions(
      name,
      values.filter((value) => value !== gone),
    );
  } else if (chance < 0.7 && values.length < capacity) {
    kubernetes.setSessions(name, [...values, `foreign-${ended.size}-${kubernetes.requestCount}-${chance}`]);
  } else {
    const fault = FAULTS[Math.floor(random() * FAULTS.length)];
    if (fault !== undefined) kubernetes.behaviours.push(fault);
  }
}

describe('two allocators on the same shared GameServers', () => {
  it.each(SEEDS)(
    'give no GameServer more sessions than it holds and no session two places, whatever else happens (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      const environment = { ALLOCATE_BY: 'Patch', SHARED_PATIENCE_MS: '20', KUBERNETES_TIMEOUT_MS: '2000' };
      const one = await startTestAllocator((kubernetes) => {
        // Without Leases nothing keeps the second one from work.
        kubernetes.leaseRefusal = 404;
        kubernetes.addFleet('boats', 'boat-race', 8, { capacity: 10 });
        for (let index = 0; index < GAME_SERVERS; index += 1) {
          const capacity = 2 + Math.floor(random() * 12);
          kubernetes.addGameServer(`boats-${index}`, 'boat-race', { capacity });
        }
      }, environment);
      const { kubernetes } = one;
      kubernetes.lateMs = 10;
      const two = await startTestAllocator(() => {}, environment, undefined, one);
      try {
        const witness = new Witness(kubernetes);
        const ended = new Set<string>();
        const asked = Array.from({ length: REQUESTS }, async () => {
          const allocator = random() < 0.5 ? one : two;
          const answer = await allocator.post('/api/new-game', { playerId: 'a' }, { prefer: 'wait=1' });
          if (random() < 0.6) disturb(kubernetes, random, ended);
          return answer;
        });
        const answers = await Promise.all(asked);
        const { sessions } = witness;
        expect(witness.faults).toEqual([]);
        expect(new Set(sessions).size).toBe(sessions.length);
        const made = answers.filter(({ status }) => status === 201).map(({ body }) => body.sessionId as string);
        expect(made.length).toBeGreaterThan(0);
        expect(new Set(made).size).toBe(made.length);
        // Whoever has an answer has a place, until the session ends.
        expect(made.filter((id) => !sessions.includes(id) && !ended.has(id))).toEqual([]);
        // Whoever was refused has none: what came after the refusal is given up.
        await until(() => witness.sessions.every((id) => id.startsWith('foreign-') || made.includes(id)));
        expect(witness.faults).toEqual([]);
      } finally {
        await two.stop();
        await one.stop();
      }
    },
    30_000,
  );
});
