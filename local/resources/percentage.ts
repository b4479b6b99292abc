const PERCENTAGE = /^[+-]?\d+%$/;

/** The number of a percentage such as `25%`; `undefined` when the value is none. */
export function percentage(value: unknown): number | undefined {
  return typeof value === 'string' && PERCENTAGE.test(value) ? Number(value.slice(0, -1)) : undefined;
}

/** The same, for where Agones takes the number with or without its sign, wherever that stands in the text. */
export function loosePercentage(value: unknown): number | undefined {
  return typeof value === 'string' ? percentage(`${value.replaceAll('%', '')}%`) : undefined;
}
