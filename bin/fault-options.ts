import { fieldsOf } from '../local/faults/fault-schema.ts';
import type { FaultKind } from '../local/faults/fault-schema.ts';
import { readDurationMs, UsageError } from './usage.ts';

/** An option of the command line that says a field of a fault. */
interface FaultOption {
  /** As the API has it. */
  field: string;
  /** What the option takes, for the help. */
  takes: string;
  does: string;
  read(option: string, text: string): unknown;
}

const asText = (_option: string, text: string): string => text;
const asList = (_option: string, text: string): string[] => text.split(',');
const asSeconds = (option: string, text: string): number => readDurationMs(option, text) / 1000;

function asNumber(option: string, text: string): number {
  const number = Number(text);
  if (text.trim() === '' || Number.isNaN(number)) throw new UsageError(`--${option} ${text}: not a number`);
  return number;
}

const TIME = { takes: 'TIME', read: readDurationMs };
const NUMBER = { takes: 'N', read: asNumber };

/** By name. Which of them a kind has follows from its fields. */
export const FAULT_OPTIONS: Readonly<Record<string, FaultOption>> = {
  for: { field: 'forMs', ...TIME, does: 'how long it lasts' },
  count: { field: 'count', ...NUMBER, does: 'it strikes so often, and no more' },
  probability: { field: 'probability', ...NUMBER, does: 'of striking each time it could, above 0 and up to 1' },
  seed: { field: 'seed', ...NUMBER, does: 'of what it strikes, to have the same again' },
  fleet: {
    field: 'target.labelSelector',
    takes: 'NAME',
    does: 'only GameServers of this Fleet',
    read: (_option, name) => `agones.dev/fleet=${name}`,
  },
  selector: { field: 'target.labelSelector', takes: 'LABELS', does: 'only what carries these labels', read: asText },
  name: { field: 'target.name', takes: 'NAME', does: 'only the GameServer of this name', read: asText },
  states: { field: 'target.states', takes: 'A,B', does: 'only GameServers in one of these states', read: asList },
  namespace: { field: 'target.namespace', takes: 'NAME', does: 'only in this namespace', read: asText },
  resource: { field: 'target.resource', takes: 'PLURAL', does: 'only requests for it, e.g. gameservers', read: asText },
  methods: { field: 'target.methods', takes: 'A,B', does: 'only these of GET, POST, PUT, PATCH, DELETE', read: asList },
  'user-agent': {
    field: 'target.userAgent',
    takes: 'TEXT',
    does: 'only clients whose User-Agent holds it',
    read: asText,
  },
  how: { field: 'how', takes: 'WORD', does: 'answer-lost: cut, silence; watch-cut: reset, end', read: asText },
  latency: { field: 'latencyMs', ...TIME, does: 'how long a request waits' },
  jitter: { field: 'jitterMs', ...TIME, does: 'up to so much longer' },
  status: { field: 'status', ...NUMBER, does: '500, 503 or 429' },
  'retry-after': { field: 'retryAfterSeconds', takes: 'TIME', does: 'the header of that name', read: asSeconds },
  after: { field: 'afterMs', ...TIME, does: 'how long a watch lives that opens meanwhile' },
  afterwards: { field: 'afterwards', takes: 'WORD', does: 'at the end: cut, resume', read: asText },
  'exit-code': { field: 'exitCode', ...NUMBER, does: 'what the Pod tells, instead of 137' },
  'start-delay': { field: 'startDelayMs', ...TIME, does: 'before the process starts' },
  'ready-delay': { field: 'readyDelayMs', ...TIME, does: 'before the sidecar passes Ready on' },
  'pods-lost-after': { field: 'podsLostAfterMs', ...TIME, does: 'until then the Pods look as if they ran' },
  answer: { field: 'answer', takes: 'WORD', does: 'UnAllocated, Contention', read: asText },
};

/** The options of a kind, in the order of the table. */
export function optionsOf(kind: FaultKind): string[] {
  const fields = new Set(fieldsOf(kind));
  return Object.entries(FAULT_OPTIONS)
    .filter(([, { field }]) => fields.has(field))
    .map(([option]) => option);
}

/**
 * What the API is asked for. The API itself looks at the values.
 *
 * @throws UsageError naming an option that the kind has not, that takes another value, or that says the same as another
 */
export function readFault(kind: FaultKind, given: Readonly<Record<string, string>>): Record<string, unknown> {
  const known = optionsOf(kind);
  const fault: Record<string, unknown> = { kind };
  const target: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(given)) {
    const option = FAULT_OPTIONS[name];
    if (option === undefined || !known.includes(name)) {
      throw new UsageError(
        `--${name}: ${kind} has no such option; it has ${known.map((one) => `--${one}`).join(', ')}`,
      );
    }
    const [first = '', part] = option.field.split('.');
    const [into, key] = part === undefined ? [fault, first] : [target, part];
    if (key in into) throw new UsageError(`--${name}: ${optionNames(option.field)} say the same: give one of them`);
    into[key] = option.read(name, text);
  }
  return Object.keys(target).length === 0 ? fault : { ...fault, target };
}

/** How the command line names a field, e.g. `--latency`; of `target.methods[0]` it is `--methods`. */
export function optionNames(field: string): string {
  const names = Object.entries(FAULT_OPTIONS).filter(([, option]) => option.field === field.replace(/\[\d+\]$/, ''));
  return names.length === 0 ? field : names.map(([name]) => `--${name}`).join(' and ');
}
