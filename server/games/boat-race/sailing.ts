import { clamp, directionOf, normalDegrees, turnDegrees } from './angles.ts';
import type { Wind } from './wind.ts';

/** What a helm decides. */
export interface Helm {
  /** -1 hard to port … 1 hard to starboard. */
  rudder: number;
  /** 0 sails let fly … 1 sheeted in and drawing. */
  sheet: number;
}

/** A boat on the water: metres, degrees clockwise from north, metres a second along its heading. */
export interface Hull extends Helm {
  x: number;
  y: number;
  headingDegrees: number;
  speed: number;
}

/**
 * Speed as a share of the wind's, by the angle to the wind, with the sail drawing. Below 35° a boat is in the no-go
 * zone: it stops and is pushed back; it is fastest across the wind.
 */
const POLAR: readonly (readonly [degrees: number, share: number])[] = [
  [0, -0.12],
  [35, 0],
  [45, 0.5],
  [60, 0.62],
  [90, 0.74],
  [110, 0.76],
  [135, 0.66],
  [180, 0.48],
];

const GAIN_SECONDS = 2.2;
const COAST_SECONDS = 4;
const TURN_DEGREES_PER_SECOND = 60;
/** Even a boat that stands can be worked round, slowly: nobody is stuck in the no-go zone. */
const LEAST_STEERAGE = 0.3;
const FULL_STEERAGE_SPEED = 3;
/** Share of its speed that a hard rudder costs in a second. */
const RUDDER_DRAG = 0.25;
/** Sideways drift as a share of the wind's speed. */
const LEEWAY = 0.025;
const HULL_RADIUS_METRES = 2.5;
/** Share of its speed that a boat keeps for each step in which it touches another. */
const BUMP_KEEPS = 0.97;

/** The share of the wind's speed that a boat reaches at an angle to the wind of 0 … 180 degrees. */
export function polarShare(angleDegrees: number): number {
  for (let index = 1; index < POLAR.length; index += 1) {
    const [lowAngle, lowShare] = POLAR[index - 1] ?? [0, 0];
    const [highAngle, highShare] = POLAR[index] ?? [180, 0];
    if (angleDegrees <= highAngle) {
      return lowShare + ((highShare - lowShare) * (angleDegrees - lowAngle)) / (highAngle - lowAngle);
    }
  }
  return POLAR.at(-1)?.[1] ?? 0;
}

/** One boat, one step on: turns, gains or loses speed, drifts, and stays inside the water. */
export function sail(hull: Hull, wind: Wind, water: { halfSizeMetres: number }, seconds: number): void {
  const steerage = clamp(Math.abs(hull.speed) / FULL_STEERAGE_SPEED, LEAST_STEERAGE, 1);
  hull.headingDegrees = normalDegrees(hull.headingDegrees + hull.rudder * TURN_DEGREES_PER_SECOND * steerage * seconds);

  const angle = Math.abs(turnDegrees(wind.fromDegrees, hull.headingDegrees));
  const drawn = wind.speed * polarShare(angle) * hull.sheet;
  const inertiaSeconds = drawn > hull.speed ? GAIN_SECONDS : COAST_SECONDS;
  hull.speed += (drawn - hull.speed) * Math.min(1, seconds / inertiaSeconds);
  hull.speed *= 1 - Math.abs(hull.rudder) * RUDDER_DRAG * seconds;

  const ahead = directionOf(hull.headingDegrees);
  const downwind = directionOf(wind.fromDegrees + 180);
  const drift = LEEWAY * wind.speed;
  hull.x += (ahead.x * hull.speed + downwind.x * drift) * seconds;
  hull.y += (ahead.y * hull.speed + downwind.y * drift) * seconds;
  holdInside(hull, water.halfSizeMetres);
}

/** Boats that touch push each other apart, half of the overlap each, and lose some speed. */
export function pushApart(hulls: readonly Hull[], water: { halfSizeMetres: number }): void {
  for (const [index, a] of hulls.entries()) {
    for (const b of hulls.slice(index + 1)) {
      const distance = Math.hypot(b.x - a.x, b.y - a.y);
      const overlap = 2 * HULL_RADIUS_METRES - distance;
      if (overlap <= 0) continue;
      // Two boats in one place part to east and west.
      const eastward = distance === 0 ? 1 : (b.x - a.x) / distance;
      const northward = distance === 0 ? 0 : (b.y - a.y) / distance;
      for (const [hull, sign] of [
        [a, -0.5],
        [b, 0.5],
      ] as const) {
        hull.x += eastward * overlap * sign;
        hull.y += northward * overlap * sign;
        hull.speed *= BUMP_KEEPS;
        holdInside(hull, water.halfSizeMetres);
      }
    }
  }
}

/** At the edge a boat slides along, slower; it never leaves the water. */
function holdInside(hull: Hull, halfSizeMetres: number): void {
  const x = clamp(hull.x, -halfSizeMetres, halfSizeMetres);
  const y = clamp(hull.y, -halfSizeMetres, halfSizeMetres);
  if (x !== hull.x || y !== hull.y) hull.speed *= BUMP_KEEPS;
  hull.x = x;
  hull.y = y;
}
