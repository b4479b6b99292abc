import { durationMs } from './duration.ts';

interface CronField {
  minimum: number;
  maximum: number;
  names: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const MINUTE: CronField = { minimum: 0, maximum: 59, names: [] };
const HOUR: CronField = { minimum: 0, maximum: 23, names: [] };
const DAY: CronField = { minimum: 1, maximum: 31, names: [] };
const MONTH: CronField = { minimum: 1, maximum: 12, names: MONTHS };
const WEEKDAY: CronField = { minimum: 0, maximum: 6, names: WEEKDAYS };

const NAMED: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

/** Which values of a field fit. */
interface CronValues {
  values: ReadonlySet<number>;
  /** Given as `*`: on its own it does not narrow the days. */
  any: boolean;
}

/** The minutes at which something starts, by the clock on the wall. */
export interface CronSchedule {
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  /** 1 is January. */
  months: ReadonlySet<number>;
  /** Of the month; where neither this nor the weekday is `*`, one of the two is enough. */
  days: CronValues;
  /** 0 is Sunday. */
  weekdays: CronValues;
}

/** `@every`: again and again, from whenever one looks. */
export interface CronInterval {
  everySeconds: number;
}

/**
 * Reads a cron expression: minute, hour, day of the month, month, day of the week; or `@daily` and the like, or `@every`
 * and a duration. A time zone before it (`TZ=…`) is left out.
 *
 * Source: github.com/robfig/cron v3, `ParseStandard`, which Agones 1.57 uses.
 *
 * @returns `undefined` for what is none
 */
export function parseCron(text: string): CronSchedule | CronInterval | undefined {
  const expression = text.replace(/^(?:CRON_)?TZ=\S+\s+/, '').trim();
  if (expression.startsWith('@every ')) {
    const ms = durationMs(expression.slice('@every '.length));
    return ms === undefined ? undefined : { everySeconds: Math.max(1, Math.floor(ms / 1000)) };
  }
  const [minutes, hours, days, months, weekdays] = fieldsOf(NAMED.get(expression) ?? expression);
  if (minutes === undefined || hours === undefined || days === undefined) return undefined;
  if (months === undefined || weekdays === undefined) return undefined;
  return { minutes: minutes.values, hours: hours.values, months: months.values, days, weekdays };
}

/** Whether the text is a cron expression; see {@link parseCron}. */
export function isCronExpression(text: string): boolean {
  return parseCron(text) !== undefined;
}

function fieldsOf(expression: string): (CronValues | undefined)[] {
  const texts = expression.split(/\s+/);
  const fields = [MINUTE, HOUR, DAY, MONTH, WEEKDAY];
  return texts.length === fields.length ? fields.map((field, index) => parseField(texts[index] ?? '', field)) : [];
}

function parseField(text: string, field: CronField): CronValues | undefined {
  const values = new Set<number>();
  let any = false;
  for (const part of text.split(',')) {
    const range = parseRange(part, field);
    if (range === undefined) return undefined;
    any ||= range.any;
    for (let value = range.first; value <= range.last; value += range.step) values.add(value);
  }
  return { values, any };
}

/** `*`, `5`, `1-5`, `mon-fri`, and each with a step as in `*` `/15`. */
function parseRange(
  text: string,
  field: CronField,
): { first: number; last: number; step: number; any: boolean } | undefined {
  const [range = '', stepText, ...rest] = text.split('/');
  if (rest.length > 0 || (stepText !== undefined && !/^0*[1-9]\d*$/.test(stepText))) return undefined;
  const step = Number(stepText ?? 1);
  if (range === '*' || range === '?') return { first: field.minimum, last: field.maximum, step, any: step === 1 };
  const [from = '', to, ...more] = range.split('-');
  const first = cronValue(from, field);
  // A single value with a step goes on to the end of the field.
  const last = to === undefined ? (stepText === undefined ? first : field.maximum) : cronValue(to, field);
  if (more.length > 0 || first === undefined || last === undefined || first > last) return undefined;
  return { first, last, step, any: false };
}

function cronValue(text: string, { minimum, maximum, names }: CronField): number | undefined {
  const named = names.indexOf(text.toLowerCase());
  const value = named === -1 ? Number(text) : named + minimum;
  const fits = named !== -1 || /^\d+$/.test(text);
  return fits && value >= minimum && value <= maximum ? value : undefined;
}
