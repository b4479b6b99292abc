import fc from 'fast-check';
import type { BoatState, StateMessage } from '../../server/games/boat-race/protocol.ts';
import { SCRIPTED_COURSE, ScriptedRace } from '../scripted-race.ts';
import { bearingDegrees, ahead, mixDegrees, turnDegrees, wrapDegrees } from './angles.ts';
import { courseToSteer, rudderToward } from './autopilot.ts';
import { clampToEdge, toScreen, toWater } from './camera.ts';
import { formatTime, ordinal, standings } from './course.ts';
import { inputOf } from './helm-controls.ts';
import { hudOf } from './hud.ts';
import { StateBuffer, TICK_MS } from './interpolation.ts';
import type { SampledBoat } from './interpolation.ts';
import { parseServerMessage } from './messages.ts';
import { Race } from './race.ts';
import { setSails } from './sails.ts';
import { isWorthSending, leadHeading, moveHelm, rudderOfTouch } from './steering.ts';
import { Wakes } from './wakes.ts';

const degrees = fc.double({ min: -1080, max: 1080, noNaN: true });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const metres = fc.double({ min: -150, max: 150, noNaN: true });

describe('directions', () => {
  it('turn the short way, and arrive', () => {
    fc.assert(
      fc.property(degrees, degrees, (from, to) => {
        const turn = turnDegrees(from, to);
        expect(Math.abs(turn)).toBeLessThanOrEqual(180);
        expect(Math.abs(turnDegrees(wrapDegrees(from + turn), to))).toBeLessThan(1e-6);
        expect(wrapDegrees(from)).toBeGreaterThanOrEqual(0);
        expect(wrapDegrees(from)).toBeLessThan(360);
      }),
    );
  });

  it('mix without going the long way round', () => {
    fc.assert(
      fc.property(degrees, degrees, share, (from, to, part) => {
        const mixed = mixDegrees(from, to, part);
        expect(Math.abs(turnDegrees(from, mixed))).toBeLessThanOrEqual(Math.abs(turnDegrees(from, to)) + 1e-6);
      }),
    );
  });

  it('lead to where they point', () => {
    fc.assert(
      fc.property(
        metres,
        metres,
        degrees,
        fc.double({ min: 1, max: 100, noNaN: true }),
        (x, y, direction, distance) => {
          const there = ahead({ x, y }, direction, distance);
          expect(Math.abs(turnDegrees(direction, bearingDegrees({ x, y }, there)))).toBeLessThan(1e-3);
        },
      ),
    );
  });
});

describe('sails', () => {
  it('stand to leeward and never beyond the shrouds', () => {
    fc.assert(
      fc.property(
        degrees,
        degrees,
        share,
        fc.double({ min: 0, max: 15, noNaN: true }),
        (heading, wind, sheet, speed) => {
          const sails = setSails(heading, wind, speed, sheet);
          const leeward = sails.windSide === 'port' ? 1 : -1;
          expect(Math.sign(sails.boomDegrees)).toBe(leeward);
          expect(Math.abs(sails.boomDegrees)).toBeLessThanOrEqual(95);
          expect(Math.abs(sails.belly)).toBeLessThanOrEqual(1);
          expect(Math.abs(sails.heel)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('flap in the no-go zone and draw on a reach', () => {
    expect(setSails(0, 5, 8, 1).luffing).toBe(1);
    expect(setSails(90, 0, 8, 1).luffing).toBe(0);
    expect(setSails(90, 0, 8, 0).luffing).toBe(1);
  });
});

describe('the helm', () => {
  it('stays within its travel whatever the hands do', () => {
    const input = fc.record({
      rudder: fc.double({ min: -3, max: 3, noNaN: true }),
      isEasing: fc.boolean(),
      isDirect: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(input, fc.nat(500))), (moves) => {
        let helm = { rudder: 0, sheet: 1 };
        for (const [hands, elapsedMs] of moves) {
          helm = moveHelm(helm, hands, elapsedMs);
          expect(Math.abs(helm.rudder)).toBeLessThanOrEqual(1);
          expect(helm.sheet).toBeGreaterThanOrEqual(0);
          expect(helm.sheet).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('trims itself again once the sheet is let go', () => {
    const eased = moveHelm({ rudder: 0, sheet: 1 }, { rudder: 0, isEasing: true, isDirect: false }, 400);
    expect(eased.sheet).toBeLessThan(0.5);
    expect(moveHelm(eased, { rudder: 0, isEasing: false, isDirect: false }, 2000).sheet).toBe(1);
  });

  it('reads keys of either hand, and a finger before keys', () => {
    expect(inputOf(new Set(['ArrowLeft']), undefined, false)).toEqual({ rudder: -1, isEasing: false, isDirect: false });
    expect(inputOf(new Set(['KeyD', 'KeyS']), undefined, false)).toEqual({
      rudder: 1,
      isEasing: true,
      isDirect: false,
    });
    expect(inputOf(new Set(['KeyA', 'KeyD']), undefined, false).rudder).toBe(0);
    expect(inputOf(new Set(['KeyS', 'KeyW']), undefined, true).isEasing).toBe(false);
    expect(inputOf(new Set(['KeyA']), 0.4, true)).toEqual({ rudder: 0.4, isEasing: true, isDirect: true });
  });

  it('takes the middle of the water as straight ahead and its edges as hard over', () => {
    expect(rudderOfTouch(195, 390)).toBe(0);
    expect(rudderOfTouch(0, 390)).toBe(-1);
    expect(rudderOfTouch(390, 390)).toBe(1);
  });

  it('always tells the ends of its travel, and not each hair', () => {
    expect(isWorthSending({ rudder: 0.5, sheet: 1 }, { rudder: 0.51, sheet: 1 })).toBe(false);
    expect(isWorthSending({ rudder: 0.99, sheet: 1 }, { rudder: 1, sheet: 1 })).toBe(true);
    expect(isWorthSending({ rudder: 1, sheet: 1 }, { rudder: 1, sheet: 1 })).toBe(false);
  });

  it('leads the server by a bounded angle that fades', () => {
    let lead = 0;
    for (let frame = 0; frame < 100; frame++) lead = leadHeading(lead, { rudder: 1, sheet: 1 }, 0, 6, 16);
    expect(lead).toBeGreaterThan(3);
    expect(lead).toBeLessThanOrEqual(16);
    for (let frame = 0; frame < 200; frame++) lead = leadHeading(lead, { rudder: 1, sheet: 1 }, 1, 6, 16);
    expect(Math.abs(lead)).toBeLessThan(0.1);
  });
});

const row = (boat: number, x: number): BoatState => [boat, x, 0, 90, 2, 0, 0, 0, 1];
const stateAt = (tick: number, boats: BoatState[]): StateMessage => ({
  type: 'state',
  tick,
  phase: 'racing',
  clockMs: tick * TICK_MS,
  wind: { fromDegrees: 0, speed: 7 },
  boats,
});

describe('the states in between', () => {
  it('lie between their neighbours, in the order of time, however late messages come', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(45), { minLength: 20, maxLength: 60 }), (delaysMs) => {
        const buffer = new StateBuffer();
        let arrivalMs = 1000;
        let lastX = -Infinity;
        for (const [tick, delayMs] of delaysMs.entries()) {
          arrivalMs = Math.max(arrivalMs, 1000 + tick * TICK_MS + delayMs);
          buffer.push(stateAt(tick, [row(0, tick)]), arrivalMs);
          const x = buffer.sample(arrivalMs)?.boats[0]?.x ?? -Infinity;
          expect(x).toBeLessThanOrEqual(tick + 1);
          expect(x).toBeGreaterThanOrEqual(lastX - 1.5);
          lastX = x;
        }
      }),
    );
  });

  it('draw a tenth of a second in the past', () => {
    const buffer = new StateBuffer();
    for (let tick = 0; tick <= 10; tick++) buffer.push(stateAt(tick, [row(0, tick)]), 1000 + tick * TICK_MS);
    expect(buffer.sample(1000 + 10 * TICK_MS)?.boats[0]?.x).toBeCloseTo(8);
    expect(buffer.sample(1000 + 9.5 * TICK_MS)?.boats[0]?.x).toBeCloseTo(7.5);
  });

  it('sail on for a moment when nothing comes, then stand', () => {
    const buffer = new StateBuffer();
    buffer.push(stateAt(0, [row(0, 0)]), 0);
    expect(buffer.sample(200)?.boats[0]?.x).toBeCloseTo(0.2);
    expect(buffer.sample(5000)?.boats[0]?.x).toBe(buffer.sample(9000)?.boats[0]?.x);
  });

  it('ignore what is older than the newest', () => {
    const buffer = new StateBuffer();
    buffer.push(stateAt(5, [row(0, 5)]), 0);
    buffer.push(stateAt(4, [row(0, 4)]), 10);
    expect(buffer.newest()?.tick).toBe(5);
  });
});

describe('the view', () => {
  it('finds on the water what it shows on the screen', () => {
    const camera = { x: 4, y: -9, pixelsPerMetre: 7 };
    const view = { width: 390, height: 844 };
    fc.assert(
      fc.property(metres, metres, (x, y) => {
        const back = toWater(camera, view, toScreen(camera, view, { x, y }));
        expect(back.x).toBeCloseTo(x);
        expect(back.y).toBeCloseTo(y);
      }),
    );
  });

  it('keeps signs within its margins', () => {
    const margins = { top: 10, right: 20, bottom: 30, left: 40 };
    expect(clampToEdge({ x: -5, y: 900 }, { width: 400, height: 800 }, margins)).toEqual({
      x: 40,
      y: 770,
      isOutside: true,
    });
    expect(clampToEdge({ x: 100, y: 100 }, { width: 400, height: 800 }, margins).isOutside).toBe(false);
  });
});

describe('the order of the boats', () => {
  const boat = (changes: Partial<SampledBoat>): SampledBoat => ({
    boat: 0,
    x: 0,
    y: -60,
    headingDegrees: 0,
    speed: 0,
    lap: 0,
    nextBuoy: 0,
    rudder: 0,
    sheet: 1,
    ...changes,
  });

  it('counts laps, then buoys, then distance; the finished first as they came in', () => {
    const boats = [
      boat({ boat: 0, y: -60 }),
      boat({ boat: 1, y: 60 }),
      boat({ boat: 2, nextBuoy: 2 }),
      boat({ boat: 3, lap: 1 }),
      boat({ boat: 4, lap: 2 }),
      boat({ boat: 5, lap: 2 }),
    ];
    expect(standings(SCRIPTED_COURSE, boats, [5, 4])).toEqual([5, 4, 3, 2, 1, 0]);
  });

  it.each([
    [1, '1st'],
    [2, '2nd'],
    [3, '3rd'],
    [4, '4th'],
    [11, '11th'],
    [22, '22nd'],
  ])('says %d as %s', (place, word) => expect(ordinal(place)).toBe(word));

  it.each([
    [0, '0:00.0'],
    [65_390, '1:05.3'],
    [-5, '0:00.0'],
  ])('writes %d ms as %s', (timeMs, text) => expect(formatTime(timeMs)).toBe(text));
});

describe('messages', () => {
  it('of another shape are passed over, whatever they are', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => expect(parseServerMessage(text)).toBeUndefined()),
    );
    expect(parseServerMessage('{"type":"pong","nonce":1}')).toEqual({ type: 'pong', nonce: 1 });
  });
});

describe('wakes', () => {
  it('hold a bounded trail of each boat that is there, and of no other', () => {
    const wakes = new Wakes();
    const boat = { boat: 1, x: 0, y: 0, headingDegrees: 0, speed: 5, lap: 0, nextBuoy: 0, rudder: 0, sheet: 1 };
    for (let frame = 0; frame < 1000; frame++) wakes.note([{ ...boat, x: frame }], frame * 4);
    expect(wakes.trailOf(1).length).toBeLessThanOrEqual(64);
    expect(wakes.trailOf(1).at(-1)?.x).toBe(999);
    wakes.note([{ ...boat, boat: 2 }], 5000);
    expect(wakes.trailOf(1)).toEqual([]);
  });
});

/** A race in one go, tick by tick, with the player's boat steered by `steer`. */
function sail(ticks: number, steer: (race: Race, nowMs: number) => void): { race: Race; scripted: ScriptedRace } {
  const scripted = new ScriptedRace(100);
  const race = new Race((text) => {
    for (const answer of scripted.hear(JSON.parse(text))) race.receive(JSON.stringify(answer), 0);
    return true;
  });
  for (const message of scripted.greeting()) race.receive(JSON.stringify(message), 0);
  for (let tick = 0; tick < ticks && race.placings === undefined; tick++) {
    const nowMs = tick * TICK_MS;
    for (const message of scripted.step()) race.receive(JSON.stringify(message), nowMs);
    steer(race, nowMs);
  }
  return { race, scripted };
}

describe('a race', () => {
  it('is finished by the autopilot', () => {
    let steeredDegrees: number | undefined;
    const { race } = sail(12_000, (sailed, nowMs) => {
      const moment = sailed.sample(nowMs);
      const own = moment?.boats[0];
      if (moment === undefined || own === undefined || sailed.welcome === undefined) return;
      steeredDegrees = courseToSteer(own, sailed.welcome.course, moment.wind.fromDegrees, steeredDegrees);
      sailed.steer({ rudder: rudderToward(own.headingDegrees, steeredDegrees), sheet: 1 }, nowMs);
    });
    expect(race.phase).toBe('finished');
    expect(race.placings?.find(({ boat }) => boat === 0)?.timeMs).toBeGreaterThan(10_000);
  });

  it('tells the sailor where to go, and that the wind comes from ahead', () => {
    const { race } = sail(200, (sailed, nowMs) => sailed.steer({ rudder: 0, sheet: 0 }, nowMs));
    const moment = race.sample(200 * TICK_MS);
    if (moment === undefined) throw new Error('there is nothing to see');
    const hud = hudOf(race, moment);
    expect(hud).toMatchObject({
      phase: 'racing',
      boats: 4,
      lap: '1/2',
      place: '4th',
      advice: 'Buoy 1: leave it to port',
    });
    const inIrons = { ...moment, boats: moment.boats.map((boat) => ({ ...boat, headingDegrees: 0, speed: 0 })) };
    expect(hudOf(race, inIrons)).toMatchObject({ isInIrons: true, advice: expect.stringContaining('wind') });
  });

  it('is told the helm again after a return, though it did not change', () => {
    const told: string[] = [];
    const race = new Race((text) => told.push(text) > 0);
    for (const message of new ScriptedRace(100).greeting()) race.receive(JSON.stringify(message), 0);
    for (const nowMs of [1000, 2000]) race.steer({ rudder: 1, sheet: 1 }, nowMs);
    expect(told).toHaveLength(1);
    race.resumeHelm();
    race.steer({ rudder: 1, sheet: 1 }, 3000);
    expect(told).toEqual([told[0], told[0]]);
  });

  it('of another protocol is not sailed', () => {
    const race = new Race(() => true);
    expect(race.receive('{"type":"welcome","protocol":2}', 0)).toBe('other-protocol');
    expect(race.welcome).toBeUndefined();
  });
});
