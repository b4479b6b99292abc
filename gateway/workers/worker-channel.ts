import { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import type { RunningGateway } from '../start-gateway.ts';
import type { FromWorker, ToWorker } from './messages.ts';

/** Connections that have ended are told together. */
const TELL_CLOSED_MS = 20;
const TELL_TALLY_MS = 1000;

export interface WorkerChannelOptions {
  running: RunningGateway;
  clock: Clock;
  send: (message: FromWorker) => void;
  /** The supervisor wants this worker to end. */
  onDrain: () => void;
}

/** A worker's end of the channel to its supervisor: takes connections, and tells what became of them. */
export class WorkerChannel {
  readonly #options: WorkerChannelOptions;
  #closed: number[] = [];
  #cancelTally: (() => void) | undefined;

  constructor(options: WorkerChannelOptions) {
    this.#options = options;
  }

  /** Says that the worker takes connections. */
  open(): void {
    const { running, send } = this.#options;
    send({ ready: true, certificateExpiresAtMs: running.certificateExpiresAtMs() });
    this.#tellTallyLater();
  }

  /** Takes a message, and the socket that came with it. */
  receive(message: ToWorker, socket: unknown): void {
    if ('drain' in message) {
      this.#options.onDrain();
      return;
    }
    if (!(socket instanceof Socket)) {
      this.#tellClosed(message.take);
      return;
    }
    socket.once('close', () => {
      this.#tellClosed(message.take);
    });
    // Neither is kept when a socket goes from one process to another.
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    const { gateway } = this.#options.running;
    if (message.origin === undefined) gateway.take(socket);
    else gateway.takeAdmitted(socket, message.origin);
  }

  /** Says that the worker takes no more connections. */
  leave(): void {
    this.#options.send({ leaving: true });
  }

  /** Tells what was not told yet, for the last time. */
  close(): void {
    this.#cancelTally?.();
    this.#flushClosed();
    this.#tellTally();
  }

  #tellClosed(connection: number): void {
    if (this.#closed.length === 0) {
      this.#options.clock.after(TELL_CLOSED_MS, () => {
        this.#flushClosed();
      });
    }
    this.#closed.push(connection);
  }

  #flushClosed(): void {
    if (this.#closed.length > 0) this.#options.send({ closed: this.#closed });
    this.#closed = [];
  }

  #tellTally(): void {
    const { running, send } = this.#options;
    send({ tally: running.gateway.tally(), certificateExpiresAtMs: running.certificateExpiresAtMs() });
  }

  #tellTallyLater(): void {
    this.#cancelTally = this.#options.clock.after(TELL_TALLY_MS, () => {
      this.#tellTally();
      this.#tellTallyLater();
    });
  }
}
