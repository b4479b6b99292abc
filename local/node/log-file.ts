import { closeSync, openSync, renameSync, writeSync } from 'node:fs';

/**
 * A log on disk that is set aside once it is full, as `PATH.1`, and begun anew: it never takes more than twice its bound.
 *
 * Writes are done when `write` returns, so that a rename never meets a file that is not there yet. A disk that refuses ends
 * the log and nothing else.
 */
export class LogFile {
  readonly #path: string;
  readonly #maxBytes: number;
  #descriptor: number | undefined;
  #bytes = 0;

  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#attempt(() => {
      this.#descriptor = openSync(path, 'w');
    });
  }

  write(text: string): void {
    this.#attempt(() => {
      if (this.#descriptor === undefined) return;
      const bytes = Buffer.byteLength(text);
      if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) {
        closeSync(this.#descriptor);
        this.#descriptor = undefined;
        renameSync(this.#path, `${this.#path}.1`);
        this.#descriptor = openSync(this.#path, 'w');
        this.#bytes = 0;
      }
      writeSync(this.#descriptor, text);
      this.#bytes += bytes;
    });
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #attempt(act: () => void): void {
    try {
      act();
    } catch {
      // A full disk must not end the games: the newest lines are in memory too.
      this.close();
    }
  }
}
