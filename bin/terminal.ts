import { performance } from 'node:perf_hooks';
import type { Manifest } from './apply-manifests.ts';
import type { ChildReport } from './child-program.ts';

/** The notices' own is not among them. */
const NAME_COLOURS = [36, 32, 35, 34, 96, 92, 95, 94];
const NOTICE_COLOUR = 33;

/** What a command prints for people: its steps with the time since the process began, notices, and lines of GameServers. */
export class Terminal {
  readonly #stream: NodeJS.WriteStream;
  readonly #coloured: boolean;

  /** Colours are for terminals, and for those who did not ask to be spared (https://no-color.org). */
  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#coloured = stream.isTTY && (process.env['NO_COLOR'] ?? '') === '';
  }

  /** A step that is taken, or was. */
  say(line: string): void {
    const seconds = (performance.now() / 1000).toFixed(1).padStart(5);
    this.#stream.write(`${seconds} s  ${line}\n`);
  }

  print(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  /** Something that whoever started the command should look at. */
  notice(text: string): void {
    this.#stream.write(`${this.#paint(NOTICE_COLOUR, `! ${text}`)}\n`);
  }

  /** A line that a GameServer printed, behind its name, which has the same colour for each of its lines. */
  logLine(gameServer: string, line: string): void {
    let hash = 0;
    for (const character of gameServer) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
    const colour = NAME_COLOURS[hash % NAME_COLOURS.length] ?? NOTICE_COLOUR;
    this.#stream.write(`${this.#paint(colour, gameServer)} ${line}\n`);
  }

  #paint(colour: number, text: string): string {
    return this.#coloured ? `\u001B[${colour}m${text}\u001B[0m` : text;
  }
}

export function printReport(terminal: Terminal, report: ChildReport): void {
  if ('notice' in report) terminal.notice(report.notice);
  else terminal.logLine(report.gameServer, report.line);
}

/** Names what was not applied. */
export function passedOverLine(manifests: readonly Manifest[]): string {
  const names = manifests.map(({ file, object }) => `  ${object.kind} ${object.metadata.name} (${file})`);
  return ['passed over, local does not serve these kinds:', ...names].join('\n');
}
