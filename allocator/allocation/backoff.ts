export interface BackoffOptions {
  firstMs: number;
  maxMs: number;
}

/**
 * How long to wait before the next attempt: doubling from `firstMs` to `maxMs`, and between half and all of that by
 * chance, so that those who were refused together do not come back together.
 *
 * @param attempt - 0 after the first failure
 * @param random - 0 ≤ random < 1
 */
export function backoffMs(attempt: number, options: BackoffOptions, random: number): number {
  const full = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt, 30));
  return full / 2 + (full / 2) * random;
}
