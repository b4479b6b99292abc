import { jest } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../../lib/clock.ts';
import { MemoryStore } from '../store/memory-store.ts';
import { Once } from './once.ts';
import type { OnceResult } from './once.ts';

const KEPT_MS = 60_000;
const LEASE_MS = 300;

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
      store,
      clock: new ManualClock(1000),
      processId: 'dead',
      keptMs: KEPT_MS,
      leaseMs: LEASE_MS,
      pollMs: 50,
      maxWatchedKeys: 10,
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

  it('has one answer whatever happens to those who work on it', async () => {
    const fate = fc.constantFrom('answers', 'refuses', 'throws', 'stalls');
    const step = fc.record({ replica: fc.nat(2), fate, waitMs: fc.constantFrom(0, 50, 200, 700) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const { clock, start } = world();
        const replicas = [start(), start(), start()];
        const results: Promise<OnceResult<string> | { state: 'threw' }>[] = [];
        let working = 0;
        let mostWorking = 0;
        for (const [index, { replica, fate: what, waitMs }] of steps.entries()) {
          const work = async () => {
            working += 1;
            mostWorking = Math.max(mostWorking, working);
            if (what === 'stalls') await new Promise<void>((resolve) => void clock.after(500, resolve));
            working -= 1;
            if (what === 'throws') throw new Error('broke');
            return what === 'refuses' ? { refused: 'full' } : { answer: `answer ${index}` };
          };
          results.push(replicas[replica]!.run(request(), work).catch(() => ({ state: 'threw' as const })));
          await pass(clock, waitMs);
        }
        await pass(clock, steps.length * 1500);
        const answers = (await Promise.all(results)).flatMap((result) =>
          result.state === 'answered' ? [result.answer] : [],
        );
        expect(new Set(answers).size).toBeLessThanOrEqual(1);
        expect(mostWorking).toBe(1);
      }),
      { numRuns: 100 },
    );
  });
});
