/** Nearest-rank percentile (the smallest value that at least `percent` of all values do not exceed). */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

/** p50 and p99 in milliseconds, to the hundredth. */
export function p50AndP99(valuesMs: readonly number[]): { p50Ms: number; p99Ms: number } {
  return { p50Ms: toHundredth(percentile(valuesMs, 50)), p99Ms: toHundredth(percentile(valuesMs, 99)) };
}

export function toHundredth(value: number): number {
  return Math.round(value * 100) / 100;
}
