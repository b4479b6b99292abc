import fc from 'fast-check';
import { TICKS_PER_SECOND } from './protocol.ts';
import { Race } from './race.ts';
import type { RaceSettings } from './race.ts';

const settings: RaceSettings = {
  laps: 1,
  waitMs: 1000,
  countdownMs: 500,
  finishTimeoutMs: 20_000,
  resultMs: 1000,
  maxLapMs: 180_000,
  computers: 1,
};

function stepUntil(race: Race, isReached: () => boolean, seconds: number): void {
  for (let tick = 0; tick < seconds * TICKS_PER_SECOND && !isReached(); tick += 1) race.step();
  expect(isReached()).toBe(true);
}

function sailUntilOver(race: Race): void {
  stepUntil(race, () => race.isOver, 400);
}

test('waits for a first player however long, then for others a while, counts down, and starts', () => {
  const race = new Race(settings, 1);
  for (let tick = 0; tick < 1000; tick += 1) race.step();
  expect(race.phase).toBe('waiting');
  expect(race.clockMs).toBe(1000);
  race.board(0, 'Ann');
  stepUntil(race, () => race.phase === 'countdown', 1.1);
  const before = race.boats;
  stepUntil(race, () => race.phase === 'racing', 0.6);
  expect(race.boats.map(({ x, y }) => [x, y])).toEqual(before.map(({ x, y }) => [x, y]));
  expect(race.clockMs).toBe(0);
});

test('start skips the wait, but not before a player is there', () => {
  const race = new Race(settings, 1);
  race.startNow();
  expect(race.phase).toBe('waiting');
  race.board(0, 'Ann');
  race.startNow();
  expect(race.phase).toBe('countdown');
});

test.each(Array.from({ length: 12 }, (_, seed) => seed * 7919))(
  'the computer sails a lap in 50 to 110 seconds (wind %i)',
  (seed) => {
    const race = new Race(settings, seed);
    race.board(0, 'Ann');
    sailUntilOver(race);
    const [winner, second] = race.placings();
    expect(winner?.name).toBe('Mistral');
    expect(winner?.timeMs).toBeGreaterThan(50_000);
    expect(winner?.timeMs).toBeLessThan(110_000);
    expect(second).toEqual({ boat: 0, name: 'Ann', timeMs: null });
  },
);

test('laps are counted, and the race ends when the last boat is in', () => {
  const race = new Race({ ...settings, laps: 2, computers: 2, finishTimeoutMs: 150_000 }, 5);
  race.board(0, 'Ann');
  race.startNow();
  race.drift(0);
  stepUntil(race, () => race.phase === 'finished', 400);
  expect(race.placings().map(({ name, timeMs }) => [name, timeMs === null])).toEqual([
    ['Mistral', false],
    ['Bora', false],
    ['Ann', true],
  ]);
  expect(race.boats.find(({ name }) => name === 'Mistral')?.lap).toBe(2);
});

test('the same seed and steering make the same race', () => {
  const [a, b] = [new Race(settings, 9), new Race(settings, 9)];
  for (const race of [a, b]) {
    race.board(0, 'Ann');
    sailUntilOver(race);
  }
  expect(a.placings()).toEqual(b.placings());
});

test('a player who is away drifts, one who comes back sails on, one who leaves before the start is gone', () => {
  const race = new Race(settings, 1);
  race.board(0, 'Ann');
  race.board(1, 'Bob');
  race.abandon(1);
  expect(race.boats.map(({ boat }) => boat)).toEqual([0, 7]);
  race.startNow();
  race.steer(0, { rudder: 1, sheet: 1 });
  race.drift(0);
  expect(race.boats[0]).toMatchObject({ isConnected: false, rudder: 0, sheet: 0 });
  race.board(0, 'Ann');
  expect(race.boats[0]).toMatchObject({ isConnected: true, name: 'Ann' });
});

test('with every seat taken a player takes the computer its boat', () => {
  const race = new Race(settings, 1);
  for (let boat = 0; boat < 8; boat += 1) race.board(boat, `Sailor ${boat}`);
  expect(race.boats).toHaveLength(8);
  expect(race.boats.every(({ computer }) => computer === undefined)).toBe(true);
});

test('whatever players do, the race ends', () => {
  const seat = fc.integer({ min: 0, max: 7 });
  const event = fc.oneof(
    fc.record({ kind: fc.constant('board' as const), seat }),
    fc.record({ kind: fc.constant('drift' as const), seat }),
    fc.record({ kind: fc.constant('abandon' as const), seat }),
    fc.record({
      kind: fc.constant('steer' as const),
      seat,
      rudder: fc.double({ min: -1, max: 1, noNaN: true }),
      sheet: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  );
  fc.assert(
    fc.property(fc.nat(), fc.array(event, { maxLength: 60 }), (seed, events) => {
      const race = new Race({ ...settings, maxLapMs: 60_000, finishTimeoutMs: 5000 }, seed);
      race.board(0, 'Ann');
      for (const event of events) {
        if (event.kind === 'board') race.board(event.seat, 'Someone');
        else if (event.kind === 'steer') race.steer(event.seat, event);
        else race[event.kind](event.seat);
        for (let tick = 0; tick < 10; tick += 1) race.step();
      }
      sailUntilOver(race);
      expect(race.placings()).toHaveLength(race.boats.length);
    }),
    { seed: 11, numRuns: 25 },
  );
});
