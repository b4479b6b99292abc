import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '../../lib/clock.ts';
import { LogFile } from './log-file.ts';

/** Which part of a log is read. */
export interface LogReadOptions {
  /** Go on with what is written later, until the container ends. */
  follow: boolean;
  /** Each line begins with when it was written. */
  timestamps?: boolean;
  /** Only the last lines. */
  tailLines?: number;
  /** Only what was written in the last seconds. */
  sinceSeconds?: number;
  /** Only what was written since; milliseconds since the Unix epoch. */
  sinceMs?: number;
  limitBytes?: number;
  /** Ends the reading. */
  signal?: AbortSignal;
}

export interface ContainerLogOptions {
  clock: Clock;
  path: string;
  /** Lines kept in memory. */
  keptLines: number;
  /** A file that grows beyond this is set aside once, as `PATH.1`. */
  maxFileBytes: number;
  onLine: (line: string) => void;
}

interface Line {
  text: string;
  atMs: number;
}

/** A longer line is kept as several. */
const MAX_LINE_CHARACTERS = 16 * 1024;
const MAX_KEPT_CHARACTERS = 1024 * 1024;

/** What the process of one container printed. */
export class ContainerLog {
  readonly path: string;
  readonly #options: ContainerLogOptions;
  readonly #lines: Line[] = [];
  readonly #file: LogFile;
  readonly #readers = new Set<() => void>();
  #keptCharacters = 0;
  /** Index of the first kept line, counted from the start. */
  #firstKept = 0;
  #ended = false;

  constructor(options: ContainerLogOptions) {
    this.path = options.path;
    this.#options = options;
    this.#file = new LogFile(options.path, options.maxFileBytes);
  }

  /** No more comes. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Keeps the lines of a stream; two streams of one process do not break each other's lines. */
  follow(stream: Readable): void {
    const decoder = new StringDecoder('utf8');
    let unfinished = '';
    const take = (text: string): void => {
      const lines = (unfinished + text).split('\n');
      unfinished = lines.pop() ?? '';
      while (unfinished.length > MAX_LINE_CHARACTERS) {
        lines.push(unfinished.slice(0, MAX_LINE_CHARACTERS));
        unfinished = unfinished.slice(MAX_LINE_CHARACTERS);
      }
      this.#add(lines);
    };
    stream.on('data', (chunk: Buffer) => {
      take(decoder.write(chunk));
    });
    stream.once('close', () => {
      take(decoder.end());
      if (unfinished !== '') this.#add([unfinished]);
    });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#file.close();
    this.#wakeReaders();
  }

  /** The last lines, without their ends. */
  lastLines(count: number): string[] {
    return this.#lines.slice(-count).map(({ text }) => text);
  }

  /** Lines with their ends. A reader that falls behind the kept lines misses some. */
  async *read(options: LogReadOptions): AsyncGenerator<string> {
    const { signal, timestamps = false, limitBytes = Infinity } = options;
    let next = this.#firstLineOf(options);
    let leftBytes = limitBytes;
    while (leftBytes > 0 && signal?.aborted !== true) {
      next = Math.max(next, this.#firstKept);
      const line = this.#lines[next - this.#firstKept];
      if (line !== undefined) {
        next += 1;
        const text = timestamps ? `${new Date(line.atMs).toISOString()} ${line.text}\n` : `${line.text}\n`;
        const bytes = Buffer.byteLength(text);
        yield bytes <= leftBytes ? text : Buffer.from(text).subarray(0, leftBytes).toString();
        leftBytes -= bytes;
      } else if (!options.follow || this.#ended) {
        return;
      } else {
        await this.#change(signal);
      }
    }
  }

  #firstLineOf({ tailLines, sinceSeconds, sinceMs }: LogReadOptions): number {
    const fromMs = sinceSeconds === undefined ? (sinceMs ?? 0) : this.#options.clock.nowMs() - sinceSeconds * 1000;
    const recent = this.#lines.findIndex(({ atMs }) => atMs >= fromMs);
    const first = recent === -1 ? this.#lines.length : recent;
    const tail = tailLines === undefined ? 0 : Math.max(0, this.#lines.length - tailLines);
    return this.#firstKept + Math.max(first, tail);
  }

  #add(lines: readonly string[]): void {
    if (this.#ended || lines.length === 0) return;
    this.#file.write(`${lines.join('\n')}\n`);
    const atMs = this.#options.clock.nowMs();
    for (const text of lines) {
      this.#lines.push({ text, atMs });
      this.#keptCharacters += text.length;
      this.#options.onLine(text);
    }
    while (this.#lines.length > this.#options.keptLines || this.#keptCharacters > MAX_KEPT_CHARACTERS) {
      this.#keptCharacters -= this.#lines.shift()?.text.length ?? 0;
      this.#firstKept += 1;
    }
    this.#wakeReaders();
  }

  #wakeReaders(): void {
    for (const wake of this.#readers) wake();
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#readers.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#readers.add(wake);
      signal?.addEventListener('abort', wake);
    });
  }
}
