import type { RawData, WebSocket } from 'ws';
import type { Clock } from '../../lib/clock.ts';
import { CLOSE_CODES } from '../../lib/close-codes.ts';
import type { CloseName } from '../../lib/close-codes.ts';
import { ALIVE_MESSAGE, RESUME_SUBPROTOCOL } from '../../lib/resume-protocol.ts';
import type { KitConfig } from './kit-config.ts';

export interface ConnectionEvents {
  /** A text has come, before anybody looks at it: also one that comes too fast. */
  onReceived(): void;
  /** @returns whether the message made sense */
  onMessage(text: string): boolean;
  /** Once, when no more messages will come. */
  onClose(): void;
}

export type ConnectionBounds = Pick<
  KitConfig,
  'closeWaitMs' | 'pingIntervalMs' | 'maxQueuedBytes' | 'maxMessagesPerSecond' | 'maxBadMessages'
>;

/** One WebSocket of a player, held to its bounds. */
export class PlayerConnection {
  readonly #socket: WebSocket;
  readonly #events: ConnectionEvents;
  readonly #bounds: ConnectionBounds;
  readonly #clock: Clock;
  #isOpen = true;
  #hasAnsweredPing = true;
  #badMessages = 0;
  #messagesInWindow = 0;
  #windowStartedAtMs: number;
  #burstLeft = 0;
  #cancelPing: () => void = () => {};
  #cancelCut: () => void = () => {};

  constructor(socket: WebSocket, events: ConnectionEvents, bounds: ConnectionBounds, clock: Clock) {
    this.#socket = socket;
    this.#events = events;
    this.#bounds = bounds;
    this.#clock = clock;
    this.#windowStartedAtMs = clock.nowMs();
    socket.on('message', (data, isBinary) => {
      this.#receive(data, isBinary);
    });
    socket.on('pong', () => {
      this.#hasAnsweredPing = true;
    });
    // ws closes the connection itself after an error (too large, malformed, reset); without a listener the process ends.
    socket.on('error', () => {
      this.#finish();
    });
    socket.on('close', () => {
      this.#cancelCut();
      this.#finish();
    });
    this.#pingLater();
  }

  send(text: string): void {
    if (!this.#isOpen) return;
    if (this.#socket.bufferedAmount > this.#bounds.maxQueuedBytes) {
      this.close('too_slow');
      return;
    }
    this.#socket.send(text);
  }

  /** Sends what is not the game's. It is small and rare: it counts for no queue. */
  sendControl(text: string): void {
    if (this.#isOpen) this.#socket.send(text, { binary: true });
  }

  allowBurst(messages: number): void {
    this.#burstLeft = messages;
  }

  /** Says goodbye with a code of the table, and cuts the connection if that takes too long. */
  close(name: CloseName): void {
    if (!this.#isOpen) return;
    const { code, reason } = CLOSE_CODES[name];
    this.#socket.close(code, reason);
    this.#cancelCut = this.#clock.after(this.#bounds.closeWaitMs, () => {
      this.#socket.terminate();
    });
    this.#finish();
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (!this.#isOpen) return;
    if (!isBinary) this.#events.onReceived();
    const isGood = !isBinary && this.#isWithinRate() && this.#events.onMessage(textOf(data));
    if (isGood) return;
    this.#badMessages += 1;
    if (this.#badMessages > this.#bounds.maxBadMessages) this.close('bad_message');
  }

  #isWithinRate(): boolean {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#windowStartedAtMs >= 1000) {
      this.#windowStartedAtMs = nowMs;
      this.#messagesInWindow = 0;
    }
    this.#messagesInWindow += 1;
    if (this.#messagesInWindow <= this.#bounds.maxMessagesPerSecond) return true;
    this.#burstLeft -= 1;
    return this.#burstLeft >= 0;
  }

  #pingLater(): void {
    this.#cancelPing = this.#clock.after(this.#bounds.pingIntervalMs, () => {
      if (!this.#hasAnsweredPing) {
        this.#socket.terminate();
        return;
      }
      this.#hasAnsweredPing = false;
      this.#socket.ping();
      // Browsers show pings to nobody.
      if (this.#socket.protocol === RESUME_SUBPROTOCOL) this.sendControl(ALIVE_MESSAGE);
      this.#pingLater();
    });
  }

  #finish(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#cancelPing();
    this.#events.onClose();
  }
}

function textOf(data: RawData): string {
  // With the default binaryType ws hands out one Buffer for each message.
  return Buffer.isBuffer(data) ? data.toString('utf8') : '';
}
