import { UsageError } from './usage.ts';

/** A program that stands for an image, as `LOCAL_IMAGES` of local has it. */
export interface NamedProgram {
  command: string[];
  cwd: string;
  env: Record<string, string>;
}

const ASSIGNMENT = /^[A-Za-z_]\w*=/;

/**
 * Reads `IMAGE=PROGRAM ARGUMENTS…`. `NAME=value` words before the program are its environment, as in a shell.
 *
 * @param directory - where the program runs
 * @throws UsageError
 */
export function readCommand(text: string, directory: string): [image: string, program: NamedProgram] {
  const at = text.indexOf('=');
  const image = text.slice(0, Math.max(0, at)).trim();
  if (image === '') throw new UsageError(`--command '${text}': not IMAGE=PROGRAM, e.g. 'my-game:1=python3 game.py'`);
  const words = splitWords(text.slice(at + 1), `--command '${text}'`);
  const first = words.findIndex((word) => !ASSIGNMENT.test(word));
  if (first === -1) throw new UsageError(`--command '${text}': no program is named`);
  const env = Object.fromEntries(
    words.slice(0, first).map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  );
  return [image, { command: words.slice(first), cwd: directory, env }];
}

/**
 * Splits a line as a shell does, with quotes and backslashes; nothing else in it has a meaning.
 *
 * A backslash before anything but a blank, a quote or a backslash is itself: paths of Windows stay as they are.
 *
 * @throws UsageError when a quote does not end
 */
function splitWords(line: string, option: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    const next = line.charAt(at + 1);
    if (character === '\\' && quote !== "'" && /[\s"'\\]/.test(next)) {
      word = (word ?? '') + next;
      at += 1;
    } else if (quote === '' ? character === '"' || character === "'" : character === quote) {
      quote = quote === '' ? character : '';
      word ??= '';
    } else if (quote === '' && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quote !== '') throw new UsageError(`${option}: a quote (${quote}) does not end`);
  if (word !== undefined) words.push(word);
  return words;
}
