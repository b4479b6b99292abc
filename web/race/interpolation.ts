import { TICKS_PER_SECOND } from '../../server/games/boat-race/protocol.ts';
import type { BoatState, RacePhase, StateMessage } from '../../server/games/boat-race/protocol.ts';
import { ahead, mix, mixDegrees } from './angles.ts';

export const TICK_MS = 1000 / TICKS_PER_SECOND;
/** The page draws this far in the past, so that there is nearly always a state on either side. */
export const RENDER_DELAY_MS = 100;
/** Past the newest state, boats sail on in a straight line for so long; then they stand until news comes. */
const MAX_AHEAD_MS = 250;
/** Two seconds of states: older ones are of no use. */
const MAX_STATES = 40;

/** A boat as it is drawn. Same units as the protocol's. */
export interface SampledBoat {
  boat: number;
  x: number;
  y: number;
  headingDegrees: number;
  speed: number;
  lap: number;
  nextBuoy: number;
  rudder: number;
  sheet: number;
}

/** The race at one moment, between two states. */
export interface RaceMoment {
  phase: RacePhase;
  clockMs: number;
  wind: { fromDegrees: number; speed: number };
  boats: SampledBoat[];
}

/** The protocol's row as an object. */
export function boatOf(state: BoatState): SampledBoat {
  const [boat, x, y, headingDegrees, speed, lap, nextBuoy, rudder, sheet] = state;
  return { boat, x, y, headingDegrees, speed, lap, nextBuoy, rudder, sheet };
}

/** A boat between two of its states; `share` 0 is the first, 1 the second. Counters change at the second. */
export function mixBoats(first: SampledBoat, second: SampledBoat, share: number): SampledBoat {
  const { lap, nextBuoy } = share < 1 ? first : second;
  return {
    boat: first.boat,
    x: mix(first.x, second.x, share),
    y: mix(first.y, second.y, share),
    headingDegrees: mixDegrees(first.headingDegrees, second.headingDegrees, share),
    speed: mix(first.speed, second.speed, share),
    lap,
    nextBuoy,
    rudder: mix(first.rudder, second.rudder, share),
    sheet: mix(first.sheet, second.sheet, share),
  };
}

/**
 * The states of the last two seconds, and any moment between them. Time is told by ticks, not by arrival, so that a
 * bunch of late messages does not make boats jump.
 */
export class StateBuffer {
  readonly #states: StateMessage[] = [];
  /** What to add to a tick's time to get this page's clock: the quickest delivery seen, forgotten slowly. */
  #offsetMs: number | undefined;

  /** Takes a state as it arrives. One that is older than the newest is ignored, as after a return. */
  push(state: StateMessage, nowMs: number): void {
    const newest = this.#states.at(-1);
    if (newest !== undefined && state.tick <= newest.tick) return;
    const offsetMs = nowMs - state.tick * TICK_MS;
    const hasGap = newest !== undefined && state.tick - newest.tick > TICKS_PER_SECOND;
    if (this.#offsetMs === undefined || hasGap || offsetMs < this.#offsetMs) this.#offsetMs = offsetMs;
    else this.#offsetMs = mix(this.#offsetMs, offsetMs, 0.02);
    this.#states.push(state);
    if (this.#states.length > MAX_STATES) this.#states.shift();
  }

  /** Forgets all: a new race, or a return to one. */
  clear(): void {
    this.#states.length = 0;
    this.#offsetMs = undefined;
  }

  /** The newest state, as it came. */
  newest(): StateMessage | undefined {
    return this.#states.at(-1);
  }

  /** The race as it is to be drawn now; undefined before the first state. */
  sample(nowMs: number): RaceMoment | undefined {
    const newest = this.#states.at(-1);
    if (newest === undefined || this.#offsetMs === undefined) return undefined;
    const tick = (nowMs - RENDER_DELAY_MS - this.#offsetMs) / TICK_MS;
    if (tick >= newest.tick) return momentAfter(newest, Math.min((tick - newest.tick) * TICK_MS, MAX_AHEAD_MS));
    const laterIndex = this.#states.findIndex((state) => state.tick > tick);
    const later = this.#states[laterIndex] ?? newest;
    const earlier = this.#states[laterIndex - 1] ?? later;
    return momentBetween(earlier, later, tick);
  }
}

function momentBetween(earlier: StateMessage, later: StateMessage, tick: number): RaceMoment {
  const span = later.tick - earlier.tick;
  const share = span === 0 ? 1 : (tick - earlier.tick) / span;
  const befores = new Map(earlier.boats.map((state) => [state[0], boatOf(state)]));
  const clockMs = earlier.phase === later.phase ? mix(earlier.clockMs, later.clockMs, share) : earlier.clockMs;
  return {
    phase: earlier.phase,
    clockMs,
    wind: {
      fromDegrees: mixDegrees(earlier.wind.fromDegrees, later.wind.fromDegrees, share),
      speed: mix(earlier.wind.speed, later.wind.speed, share),
    },
    boats: later.boats.map((state) => {
      const after = boatOf(state);
      return mixBoats(befores.get(after.boat) ?? after, after, share);
    }),
  };
}

function momentAfter(newest: StateMessage, aheadMs: number): RaceMoment {
  return {
    phase: newest.phase,
    clockMs: newest.phase === 'racing' ? newest.clockMs + aheadMs : Math.max(0, newest.clockMs - aheadMs),
    wind: newest.wind,
    boats: newest.boats.map((state) => {
      const boat = boatOf(state);
      return { ...boat, ...ahead(boat, boat.headingDegrees, (boat.speed * aheadMs) / 1000) };
    }),
  };
}
