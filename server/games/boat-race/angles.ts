const DEGREES_PER_RADIAN = 180 / Math.PI;

/** The same direction, at least 0 and below 360. */
export function normalDegrees(degrees: number): number {
  return ((degrees % 360) + 360) % 360;
}

/** The shortest turn from one direction to another: -180 … 180, positive clockwise. */
export function turnDegrees(from: number, to: number): number {
  return normalDegrees(to - from + 180) - 180;
}

/** How far east and north one metre in this direction goes. */
export function directionOf(degrees: number): { x: number; y: number } {
  return { x: Math.sin(degrees / DEGREES_PER_RADIAN), y: Math.cos(degrees / DEGREES_PER_RADIAN) };
}

/** The direction from one point to another, clockwise from north. */
export function bearingDegrees(from: { x: number; y: number }, to: { x: number; y: number }): number {
  return normalDegrees(Math.atan2(to.x - from.x, to.y - from.y) * DEGREES_PER_RADIAN);
}

export function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
