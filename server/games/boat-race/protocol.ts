/**
 * What the page and the boat race say to each other over the WebSocket: JSON text messages, one object each, told
 * apart by `type`. Pure: the page imports it too.
 *
 * Positions are metres, x to the east and y to the north, from the middle of the course; angles are degrees clockwise
 * from north; speeds metres a second; times milliseconds of the race's clock unless the name says otherwise.
 */

export const BOAT_RACE_PROTOCOL = 1;
export const MAX_BOATS = 8;
/** The simulation's rate, and that of `state` messages. */
export const TICKS_PER_SECOND = 20;
export const MAX_CLIENT_MESSAGE_BYTES = 512;
export const MAX_NAME_LENGTH = 20;

/** Once, first: how others see the player. */
export interface HelloMessage {
  type: 'hello';
  name: string;
}

/** Whenever the helm changes. The newest holds until the next. */
export interface SteerMessage {
  type: 'steer';
  /** -1 hard to port … 1 hard to starboard. */
  rudder: number;
  /** 0 sails let fly … 1 sheeted in and drawing. */
  sheet: number;
}

/** Starts the countdown without waiting longer for other players. */
export interface StartMessage {
  type: 'start';
}

export interface PingMessage {
  type: 'ping';
  /** Given back as it is. */
  nonce: number;
}

export type ClientMessage = HelloMessage | SteerMessage | StartMessage | PingMessage;

export interface Buoy {
  x: number;
  y: number;
  /** Buoys are rounded on this side of the boat. */
  leaveTo: 'port' | 'starboard';
}

export interface Course {
  /** Half the length of the square of water the boats may sail in; beyond it they are held back. */
  halfSizeMetres: number;
  start: { x1: number; y1: number; x2: number; y2: number };
  /** In order; a lap is all of them and then the start line again. */
  buoys: Buoy[];
  /** How near a boat must come for a buoy to count. */
  roundingRadiusMetres: number;
  laps: number;
}

/** `waiting` for players, `countdown` to the start, `racing`, `finished`: the result stands, the session ends soon. */
export type RacePhase = 'waiting' | 'countdown' | 'racing' | 'finished';

/** First message to each connection. */
export interface WelcomeMessage {
  type: 'welcome';
  protocol: typeof BOAT_RACE_PROTOCOL;
  /** Which boat is yours. */
  boat: number;
  course: Course;
  gameServer: string;
  /** Seats in this race. */
  seats: number;
}

export interface BoatInfo {
  boat: number;
  name: string;
  isComputer: boolean;
  /** False while its player's connection is down: the boat drifts. */
  isConnected: boolean;
}

/** After the welcome and whenever a boat joins, leaves or gets a name. */
export interface RosterMessage {
  type: 'roster';
  boats: BoatInfo[];
}

/**
 * `[boat, x, y, headingDegrees, speed, lap, nextBuoy, rudder, sheet]`. `lap` counts from 0; `nextBuoy` equals the
 * number of buoys when the start line is next; a boat that has finished has `lap` = `course.laps`.
 */
export type BoatState = [number, number, number, number, number, number, number, number, number];

/** Each tick. */
export interface StateMessage {
  type: 'state';
  tick: number;
  phase: RacePhase;
  /** In `waiting` until the countdown begins by itself, in `countdown` until the start, in `racing` since the start, in `finished` until the session ends. */
  clockMs: number;
  /** Where the wind comes from, and how hard it blows. */
  wind: { fromDegrees: number; speed: number };
  boats: BoatState[];
}

export interface Placing {
  boat: number;
  name: string;
  /** Null for a boat that did not finish in time. */
  timeMs: number | null;
}

/** Once, when the race is over: best first. */
export interface ResultMessage {
  type: 'result';
  placings: Placing[];
}

export interface PongMessage {
  type: 'pong';
  nonce: number;
}

export type ServerMessage = WelcomeMessage | RosterMessage | StateMessage | ResultMessage | PongMessage;
