import { ManualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { WorkQueue } from './work-queue.ts';

let clock: ManualClock;
let queue: WorkQueue;
beforeEach(() => {
  clock = new ManualClock();
  queue = new WorkQueue({ clock, log: silentLogger, maxKeysPerTurn: 4, maxInFlight: 2, maxRetryDelayMs: 40 });
});
afterEach(() => {
  queue.stop();
});

describe('a work queue', () => {
  it('looks at a key once however often it was added, and again when it is added meanwhile', () => {
    const seen: string[] = [];
    const lane = queue.lane('things', (key) => {
      seen.push(key);
      if (seen.length === 1) lane.add(key);
    });
    lane.add('a');
    lane.add('a');
    lane.add('b');
    expect(seen).toEqual([]);
    clock.advance(0);
    expect(seen).toEqual(['a', 'b', 'a']);
  });

  it('works off an earlier lane before a later one', () => {
    const seen: string[] = [];
    const first = queue.lane('first', (key) => void seen.push(`first ${key}`));
    const second = queue.lane('second', (key) => {
      seen.push(`second ${key}`);
      if (key === 'a') first.add('again');
    });
    second.add('a');
    second.add('b');
    first.add('a');
    clock.advance(0);
    expect(seen).toEqual(['first a', 'second a', 'first again', 'second b']);
  });

  it('tries a key that fails again, with pauses that grow to a bound', () => {
    const atMs: number[] = [];
    const lane = queue.lane('things', () => {
      atMs.push(clock.nowMs());
      if (atMs.length < 7) throw new Error('not yet');
    });
    lane.add('a');
    clock.advance(10_000);
    expect(atMs).toEqual([0, 5, 15, 35, 75, 115, 155]);
  });

  it('runs no key twice at once, and no more keys at once than it may', async () => {
    const running: string[] = [];
    const ends: (() => void)[] = [];
    const lane = queue.lane('slow', (key) => {
      running.push(key);
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.push(resolve);
      return promise;
    });
    for (const key of ['a', 'b', 'c']) lane.add(key);
    clock.advance(0);
    lane.add('a');
    clock.advance(0);
    expect(running).toEqual(['a', 'b']);
    ends[0]?.();
    await new Promise(setImmediate);
    clock.advance(0);
    expect(running).toEqual(['a', 'b', 'c']);
    ends[1]?.();
    await new Promise(setImmediate);
    clock.advance(0);
    expect(running).toEqual(['a', 'b', 'c', 'a']);
  });

  it('does nothing more once it is stopped', () => {
    const seen: string[] = [];
    const lane = queue.lane('things', (key) => void seen.push(key));
    lane.add('a');
    lane.addAfter('b', 10);
    queue.stop();
    lane.add('c');
    clock.advance(100);
    expect(seen).toEqual([]);
  });
});
