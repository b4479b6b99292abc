import type { Course } from '../../server/games/boat-race/protocol.ts';
import { ahead, bearingDegrees, clamp, turnDegrees, wrapDegrees } from './angles.ts';
import { middleOfStart, nextMark } from './course.ts';
import type { SampledBoat } from './interpolation.ts';

/** How close to the wind it sails. */
const BEATING_DEGREES = 48;
/** It tacks when the mark has come round so far to the other side. */
const TACK_HYSTERESIS_DEGREES = 30;
/** Sailing on past the line makes sure that it is crossed. */
const PAST_LINE_METRES = 12;

/**
 * The direction a simple sailor steers: at the mark where the wind allows, else beating up to it in tacks.
 *
 * @param wasDegrees what it steered before, so that it does not tack without need
 */
export function courseToSteer(
  boat: SampledBoat,
  course: Course,
  windFromDegrees: number,
  wasDegrees: number | undefined,
): number {
  const bearing = bearingDegrees(boat, aimFor(boat, course));
  const markOffWind = turnDegrees(windFromDegrees, bearing);
  if (Math.abs(markOffWind) >= BEATING_DEGREES) return bearing;
  const wasOffWind = turnDegrees(windFromDegrees, wasDegrees ?? boat.headingDegrees);
  const tack = wasOffWind >= 0 ? 1 : -1;
  const isPastLayline = markOffWind * tack < -TACK_HYSTERESIS_DEGREES;
  const isLeaving = isPastLayline || isNearEdge(boat, course, wrapDegrees(windFromDegrees + tack * BEATING_DEGREES));
  return wrapDegrees(windFromDegrees + (isLeaving ? -tack : tack) * BEATING_DEGREES);
}

/** The rudder that turns a boat toward a direction, gently when it is nearly there. */
export function rudderToward(headingDegrees: number, wantedDegrees: number): number {
  return clamp(turnDegrees(headingDegrees, wantedDegrees) / 28, -1, 1);
}

/** A point beside the buoy on the side it is to be passed, or just past the line. */
function aimFor(boat: SampledBoat, course: Course): { x: number; y: number } {
  const mark = nextMark(course, boat.nextBuoy);
  const bearing = bearingDegrees(boat, mark);
  const buoy = course.buoys[boat.nextBuoy];
  if (buoy === undefined) return ahead(middleOfStart(course), bearing, PAST_LINE_METRES);
  const side = buoy.leaveTo === 'port' ? 90 : -90;
  return ahead(mark, bearing + side, course.roundingRadiusMetres * 0.4);
}

function isNearEdge(boat: SampledBoat, course: Course, steeredDegrees: number): boolean {
  const soon = ahead(boat, steeredDegrees, course.halfSizeMetres * 0.12);
  return Math.max(Math.abs(soon.x), Math.abs(soon.y)) > course.halfSizeMetres;
}
