import { connect } from '../../../client/connection.ts';
import type { Connection, ConnectionEnd } from '../../../client/connection.ts';

/** A return of one player. */
export interface Return {
  atMs: number;
  afterMs: number;
}

/** One player of the counting game: sends numbers from 1 on, and counts those of the game. */
export class CountingPlayer {
  readonly playerId: string;
  readonly returns: Return[] = [];
  sent = 0;
  /** The game's numbers, in order and each once, up to this. */
  received = 0;
  doubled = 0;
  lost = 0;
  /** Messages that the client was told are lost, either way. */
  told = 0;
  end: ConnectionEnd | undefined;
  readonly #connection: Connection;
  #isOpen = false;
  #lostAtMs: number | undefined;

  constructor(playerId: string, wsUrl: string, signal: AbortSignal) {
    this.playerId = playerId;
    this.#connection = connect(wsUrl, {
      signal,
      onOpen: () => {
        this.#noteOpen();
      },
      onInterrupted: () => {
        this.#lostAtMs ??= performance.now();
      },
      onGap: (missed, unsent) => (this.told += missed + unsent),
      onMessage: (text) => {
        this.#count(Number(text));
      },
    });
    void this.#connection.ended.then((end) => (this.end = end));
  }

  /** Whether it ever was in the game. */
  get hasJoined(): boolean {
    return this.#isOpen;
  }

  /** Since when it has been away, if it is. */
  get lostAtMs(): number | undefined {
    return this.#lostAtMs;
  }

  sendNext(): void {
    if (this.#connection.send(String(this.sent + 1))) this.sent += 1;
  }

  #noteOpen(): void {
    this.#isOpen = true;
    if (this.#lostAtMs === undefined) return;
    const atMs = performance.now();
    this.returns.push({ atMs, afterMs: atMs - this.#lostAtMs });
    this.#lostAtMs = undefined;
  }

  #count(number: number): void {
    if (number <= this.received) {
      this.doubled += 1;
      return;
    }
    this.lost += number - this.received - 1;
    this.received = number;
  }
}
