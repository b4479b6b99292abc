import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { ConnectionOrigin } from '../connections.ts';
import { emptyTally } from '../tally.ts';
import type { TallySnapshot } from '../tally.ts';
import type { FromWorker, ToWorker } from './messages.ts';

/** One worker as its supervisor sees it: a process, and the connections that were given to it. */
export class Worker {
  readonly number: number;
  /** Resolves with its exit code, null when a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly #process: ChildProcess;
  readonly #releases = new Map<number, () => void>();
  readonly #becameReady: Promise<boolean>;
  #sayReady: () => void = () => {};
  #nextConnection = 1;
  #isReady = false;
  #tally = emptyTally();
  #certificateExpiresAtMs: number | undefined;

  constructor(number: number, child: ChildProcess) {
    this.number = number;
    this.#process = child;
    this.exited = endOf(child);
    this.#becameReady = Promise.race([
      new Promise<boolean>((resolve) => {
        this.#sayReady = () => {
          resolve(true);
        };
      }),
      this.exited.then(() => false),
    ]);
    child.on('message', (message) => {
      // Only our own program is started.
      this.#receive(message as FromWorker);
    });
    void this.exited.then(() => {
      this.#isReady = false;
      for (const release of this.#releases.values()) release();
      this.#releases.clear();
    });
  }

  /** It takes connections. */
  get isReady(): boolean {
    return this.#isReady && this.#process.connected;
  }

  /** Connections it was given and has not said to be closed. */
  get connections(): number {
    return this.#releases.size;
  }

  /** What it said last. */
  get tally(): TallySnapshot {
    return this.#tally;
  }

  get certificateExpiresAtMs(): number | undefined {
    return this.#certificateExpiresAtMs;
  }

  /** @returns whether it became ready, rather than to end before */
  ready(): Promise<boolean> {
    return this.#becameReady;
  }

  /** Gives it a connection of which nothing was read. `release` is called when that has ended, however it does. */
  give(socket: Socket, origin: ConnectionOrigin | undefined, release: () => void): void {
    const connection = this.#nextConnection;
    this.#nextConnection += 1;
    this.#releases.set(connection, release);
    this.#send({ take: connection, origin }, socket);
  }

  /** Asks it to end in good order. */
  drain(): void {
    if (this.#process.connected) this.#send({ drain: true });
  }

  #send(message: ToWorker, socket?: Socket): void {
    this.#process.send(message, socket, {}, (error) => {
      if (error !== null) socket?.destroy();
    });
  }

  #receive(message: FromWorker): void {
    if ('closed' in message) {
      for (const connection of message.closed) this.#release(connection);
      return;
    }
    if ('leaving' in message) {
      this.#isReady = false;
      return;
    }
    this.#certificateExpiresAtMs = message.certificateExpiresAtMs;
    if ('tally' in message) {
      this.#tally = message.tally;
      return;
    }
    this.#isReady = true;
    this.#sayReady();
  }

  #release(connection: number): void {
    this.#releases.get(connection)?.();
    this.#releases.delete(connection);
  }
}

/** Resolves with the exit code of a process, or null when a signal ended it or it could not be started. */
function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('exit', (code) => {
      resolve(code);
    });
    child.on('error', () => {
      // Of a message that could not be sent the end of the process tells.
      if (child.pid === undefined) resolve(null);
    });
  });
}
