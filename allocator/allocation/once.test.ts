import { jest } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../../lib/clock.ts';
import { MemoryStore } from '../store/memory-store.ts';
import { Once } from './once.ts';
import type { OnceResult } from './once.ts';
import { StoreDown } from './store.ts';
import { pause } from '../../lib/pause.ts';
import { Connection, MachineClock, STEP_MS, World } from '../testing/store-world.ts';

const KEPT_MS = 60_000;
const LEASE_MS = 300;
const OPTIONS = { keptMs: KEPT_MS, leaseMs: LEASE_MS, pollMs: 50, maxWatchedKeys: 10 };

function world() {
  const clock = new ManualClock(1000);
  const store = new MemoryStore({ clock, maxEntries: 100 });
  let processes = 0;
  const start = () =>
    new Once({
      store,
      clock,
      processId: `p${(processes += 1)}`,
      keptMs: KEPT_MS,
      leaseMs: LEASE_MS,
      pollMs: 50,
      maxWatchedKeys: 10,
    });
  return { clock, store, start };
}

/** Lets everything happen that needs no time. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    clock.advance(50);
    await settle();
  }
}

const request = (over: object = {}) => ({ key: 'k', fingerprint: 'f', deadlineMs: 100_000, ...over });

describe('a request under a key', () => {
  it('is worked on once by many at once, at two replicas, and all get one answer', async () => {
    const { clock, start } = world();
    const replicas = [start(), start()];
    let works = 0;
    const gate = Promise.withResolvers<void>();
    const answers = Array.from({ length: 50 }, (_, index) =>
      replicas[index % 2]!.run<string>(request(), async () => {
        works += 1;
        await gate.promise;
        return { answer: `answer ${works}` };
      }),
    );
    // Longer than a lease: whoever works on it says again and again that they live.
    await pass(clock, LEASE_MS * 4);
    gate.resolve();
    await pass(clock, 200);
    expect(new Set((await Promise.all(answers)).map((result) => JSON.stringify(result)))).toEqual(
      new Set([JSON.stringify({ state: 'answered', answer: 'answer 1' })]),
    );
    expect(works).toBe(1);
  });

  it('is refused when it is another request, and nothing is done', async () => {
    const { start } = world();
    const once = start();
    await once.run(request(), () => Promise.resolve({ answer: 'one' }));
    const work = jest.fn<() => Promise<{ answer: string }>>();
    expect(await once.run(request({ fingerprint: 'g' }), work)).toEqual({ state: 'reused' });
    expect(work).not.toHaveBeenCalled();
  });

  it('is worked on again when nothing came of it', async () => {
    const { start } = world();
    const once = start();
    expect(await once.run(request(), () => Promise.resolve({ refused: 'full' }))).toEqual({
      state: 'refused',
      refused: 'full',
    });
    const again = await once.run(request(), (isFirst) => Promise.resolve({ answer: String(isFirst) }));
    expect(again).toEqual({ state: 'answered', answer: 'false' });
  });

  it('is taken over when its process died, by one who knows that it is not the first', async () => {
    const { clock, store, start } = world();
    // A process whose clock stands renews no more than one that is gone.
    const dead = new Once({
      ...OPTIONS,
      store,
      clock: new ManualClock(1000),
      processId: 'dead',
    });
    void dead.run(request(), () => new Promise<never>(() => {}));
    const taken = start().run(request(), (isFirst) => Promise.resolve({ answer: String(isFirst) }));
    await pass(clock, LEASE_MS * 2);
    expect(await taken).toEqual({ state: 'answered', answer: 'false' });
  });

  it('tells who cannot wait that it is under way', async () => {
    const { clock, start } = world();
    const once = start();
    void once.run(request(), () => new Promise<never>(() => {}));
    const hurried = once.run(request({ deadlineMs: clock.nowMs() + 100 }), () => Promise.resolve({ answer: 'no' }));
    await pass(clock, 200);
    expect(await hurried).toEqual({ state: 'under_way' });
  });

  it('is forgotten after its time', async () => {
    const { clock, start } = world();
    const once = start();
    await once.run(request(), () => Promise.resolve({ answer: 'one' }));
    clock.advance(KEPT_MS + 1);
    expect(await once.run(request({ fingerprint: 'g' }), () => Promise.resolve({ answer: 'two' }))).toEqual({
      state: 'answered',
      answer: 'two',
    });
  });

  it('is not begun again when the store was emptied while it is worked on', async () => {
    const world = new World();
    const [first, second] = [0, 1].map((index) => {
      const store = new Connection(world, world.time);
      return { store, once: new Once({ ...OPTIONS, store, clock: world.time, processId: `p${index}` }) };
    });
    await world.pass(LEASE_MS * 2);
    let works = 0;
    const work = async () => {
      works += 1;
      await pause(world.time, LEASE_MS * 5);
      return { answer: `answer ${works}` };
    };
    const answer = first!.once.run(request(), work);
    await world.pass(LEASE_MS);
    world.empty();
    await expect(second!.store.get('k')).rejects.toThrow(StoreDown);
    const repeated = second!.once.run(request(), work);
    await world.pass(LEASE_MS * 10);
    expect(await answer).toEqual({ state: 'answered', answer: 'answer 1' });
    expect(await repeated).toEqual({ state: 'answered', answer: 'answer 1' });
    expect(works).toBe(1);
  });

  it('is told to stop when the store has been away for as long as others wait', async () => {
    const world = new World();
    const store = new Connection(world, world.time);
    const once = new Once({ ...OPTIONS, store, clock: world.time, processId: 'p' });
    await world.pass(LEASE_MS * 2);
    let lostAtMs: number | undefined;
    const result = once.run(request(), async (_isFirst, lost) => {
      lost.addEventListener('abort', () => (lostAtMs = world.time.nowMs()));
      await pause(world.time, LEASE_MS * 9, lost);
      return {};
    });
    const fault = result.catch((error: unknown) => error);
    await world.pass(STEP_MS);
    world.isDown = true;
    const downAtMs = world.time.nowMs();
    await world.pass(LEASE_MS * 2);
    expect(lostAtMs).toBeLessThan(downAtMs + LEASE_MS);
    expect(await fault).toBeInstanceOf(StoreDown);
  });

  it('has one answer, and one who works on it, whatever happens to them, their clocks and the store', async () => {
    const fate = fc.constantFrom('answers', 'refuses', 'throws', 'takes its time');
    const ms = fc.constantFrom(0, 60, 200, 700);
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ what: fate, replica: fc.nat(2), ms }) },
      { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('slow', 'lost answer'), replica: fc.nat(2), ms }) },
      fc.record({ what: fc.constantFrom('cut', 'joined', 'stall', 'go on', 'killed'), replica: fc.nat(2), ms }),
      fc.record({ what: fc.constantFrom('store down', 'store up', 'store emptied'), replica: fc.nat(2), ms }),
    );
    const machine = fc.record({ offsetMs: fc.integer({ min: -1e8, max: 1e8 }), rate: fc.constantFrom(0.9, 1, 1.1) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(machine, { minLength: 3, maxLength: 3 }),
        fc.array(step, { minLength: 1, maxLength: 16 }),
        async (machines, steps) => {
          const world = new World();
          let processes = 0;
          const start = (index: number) => {
            const { offsetMs, rate } = machines[index]!;
            const clock = new MachineClock(world.time, offsetMs, rate);
            const store = new Connection(world, clock);
            const processId = `p${(processes += 1)}`;
            const once = new Once({ ...OPTIONS, store, clock, processId });
            return { clock, store, once, working: new Set<AbortSignal>() };
          };
          const replicas = [0, 1, 2].map(start);
          const results: Promise<OnceResult<string> | { state: 'threw' }>[] = [];
          // Who has been told that another one may be at it stops by itself; who stands still does nothing.
          const look = (): void => {
            const working = replicas.flatMap(({ clock, working: signals }) =>
              clock.isStalled ? [] : [...signals].filter(({ aborted }) => !aborted),
            );
            expect(working.length).toBeLessThanOrEqual(1);
          };
          for (const [index, { what, replica: who, ms: forMs }] of steps.entries()) {
            const replica = replicas[who]!;
            const { clock, store, once } = replica;
            if (what === 'slow') store.faults.push({ thereMs: forMs, backMs: forMs, isLost: false });
            else if (what === 'lost answer') store.faults.push({ thereMs: 0, backMs: 0, isLost: true });
            else if (what === 'cut') store.isCut = true;
            else if (what === 'joined') store.isCut = false;
            else if (what === 'stall') clock.isStalled = true;
            else if (what === 'go on') clock.goOn();
            else if (what === 'store down') world.isDown = true;
            else if (what === 'store up') world.isDown = false;
            else if (what === 'store emptied') world.empty();
            else if (what === 'killed') {
              clock.isStalled = true;
              store.isCut = true;
              replicas[who] = start(who);
            } else {
              const work = async (_isFirst: boolean, lost: AbortSignal) => {
                replica.working.add(lost);
                if (what === 'takes its time') await pause(clock, 900, lost);
                replica.working.delete(lost);
                if (what === 'throws') throw new Error('broke');
                return what === 'refuses' || lost.aborted ? { refused: 'full' } : { answer: `answer ${index}` };
              };
              const deadlineMs = clock.nowMs() + 3000;
              results.push(once.run(request({ deadlineMs }), work).catch(() => ({ state: 'threw' as const })));
            }
            await world.pass(forMs + STEP_MS, look);
          }
          world.isDown = false;
          for (const { clock, store } of replicas) {
            clock.goOn();
            store.isCut = false;
          }
          await world.pass(8000, look);
          // Nobody hears of those that a killed process owes.
          const heard = await Promise.all(results.map((result) => Promise.race([result, Promise.resolve(undefined)])));
          const answers = heard.filter((result) => result?.state === 'answered');
          // An answer that was given is lost with the store, and the next who asks gets another one.
          const isEmptied = steps.some(({ what }) => what === 'store emptied');
          if (!isEmptied) expect(new Set(answers.map(({ answer }) => answer)).size).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 200, seed: 6 },
    );
  }, 60_000);
});
