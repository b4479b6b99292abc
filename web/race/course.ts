import type { Course } from '../../server/games/boat-race/protocol.ts';
import type { SampledBoat } from './interpolation.ts';

/** The middle of the start line, which is also the finish. */
export function middleOfStart({ start }: Course): { x: number; y: number } {
  return { x: (start.x1 + start.x2) / 2, y: (start.y1 + start.y2) / 2 };
}

/** What a boat sails to next: a buoy, or the line when it has rounded all of them. */
export function nextMark(course: Course, nextBuoy: number): { x: number; y: number } {
  return course.buoys[nextBuoy] ?? middleOfStart(course);
}

/** Whether the boat has sailed all its laps. */
export function hasFinished(course: Course, boat: { lap: number }): boolean {
  return boat.lap >= course.laps;
}

/**
 * The boats, the leader first: by laps, then buoys, then distance to the next mark. Boats that have finished come
 * first, in the order `finished` gives.
 */
export function standings(course: Course, boats: SampledBoat[], finished: number[]): number[] {
  const rank = (boat: SampledBoat): number => {
    const index = finished.indexOf(boat.boat);
    return index === -1 ? finished.length : index;
  };
  const distance = (boat: SampledBoat): number => {
    const mark = nextMark(course, boat.nextBuoy);
    return Math.hypot(mark.x - boat.x, mark.y - boat.y);
  };
  return boats
    .toSorted(
      (a, b) =>
        rank(a) - rank(b) || b.lap - a.lap || b.nextBuoy - a.nextBuoy || distance(a) - distance(b) || a.boat - b.boat,
    )
    .map(({ boat }) => boat);
}

/** 1st, 2nd, 3rd, 4th … */
export function ordinal(place: number): string {
  const lastTwo = place % 100;
  const suffixes = ['th', 'st', 'nd', 'rd'];
  const suffix = lastTwo >= 11 && lastTwo <= 13 ? 'th' : (suffixes[place % 10] ?? 'th');
  return `${place}${suffix}`;
}

/** Minutes, seconds and tenths: `1:05.3`. */
export function formatTime(timeMs: number): string {
  const tenths = Math.floor(Math.max(0, timeMs) / 100);
  const seconds = Math.floor(tenths / 10) % 60;
  return `${Math.floor(tenths / 600)}:${String(seconds).padStart(2, '0')}.${tenths % 10}`;
}
