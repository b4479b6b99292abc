import fc from 'fast-check';
import { ManualClock } from '../../lib/clock.ts';
import { describeSession } from '../allocation/describe-session.ts';
import { PlaceBatches } from '../allocation/place-batches.ts';
import { PlaceLedger } from '../allocation/place-ledger.ts';
import type { AllocationOutcome } from '../allocation/ports.ts';
import { GAME, UnreliableCluster } from '../testing/unreliable-cluster.ts';
import type { CallFate } from '../testing/unreliable-cluster.ts';
import { viewOf } from './game-server-view.ts';
import { PatchPlaces } from './patch-places.ts';
import { SharedGameServers } from './shared-game-servers.ts';
import { gameServerSchema } from './wire.ts';

const CAPACITIES = [3, 2, 4];
const PATIENCE_MS = 250;
const route = { addressType: 'PodIP', portName: 'game' };
const asView = (object: unknown) => viewOf(gameServerSchema.parse(object), route, 'default');

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constant('ask'), pick: fc.nat(14) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      what: fc.constant('end call'),
      pick: fc.nat(10),
      fate: fc.constantFrom<CallFate>('answered', 'answered', 'answered', 'answer-lost', 'late', 'lost', 'busy'),
    }),
  },
  { weight: 6, arbitrary: fc.record({ what: fc.constant('watch'), pick: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constantFrom('session ends', 'foreign value', 'shut down', 'given back', 'catch up', 'list', 'release'),
      pick: fc.nat(20),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('pass'), pick: fc.nat(2 * PATIENCE_MS) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('crash'), pick: fc.nat(3) }) },
) as fc.Arbitrary<{ what: string; pick: number; fate?: CallFate }>;

/** An allocator's knowledge of places, which lives until it crashes. */
class Harbour {
  isDead = false;
  readonly ledger: PlaceLedger;
  readonly gameServers: SharedGameServers;
  readonly batches: PlaceBatches;
  /** What each session was answered last; undefined while it waits. */
  readonly outcomes = new Map<string, AllocationOutcome | undefined>();
  readonly #clock: ManualClock;

  constructor(cluster: UnreliableCluster, clock: ManualClock) {
    this.#clock = clock;
    this.ledger = new PlaceLedger({
      clock,
      isOutdated: () => false,
      patienceMs: PATIENCE_MS,
      onEnded: () => {},
    });
    const { ledger } = this;
    const connection = cluster.connect(() => this.isDead);
    this.gameServers = new SharedGameServers({
      connection,
      clock,
      ledger,
      viewOf: asView,
      joinWithinMs: 1000,
    });
    this.batches = new PlaceBatches({ writes: new PatchPlaces(this.gameServers), clock, maxBatch: 3 });
    for (const object of cluster.listed()) ledger.learn(asView(object));
  }

  ask(sessionId: string): void {
    if (this.outcomes.has(sessionId) && this.outcomes.get(sessionId) === undefined) return;
    this.outcomes.set(sessionId, undefined);
    const described = { sessionId, game: GAME, mode: 'shared', seats: 4 } as const;
    const session = describeSession(described, { madeAtMs: this.#clock.nowMs(), joinWithinMs: 1000 });
    void this.batches
      .allocate({ game: GAME, fleet: undefined, preferredRegions: [], session })
      .then((outcome) => this.outcomes.set(sessionId, outcome));
  }
}

/** Lets everything run that waits for nothing but its turn. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('places on shared GameServers', () => {
  it('are given once each and never over capacity, and lost answers are found again, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 70 }), async (steps) => {
        const clock = new ManualClock();
        const cluster = new UnreliableCluster(CAPACITIES);
        let harbour = new Harbour(cluster, clock);
        /** Ids that left a List: the kit, a release or a Shutdown has ended them. */
        const over = new Set<string>();
        const holders = (sessionId: string) =>
          [...cluster.objects.values()].filter(
            ({ state, values }) => state === 'Allocated' && values.includes(sessionId),
          );
        const check = (): void => {
          for (const { name, capacity, values } of cluster.objects.values()) {
            expect(`${name}: ${values.length} of ${capacity}`).toBe(
              `${name}: ${Math.min(values.length, capacity)} of ${capacity}`,
            );
            expect(new Set(values).size).toBe(values.length);
          }
          const all = [...cluster.objects.values()].flatMap(({ state, values }) =>
            state === 'Allocated' ? values : [],
          );
          expect(new Set(all).size).toBe(all.length);
        };
        const tell = (count: number): void => {
          for (const object of cluster.untold.splice(0, count)) harbour.ledger.learn(asView(object));
        };
        for (const { what, pick, fate = 'answered' } of steps) {
          const object = cluster.objects.get(`boats-${pick % CAPACITIES.length}`);
          if (object === undefined) throw new Error('a GameServer is missing');
          const { name, state, values, capacity } = object;
          if (what === 'ask') {
            // Whoever has seen its session end does not ask for it again.
            const sessionId = `session${String(pick).padStart(10, '0')}`;
            if (!over.has(sessionId)) harbour.ask(sessionId);
          } else if (what === 'end call') cluster.end(pick, fate);
          else if (what === 'watch') tell(pick);
          else if (what === 'list') {
            cluster.untold = [];
            for (const listed of cluster.listed()) harbour.ledger.learn(asView(listed));
          } else if (what === 'pass') clock.advance(pick);
          else if (what === 'catch up') cluster.catchUp();
          else if (what === 'session ends' && values.length > 0) {
            const [gone] = values.slice(pick % values.length);
            over.add(gone ?? '');
            cluster.change(name, { values: values.filter((value) => value !== gone) });
          } else if (what === 'release' && values.length > 0) {
            const [gone = ''] = values.slice(pick % values.length);
            over.add(gone);
            harbour.gameServers.release(name, gone).catch(() => {});
          } else if (what === 'foreign value' && values.length < capacity) {
            cluster.change(name, { values: [...values, `foreign-${cluster.untold.length}-${pick}-${over.size}`] });
          } else if (what === 'shut down') {
            for (const value of values) over.add(value);
            cluster.change(name, { state: 'Ready', values: [] });
          } else if (what === 'given back' && state === 'Allocated' && values.length === 0) {
            const [empty] = harbour.ledger.emptyFor(0);
            if (empty !== undefined) harbour.gameServers.giveBack(empty, 'Ready').catch(() => {});
          } else if (what === 'crash') {
            harbour.isDead = true;
            // What a dead process had sent is carried out or not by the time that there is another.
            cluster.catchUp();
            while (cluster.callCount > 0) cluster.end(0, pick % 2 === 0 ? 'answer-lost' : 'lost');
            cluster.untold = [];
            harbour = new Harbour(cluster, clock);
          }
          await settle();
          check();
        }
        // From here on everything goes well: whoever was answered, or asks again, knows where their session is.
        cluster.catchUp();
        for (let round = 0; round < 200 && (cluster.callCount > 0 || cluster.untold.length > 0); round += 1) {
          if (cluster.callCount > 0) cluster.end(0, 'answered');
          tell(1);
          clock.advance(PATIENCE_MS);
          await settle();
        }
        check();
        for (const [sessionId, outcome] of harbour.outcomes) {
          expect(outcome).toBeDefined();
          if (over.has(sessionId)) continue;
          if (outcome?.state === 'Allocated') {
            expect(holders(sessionId).map(({ name }) => name)).toEqual([outcome.gameServerName]);
            expect(harbour.gameServers.holding(sessionId)?.session?.sessionId).toBe(sessionId);
          } else if (outcome?.state === 'Unknown') {
            const found = harbour.gameServers.findHolding(sessionId);
            await settle();
            while (cluster.callCount > 0) {
              cluster.end(0, 'answered');
              await settle();
            }
            expect((await found).map(({ name }) => name)).toEqual(holders(sessionId).map(({ name }) => name));
          } else expect(holders(sessionId)).toEqual([]);
        }
        for (const { name, values, state } of cluster.objects.values()) {
          if (state !== 'Allocated') continue;
          for (const value of values) expect(harbour.ledger.placeOf(value)?.gameServer.name).toBe(name);
        }
      }),
      { numRuns: 500 },
    );
  }, 120_000);
});
