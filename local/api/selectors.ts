import { isLabelValue, isQualifiedName } from './object-names.ts';
import { badRequest } from './refusals.ts';

type Labels = Readonly<Record<string, string>>;

/** One condition on labels. */
export interface LabelRequirement {
  key: string;
  operator: '=' | '!=' | 'in' | 'notin' | 'exists' | '!' | '>' | '<';
  values: readonly string[];
}

/** A label selector, read once and used for many objects. */
export interface CompiledLabelSelector {
  requirements: readonly LabelRequirement[];
  matches(labels: Labels | undefined): boolean;
}

const MAX_SELECTOR_LENGTH = 16_384;
const MAX_CACHED_SELECTORS = 1024;
const cache = new Map<string, CompiledLabelSelector>();
const NO_LABELS: Labels = {};

/**
 * Reads a label selector in its query syntax, e.g. `a=b,c in (d,e),!f`. The empty one matches all.
 *
 * @throws StatusError 400
 */
export function compileLabelSelector(text: string): CompiledLabelSelector {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const requirements = parseLabelSelector(text);
  const compiled: CompiledLabelSelector = {
    requirements,
    matches: (labels) => requirements.every((requirement) => meets(requirement, labels ?? NO_LABELS)),
  };
  if (cache.size >= MAX_CACHED_SELECTORS) {
    const oldest = cache.keys().next();
    if (!oldest.done) cache.delete(oldest.value);
  }
  cache.set(text, compiled);
  return compiled;
}

function meets(requirement: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.operator) {
    case '=':
    case 'in':
      return value !== undefined && requirement.values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !requirement.values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case '>':
      return value !== undefined && /^-?\d+$/.test(value) && Number(value) > Number(requirement.values[0]);
    case '<':
      return value !== undefined && /^-?\d+$/.test(value) && Number(value) < Number(requirement.values[0]);
  }
}

/** The selector in its query syntax; reading it gives the same requirements. */
export function formatLabelSelector(requirements: readonly LabelRequirement[]): string {
  return requirements
    .map(({ key, operator, values }) => {
      if (operator === 'exists') return key;
      if (operator === '!') return `!${key}`;
      if (operator === 'in' || operator === 'notin') return `${key} ${operator} (${values.join(',')})`;
      return `${key}${operator}${values[0] ?? ''}`;
    })
    .join(',');
}

const TOKEN = /\s*(==|!=|=|!|>|<|\(|\)|,|[^\s=!<>(),]+)/y;

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const trimmed = text.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < trimmed.length) {
    const match = TOKEN.exec(trimmed);
    if (match === null) throw badRequest('unable to parse the label selector');
    tokens.push(match[1] ?? '');
  }
  return tokens;
}

/**
 * The requirements of a label selector.
 *
 * @throws StatusError 400
 */
export function parseLabelSelector(text: string): LabelRequirement[] {
  if (text.length > MAX_SELECTOR_LENGTH) throw badRequest('the label selector is too long');
  const tokens = tokenize(text);
  const requirements: LabelRequirement[] = [];
  let at = 0;
  while (at < tokens.length) {
    const [requirement, next] = parseRequirement(tokens, at);
    requirements.push(requirement);
    at = next;
    if (at === tokens.length) break;
    if (tokens[at] !== ',') throw unexpected(tokens[at], "',' or the end");
    at += 1;
    if (at === tokens.length) throw unexpected(undefined, 'a label key');
  }
  return requirements;
}

function parseRequirement(tokens: readonly string[], start: number): [LabelRequirement, number] {
  if (tokens[start] === '!') {
    return [{ key: parseKey(tokens[start + 1]), operator: '!', values: [] }, start + 2];
  }
  const key = parseKey(tokens[start]);
  const operator = tokens[start + 1];
  switch (operator) {
    case undefined:
    case ',':
      return [{ key, operator: 'exists', values: [] }, start + 1];
    case '=':
    case '==':
    case '!=': {
      const [value, next] = parseExactValue(tokens, start + 2);
      return [{ key, operator: operator === '!=' ? '!=' : '=', values: [value] }, next];
    }
    case '>':
    case '<': {
      const value = tokens[start + 2] ?? '';
      if (!/^\d+$/.test(value)) throw unexpected(value, `an integer after '${operator}'`);
      return [{ key, operator, values: [value] }, start + 3];
    }
    case 'in':
    case 'notin': {
      const [values, next] = parseValueSet(tokens, start + 2);
      return [{ key, operator, values }, next];
    }
    default:
      throw unexpected(operator, "in, notin, =, ==, !=, '>' or '<'");
  }
}

function parseKey(token: string | undefined): string {
  if (token === undefined || !isQualifiedName(token)) throw unexpected(token, 'a label key');
  return token;
}

function parseExactValue(tokens: readonly string[], at: number): [string, number] {
  const token = tokens[at];
  if (token === undefined || token === ',') return ['', at];
  if (!isLabelValue(token)) throw unexpected(token, 'a label value');
  return [token, at + 1];
}

function parseValueSet(tokens: readonly string[], start: number): [string[], number] {
  if (tokens[start] !== '(') throw unexpected(tokens[start], "'('");
  const values: string[] = [];
  let at = start + 1;
  for (;;) {
    const token = tokens[at];
    if (token === ')' || token === ',') {
      values.push('');
    } else {
      if (token === undefined || !isLabelValue(token)) throw unexpected(token, 'a label value');
      values.push(token);
      at += 1;
    }
    if (tokens[at] === ')') return [[...new Set(values)].toSorted(), at + 1];
    if (tokens[at] !== ',') throw unexpected(tokens[at], "',' or ')'");
    at += 1;
  }
}

function unexpected(found: string | undefined, wanted: string) {
  return badRequest(`unable to parse the label selector: found '${found ?? ''}', expected ${wanted}`);
}

/** One condition on fields of the object. */
export interface FieldRequirement {
  field: string;
  operator: '=' | '!=';
  value: string;
}

/**
 * Reads a field selector, e.g. `metadata.name=a,status.phase!=b`; `\` before `,`, `=` or `\` takes them literally.
 *
 * @throws StatusError 400. Whether the fields exist is not looked at
 */
export function parseFieldSelector(text: string): FieldRequirement[] {
  if (text.length > MAX_SELECTOR_LENGTH) throw badRequest('the field selector is too long');
  if (/(?:^|[^\\])(?:\\\\)*\\$/.test(text)) throw badRequest(`invalid selector: '${text}' ends within an escape`);
  const terms = text.match(/(?:\\.|[^,\\])+/gs) ?? [];
  return terms.map((term) => {
    const match = /^((?:\\.|[^=!\\])+)(==|!=|=)((?:\\[\\,=]|[^\\=])*)$/s.exec(term.trim());
    if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    const [, field = '', operator, value = ''] = match;
    return { field, operator: operator === '!=' ? '!=' : '=', value: value.replace(/\\(.)/gs, '$1') };
  });
}
