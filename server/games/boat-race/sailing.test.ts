import fc from 'fast-check';
import { polarShare, pushApart, sail } from './sailing.ts';
import type { Hull } from './sailing.ts';
import { windAt } from './wind.ts';

const water = { halfSizeMetres: 100 };
const northWind = { fromDegrees: 0, speed: 8 };

function hull(fields: Partial<Hull> = {}): Hull {
  return { x: 0, y: 0, headingDegrees: 90, speed: 0, rudder: 0, sheet: 1, ...fields };
}

function sailFor(seconds: number, boat: Hull): Hull {
  for (let tick = 0; tick < seconds * 20; tick += 1) sail(boat, northWind, water, 0.05);
  return boat;
}

test('the polar: nothing into the wind, most across it', () => {
  expect(polarShare(0)).toBeLessThan(0);
  expect(polarShare(20)).toBeLessThan(0);
  expect(polarShare(45)).toBeGreaterThan(0.4);
  expect(polarShare(100)).toBeGreaterThan(polarShare(45));
  expect(polarShare(100)).toBeGreaterThan(polarShare(180));
});

test('a boat gathers way slowly, and loses it slowly when the sails fly', () => {
  const boat = hull();
  const afterOne = sailFor(1, boat).speed;
  const afterTen = sailFor(9, boat).speed;
  expect(afterOne).toBeGreaterThan(1);
  expect(afterTen).toBeGreaterThan(afterOne * 1.5);
  boat.sheet = 0;
  expect(sailFor(1, boat).speed).toBeGreaterThan(afterTen / 2);
  expect(sailFor(20, boat).speed).toBeLessThan(0.2);
});

test('a boat that points into the wind stops and is pushed back', () => {
  const boat = sailFor(20, hull({ headingDegrees: 0, speed: 5 }));
  expect(boat.speed).toBeLessThan(0);
});

test('the rudder turns to its side, and costs speed', () => {
  const straight = sailFor(1, hull({ speed: 5 }));
  const starboard = sailFor(1, hull({ speed: 5, rudder: 0.5 }));
  const port = sailFor(1, hull({ speed: 5, rudder: -0.5 }));
  expect(starboard.headingDegrees).toBeGreaterThan(straight.headingDegrees);
  expect(port.headingDegrees).toBeLessThan(straight.headingDegrees);
});

test('a boat without way in the no-go zone can be worked out of it', () => {
  const boat = sailFor(4, hull({ headingDegrees: 0, rudder: 1 }));
  expect(boat.headingDegrees).toBeGreaterThan(45);
  boat.rudder = 0;
  expect(sailFor(4, boat).speed).toBeGreaterThan(1);
});

test('boats that touch are pushed apart and slowed', () => {
  const boats = [hull({ speed: 5 }), hull({ x: 2, speed: 5 }), hull({ x: 50, speed: 5 })];
  pushApart(boats, water);
  const [a, b, far] = boats;
  expect((b?.x ?? 0) - (a?.x ?? 0)).toBeGreaterThan(2);
  expect(a?.speed).toBeLessThan(5);
  expect(far).toEqual(hull({ x: 50, speed: 5 }));
});

test('whatever the steering and the wind, boats stay finite and inside the water', () => {
  const helm = fc.record({
    rudder: fc.double({ min: -1, max: 1, noNaN: true }),
    sheet: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  const start = fc.record({
    x: fc.double({ min: -100, max: 100, noNaN: true }),
    y: fc.double({ min: -100, max: 100, noNaN: true }),
    headingDegrees: fc.double({ min: 0, max: 359, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(start, { minLength: 1, maxLength: 8 }),
      fc.array(fc.array(helm, { minLength: 8, maxLength: 8 }), { minLength: 1, maxLength: 30 }),
      (seed, starts, helms) => {
        const boats = starts.map((place) => hull(place));
        for (const [moment, decisions] of helms.entries()) {
          for (const [index, boat] of boats.entries()) Object.assign(boat, decisions[index]);
          for (let tick = 0; tick < 20; tick += 1) {
            for (const boat of boats) sail(boat, windAt(seed, moment + tick / 20), water, 0.05);
            pushApart(boats, water);
          }
          for (const { x, y, headingDegrees, speed } of boats) {
            expect(Math.abs(x)).toBeLessThanOrEqual(100);
            expect(Math.abs(y)).toBeLessThanOrEqual(100);
            expect(headingDegrees).toBeGreaterThanOrEqual(0);
            expect(headingDegrees).toBeLessThan(360);
            expect(Math.abs(speed)).toBeLessThan(15);
          }
        }
      },
    ),
    { seed: 7, numRuns: 60 },
  );
});

test('the wind shifts and gusts within bounds, smoothly, and the same for the same seed', () => {
  const speeds = Array.from({ length: 4000 }, (_, index) => windAt(3, index / 20));
  for (const [index, wind] of speeds.entries()) {
    expect(wind).toEqual(windAt(3, index / 20));
    expect(wind.speed).toBeGreaterThan(5);
    expect(wind.speed).toBeLessThan(14);
    const before = speeds[index - 1];
    if (before !== undefined) expect(Math.abs(wind.speed - before.speed)).toBeLessThan(0.2);
  }
  const all = speeds.map(({ speed }) => speed);
  expect(Math.max(...all) - Math.min(...all)).toBeGreaterThan(1);
  expect(windAt(4, 10)).not.toEqual(windAt(3, 10));
});
