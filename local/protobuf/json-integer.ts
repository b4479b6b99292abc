/** What an integer of a type may be. */
export interface IntegerBounds {
  min: bigint;
  max: bigint;
}

export const INT64: IntegerBounds = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
export const UINT64: IntegerBounds = { min: 0n, max: 2n ** 64n - 1n };
export const INT32: IntegerBounds = { min: -(2n ** 31n), max: 2n ** 31n - 1n };

/**
 * An integer as JSON has it by Protocol Buffers' rules: a number, or text that holds one as JSON writes it, which may
 * have an exponent or a fraction of nothing but zeros.
 *
 * @param json - a value as `JSON.parse` gives it
 * @returns undefined when it is no such integer; beyond 2^53 the nearest number there is within the bounds
 */
export function parseJsonInteger(json: unknown, bounds: IntegerBounds): number | undefined {
  const number = typeof json === 'string' ? numberInText(json) : json;
  if (typeof number !== 'number' || !Number.isInteger(number)) return undefined;
  const exact = typeof json === 'string' && /^-?\d+$/.test(json) ? BigInt(json) : BigInt(number);
  // The largest number of 64 bits is rounded up when it comes as a JSON number, to just outside of the bounds.
  const rounded = typeof json === 'number' && number === Number(bounds.max);
  if (exact < bounds.min || (exact > bounds.max && !rounded)) return undefined;
  return nearestWithin(number, bounds);
}

/** For a number that was within the bounds before it was rounded, as 64-bit numbers are: within them again. */
export function nearestWithin(number: number, { max }: IntegerBounds): number {
  // The bounds of 64 bits end one below a power of two, which is what they are rounded to.
  return BigInt(number) > max ? number * (1 - 2 ** -53) : number;
}

function numberInText(text: string): number | undefined {
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}
