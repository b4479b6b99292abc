const FIELDS = [
  { minimum: 0, maximum: 59, names: [] },
  { minimum: 0, maximum: 23, names: [] },
  { minimum: 1, maximum: 31, names: [] },
  {
    minimum: 1,
    maximum: 12,
    names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  { minimum: 0, maximum: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
] as const;

const NAMED = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']);

const DURATION = /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

interface CronField {
  minimum: number;
  maximum: number;
  names: readonly string[];
}

/**
 * Whether the text is a cron expression: minute, hour, day of the month, month, day of the week; or `@daily` and the like,
 * or `@every` and a duration. A time zone may go before it (`TZ=…`).
 */
export function isCronExpression(text: string): boolean {
  const expression = text.replace(/^(?:CRON_)?TZ=\S+\s+/, '').trim();
  if (expression.startsWith('@')) {
    return (
      NAMED.has(expression) || (expression.startsWith('@every ') && isDuration(expression.slice('@every '.length)))
    );
  }
  const parts = expression.split(/\s+/);
  return (
    parts.length === FIELDS.length &&
    FIELDS.every((field, index) => (parts[index] ?? '').split(',').every((part) => isCronRange(part, field)))
  );
}

/** Whether the text is a duration as `2h45m` or `300ms`: numbers with units, or 0. */
export function isDuration(text: string): boolean {
  return DURATION.test(text);
}

/** `*`, `5`, `1-5`, `mon-fri`, and each with a step as in `*` `/15`. */
function isCronRange(text: string, field: CronField): boolean {
  const [range = '', step, ...rest] = text.split('/');
  if (rest.length > 0 || (step !== undefined && !/^0*[1-9]\d*$/.test(step))) return false;
  if (range === '*' || range === '?') return true;
  const [from = '', to, ...more] = range.split('-');
  const first = cronValue(from, field);
  const last = to === undefined ? first : cronValue(to, field);
  return more.length === 0 && first !== undefined && last !== undefined && first <= last;
}

function cronValue(text: string, { minimum, maximum, names }: CronField): number | undefined {
  const named = names.indexOf(text.toLowerCase());
  const value = named === -1 ? Number(text) : named + minimum;
  const fits = named !== -1 || /^\d+$/.test(text);
  return fits && value >= minimum && value <= maximum ? value : undefined;
}
