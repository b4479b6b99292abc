import { TICKS_PER_SECOND } from '../server/games/boat-race/protocol.ts';
import type { BoatState, ClientMessage, Course, RacePhase, ServerMessage } from '../server/games/boat-race/protocol.ts';
import { ahead, clamp, mix, turnDegrees, wrapDegrees } from './race/angles.ts';
import { courseToSteer, rudderToward } from './race/autopilot.ts';
import { middleOfStart, nextMark } from './race/course.ts';
import type { SampledBoat } from './race/interpolation.ts';

/** A triangle in 240 m of water, the first leg against the wind. */
export const SCRIPTED_COURSE: Course = {
  halfSizeMetres: 120,
  start: { x1: -18, y1: -50, x2: 18, y2: -50 },
  buoys: [
    { x: 0, y: 70, leaveTo: 'port' },
    { x: -72, y: 8, leaveTo: 'port' },
    { x: 0, y: -78, leaveTo: 'port' },
  ],
  roundingRadiusMetres: 12,
  laps: 2,
};

const COMPUTER_NAMES = ['Mistral', 'Bora', 'Zephyr'];

/** A race without a game server, to work on the page and to test it: the player against three that sail themselves. */
export class ScriptedRace {
  phase: RacePhase = 'waiting';
  clockMs: number;
  #tick = 0;
  #name = 'Sailor';
  #helm = { rudder: 0, sheet: 1 };
  #boats: SampledBoat[];
  readonly #steered = new Map<number, number>();
  readonly #finishedAtMs = new Map<number, number>();
  readonly #course: Course;

  constructor(waitMs = 4000, course: Course = SCRIPTED_COURSE) {
    this.clockMs = waitMs;
    this.#course = course;
    const { start } = course;
    this.#boats = [0, 1, 2, 3].map((boat) => ({
      boat,
      x: mix(start.x1, start.x2, (boat + 0.5) / 4),
      y: start.y1 - 12,
      headingDegrees: boat % 2 === 0 ? 48 : 312,
      speed: 0,
      lap: 0,
      nextBuoy: 0,
      rudder: 0,
      sheet: 1,
    }));
  }

  /** What a connection hears first. */
  greeting(): ServerMessage[] {
    const welcome: ServerMessage = {
      type: 'welcome',
      protocol: 1,
      boat: 0,
      course: this.#course,
      gameServer: 'boat-race-scripted-0',
      seats: 4,
    };
    return [welcome, this.#roster()];
  }

  /** Takes a message of the player; gives what to answer. */
  hear(message: ClientMessage): ServerMessage[] {
    switch (message.type) {
      case 'hello':
        this.#name = message.name;
        return [this.#roster()];
      case 'steer':
        this.#helm = { rudder: message.rudder, sheet: message.sheet };
        return [];
      case 'start':
        if (this.phase === 'waiting') this.clockMs = 0;
        return [];
      case 'ping':
        return [{ type: 'pong', nonce: message.nonce }];
    }
  }

  /** One tick later. */
  step(): ServerMessage[] {
    const seconds = 1 / TICKS_PER_SECOND;
    this.#tick += 1;
    const fromDegrees = wrapDegrees(Math.sin(this.#tick / 300) * 9);
    const wind = { fromDegrees, speed: 7 + Math.sin(this.#tick / 170) * 1.5 };
    const before = this.phase;
    this.#turnClock(seconds * 1000);
    if (this.phase === 'racing') this.#boats = this.#boats.map((boat) => this.#sail(boat, wind, seconds));
    const state: ServerMessage = {
      type: 'state',
      tick: this.#tick,
      phase: this.phase,
      clockMs: Math.round(this.clockMs),
      wind,
      boats: this.#boats.map(rowOf),
    };
    return this.phase === 'finished' && before !== 'finished' ? [state, this.#result()] : [state];
  }

  #turnClock(elapsedMs: number): void {
    this.clockMs += this.phase === 'racing' ? elapsedMs : -elapsedMs;
    if (this.phase === 'racing' && this.#finishedAtMs.size > 0 && this.#isDone()) {
      this.phase = 'finished';
      this.clockMs = 15_000;
    }
    if (this.clockMs > 0) return;
    if (this.phase === 'waiting') {
      this.phase = 'countdown';
      this.clockMs = 3000;
    } else if (this.phase === 'countdown') {
      this.phase = 'racing';
      this.clockMs = 0;
    }
  }

  #isDone(): boolean {
    const firstMs = Math.min(...this.#finishedAtMs.values());
    return this.#finishedAtMs.size === this.#boats.length || this.clockMs - firstMs > 20_000;
  }

  #sail(boat: SampledBoat, wind: { fromDegrees: number; speed: number }, seconds: number): SampledBoat {
    const steered = courseToSteer(boat, this.#course, wind.fromDegrees, this.#steered.get(boat.boat));
    this.#steered.set(boat.boat, steered);
    const own = { rudder: rudderToward(boat.headingDegrees, steered), sheet: 1 };
    const { rudder, sheet } = boat.boat === 0 ? this.#helm : own;
    const offWind = Math.abs(turnDegrees(boat.headingDegrees, wind.fromDegrees));
    const drive = clamp((offWind - 30) / 30, 0, 1) * (1 - Math.max(0, offWind - 120) / 170);
    const wanted = drive * sheet * wind.speed * (0.92 - boat.boat * 0.04);
    const speed = mix(boat.speed, wanted, seconds * 0.7);
    const headingDegrees = wrapDegrees(boat.headingDegrees + rudder * 75 * clamp(0.3 + speed / 5, 0, 1) * seconds);
    const moved = { ...boat, headingDegrees, speed, rudder, sheet, ...ahead(boat, headingDegrees, speed * seconds) };
    const limit = this.#course.halfSizeMetres;
    return this.#count({ ...moved, x: clamp(moved.x, -limit, limit), y: clamp(moved.y, -limit, limit) });
  }

  #count(boat: SampledBoat): SampledBoat {
    const { buoys, laps, roundingRadiusMetres, start } = this.#course;
    if (boat.lap >= laps) return boat;
    const mark = nextMark(this.#course, boat.nextBuoy);
    const isLine = boat.nextBuoy === buoys.length;
    const middle = middleOfStart(this.#course);
    const isThere = isLine
      ? boat.y > middle.y && Math.abs(boat.x - middle.x) < Math.abs(start.x2 - start.x1)
      : Math.hypot(mark.x - boat.x, mark.y - boat.y) < roundingRadiusMetres;
    if (!isThere) return boat;
    if (!isLine) return { ...boat, nextBuoy: boat.nextBuoy + 1 };
    const lap = boat.lap + 1;
    if (lap === laps) this.#finishedAtMs.set(boat.boat, Math.round(this.clockMs));
    return { ...boat, lap, nextBuoy: 0 };
  }

  #roster(): ServerMessage {
    return {
      type: 'roster',
      boats: this.#boats.map(({ boat }) => ({
        boat,
        name: this.#nameOf(boat),
        isComputer: boat > 0,
        isConnected: true,
      })),
    };
  }

  #result(): ServerMessage {
    const placings = this.#boats.map(({ boat }) => ({
      boat,
      name: this.#nameOf(boat),
      timeMs: this.#finishedAtMs.get(boat) ?? null,
    }));
    return { type: 'result', placings: placings.toSorted((a, b) => (a.timeMs ?? Infinity) - (b.timeMs ?? Infinity)) };
  }

  #nameOf(boat: number): string {
    return boat === 0 ? this.#name : (COMPUTER_NAMES[boat - 1] ?? '');
  }
}

function rowOf(boat: SampledBoat): BoatState {
  const { x, y, headingDegrees, speed, lap, nextBuoy, rudder, sheet } = boat;
  return [boat.boat, x, y, headingDegrees, speed, lap, nextBuoy, rudder, sheet];
}
