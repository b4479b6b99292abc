/** The same direction, in degrees from 0 up to, not including, 360. */
export function wrapDegrees(degrees: number): number {
  const wrapped = degrees % 360;
  return wrapped < 0 ? (wrapped + 360) % 360 : wrapped;
}

/** The short way from one direction to another: above -180 up to 180 degrees, positive clockwise. */
export function turnDegrees(fromDegrees: number, toDegrees: number): number {
  const turn = wrapDegrees(toDegrees - fromDegrees);
  return turn > 180 ? turn - 360 : turn;
}

/** Part of the way from one direction to another, the short way round. */
export function mixDegrees(fromDegrees: number, toDegrees: number, share: number): number {
  return wrapDegrees(fromDegrees + turnDegrees(fromDegrees, toDegrees) * share);
}

/** Part of the way from one number to another. */
export function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

export function toRadians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}

/** The compass bearing from one point to another, in degrees clockwise from north (y is north). */
export function bearingDegrees(from: { x: number; y: number }, to: { x: number; y: number }): number {
  return wrapDegrees((Math.atan2(to.x - from.x, to.y - from.y) * 180) / Math.PI);
}

/** The point so many metres away in a compass direction. */
export function ahead(from: { x: number; y: number }, degrees: number, metres: number): { x: number; y: number } {
  return { x: from.x + Math.sin(toRadians(degrees)) * metres, y: from.y + Math.cos(toRadians(degrees)) * metres };
}

export function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
