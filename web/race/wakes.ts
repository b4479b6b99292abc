import type { SampledBoat } from './interpolation.ts';

export interface WakePoint {
  x: number;
  y: number;
  headingDegrees: number;
  speed: number;
  atMs: number;
}

/** How long foam lies on the water. */
export const WAKE_LASTS_MS = 4200;
const MIN_STEP_METRES = 0.9;
const MAX_POINTS = 64;

/** Where each boat has been in the last seconds. Bounded by boats seen at once, time and number. */
export class Wakes {
  readonly #trails = new Map<number, WakePoint[]>();

  /** Takes the boats of a frame. */
  note(boats: SampledBoat[], nowMs: number): void {
    for (const boat of this.#trails.keys()) {
      if (!boats.some((sampled) => sampled.boat === boat)) this.#trails.delete(boat);
    }
    for (const { boat, x, y, headingDegrees, speed } of boats) {
      const trail = (this.#trails.get(boat) ?? []).filter(({ atMs }) => nowMs - atMs < WAKE_LASTS_MS);
      const last = trail.at(-1);
      if (last === undefined || Math.hypot(last.x - x, last.y - y) >= MIN_STEP_METRES) {
        trail.push({ x, y, headingDegrees, speed, atMs: nowMs });
      }
      this.#trails.set(boat, trail.slice(-MAX_POINTS));
    }
  }

  /** Oldest first. */
  trailOf(boat: number): WakePoint[] {
    return this.#trails.get(boat) ?? [];
  }
}
