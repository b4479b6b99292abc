import { createWriteStream, mkdirSync, renameSync } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { join } from 'node:path';

/** What `kubectl logs` may ask for. */
export interface LogOptions {
  follow: boolean;
  tailLines?: number;
  /** Ends a log that is followed. */
  signal?: AbortSignal;
}

export interface PodLogsOptions {
  directory: string;
  /** Lines of each Pod kept in memory. */
  keptLines: number;
  /** A file that grows beyond this is set aside once, as `NAME.log.1`. */
  maxFileBytes: number;
  /** Logs of this many Pods that have ended are still there to be read. */
  keptEndedPods: number;
  /** Told every line as it comes, e.g. for one stream of all GameServers. */
  onLine?: (pod: string, line: string) => void;
}

const MAX_LINE_CHARACTERS = 64 * 1024;

/** Output of each Pod's process: the newest lines in memory, all of it (up to a bound) in files. */
export class PodLogs {
  readonly #options: PodLogsOptions;
  readonly #logs = new Map<string, PodLog>();

  constructor(options: PodLogsOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true });
  }

  /** Begins the log of a Pod; one of the same name before it is forgotten. */
  open(namespace: string, name: string): PodLog {
    const key = `${namespace}/${name}`;
    this.#logs.get(key)?.end();
    this.#logs.delete(key);
    this.#forgetOldest();
    const log = new PodLog(join(this.#options.directory, `${namespace}.${name}.log`), this.#options, (line) =>
      this.#options.onLine?.(name, line),
    );
    this.#logs.set(key, log);
    return log;
  }

  /** Lines with their ends; undefined when there is no log of this Pod. */
  read(namespace: string, name: string, options: LogOptions): AsyncIterable<string> | undefined {
    return this.#logs.get(`${namespace}/${name}`)?.read(options);
  }

  close(): void {
    for (const log of this.#logs.values()) log.end();
    this.#logs.clear();
  }

  #forgetOldest(): void {
    const ended = [...this.#logs].filter(([, log]) => log.ended);
    for (const [key] of ended.slice(0, Math.max(0, ended.length - this.#options.keptEndedPods))) this.#logs.delete(key);
  }
}

/** The log of one Pod. */
export class PodLog {
  readonly #path: string;
  readonly #options: PodLogsOptions;
  readonly #onLine: (line: string) => void;
  readonly #lines: string[] = [];
  readonly #followers = new Set<() => void>();
  #file: WriteStream;
  #fileBytes = 0;
  /** Index of the first kept line, counted from the Pod's start. */
  #firstKept = 0;
  #unfinished = '';
  ended = false;

  constructor(path: string, options: PodLogsOptions, onLine: (line: string) => void) {
    this.#path = path;
    this.#options = options;
    this.#onLine = onLine;
    this.#file = openFile(path);
  }

  write(chunk: Buffer): void {
    if (this.ended) return;
    this.#writeFile(chunk);
    const lines = (this.#unfinished + chunk.toString()).split('\n');
    this.#unfinished = (lines.pop() ?? '').slice(-MAX_LINE_CHARACTERS);
    for (const line of lines) this.#keep(line);
  }

  end(): void {
    if (this.ended) return;
    if (this.#unfinished !== '') this.#keep(this.#unfinished);
    this.#unfinished = '';
    this.ended = true;
    this.#file.end();
    for (const wake of this.#followers) wake();
  }

  async *read({ follow, tailLines, signal }: LogOptions): AsyncGenerator<string> {
    const kept = this.#lines.length;
    let next = this.#firstKept + (tailLines === undefined ? 0 : Math.max(0, kept - tailLines));
    for (;;) {
      next = Math.max(next, this.#firstKept);
      const line = this.#lines[next - this.#firstKept];
      if (line !== undefined) {
        next += 1;
        yield `${line}\n`;
      } else if (!follow || this.ended || signal?.aborted === true) {
        return;
      } else {
        await this.#change(signal);
      }
    }
  }

  #keep(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > this.#options.keptLines) {
      this.#lines.shift();
      this.#firstKept += 1;
    }
    this.#onLine(line);
    for (const wake of this.#followers) wake();
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#followers.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#followers.add(wake);
      signal?.addEventListener('abort', wake);
    });
  }

  #writeFile(chunk: Buffer): void {
    this.#fileBytes += chunk.length;
    if (this.#fileBytes > this.#options.maxFileBytes) {
      this.#file.end();
      renameSync(this.#path, `${this.#path}.1`);
      this.#file = openFile(this.#path);
      this.#fileBytes = chunk.length;
    }
    this.#file.write(chunk);
  }
}

function openFile(path: string): WriteStream {
  const file = createWriteStream(path, { flags: 'w' });
  // A full disk must not end the games: the lines are in memory too.
  file.on('error', () => {});
  return file;
}
