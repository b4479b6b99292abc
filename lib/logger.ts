import { pino } from 'pino';
import type { LoggerOptions } from 'pino';

/** Structured log of a program: constant message, fields beside it. Never give it tokens, keys or players' addresses. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger whose lines all carry these fields. */
  child(fields: object): Logger;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where a field of this name stands at the top or one level down, its value is replaced before it is written. */
const SECRET_FIELDS = ['token', 'wsUrl', 'authorization', 'cookie', 'key', 'address', 'secret'];

/** Takes whole lines, with their ends. */
export interface LogDestination {
  write(line: string): void;
}

/**
 * JSON lines.
 *
 * @param program - written to every line as `program`
 * @param destination - where they go; standard output when there is none
 */
export function createLogger(program: string, level: LogLevel, destination?: LogDestination): Logger {
  const options: LoggerOptions = {
    base: { program },
    level,
    redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Drops everything: for tests and for libraries that were given no logger. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
