import type { FaultReport } from '../local/faults/active-fault.ts';

/** What every report has; the rest is what was asked for. */
const OWN_FIELDS = new Set([
  'id',
  'kind',
  'startedAt',
  'endsAt',
  'considered',
  'struck',
  'active',
  'endedAt',
  'endedBecause',
]);

const END_WORDS = {
  time: 'its time was over',
  spent: 'it struck as often as it may',
  asked: 'ended',
  stopped: 'local stopped',
};

/** What is said of a fault that has just started. */
export function startedLine(fault: FaultReport): string {
  const seconds = (Date.parse(fault.endsAt) - Date.parse(fault.startedAt)) / 1000;
  return `${fault.id}: ${fault.kind} for ${seconds} s (${fieldsText(fault)})\n  regatta fault end ${fault.id} ends it\n`;
}

/** One line a fault, under a line of headings. */
export function faultTable(faults: readonly FaultReport[], nowMs: number): string {
  if (faults.length === 0) return 'no faults\n';
  const rows = [
    ['ID', 'KIND', 'LASTS', 'STRUCK', 'WHAT WAS ASKED FOR'],
    ...faults.map((fault) => [
      fault.id,
      fault.kind,
      lasts(fault, nowMs),
      `${fault.struck} of ${fault.considered}`,
      fieldsText(fault),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`).join('');
}

function lasts({ active, endsAt, endedBecause }: FaultReport, nowMs: number): string {
  if (!active) return endedBecause === undefined ? 'over' : END_WORDS[endedBecause];
  return `${Math.max(0, (Date.parse(endsAt) - nowMs) / 1000).toFixed(1)} s more`;
}

function fieldsText(fault: FaultReport): string {
  const asked = Object.entries(fault).filter(([field]) => !OWN_FIELDS.has(field));
  return asked
    .map(([field, value]) => `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}
