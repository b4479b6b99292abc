import { clamp, mix, turnDegrees } from './angles.ts';

/** Closer to the wind than this no sail draws. */
export const NO_GO_DEGREES = 38;

/** How a boat's sails stand, seen from above. */
export interface SailSet {
  /** The boom's angle off the stern: positive when the sail is out to starboard. */
  boomDegrees: number;
  /** -1 … 1: how far the cloth bellies, to the side the boom is on. 0 is a flag. */
  belly: number;
  /** 0 steady … 1 flapping. */
  luffing: number;
  /** -1 … 1: heeled to starboard when positive, in shares of the most. */
  heel: number;
  /** The wind is over this side. */
  windSide: 'port' | 'starboard';
}

/**
 * How the sails set: always away from the wind, close in when beating, far out when running, flapping in the no-go
 * zone or with the sheet let fly.
 *
 * @param windFromDegrees where the wind comes from
 * @param sheet 0 let fly … 1 sheeted in and drawing
 */
export function setSails(headingDegrees: number, windFromDegrees: number, windSpeed: number, sheet: number): SailSet {
  const windOnBow = turnDegrees(headingDegrees, windFromDegrees);
  const offWind = Math.abs(windOnBow);
  const leeward = windOnBow > 0 ? -1 : 1;
  const trimmed = clamp(10 + ((offWind - NO_GO_DEGREES) / (180 - NO_GO_DEGREES)) * 74, 6, 84);
  const flying = clamp(offWind, 4, 95);
  const drawing = clamp((offWind - NO_GO_DEGREES * 0.75) / 14, 0, 1) * clamp(sheet * 1.6 - 0.1, 0, 1);
  const heelOfCourse = clamp(1.15 - Math.abs(offWind - 65) / 105, 0, 1);
  return {
    boomDegrees: leeward * mix(flying, trimmed, clamp(sheet, 0, 1)),
    belly: leeward * drawing,
    luffing: 1 - drawing,
    heel: leeward * drawing * heelOfCourse * clamp(windSpeed / 9, 0.25, 1),
    windSide: windOnBow > 0 ? 'starboard' : 'port',
  };
}

/** Whether a boat points too close to the wind to sail. */
export function isInNoGoZone(headingDegrees: number, windFromDegrees: number): boolean {
  return Math.abs(turnDegrees(headingDegrees, windFromDegrees)) < NO_GO_DEGREES;
}
