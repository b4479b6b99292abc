import fc from 'fast-check';
import { ManualClock } from '../../../lib/clock.ts';
import { ClusterBreaker } from './cluster-breaker.ts';
import type { GuardedCall } from './cluster-breaker.ts';

const MAX_FAULTS = 3;
const SLOW_MS = 100;
const OPEN_MS = 1000;

function breakerOf(clock: ManualClock): ClusterBreaker {
  return new ClusterBreaker({ clock, maxFaults: MAX_FAULTS, slowMs: SLOW_MS, openMs: OPEN_MS });
}

type Step =
  | { what: 'begin'; isAllocation: boolean }
  | { what: 'end'; result: 'answered' | 'failed'; pick: number }
  | { what: 'pass'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constant('begin' as const), isAllocation: fc.boolean() }),
  fc.record({
    what: fc.constant('end' as const),
    result: fc.constantFrom('answered' as const, 'failed' as const),
    pick: fc.nat(20),
  }),
  fc.record({ what: fc.constant('pass' as const), ms: fc.oneof(fc.nat(SLOW_MS * 2), fc.constant(OPEN_MS)) }),
);

interface Call {
  guarded: GuardedCall;
  isAllocation: boolean;
  isProbe: boolean;
  startedAtMs: number;
}

describe('a breaker', () => {
  it('opens on faults in a row or a slow one, lets nobody through, then one at a time, and closes on an answer', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const clock = new ManualClock();
        const breaker = breakerOf(clock);
        const calls: Call[] = [];
        // The reference: what has to be true by what was seen.
        let faultsInARow = 0;
        let openedAtMs: number | undefined;
        let lastOpenedAtMs = -1;
        for (const each of steps) {
          const nowMs = clock.nowMs();
          const isWaitedOut = openedAtMs !== undefined && nowMs >= openedAtMs + OPEN_MS;
          const isProbed = calls.some(({ isProbe }) => isProbe);
          if (each.what === 'pass') clock.advance(each.ms);
          else if (each.what === 'begin') {
            const { isAllocation } = each;
            const guarded = isAllocation ? breaker.beginAllocation() : breaker.beginQuestion();
            if (openedAtMs !== undefined) expect(guarded !== undefined).toBe(isWaitedOut && !isProbed);
            if (guarded === undefined) continue;
            const isProbe = isAllocation && openedAtMs !== undefined;
            calls.push({ guarded, isAllocation, isProbe, startedAtMs: nowMs });
          } else {
            const call = calls.splice(each.pick % Math.max(1, calls.length), 1)[0];
            if (call === undefined) continue;
            call.guarded.end(each.result);
            if (each.result === 'answered') {
              if (!call.isAllocation) continue;
              faultsInARow = 0;
              openedAtMs = undefined;
            } else if (call.isProbe || call.startedAtMs > lastOpenedAtMs) {
              faultsInARow += 1;
              const isSlow = nowMs - call.startedAtMs >= SLOW_MS;
              if (openedAtMs !== undefined || isSlow || faultsInARow >= MAX_FAULTS) openedAtMs = lastOpenedAtMs = nowMs;
            }
          }
          expect(breaker.isOpen).toBe(openedAtMs !== undefined);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('lets nobody wait behind one that is kept waiting, until something is answered', () => {
    const clock = new ManualClock();
    const breaker = breakerOf(clock);
    const stuck = breaker.beginAllocation();
    expect(breaker.beginAllocation()).toBeDefined();
    clock.advance(SLOW_MS);
    expect(breaker.beginAllocation()).toBeUndefined();
    expect(breaker.beginQuestion()).toBeUndefined();
    stuck?.end('answered');
    expect(breaker.beginAllocation()).toBeDefined();
  });

  it('costs one slow call a window while the cluster stays silent', () => {
    const clock = new ManualClock();
    const breaker = breakerOf(clock);
    const windows = 10;
    let slowCalls = 0;
    // One request every 10 ms; whoever is let through waits for five times as long as is slow, and fails.
    for (let ms = 0; ms < windows * (OPEN_MS + SLOW_MS * 5); ms += 10) {
      const call = breaker.beginAllocation();
      if (call !== undefined) {
        slowCalls += 1;
        clock.after(SLOW_MS * 5, () => {
          call.end('failed');
        });
      }
      clock.advance(10);
    }
    // Those of the first moment came before anything was known.
    expect(slowCalls - SLOW_MS / 10).toBeLessThanOrEqual(windows);
  });
});
