import fc from 'fast-check';
import { ManualClock } from '../../lib/clock.ts';
import { WaitingLine } from './waiting-line.ts';

interface Member {
  id: number;
}

const MAX_ATTEMPTS = 4;
const MAX_PAUSE_MS = 80;
const NEW = { isReturning: false };

function lineOf(clock: ManualClock): WaitingLine<Member> {
  return new WaitingLine({
    clock,
    random: () => 0.5,
    maxAttempts: MAX_ATTEMPTS,
    firstPauseMs: 10,
    maxPauseMs: MAX_PAUSE_MS,
  });
}

const step = fc.oneof(
  fc.record({ what: fc.constantFrom('enter', 'return', 'next', 'wake') }),
  fc.record({ what: fc.constantFrom('served', 'refused', 'settle', 'leave'), pick: fc.nat(20) }),
  fc.record({ what: fc.constant('pass'), ms: fc.nat(100) }),
) as fc.Arbitrary<{ what: string; pick?: number; ms?: number }>;

describe('a waiting line', () => {
  it('lets those who return try first, then the one who has waited longest, and bounds how many try, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const clock = new ManualClock();
        const line = lineOf(clock);
        // The reference: who waits, those who return first, and who of them tries.
        let returning: Member[] = [];
        let others: Member[] = [];
        const trying = new Set<Member>();
        const settling = new Set<Member>();
        let ids = 0;
        for (const { what, pick = 0, ms = 0 } of steps) {
          const tries = [...trying, ...settling];
          const chosen = tries[pick % Math.max(1, tries.length)];
          const waiting = [...returning, ...others];
          const forget = (gone: Member): void => {
            returning = returning.filter((member) => member !== gone);
            others = others.filter((member) => member !== gone);
          };
          if (what === 'enter' || what === 'return') {
            const member = { id: (ids += 1) };
            line.enter(member, { isReturning: what === 'return' });
            (what === 'return' ? returning : others).push(member);
          } else if (what === 'wake') {
            line.wake();
          } else if (what === 'pass') {
            clock.advance(ms);
          } else if (what === 'next') {
            const next = line.next();
            if (next !== undefined) {
              expect(next).toBe(waiting.find((member) => !trying.has(member) && !settling.has(member)));
              trying.add(next);
            }
            expect(trying.size).toBeLessThanOrEqual(MAX_ATTEMPTS);
          } else if (what === 'leave') {
            const leaver = waiting[pick % Math.max(1, waiting.length)];
            if (leaver === undefined || tries.includes(leaver)) continue;
            line.leave(leaver);
            forget(leaver);
          } else if (chosen !== undefined && what === 'settle') {
            line.settle(chosen);
            if (trying.delete(chosen)) settling.add(chosen);
          } else if (chosen !== undefined) {
            line.attempted(chosen, what as 'served' | 'refused');
            trying.delete(chosen);
            settling.delete(chosen);
            if (what === 'served') forget(chosen);
          }
          const inOrder = [...returning, ...others];
          expect([...line]).toEqual(inOrder);
          expect(line.size).toBe(inOrder.length);
          expect(inOrder.map((member) => line.placeOf(member))).toEqual(inOrder.map((_, index) => index + 1));
          expect(inOrder.filter((member) => line.isAttempting(member))).toHaveLength(trying.size + settling.size);
          expect(line.pausedForMs).toBeLessThanOrEqual(MAX_PAUSE_MS);
        }
      }),
    );
  });

  it('tries with one after a refusal, and with more again as GameServers are got', () => {
    const clock = new ManualClock();
    const line = lineOf(clock);
    for (let id = 0; id < 20; id += 1) line.enter({ id }, NEW);
    const begin = (): Member[] => {
      const begun: Member[] = [];
      for (let next = line.next(); next !== undefined; next = line.next()) begun.push(next);
      return begun;
    };
    const first = begin();
    expect(first).toHaveLength(MAX_ATTEMPTS);
    for (const member of first) line.attempted(member, 'refused');
    expect(begin()).toEqual([]);
    clock.advance(MAX_PAUSE_MS);
    const [alone, ...others] = begin();
    expect(alone).toBe(first[0]);
    expect(others).toEqual([]);
    line.attempted(alone!, 'served');
    expect(begin()).toHaveLength(2);
  });

  it('begins at once for whoever finds it empty, and one more for each GameServer that is there', () => {
    const clock = new ManualClock();
    const line = lineOf(clock);
    const [one, two] = [{ id: 1 }, { id: 2 }];
    line.enter(one, NEW);
    line.attempted(line.next()!, 'refused');
    expect(line.next()).toBeUndefined();
    line.leave(one);
    line.enter(two, NEW);
    expect(line.next()).toBe(two);
    line.attempted(two, 'refused');
    line.wake();
    expect(line.next()).toBe(two);
  });

  it('has somebody to resume with from a refusal until they try, also when the pause is over by the next look', () => {
    const clock = new ManualClock();
    const line = lineOf(clock);
    const one = { id: 1 };
    line.enter(one, NEW);
    expect(line.resumesInMs).toBeUndefined();
    line.attempted(line.next()!, 'refused');
    expect(line.resumesInMs).toBeGreaterThan(0);
    clock.advance(MAX_PAUSE_MS);
    expect(line.resumesInMs).toBe(0);
    expect(line.next()).toBe(one);
    expect(line.resumesInMs).toBeUndefined();
  });

  it('tells how long it may take at the pace of late, and not sooner because it stands still', () => {
    const clock = new ManualClock();
    const line = lineOf(clock);
    for (let id = 0; id < 4; id += 1) line.enter({ id }, NEW);
    expect(line.estimateMs(1)).toBeUndefined();
    for (let served = 0; served < 2; served += 1) {
      clock.advance(100);
      line.attempted(line.next()!, 'served');
    }
    expect(line.estimateMs(2)).toBe(200);
    clock.advance(500);
    expect(line.estimateMs(2)).toBe(1000);
  });
});
