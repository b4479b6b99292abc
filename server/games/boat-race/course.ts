import type { Course } from './protocol.ts';

/** Where boats wait for the start: below the line, next to each other. */
export const START_ROW_Y = -54;
const START_SPACING_METRES = 8;
export const START_HEADING_DEGREES = 45;

/** A triangle against the usual wind: a beat to the windward buoy, a reach, a run, and up to the line again. */
export function triangleCourse(laps: number): Course {
  return {
    halfSizeMetres: 110,
    start: { x1: -30, y1: -45, x2: 30, y2: -45 },
    buoys: [
      { x: 0, y: 60, leaveTo: 'port' },
      { x: -60, y: 5, leaveTo: 'port' },
      { x: 0, y: -70, leaveTo: 'port' },
    ],
    roundingRadiusMetres: 12,
    laps,
  };
}

/** The place of a boat before the start. */
export function startPlace(boat: number, boats: number): { x: number; y: number } {
  return { x: (boat - (boats - 1) / 2) * START_SPACING_METRES, y: START_ROW_Y };
}
