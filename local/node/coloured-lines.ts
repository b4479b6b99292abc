const COLOURS = [36, 32, 33, 35, 34, 96, 92, 93, 95, 94];

/** A line of a GameServer's log behind its name, which has the same colour for each of its lines. */
export function colouredLine(name: string, line: string): string {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return `\u001B[${COLOURS[hash % COLOURS.length] ?? 36}m${name}\u001B[0m ${line}\n`;
}
