import type { Choices } from './choices.ts';

type Container = unknown[] | Record<string, unknown>;

interface Place {
  container: Container;
  key: string | number;
}

const LONG = 'x'.repeat(70_000);

/** Values that are likely to be taken wrong. A function gives a new one each time. */
const ODD_VALUES: readonly (() => unknown)[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  0.5,
  1e21,
  -1e300,
  2 ** 31,
  2 ** 53,
  '',
  ' ',
  '0',
  '-1',
  '9223372036854775807',
  '99999999999999999999999999',
  'null',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '../../etc/passwd',
  'a\0b',
  '\ud800',
  '\u202e\u0000',
  'ÄÖ',
  '%s%n${x}{{y}}',
  "'; DROP TABLE x; --",
  'NaN',
  'Infinity',
  '2026-13-45T99:99:99Z',
  '100%',
  '-5%',
  'a.b/c/d',
  LONG,
]
  .map((value) => (): unknown => value)
  .concat([
    () => [],
    () => ({}),
    () => [null],
    () => [[]],
    () => [{}],
    () => ({ '': '' }),
    () => JSON.parse('{"__proto__":{"polluted":true}}') as unknown,
    () => ({ constructor: { prototype: { polluted: true } } }),
    () => ({ name: '__proto__', key: 'constructor' }),
    () => Array.from({ length: 3000 }, (_value, index) => index),
    () => nested(30),
    () => nested(250),
    () => nested(2000),
  ]);

const ODD_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'length',
  '',
  '.',
  'a/b',
  'a b',
  '$patch',
  '$retainKeys',
  '$deleteFromPrimitiveList/finalizers',
  'managedFields',
  'f:x',
  'k:{"name":"x"}',
  'ünï',
  '\0',
  'x'.repeat(400),
] as const;

/** Built from within, so that making it walks nothing. */
function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** The value with one to three changes, at any depth; the value itself stays as it is. */
export function mutateJson(choices: Choices, value: unknown): unknown {
  const holder: [unknown] = [structuredClone(value)];
  for (let count = 1 + choices.below(3); count > 0 && holder.length > 0; count -= 1) {
    mutateAt(choices, choices.of(placesIn(holder)));
  }
  return holder[0];
}

function placesIn(holder: [unknown]): Place[] {
  const places: Place[] = [];
  // A loop: a change before may have nested deeper than the stack.
  const open: Container[] = [holder];
  for (let container = open.pop(); container !== undefined && places.length < 5000; container = open.pop()) {
    const keys = Array.isArray(container) ? [...container.keys()].slice(0, 50) : Object.keys(container);
    for (const key of keys) {
      places.push({ container, key });
      const below: unknown = Reflect.get(container, key);
      if (typeof below === 'object' && below !== null) open.push(below as Container);
    }
  }
  return places;
}

function mutateAt(choices: Choices, { container, key }: Place): void {
  const value: unknown = Reflect.get(container, key);
  switch (choices.below(8)) {
    case 0:
      if (Array.isArray(container)) container.splice(Number(key), 1);
      else Reflect.deleteProperty(container, key);
      return;
    case 1:
      if (Array.isArray(container)) container.push(value);
      else define(container, choices.of(ODD_KEYS), value);
      return;
    case 2:
      Reflect.set(container, key, [value]);
      return;
    case 3:
      Reflect.set(container, key, { [choices.of(ODD_KEYS)]: value });
      return;
    case 4:
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        define(value as Record<string, unknown>, choices.of(ODD_KEYS), choices.of(ODD_VALUES)());
        return;
      }
      break;
    case 5:
      if (typeof value === 'string') {
        Reflect.set(container, key, mutateString(choices, value));
        return;
      }
      break;
    default:
  }
  Reflect.set(container, key, choices.of(ODD_VALUES)());
}

/** `__proto__` as a key of its own, as JSON.parse has it. */
function define(object: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true });
}

/** The text with a piece taken out, doubled or put in. */
export function mutateString(choices: Choices, text: string): string {
  const at = choices.below(text.length + 1);
  switch (choices.below(4)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text;
    case 2:
      return text.toUpperCase();
    default:
      return (
        text.slice(0, at) + choices.of(['/', '.', ' ', '\n', '\0', '%', ',', '=', '"', '\\', 'é', '-']) + text.slice(at)
      );
  }
}
