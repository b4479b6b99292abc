/** A JSON value within a longer text. */
export interface JsonValueInText {
  value: unknown;
  /** Names that the value, an object, has more than once: `JSON.parse` takes the last of each. */
  repeated: ReadonlySet<string>;
}

/** The text holds no JSON where a value should be. */
export class JsonTextError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonTextError';
  }
}

/**
 * The JSON values of a text one after the other, white space between them passed over. A value is read when it is asked
 * for: what follows is not looked at before.
 *
 * Source: Go's `encoding/json.Decoder`, by which Agones' gateway reads bodies.
 *
 * @throws JsonTextError
 */
export function* readJsonValues(text: string): Generator<JsonValueInText> {
  for (let start = skipSpace(text, 0); start < text.length;) {
    const { end, repeated } = measureValue(text, start);
    yield { value: parse(text.slice(start, end)), repeated };
    start = skipSpace(text, end);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new JsonTextError('invalid JSON');
  }
}

/** Where a value ends, and which of its own fields it repeats if it is an object. */
function measureValue(text: string, start: number): { end: number; repeated: Set<string> } {
  const names = new Set<string>();
  const repeated = new Set<string>();
  let depth = 0;
  let at = start;
  do {
    const character = text.charAt(at);
    if (character === '') throw new JsonTextError('unexpected EOF');
    if (character === '"') {
      const end = endOfString(text, at);
      if (depth === 1 && text.charAt(skipSpace(text, end)) === ':') {
        const name = String(parse(text.slice(at, end)));
        if (names.has(name)) repeated.add(name);
        names.add(name);
      }
      at = end;
    } else if (depth === 0 && !OPENING.includes(character)) {
      at = endOfWord(text, at);
    } else {
      if (OPENING.includes(character)) depth += 1;
      if (CLOSING.includes(character)) depth -= 1;
      at += 1;
    }
  } while (depth > 0);
  return { end: at, repeated };
}

const SPACE = ' \t\r\n';
const OPENING = '{[';
const CLOSING = '}]';
const ENDS_WORD = `${SPACE}${OPENING}${CLOSING},:"`;

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && SPACE.includes(text.charAt(at))) at += 1;
  return at;
}

function endOfString(text: string, quote: number): number {
  for (let at = quote + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') return at + 1;
    if (character === '\\') at += 1;
  }
  throw new JsonTextError('unexpected EOF');
}

/** A number, `true`, `null` or nonsense. */
function endOfWord(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && !ENDS_WORD.includes(text.charAt(at))) at += 1;
  return at;
}
