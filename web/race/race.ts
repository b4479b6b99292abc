import { BOAT_RACE_PROTOCOL } from '../../server/games/boat-race/protocol.ts';
import type {
  BoatInfo,
  ClientMessage,
  Placing,
  RacePhase,
  WelcomeMessage,
} from '../../server/games/boat-race/protocol.ts';
import { hasFinished, standings } from './course.ts';
import { StateBuffer } from './interpolation.ts';
import type { RaceMoment, SampledBoat } from './interpolation.ts';
import { parseServerMessage } from './messages.ts';
import { HELM_AT_REST, isWorthSending } from './steering.ts';
import type { Helm } from './steering.ts';

/** What changed with a message, for those who show it. */
export type RaceNews = 'welcome' | 'other-protocol' | 'roster' | 'phase' | 'state' | 'result' | 'nothing';

/** At most one `steer` for each tick of the game. */
const STEER_EVERY_MS = 50;

/** The race as this page knows it: what the messages have told so far, and what is to be told to the server. */
export class Race {
  readonly #send: (text: string) => boolean;
  readonly #states = new StateBuffer();
  readonly #finished: number[] = [];
  #welcome: WelcomeMessage | undefined;
  #roster = new Map<number, BoatInfo>();
  #placings: Placing[] | undefined;
  #phase: RacePhase | undefined;
  #sentHelm: Helm | undefined;
  #sentAtMs = 0;

  /** @param send puts a text on the wire; false when it could not */
  constructor(send: (text: string) => boolean) {
    this.#send = send;
  }

  get welcome(): WelcomeMessage | undefined {
    return this.#welcome;
  }

  /** By the newest state; undefined before the first. */
  get phase(): RacePhase | undefined {
    return this.#placings === undefined ? this.#phase : 'finished';
  }

  /** Best first, once the race is over. */
  get placings(): Placing[] | undefined {
    return this.#placings;
  }

  get roster(): BoatInfo[] {
    return [...this.#roster.values()];
  }

  nameOf(boat: number): string {
    return this.#roster.get(boat)?.name ?? '';
  }

  infoOf(boat: number): BoatInfo | undefined {
    return this.#roster.get(boat);
  }

  /** Whether there is something to draw. */
  get hasStates(): boolean {
    return this.#welcome !== undefined && this.#states.newest() !== undefined;
  }

  /** Takes one message of the server. */
  receive(text: string, nowMs: number): RaceNews {
    const message = parseServerMessage(text);
    switch (message?.type) {
      case 'welcome':
        if (message.protocol !== BOAT_RACE_PROTOCOL) return 'other-protocol';
        this.#welcome = message;
        this.#states.clear();
        this.#sentHelm = undefined;
        return 'welcome';
      case 'roster':
        this.#roster = new Map(message.boats.map((info) => [info.boat, info]));
        return 'roster';
      case 'state': {
        const hasNewPhase = message.phase !== this.#phase;
        this.#states.push(message, nowMs);
        this.#phase = message.phase;
        this.#noteFinished();
        return hasNewPhase ? 'phase' : 'state';
      }
      case 'result':
        this.#placings = message.placings;
        return 'result';
      case 'pong':
      case undefined:
        return 'nothing';
    }
  }

  /** The race as it is to be drawn now. */
  sample(nowMs: number): RaceMoment | undefined {
    return this.#states.sample(nowMs);
  }

  /** Boats by place, the leader first. */
  standings(boats: SampledBoat[]): number[] {
    return this.#welcome === undefined ? [] : standings(this.#welcome.course, boats, this.#finished);
  }

  sayHello(name: string): void {
    this.#tell({ type: 'hello', name });
  }

  /** Starts the countdown without waiting longer for others. */
  start(): void {
    this.#tell({ type: 'start' });
  }

  /** Without us the boat has let its sails fly: the helm is to be told again. */
  resumeHelm(): void {
    this.#sentHelm = undefined;
  }

  /** Tells the server the helm where that is worth a message; called on every frame. */
  steer(helm: Helm, nowMs: number): void {
    if (this.#welcome === undefined || nowMs - this.#sentAtMs < STEER_EVERY_MS) return;
    if (!isWorthSending(this.#sentHelm ?? HELM_AT_REST, helm)) return;
    const rudder = Math.round(helm.rudder * 1000) / 1000;
    const sheet = Math.round(helm.sheet * 1000) / 1000;
    if (!this.#tell({ type: 'steer', rudder, sheet })) return;
    this.#sentHelm = helm;
    this.#sentAtMs = nowMs;
  }

  #tell(message: ClientMessage): boolean {
    return this.#send(JSON.stringify(message));
  }

  #noteFinished(): void {
    const course = this.#welcome?.course;
    if (course === undefined) return;
    for (const [boat, , , , , lap] of this.#states.newest()?.boats ?? []) {
      if (hasFinished(course, { lap }) && !this.#finished.includes(boat)) this.#finished.push(boat);
    }
  }
}
