import { createWriteStream, renameSync } from 'node:fs';
import type { WriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '../../lib/clock.ts';

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
/** While a disk is so far behind, lines are kept in memory only. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024;

/** What the process of one container printed. */
export class ContainerLog {
  readonly path: string;
  readonly #options: ContainerLogOptions;
  readonly #lines: Line[] = [];
  readonly #readers = new Set<() => void>();
  #keptCharacters = 0;
  /** Index of the first kept line, counted from the start. */
  #firstKept = 0;
  #file: WriteStream;
  #fileBytes = 0;
  #ended = false;

  constructor(options: ContainerLogOptions) {
    this.path = options.path;
    this.#options = options;
    this.#file = openFile(options.path);
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
      for (const line of lines) this.#add(line);
      while (unfinished.length > MAX_LINE_CHARACTERS) {
        this.#add(unfinished.slice(0, MAX_LINE_CHARACTERS));
        unfinished = unfinished.slice(MAX_LINE_CHARACTERS);
      }
    };
    stream.on('data', (chunk: Buffer) => {
      take(decoder.write(chunk));
    });
    stream.once('close', () => {
      take(decoder.end());
      if (unfinished !== '') this.#add(unfinished);
    });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#file.end();
    this.#wakeReaders();
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

  #add(text: string): void {
    if (this.#ended) return;
    this.#writeFile(`${text}\n`);
    this.#lines.push({ text, atMs: this.#options.clock.nowMs() });
    this.#keptCharacters += text.length;
    while (this.#lines.length > this.#options.keptLines || this.#keptCharacters > MAX_KEPT_CHARACTERS) {
      this.#keptCharacters -= this.#lines.shift()?.text.length ?? 0;
      this.#firstKept += 1;
    }
    this.#options.onLine(text);
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

  #writeFile(text: string): void {
    if (this.#file.writableLength > MAX_UNWRITTEN_BYTES) return;
    this.#fileBytes += Buffer.byteLength(text);
    if (this.#fileBytes > this.#options.maxFileBytes) {
      this.#file.end();
      renameSync(this.path, `${this.path}.1`);
      this.#file = openFile(this.path);
      this.#fileBytes = Buffer.byteLength(text);
    }
    this.#file.write(text);
  }
}

function openFile(path: string): WriteStream {
  const file = createWriteStream(path, { flags: 'w' });
  // A full disk must not end the games: the newest lines are in memory too.
  file.on('error', () => {});
  return file;
}
