import fc from 'fast-check';
import { Seats } from './seats.ts';

test('gives the lowest free seat, the same seat to the same player, and none when all are taken', () => {
  const seats = new Seats(2);
  expect(seats.take('a')).toEqual({ kind: 'new', seat: 0 });
  expect(seats.take('b')).toEqual({ kind: 'new', seat: 1 });
  expect(seats.take('a')).toEqual({ kind: 'returning', seat: 0 });
  expect(seats.take('c')).toEqual({ kind: 'full' });
  seats.giveUp('a');
  expect(seats.take('c')).toEqual({ kind: 'new', seat: 0 });
});

test('whatever is asked, no more seats are taken than there are, and no seat twice', () => {
  const player = fc.integer({ min: 0, max: 15 }).map(String);
  const request = fc.record({ kind: fc.constantFrom('take', 'give up'), player });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(request, { maxLength: 200 }), (capacity, requests) => {
      const seats = new Seats(capacity);
      const holders = new Map<string, number>();
      for (const { kind, player: playerId } of requests) {
        if (kind === 'give up') {
          seats.giveUp(playerId);
          holders.delete(playerId);
          continue;
        }
        const outcome = seats.take(playerId);
        if (outcome.kind === 'full') {
          expect(holders.has(playerId)).toBe(false);
          expect(holders.size).toBe(capacity);
        } else {
          expect(outcome.kind === 'returning').toBe(holders.has(playerId));
          holders.set(playerId, outcome.seat);
        }
        expect(seats.taken).toBe(holders.size);
        expect(new Set(holders.values()).size).toBe(holders.size);
        for (const seat of holders.values()) expect(seat).toBeLessThan(capacity);
      }
    }),
    { seed: 4, numRuns: 200 },
  );
});
