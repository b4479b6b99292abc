import { nextTimeMs } from '../resources/cron-times.ts';
import { parseCron } from '../resources/cron-expression.ts';
import { durationMs } from '../resources/duration.ts';
import type { SchedulePolicy } from './policy.ts';

/** Agones looks so far ahead of a start, for the days on which clocks change. */
const EARLY_START_MS = 90_000;
/** "No end" is the zero time, as it is written for every end that was not given. */
const ZERO_TIME_MS = Date.parse('0001-01-01T00:00:00Z');

/**
 * Whether a Schedule's policy applies now: between its two times, and within `duration` of a start of its cron
 * expression, which counts from 90 seconds before.
 *
 * Source: Agones 1.57, `isScheduleActive`.
 */
export function isScheduleActive({ between = {}, activePeriod = {} }: SchedulePolicy, nowMs: number): boolean {
  const startMs = timeMs(between.start);
  const endMs = timeMs(between.end);
  if (nowMs < startMs || (endMs !== ZERO_TIME_MS && nowMs > endMs)) return false;
  const { timezone = '', startCron = '', duration = '' } = activePeriod;
  if (startCron === '') return true;
  const schedule = parseCron(startCron);
  if (schedule === undefined) return false;
  // `Local` is the controller's time zone, which in a cluster is UTC.
  const timeZone = timezone === '' || timezone === 'Local' ? 'UTC' : timezone;
  if (duration === '') return nextTimeMs(schedule, nowMs, timeZone) !== undefined;
  const forMs = durationMs(duration) ?? 0;
  const startedMs = nextTimeMs(schedule, nowMs - forMs, timeZone);
  return startedMs !== undefined && nowMs > startedMs - EARLY_START_MS && nowMs < startedMs + forMs;
}

function timeMs(time: string | null | undefined): number {
  return time === null || time === undefined ? ZERO_TIME_MS : Date.parse(time);
}
