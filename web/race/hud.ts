import type { RacePhase } from '../../server/games/boat-race/protocol.ts';
import { hasFinished, ordinal } from './course.ts';
import type { RaceMoment } from './interpolation.ts';
import type { Race } from './race.ts';
import { isInNoGoZone } from './sails.ts';

const KNOTS_PER_METRE_A_SECOND = 1.944;

/** The numbers around the water, ready to be read. */
export interface Hud {
  phase: RacePhase;
  clockMs: number;
  place: string;
  boats: number;
  lap: string;
  knots: string;
  windKnots: string;
  windFromDegrees: number;
  /** What to do next. */
  advice: string;
  isInIrons: boolean;
}

/** Below this a boat that points into the wind stands. */
const STALLED_SPEED = 1.2;

/** Undefined while the player's boat is not among the boats. */
export function hudOf(race: Race, moment: RaceMoment): Hud | undefined {
  const { welcome } = race;
  const own = moment.boats.find(({ boat }) => boat === welcome?.boat);
  if (welcome === undefined || own === undefined) return undefined;
  const { course } = welcome;
  const { fromDegrees, speed: windSpeed } = moment.wind;
  const isInIrons =
    moment.phase === 'racing' && own.speed < STALLED_SPEED && isInNoGoZone(own.headingDegrees, fromDegrees);
  return {
    phase: moment.phase,
    clockMs: moment.clockMs,
    place: ordinal(race.standings(moment.boats).indexOf(own.boat) + 1),
    boats: moment.boats.length,
    lap: `${Math.min(own.lap + 1, course.laps)}/${course.laps}`,
    knots: (own.speed * KNOTS_PER_METRE_A_SECOND).toFixed(1),
    windKnots: (windSpeed * KNOTS_PER_METRE_A_SECOND).toFixed(0),
    windFromDegrees: fromDegrees,
    isInIrons,
    advice: adviceFor(race, moment, own, isInIrons),
  };
}

function adviceFor(
  race: Race,
  { phase }: RaceMoment,
  own: { lap: number; nextBuoy: number },
  isInIrons: boolean,
): string {
  const course = race.welcome?.course;
  if (course === undefined || phase !== 'racing') return '';
  if (hasFinished(course, own)) return 'Finished. Watch the others come in';
  if (isInIrons) return 'Too close to the wind: turn away from it';
  const buoy = course.buoys[own.nextBuoy];
  if (buoy !== undefined) return `Buoy ${own.nextBuoy + 1}: leave it to ${buoy.leaveTo}`;
  return own.lap + 1 >= course.laps ? 'Cross the line to finish' : 'Cross the line for the next lap';
}
