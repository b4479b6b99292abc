import { START_HEADING_DEGREES, startPlace, triangleCourse } from './course.ts';
import { ComputerSailor } from './computer-sailor.ts';
import { MAX_BOATS, TICKS_PER_SECOND } from './protocol.ts';
import type { Course, Placing, RacePhase } from './protocol.ts';
import { pushApart, sail } from './sailing.ts';
import type { Helm, Hull } from './sailing.ts';
import { windAt } from './wind.ts';
import type { Wind } from './wind.ts';

export interface RaceSettings {
  laps: number;
  /** From the first player to the countdown. */
  waitMs: number;
  countdownMs: number;
  /** After the winner the others may sail on for this long. */
  finishTimeoutMs: number;
  /** The result stands for this long; then the race is over. */
  resultMs: number;
  /** A race that nobody finishes ends after this long for each lap. */
  maxLapMs: number;
  /** Computer opponents while there is room for them: at least one. */
  computers: number;
}

export interface Boat extends Hull {
  readonly boat: number;
  name: string;
  computer: ComputerSailor | undefined;
  isConnected: boolean;
  /** Laps done. */
  lap: number;
  nextBuoy: number;
  /** On the race's clock; undefined until it has finished. */
  finishedAtMs: number | undefined;
}

/** The opponents are named after winds. */
const COMPUTERS = [
  { name: 'Mistral', skill: 0.94 },
  { name: 'Bora', skill: 0.88 },
  { name: 'Meltemi', skill: 0.82 },
  { name: 'Zephyr', skill: 0.76 },
] as const;

export const MAX_COMPUTERS = COMPUTERS.length;

const STEP_SECONDS = 1 / TICKS_PER_SECOND;
const STEP_MS = 1000 / TICKS_PER_SECOND;

/** One race by its rules: pure, moved on by `step` alone, the same for the same seed and the same steering. */
export class Race {
  readonly course: Course;
  readonly #settings: RaceSettings;
  readonly #seed: number;
  readonly #boats = new Map<number, Boat>();
  #tick = 0;
  #phase: RacePhase = 'waiting';
  /** Steps since the phase began; in `waiting` since the first player came. */
  #phaseTicks = 0;
  #winnerAtMs: number | undefined;
  #hasPlayer = false;

  constructor(settings: RaceSettings, seed: number) {
    this.#settings = settings;
    this.#seed = seed;
    this.course = triangleCourse(settings.laps);
    for (let index = 0; index < Math.min(settings.computers, MAX_COMPUTERS); index += 1) this.#launchComputer(index);
  }

  get tick(): number {
    return this.#tick;
  }

  get phase(): RacePhase {
    return this.#phase;
  }

  /** As `StateMessage.clockMs` tells it. */
  get clockMs(): number {
    const passedMs = this.#phaseTicks * STEP_MS;
    if (this.#phase === 'racing') return passedMs;
    const { waitMs, countdownMs, resultMs } = this.#settings;
    const limitMs = { waiting: waitMs, countdown: countdownMs, finished: resultMs }[this.#phase];
    return Math.max(0, limitMs - passedMs);
  }

  /** True when the result has stood long enough. */
  get isOver(): boolean {
    return this.#phase === 'finished' && this.clockMs === 0;
  }

  get wind(): Wind {
    return windAt(this.#seed, this.#tick * STEP_SECONDS);
  }

  /** In the order of their numbers. */
  get boats(): Boat[] {
    return [...this.#boats.values()].toSorted((a, b) => a.boat - b.boat);
  }

  /** A player takes a boat, comes back to it, or takes it over from the computer or from one who left. */
  board(boat: number, name: string): void {
    const present = this.#boats.get(boat);
    if (present === undefined) this.#boats.set(boat, newBoat(boat, name, undefined));
    else Object.assign(present, { name, computer: undefined, isConnected: true, rudder: 0, sheet: 1 });
    this.#hasPlayer = true;
  }

  /** The player's connection is down: sails fly, the boat drifts. */
  drift(boat: number): void {
    const present = this.#boats.get(boat);
    if (present !== undefined) Object.assign(present, { isConnected: false, rudder: 0, sheet: 0 });
  }

  /** The player will not come back. Before the start the boat leaves; later it drifts on and is placed last. */
  abandon(boat: number): void {
    if (this.#phase === 'waiting') this.#boats.delete(boat);
    else this.drift(boat);
  }

  rename(boat: number, name: string): void {
    const present = this.#boats.get(boat);
    if (present !== undefined) present.name = name;
  }

  steer(boat: number, { rudder, sheet }: Helm): void {
    const present = this.#boats.get(boat);
    if (present !== undefined) Object.assign(present, { rudder, sheet });
  }

  /** Begins the countdown without waiting longer. Later it changes nothing. */
  startNow(): void {
    if (this.#phase === 'waiting' && this.#hasPlayer) this.#enter('countdown');
  }

  /** A tick on. */
  step(): void {
    this.#tick += 1;
    if (this.#phase !== 'waiting' || this.#hasPlayer) this.#phaseTicks += 1;
    if (this.#phase === 'waiting' && this.#hasPlayer && this.clockMs === 0) this.#enter('countdown');
    else if (this.#phase === 'countdown' && this.clockMs === 0) this.#enter('racing');
    if (this.#phase === 'racing' || this.#phase === 'finished') this.#sailAll();
    if (this.#phase === 'racing' && this.#isDecided()) this.#enter('finished');
  }

  /** Best first: by time, then by how far they came. */
  placings(): Placing[] {
    const order = this.boats.toSorted(
      (a, b) =>
        (a.finishedAtMs ?? Number.MAX_SAFE_INTEGER) - (b.finishedAtMs ?? Number.MAX_SAFE_INTEGER) ||
        this.#progress(b) - this.#progress(a),
    );
    return order.map(({ boat, name, finishedAtMs }) => ({ boat, name, timeMs: finishedAtMs ?? null }));
  }

  #launchComputer(index: number): void {
    const { name, skill } = COMPUTERS[index] ?? COMPUTERS[0];
    const boat = MAX_BOATS - 1 - index;
    this.#boats.set(boat, newBoat(boat, name, new ComputerSailor(skill, index % 2 === 0 ? 1 : -1)));
  }

  #enter(phase: RacePhase): void {
    this.#phase = phase;
    this.#phaseTicks = 0;
  }

  #sailAll(): void {
    const { wind, boats } = this;
    for (const boat of boats) {
      if (boat.computer !== undefined) {
        Object.assign(boat, boat.computer.steer(boat, boat.nextBuoy, this.course, wind, STEP_SECONDS));
      }
      const beforeY = boat.y;
      sail(boat, wind, this.course, STEP_SECONDS);
      if (this.#phase === 'racing') this.#follow(boat, beforeY);
    }
    pushApart(boats, this.course);
  }

  /** Notes that a boat has come to its next buoy, or across the line. */
  #follow(boat: Boat, beforeY: number): void {
    if (boat.finishedAtMs !== undefined) return;
    const buoy = this.course.buoys[boat.nextBuoy];
    if (buoy !== undefined) {
      const distance = Math.hypot(buoy.x - boat.x, buoy.y - boat.y);
      if (distance <= this.course.roundingRadiusMetres) boat.nextBuoy += 1;
      return;
    }
    const { x1, x2, y1 } = this.course.start;
    const isAcross = beforeY < y1 && boat.y >= y1 && boat.x >= x1 && boat.x <= x2;
    if (!isAcross) return;
    boat.lap += 1;
    if (boat.lap < this.course.laps) {
      boat.nextBuoy = 0;
      return;
    }
    boat.finishedAtMs = this.clockMs;
    this.#winnerAtMs ??= this.clockMs;
  }

  #isDecided(): boolean {
    const { finishTimeoutMs, maxLapMs } = this.#settings;
    if (this.clockMs >= maxLapMs * this.course.laps) return true;
    if (this.#winnerAtMs === undefined) return false;
    if (this.clockMs - this.#winnerAtMs >= finishTimeoutMs) return true;
    return this.boats.every((boat) => boat.finishedAtMs !== undefined || !boat.isConnected);
  }

  /** Larger is farther: whole legs, and less than one for what is left of the present leg. */
  #progress(boat: Boat): number {
    const legs = boat.lap * (this.course.buoys.length + 1) + boat.nextBuoy;
    const { x1, x2, y1 } = this.course.start;
    const next = this.course.buoys[boat.nextBuoy] ?? { x: (x1 + x2) / 2, y: y1 };
    return legs - Math.hypot(next.x - boat.x, next.y - boat.y) / (4 * this.course.halfSizeMetres);
  }
}

function newBoat(boat: number, name: string, computer: ComputerSailor | undefined): Boat {
  return {
    boat,
    name,
    computer,
    isConnected: true,
    ...startPlace(boat, MAX_BOATS),
    headingDegrees: START_HEADING_DEGREES,
    speed: 0,
    rudder: 0,
    sheet: 1,
    lap: 0,
    nextBuoy: 0,
    finishedAtMs: undefined,
  };
}
