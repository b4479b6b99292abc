import type { CronInterval, CronSchedule } from './cron-expression.ts';

const MINUTE_MS = 60_000;
const MINUTES_A_DAY = 1440;
/** An expression that fits no day so long, as one of February 30th, never does. */
const MAX_YEARS_AHEAD = 5;

/** What a clock on the wall of a time zone shows. */
interface WallTime {
  year: number;
  /** 1 is January. */
  month: number;
  day: number;
  hour: number;
  minute: number;
}

/**
 * The first time after `afterMs` that the expression names, by the clocks of the time zone.
 *
 * A time that a change of clocks leaves out does not come that day; one that comes twice counts twice.
 *
 * Source: github.com/robfig/cron v3, `SpecSchedule.Next`, which Agones 1.57 uses.
 *
 * @param timeZone - an IANA name
 * @returns `undefined` when there is none within five years
 * @throws RangeError when there is no such time zone
 */
export function nextTimeMs(
  schedule: CronSchedule | CronInterval,
  afterMs: number,
  timeZone: string,
): number | undefined {
  if ('everySeconds' in schedule) return (Math.floor(afterMs / 1000) + schedule.everySeconds) * 1000;
  const wallTime = wallClockOf(timeZone);
  const lastYear = wallTime(afterMs).year + MAX_YEARS_AHEAD;
  let timeMs = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS;
  for (;;) {
    const wall = wallTime(timeMs);
    if (wall.year > lastYear) return undefined;
    if (!schedule.months.has(wall.month) || !isDayOf(schedule, wall)) timeMs = nextMidnightMs(timeMs, wallTime);
    else if (!schedule.hours.has(wall.hour)) timeMs += (60 - wall.minute) * MINUTE_MS;
    else if (!schedule.minutes.has(wall.minute)) timeMs += MINUTE_MS;
    else return timeMs;
  }
}

function isDayOf({ days, weekdays }: CronSchedule, { year, month, day }: WallTime): boolean {
  const isDay = days.values.has(day);
  const isWeekday = weekdays.values.has(new Date(Date.UTC(year, month - 1, day)).getUTCDay());
  return days.any || weekdays.any ? isDay && isWeekday : isDay || isWeekday;
}

/** The first minute of the next day, which is another than 0:00 where clocks change at midnight. */
function nextMidnightMs(timeMs: number, wallTime: (timeMs: number) => WallTime): number {
  const { day } = wallTime(timeMs);
  let nextMs = timeMs;
  while (wallTime(nextMs).day === day) nextMs += (MINUTES_A_DAY - minuteOfDay(wallTime(nextMs))) * MINUTE_MS;
  const overshootMs = minuteOfDay(wallTime(nextMs)) * MINUTE_MS;
  return wallTime(nextMs - overshootMs).day === day ? nextMs : nextMs - overshootMs;
}

function minuteOfDay({ hour, minute }: WallTime): number {
  return hour * 60 + minute;
}

function wallClockOf(timeZone: string): (timeMs: number) => WallTime {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  return (timeMs) => {
    const parts = new Map(format.formatToParts(timeMs).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    return {
      year: part('year'),
      month: part('month'),
      day: part('day'),
      hour: part('hour'),
      minute: part('minute'),
    };
  };
}
