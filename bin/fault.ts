import type { FaultReport } from '../local/faults/active-fault.ts';
import { FAULTS_PATH } from '../local/faults/fault-requests.ts';
import { FAULT_KINDS } from '../local/faults/fault-schema.ts';
import type { FaultKind } from '../local/faults/fault-schema.ts';
import { FAULT_OPTIONS, optionNames, optionsOf, readFault } from './fault-options.ts';
import { faultTable, startedLine } from './fault-report.ts';
import { findLocal, NoLocalError } from './local-address.ts';
import { readOptions, UsageError } from './usage.ts';

const REQUEST_DEADLINE_MS = 10_000;

/** `local` has refused what was asked, and not for how it was asked. Exit code 1. */
class RefusedError extends Error {}

/** `regatta fault`: starts, lists and ends the faults of a `local` that runs. Exit code 1 when there is none, or no such fault. */
export async function runFault(parameters: string[]): Promise<void> {
  const [word = 'help', ...rest] = parameters;
  try {
    switch (word) {
      case 'help':
      case '--help':
      case '-h':
        print(help(rest[0]));
        return;
      case 'list':
        await list(rest);
        return;
      case 'end':
        await end(rest);
        return;
      default:
        await start(readKind(word), rest);
    }
  } catch (error) {
    if (!(error instanceof NoLocalError) && !(error instanceof RefusedError)) throw error;
    process.stderr.write(`regatta fault: ${error.message}\n`);
    process.exitCode = 1;
  }
}

/** Where `local` is, which every command takes. */
const PLACE = { 'api-port': { type: 'string' }, 'state-dir': { type: 'string', default: '.regatta' } } as const;

async function start(kind: FaultKind, parameters: string[]): Promise<void> {
  const names = Object.keys(FAULT_OPTIONS).filter((name) => !(name in PLACE));
  const texts = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { values, positionals } = readOptions(parameters, {
    ...texts,
    selector: { type: 'string', short: 'l' },
    help: { type: 'boolean', short: 'h' },
    ...PLACE,
  });
  if (values.help === true) {
    print(help(kind));
    return;
  }
  if (positionals.length > 0) throw new UsageError(`${positionals[0]}: ${kind} takes options only`);
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'string' && !(name in PLACE)) given[name] = value;
  }
  const fault = readFault(kind, given);
  const report = await ask<FaultReport>(apiOf(values), { method: 'POST', body: fault });
  print(startedLine(report));
}

async function list(parameters: string[]): Promise<void> {
  const { values, positionals } = readOptions(parameters, PLACE);
  if (positionals.length > 0) throw new UsageError(`${positionals[0]}: list takes options only`);
  const { faults } = await ask<{ faults: FaultReport[] }>(apiOf(values));
  print(faultTable(faults, Date.now()));
}

async function end(parameters: string[]): Promise<void> {
  const { values, positionals } = readOptions(parameters, { ...PLACE, all: { type: 'boolean', default: false } });
  const [id, ...more] = positionals;
  if (more.length > 0 || (id === undefined) !== values.all) throw new UsageError('end takes one id, or --all');
  if (id === undefined) {
    const { faults } = await ask<{ faults: FaultReport[] }>(apiOf(values), { method: 'DELETE' });
    print(faults.length === 0 ? 'there was no fault\n' : faultTable(faults, Date.now()));
    return;
  }
  const fault = await ask<FaultReport>(apiOf(values), { method: 'DELETE', id });
  print(faultTable([fault], Date.now()));
}

function readKind(word: string): FaultKind {
  const kind = Object.keys(FAULT_KINDS).find((known) => known === word);
  if (kind === undefined) throw new UsageError(`there is no fault "${word}"; regatta fault help lists them`);
  // It is a key of the record.
  return kind as FaultKind;
}

function apiOf(values: { 'api-port'?: unknown; 'state-dir'?: unknown }): string {
  const apiPort = values['api-port'];
  return findLocal({
    apiPort: typeof apiPort === 'string' ? apiPort : undefined,
    stateDirectory: String(values['state-dir']),
  });
}

/** @throws NoLocalError, RefusedError; UsageError naming each option that the API finds wrong */
async function ask<T>(
  apiUrl: string,
  { method = 'GET', id, body }: { method?: string; id?: string; body?: object } = {},
): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(apiUrl + FAULTS_PATH + (id === undefined ? '' : `/${encodeURIComponent(id)}`), {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_DEADLINE_MS),
    });
  } catch (error) {
    throw new NoLocalError(`no local answers at ${apiUrl}`, { cause: error });
  }
  if (answer.ok) return (await answer.json()) as T;
  throw refusalOf(answer.status, await answer.text());
}

interface Refusal {
  message?: string;
  details?: { causes?: { field: string; message: string }[] };
}

function refusalOf(status: number, text: string): Error {
  let refusal: Refusal = {};
  try {
    refusal = JSON.parse(text) as Refusal;
  } catch {
    // Something else listens there: its status has to do.
  }
  const causes = refusal.details?.causes ?? [];
  if (status === 422 && causes.length > 0) {
    return new UsageError(
      causes.map(({ field, message }) => `${optionNames(field)} (${field}): ${message}`).join('\n'),
    );
  }
  return new RefusedError(refusal.message ?? `the API answered ${status}`);
}

function help(about: string | undefined): string {
  if (about !== undefined) {
    const kind = readKind(about);
    const options = optionsOf(kind).map((name) => `  ${optionLine(name)}\n`);
    return `regatta fault ${kind}: ${FAULT_KINDS[kind]}\n\n${options.join('')}${placeHelp()}`;
  }
  const width = Math.max(...Object.keys(FAULT_KINDS).map(({ length }) => length));
  const kinds = Object.entries(FAULT_KINDS).map(([kind, does]) => `  ${kind.padEnd(width)}  ${does}\n`);
  return `regatta fault KIND [options]   starts a fault in the local that runs
regatta fault list             those that are active, and the last that were
regatta fault end ID | --all   ends one before its time, or all
regatta fault help [KIND]      this, or the options of one kind

Kinds:
${kinds.join('')}
Options, each for the kinds it makes sense for:
${Object.keys(FAULT_OPTIONS)
  .map((name) => `  ${optionLine(name)}\n`)
  .join('')}${placeHelp()}`;
}

function optionLine(name: string): string {
  const { takes = '', does = '' } = FAULT_OPTIONS[name] ?? {};
  return `${`--${name} ${takes}`.padEnd(23)} ${does}`;
}

function placeHelp(): string {
  return `  --state-dir DIR         of that local (default .regatta); --api-port N in its place\n`;
}

function print(text: string): void {
  process.stdout.write(text);
}
