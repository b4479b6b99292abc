import { bearingDegrees, clamp, directionOf, turnDegrees } from './angles.ts';
import type { Course } from './protocol.ts';
import type { Helm, Hull } from './sailing.ts';
import type { Wind } from './wind.ts';

/** As near to the wind as pays. */
const CLOSE_HAULED_DEGREES = 48;
/** A tack is held for at least this long, or the boat would lose its speed in going about. */
const MIN_TACK_SECONDS = 6;
const EDGE_METRES = 18;
/** A turn of this much takes the whole rudder. */
const FULL_RUDDER_DEGREES = 25;
/** A buoy is passed at this distance. */
const CLEARANCE_METRES = 6;

/** An opponent that sails by the same rules as the players: it decides rudder and sheet, nothing else. */
export class ComputerSailor {
  readonly #skill: number;
  /** Which side of the wind it sails on: 1 clockwise of it, -1 the other. */
  #tack: 1 | -1;
  #tackSeconds = 0;

  /** @param skill - share of the sail's pull it gets, 0 … 1 */
  constructor(skill: number, firstTack: 1 | -1) {
    this.#skill = skill;
    this.#tack = firstTack;
  }

  /** What to do for the next step. `nextBuoy` equal to the number of buoys means the line. */
  steer(hull: Hull, nextBuoy: number, course: Course, wind: Wind, seconds: number): Helm {
    this.#tackSeconds += seconds;
    const wanted = this.#heading(hull, aimOf(hull, nextBuoy, course), course, wind);
    const off = turnDegrees(hull.headingDegrees, wanted);
    return { rudder: clamp(off / FULL_RUDDER_DEGREES, -1, 1), sheet: this.#skill };
  }

  #heading(hull: Hull, aim: { x: number; y: number }, course: Course, wind: Wind): number {
    const bearing = bearingDegrees(hull, aim);
    const offWind = turnDegrees(wind.fromDegrees, bearing);
    if (Math.abs(offWind) >= CLOSE_HAULED_DEGREES) {
      this.#goAbout(offWind > 0 ? 1 : -1);
      return bearing;
    }
    const ahead = directionOf(wind.fromDegrees + this.#tack * CLOSE_HAULED_DEGREES);
    const limit = course.halfSizeMetres - EDGE_METRES;
    const isLeavingWater =
      Math.abs(hull.x) > limit && Math.sign(ahead.x) === Math.sign(hull.x) && this.#tackSeconds > MIN_TACK_SECONDS / 2;
    // Past the aim's own line upwind, the other tack gets nearer.
    const isPastAim = Math.sign(offWind) === -this.#tack && Math.abs(offWind) > CLOSE_HAULED_DEGREES / 2;
    if (isLeavingWater || (isPastAim && this.#tackSeconds > MIN_TACK_SECONDS)) this.#goAbout(this.#tack === 1 ? -1 : 1);
    return wind.fromDegrees + this.#tack * CLOSE_HAULED_DEGREES;
  }

  #goAbout(tack: 1 | -1): void {
    if (tack === this.#tack) return;
    this.#tack = tack;
    this.#tackSeconds = 0;
  }
}

/** Where to sail: past the next buoy on the side on which it is to be left, or through the middle of the line. */
function aimOf(hull: Hull, nextBuoy: number, course: Course): { x: number; y: number } {
  const buoy = course.buoys[nextBuoy];
  if (buoy === undefined) {
    const { x1, y1, x2, y2 } = course.start;
    // A little beyond, so that the line is crossed.
    return { x: clamp(hull.x, Math.min(x1, x2) + 8, Math.max(x1, x2) - 8), y: (y1 + y2) / 2 + 10 };
  }
  const side = directionOf(bearingDegrees(hull, buoy) + (buoy.leaveTo === 'port' ? 90 : -90));
  return { x: buoy.x + side.x * CLEARANCE_METRES, y: buoy.y + side.y * CLEARANCE_METRES };
}
