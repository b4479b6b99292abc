import { closeNameOf, mayReconnectAfter } from '../lib/close-codes.ts';
import type { CloseName } from '../lib/close-codes.ts';
import { parseSeatMessage, RESUME_SUBPROTOCOL } from '../lib/resume-protocol.ts';
import type { SeatMessage } from '../lib/resume-protocol.ts';
import { fullJitterMs } from './backoff.ts';
import type { BackoffLimits } from './backoff.ts';
import { askWhyRefused } from './refusal.ts';
import { RegattaError } from './problem.ts';
import { SeatStream } from './seat-stream.ts';

/** How a connection came to its end; after it nothing more happens. */
export type ConnectionEnd =
  | { kind: 'closed'; code: number; closeName: CloseName | undefined }
  /** The upgrade was refused for a reason that does not pass. */
  | { kind: 'refused'; refusal: RegattaError }
  /** Each attempt the bounds allow has failed. */
  | { kind: 'unreachable'; refusal: RegattaError | undefined; closeName: CloseName | undefined }
  | { kind: 'aborted' };

export interface ConnectOptions {
  /** Called for each text message, in order, and once for each. */
  onMessage: (text: string) => void;
  /** Called each time the connection stands; `isReturn` from the second time on. */
  onOpen?: (isReturn: boolean) => void;
  /** The connection broke; the next attempt follows. */
  onInterrupted?: (closeName: CloseName | undefined, nextInMs: number) => void;
  /**
   * Messages were lost in a return, after those before it: so many to this player, and so many of this player's own.
   * Infinity where nobody knows: the seat had been given up and was taken anew. A game says hello again then.
   */
  onGap?: (missed: number, unsent: number) => void;
  /** Ends the connection, whatever it is doing. */
  signal?: AbortSignal;
  /** Attempts in a row, without a connection that lasted, before it is given up. @default 30: about a minute */
  maxAttempts?: number;
  /** @default first at most 250 ms, never over 4000 ms */
  backoff?: BackoffLimits;
  /** An attempt that takes longer has failed. @default 8000 */
  connectTimeoutMs?: number;
  /** A connection that lasted this long makes the attempts count from none again. @default 5000 */
  lastingAfterMs?: number;
  /**
   * Goes on after a return where the messages broke off, with game servers that can. False for one that is known not to:
   * that spares two attempts.
   *
   * @default true
   */
  isResumable?: boolean;
  /** The last messages sent are kept for a return: so many, and so large, at most. @default 256, 65536 */
  maxKeptMessages?: number;
  maxKeptBytes?: number;
  /** Text that waits in the socket beyond this is not sent: a game wants the newest. @default 65536 */
  maxBufferedBytes?: number;
  random?: () => number;
}

/** A server that has not said by then where the streams stand does not know of them. */
const SEAT_TIMEOUT_MS = 3000;
/** An attempt that was given up may get through for so long yet, and take the seat from the one that followed it. */
const GIVEN_UP_MS = 15_000;

/**
 * A WebSocket to a session that comes back by itself while the close code allows it, with exponential backoff and
 * full jitter, within bounds.
 *
 * With a game server that can, it goes on where it was: each message arrives once, either way, or `onGap` tells of those
 * that do not. With others what was said meanwhile is lost, and the game tells what matters.
 */
export class Connection {
  /** Resolves once, never rejects. */
  readonly ended: Promise<ConnectionEnd>;
  readonly #wsUrl: string;
  readonly #options: ConnectOptions;
  #end: (end: ConnectionEnd) => void = () => undefined;
  #isOver = false;
  #attempts = 0;
  #openings = 0;
  #socket: WebSocket | undefined;
  /** The socket stands and both sides know where the streams do. */
  #isSettled = false;
  #stream: SeatStream | undefined;
  #heardAtMs = 0;
  #gaveUpAtMs = -Infinity;
  #offersResume: boolean;
  #failedOffers = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #probe: AbortController | undefined;
  #openedAtMs: number | undefined;
  #refusal: RegattaError | undefined;
  #closeName: CloseName | undefined;

  /** Use `connect`. */
  constructor(wsUrl: string, options: ConnectOptions) {
    this.#wsUrl = wsUrl;
    this.#options = options;
    this.#offersResume = options.isResumable ?? true;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Begins; called once, by `connect`. */
  open(): void {
    const { signal } = this.#options;
    if (signal?.aborted === true) {
      this.#finish({ kind: 'aborted' });
      return;
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#attempt();
  }

  /**
   * Sends a text message, or keeps it for the return of a connection that goes on where it was.
   *
   * @returns false when it was dropped: too much waits already, or there is no connection
   */
  send(text: string): boolean {
    const socket = this.#isSettled && this.#socket?.readyState === 1 ? this.#socket : undefined;
    const isFull = (socket?.bufferedAmount ?? 0) > (this.#options.maxBufferedBytes ?? 65_536);
    if (this.#isOver || isFull || (socket ?? this.#stream) === undefined) return false;
    this.#stream?.keep(text);
    socket?.send(text);
    return true;
  }

  /** Tries at once instead of waiting out a pause or an attempt under way: when the network is back, say. */
  retryNow(): void {
    if (this.#timer === undefined || (this.#openedAtMs !== undefined && this.#socket !== undefined)) return;
    this.#giveUpAttempt();
    this.#attempt();
  }

  readonly #onAbort = (): void => {
    this.#finish({ kind: 'aborted' });
  };

  get #url(): string {
    return this.#stream?.returnUrl(this.#wsUrl) ?? this.#wsUrl;
  }

  #attempt(): void {
    this.#openedAtMs = undefined;
    const socket = openSocket(this.#url, this.#offersResume ? [RESUME_SUBPROTOCOL] : []);
    if (socket instanceof RegattaError) {
      this.#finish({ kind: 'refused', refusal: socket });
      return;
    }
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#startTimer(this.#options.connectTimeoutMs ?? 8000, () => {
      this.#giveUpAttempt();
      void this.#askWhy();
    });
    socket.addEventListener('open', () => {
      if (socket === this.#socket) this.#onOpen(socket);
    });
    socket.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (socket === this.#socket) this.#onFrame(socket, event.data);
    });
    socket.addEventListener('close', (event) => this.#onClose(socket, event.code));
  }

  #onOpen(socket: WebSocket): void {
    this.#openedAtMs = Date.now();
    if (socket.protocol !== RESUME_SUBPROTOCOL) this.#settleWithoutStream();
    else this.#startTimer(SEAT_TIMEOUT_MS, () => this.#settleWithoutStream());
  }

  #onFrame(socket: WebSocket, data: unknown): void {
    this.#heardAtMs = Date.now();
    if (typeof data !== 'string') {
      const seat = data instanceof ArrayBuffer ? parseSeatMessage(new TextDecoder().decode(data)) : undefined;
      if (seat !== undefined && !this.#isSettled) this.#settleOnSeat(socket, seat);
      return;
    }
    // Some servers choose whatever is offered: this one's first word shows that it does not know what it chose.
    if (!this.#isSettled) this.#settleWithoutStream();
    this.#stream?.noteReceived();
    if (!this.#isOver) this.#options.onMessage(data);
  }

  #settleOnSeat(socket: WebSocket, seat: SeatMessage): void {
    const { maxKeptMessages: maxMessages = 256, maxKeptBytes: maxBytes = 65_536 } = this.#options;
    const before = this.#stream;
    const continued = before?.continueWith(seat);
    if (continued === undefined) this.#stream = new SeatStream(seat, { maxMessages, maxBytes });
    // Before anything that is sent from now on, the callbacks' own messages included.
    for (const text of continued?.texts ?? []) socket.send(text);
    this.#settle();
    if (socket === this.#socket) this.#watchSilence(socket, seat.silenceMs);
    if (before === undefined || this.#isOver) return;
    const { missed, unsent } = continued ?? { missed: Infinity, unsent: Infinity };
    if (missed + unsent > 0) this.#options.onGap?.(missed, unsent);
  }

  #settleWithoutStream(): void {
    const before = this.#stream;
    this.#stream = undefined;
    this.#settle();
    if (before !== undefined && !this.#isOver) this.#options.onGap?.(Infinity, Infinity);
  }

  #settle(): void {
    this.#stopTimer();
    this.#isSettled = true;
    this.#refusal = undefined;
    this.#openings += 1;
    this.#options.onOpen?.(this.#openings > 1);
  }

  /** A network that went away closes nothing, and a client that only listens would wait for ever. */
  #watchSilence(socket: WebSocket, silenceMs: number): void {
    const leftMs = this.#heardAtMs + silenceMs - Date.now();
    if (leftMs <= 0) this.#onClose(socket, 1006);
    else this.#startTimer(leftMs, () => this.#watchSilence(socket, silenceMs));
  }

  #onClose(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#isSettled = false;
    this.#stopTimer();
    socket.close();
    const openedAtMs = this.#openedAtMs;
    if (openedAtMs === undefined) {
      void this.#askWhy();
      return;
    }
    this.#closeName = closeNameOf(code);
    if (!mayReconnectAfter(code) && !this.#tookOverItself()) {
      this.#finish({ kind: 'closed', code, closeName: this.#closeName });
      return;
    }
    if (Date.now() - openedAtMs >= (this.#options.lastingAfterMs ?? 5000)) this.#attempts = 0;
    this.#retryLater();
  }

  #giveUpAttempt(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    this.#gaveUpAtMs = Date.now();
    socket.close();
  }

  /** Whether an attempt of its own may have taken the seat: once, so that it does not go on against another tab. */
  #tookOverItself(): boolean {
    const mayBe = this.#closeName === 'seat_taken_over' && Date.now() - this.#gaveUpAtMs < GIVEN_UP_MS;
    this.#gaveUpAtMs = -Infinity;
    return mayBe;
  }

  /** A browser does not tell why an upgrade failed; a GET of the same URL does. */
  async #askWhy(): Promise<void> {
    this.#probe = new AbortController();
    const refusal = await askWhyRefused(this.#url, this.#probe.signal);
    if (this.#isOver) return;
    this.#refusal = refusal;
    if (refusal !== undefined && !refusal.retryable) {
      this.#finish({ kind: 'refused', refusal });
      return;
    }
    if (refusal === undefined && this.#doubtsOffer()) this.#attempt();
    else this.#retryLater(refusal?.retryAfterMs);
  }

  /**
   * Browsers take it for a failure when a server chooses none of what is offered, and do not say so. Once may be chance,
   * and without the subprotocol a game cannot go on after a return: the next attempt offers it again, the one after not.
   *
   * @returns whether there is such an attempt left
   */
  #doubtsOffer(): boolean {
    if (this.#stream !== undefined || this.#options.isResumable === false) return false;
    this.#failedOffers = (this.#failedOffers + 1) % 3;
    this.#offersResume = this.#failedOffers < 2;
    return this.#failedOffers > 0;
  }

  #retryLater(atLeastMs = 0): void {
    const { maxAttempts = 30, backoff = { baseMs: 250, capMs: 4000 }, random = Math.random } = this.#options;
    this.#attempts += 1;
    if (this.#attempts >= maxAttempts) {
      this.#finish({ kind: 'unreachable', refusal: this.#refusal, closeName: this.#closeName });
      return;
    }
    const nextInMs = atLeastMs + fullJitterMs(this.#attempts - 1, backoff, random);
    this.#startTimer(nextInMs, () => this.#attempt());
    this.#options.onInterrupted?.(this.#closeName, nextInMs);
  }

  #finish(end: ConnectionEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimer();
    this.#probe?.abort();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(1000);
    this.#end(end);
  }

  #startTimer(delayMs: number, callback: () => void): void {
    this.#stopTimer();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      callback();
    }, delayMs);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Connects to a session's `wsUrl`. Never throws: what goes wrong is in `ended`. */
export function connect(wsUrl: string, options: ConnectOptions): Connection {
  const connection = new Connection(wsUrl, options);
  connection.open();
  return connection;
}

function openSocket(wsUrl: string, protocols: string[]): WebSocket | RegattaError {
  try {
    return new WebSocket(wsUrl, protocols);
  } catch (cause) {
    const message = 'The URL is no WebSocket URL, or a secure page may not open it';
    return new RegattaError('unexpected_answer', message, { retryable: false, cause });
  }
}
