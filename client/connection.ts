import { closeNameOf, CLOSE_CODES } from '../lib/close-codes.ts';
import type { CloseName } from '../lib/close-codes.ts';
import { fullJitterMs } from './backoff.ts';
import type { BackoffLimits } from './backoff.ts';
import { askWhyRefused } from './refusal.ts';
import { RegattaError } from './problem.ts';

/** How a connection came to its end; after it nothing more happens. */
export type ConnectionEnd =
  | { kind: 'closed'; code: number; closeName: CloseName | undefined }
  /** The upgrade was refused for a reason that does not pass. */
  | { kind: 'refused'; refusal: RegattaError }
  /** Each attempt the bounds allow has failed. */
  | { kind: 'unreachable'; refusal: RegattaError | undefined; closeName: CloseName | undefined }
  | { kind: 'aborted' };

export interface ConnectOptions {
  /** Called for each text message, in order. */
  onMessage: (text: string) => void;
  /** Called each time the connection stands; `isReturn` from the second time on. */
  onOpen?: (isReturn: boolean) => void;
  /** The connection broke; the next attempt follows. */
  onInterrupted?: (closeName: CloseName | undefined, nextInMs: number) => void;
  /** Ends the connection, whatever it is doing. */
  signal?: AbortSignal;
  /** Attempts in a row, without a connection that lasted, before it is given up. @default 10 */
  maxAttempts?: number;
  /** @default first at most 250 ms, never over 4000 ms */
  backoff?: BackoffLimits;
  /** An attempt that takes longer has failed. @default 8000 */
  connectTimeoutMs?: number;
  /** A connection that lasted this long makes the attempts count from none again. @default 5000 */
  lastingAfterMs?: number;
  /** Text that waits in the socket beyond this is not sent: a game wants the newest. @default 65536 */
  maxBufferedBytes?: number;
  random?: () => number;
}

/** Codes outside the table after which the same URL may work again: going away, lost without a word, internal error. */
const PASSING_CODES = new Set([1001, 1006, 1011, 1014]);

/** Whether the same URL may be tried again after this close code. */
export function mayReconnectAfter(code: number): boolean {
  const closeName = closeNameOf(code);
  return closeName === undefined ? PASSING_CODES.has(code) : CLOSE_CODES[closeName].mayReconnect;
}

/**
 * A WebSocket to a session that comes back by itself while the close code allows it, with exponential backoff and
 * full jitter, within bounds. The message handler may be called again after a pause; the game tells what was missed.
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
  #timer: ReturnType<typeof setTimeout> | undefined;
  #probe: AbortController | undefined;
  #openedAtMs: number | undefined;
  #refusal: RegattaError | undefined;
  #closeName: CloseName | undefined;

  /** Use `connect`. */
  constructor(wsUrl: string, options: ConnectOptions) {
    this.#wsUrl = wsUrl;
    this.#options = options;
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

  /** Sends a text message. False when there is no connection just now or too much waits: the message is dropped. */
  send(text: string): boolean {
    const socket = this.#socket;
    if (socket?.readyState !== 1 || socket.bufferedAmount > (this.#options.maxBufferedBytes ?? 65_536)) return false;
    socket.send(text);
    return true;
  }

  /** Tries at once instead of waiting out the pause: when the network is back, say. */
  retryNow(): void {
    if (this.#timer === undefined || this.#socket !== undefined || this.#isOver) return;
    clearTimeout(this.#timer);
    this.#attempt();
  }

  readonly #onAbort = (): void => {
    this.#finish({ kind: 'aborted' });
  };

  #attempt(): void {
    this.#openedAtMs = undefined;
    const socket = openSocket(this.#wsUrl);
    if (socket instanceof RegattaError) {
      this.#finish({ kind: 'refused', refusal: socket });
      return;
    }
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#onClose(socket, 1006), this.#options.connectTimeoutMs ?? 8000);
    socket.addEventListener('open', () => {
      if (socket !== this.#socket) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#openedAtMs = Date.now();
      this.#refusal = undefined;
      this.#openings += 1;
      this.#options.onOpen?.(this.#openings > 1);
    });
    socket.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (socket === this.#socket && typeof event.data === 'string') this.#options.onMessage(event.data);
    });
    socket.addEventListener('close', (event) => this.#onClose(socket, event.code));
  }

  #onClose(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    socket.close();
    const openedAtMs = this.#openedAtMs;
    if (openedAtMs === undefined) {
      void this.#askWhy();
      return;
    }
    this.#closeName = closeNameOf(code);
    if (!mayReconnectAfter(code)) {
      this.#finish({ kind: 'closed', code, closeName: this.#closeName });
      return;
    }
    if (Date.now() - openedAtMs >= (this.#options.lastingAfterMs ?? 5000)) this.#attempts = 0;
    this.#retryLater();
  }

  /** A browser does not tell why an upgrade failed; a GET of the same URL does. */
  async #askWhy(): Promise<void> {
    this.#probe = new AbortController();
    const refusal = await askWhyRefused(this.#wsUrl, this.#probe.signal);
    if (this.#isOver) return;
    this.#refusal = refusal;
    if (refusal !== undefined && !refusal.retryable) {
      this.#finish({ kind: 'refused', refusal });
      return;
    }
    this.#retryLater(refusal?.retryAfterMs);
  }

  #retryLater(atLeastMs = 0): void {
    const { maxAttempts = 10, backoff = { baseMs: 250, capMs: 4000 }, random = Math.random } = this.#options;
    this.#attempts += 1;
    if (this.#attempts >= maxAttempts) {
      this.#finish({ kind: 'unreachable', refusal: this.#refusal, closeName: this.#closeName });
      return;
    }
    const nextInMs = atLeastMs + fullJitterMs(this.#attempts - 1, backoff, random);
    this.#timer = setTimeout(() => this.#attempt(), nextInMs);
    this.#options.onInterrupted?.(this.#closeName, nextInMs);
  }

  #finish(end: ConnectionEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#probe?.abort();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(1000);
    this.#end(end);
  }
}

/** Connects to a session's `wsUrl`. Never throws: what goes wrong is in `ended`. */
export function connect(wsUrl: string, options: ConnectOptions): Connection {
  const connection = new Connection(wsUrl, options);
  connection.open();
  return connection;
}

function openSocket(wsUrl: string): WebSocket | RegattaError {
  try {
    return new WebSocket(wsUrl);
  } catch (cause) {
    const message = 'The URL is no WebSocket URL, or a secure page may not open it';
    return new RegattaError('unexpected_answer', message, { retryable: false, cause });
  }
}
