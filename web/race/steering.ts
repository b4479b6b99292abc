import { clamp, wrapDegrees } from './angles.ts';

/** What the player's hands do, from keys, touch or the autopilot. */
export interface HelmInput {
  /** Where the rudder is wanted: -1 hard to port … 1 hard to starboard. */
  rudder: number;
  /** The sheet is being let out: the sails spill wind. */
  isEasing: boolean;
  /** The hand is directly on the tiller (touch): it follows at once. */
  isDirect: boolean;
}

export interface Helm {
  rudder: number;
  sheet: number;
}

export const HELM_AT_REST: Helm = { rudder: 0, sheet: 1 };

/** Rudder travel a second from a key; back to the middle is quicker. */
const KEY_RUDDER_PER_SECOND = 4.5;
const CENTRE_RUDDER_PER_SECOND = 7;
const DIRECT_RUDDER_PER_SECOND = 14;
const EASE_PER_SECOND = 2.2;
/** The sheet trims itself: with no hand on it, it comes in. */
const TRIM_PER_SECOND = 1.4;

/** The helm after `elapsedMs` more of this input. Keys move the rudder smoothly; it never leaves its bounds. */
export function moveHelm(helm: Helm, input: HelmInput, elapsedMs: number): Helm {
  const seconds = elapsedMs / 1000;
  const wanted = clamp(input.rudder, -1, 1);
  const isCentring = Math.abs(wanted) < Math.abs(helm.rudder);
  const keyRate = isCentring ? CENTRE_RUDDER_PER_SECOND : KEY_RUDDER_PER_SECOND;
  const rate = input.isDirect ? DIRECT_RUDDER_PER_SECOND : keyRate;
  const sheetChange = input.isEasing ? -EASE_PER_SECOND * seconds : TRIM_PER_SECOND * seconds;
  return {
    rudder: clamp(approach(helm.rudder, wanted, rate * seconds), -1, 1),
    sheet: clamp(helm.sheet + sheetChange, 0, 1),
  };
}

function approach(value: number, wanted: number, most: number): number {
  return value + clamp(wanted - value, -most, most);
}

/** Where a finger across the water puts the tiller: in the middle a little, near the edges hard over. */
export function rudderOfTouch(touchX: number, width: number): number {
  const fromMiddle = (touchX - width / 2) / (width * 0.36);
  return clamp(fromMiddle, -1, 1);
}

/** Whether the server should hear of it: small changes are not worth a message, the ends of the travel are. */
export function isWorthSending(sent: Helm | undefined, helm: Helm): boolean {
  if (sent === undefined) return true;
  const changed = Math.max(Math.abs(sent.rudder - helm.rudder), Math.abs(sent.sheet - helm.sheet));
  const hasArrived =
    (sent.rudder !== helm.rudder && [-1, 0, 1].includes(helm.rudder)) ||
    (sent.sheet !== helm.sheet && [0, 1].includes(helm.sheet));
  return changed >= 0.04 || hasArrived;
}

/** How fast a boat answers its helm, roughly; only to lead the server by a moment. */
const LEAD_TURN_DEGREES_PER_SECOND = 70;
const LEAD_FORGET_PER_SECOND = 5;
const MAX_LEAD_DEGREES = 16;

/**
 * How far the own boat's heading is drawn ahead of what the server has told, so that it answers the helm at once:
 * it grows with the rudder the server has not shown yet, and fades as the server catches up.
 */
export function leadHeading(
  leadDegrees: number,
  own: Helm,
  shownRudder: number,
  speed: number,
  elapsedMs: number,
): number {
  const seconds = elapsedMs / 1000;
  const grip = clamp(speed / 4, 0.15, 1);
  const unseen = (own.rudder - shownRudder) * LEAD_TURN_DEGREES_PER_SECOND * grip * seconds;
  const faded = leadDegrees * Math.exp(-LEAD_FORGET_PER_SECOND * seconds);
  return clamp(faded + unseen, -MAX_LEAD_DEGREES, MAX_LEAD_DEGREES);
}

/** The heading the own boat is drawn with. */
export function ledHeading(headingDegrees: number, leadDegrees: number): number {
  return wrapDegrees(headingDegrees + leadDegrees);
}
