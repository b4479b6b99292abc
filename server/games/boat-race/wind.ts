import { normalDegrees } from './angles.ts';

export interface Wind {
  fromDegrees: number;
  /** Metres a second. */
  speed: number;
}

const MEAN_SPEED = 9.5;
const GUST_SPEED = 2;
const GUST_SECONDS = 6;
const SHIFT_DEGREES = 12;
const SHIFT_SECONDS = 17;

/** Wind from about north, with shifts and gusts that the seed alone decides: the same race can be sailed again. */
export function windAt(seed: number, seconds: number): Wind {
  return {
    fromDegrees: normalDegrees(SHIFT_DEGREES * smoothNoise(seed, seconds / SHIFT_SECONDS)),
    speed: MEAN_SPEED + GUST_SPEED * smoothNoise(seed + 1, seconds / GUST_SECONDS),
  };
}

/** Noise between -1 and 1 that goes smoothly from one whole number to the next. */
function smoothNoise(seed: number, at: number): number {
  const before = Math.floor(at);
  const part = at - before;
  const eased = part * part * (3 - 2 * part);
  const a = noise(seed, before);
  return a + (noise(seed, before + 1) - a) * eased;
}

/** A whole number's own value between -1 and 1: a 32-bit integer hash. */
function noise(seed: number, index: number): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 0x7fffffff - 1;
}
