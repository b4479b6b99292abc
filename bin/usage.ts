import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';

/** The command line asks for something that cannot be; the message says what and how to mend it. Exit code 2. */
export class UsageError extends Error {}

/**
 * `parseArgs` of Node with its errors made ours.
 *
 * @throws UsageError
 */
export function readOptions<Options extends NonNullable<ParseArgsConfig['options']>>(
  parameters: string[],
  options: Options,
) {
  try {
    return parseArgs({ args: parameters, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the options cannot be read', { cause: error });
  }
}

/** @throws UsageError naming the option */
export function readPort(option: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new UsageError(`--${option} ${text}: not a port`);
  return port;
}

/** Reads `A-B`. @throws UsageError naming the option */
export function readPortRange(option: string, text: string): { first: number; last: number } {
  const [first, last] = text.split('-').map((part) => readPort(option, part));
  if (first === undefined || last === undefined || first > last) {
    throw new UsageError(`--${option} ${text}: not a range such as 7000-8000`);
  }
  return { first, last };
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Reads a time with its unit, e.g. `1.5s`, in milliseconds. @throws UsageError naming the option */
export function readDurationMs(option: string, text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  if (number === undefined || unitMs === undefined) {
    throw new UsageError(`--${option} ${text}: not a time such as 500ms, 30s or 2m`);
  }
  return Math.round(Number(number) * unitMs);
}
