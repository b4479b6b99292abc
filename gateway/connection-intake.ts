import type { Socket } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import type { ConnectionOrigin } from './connections.ts';
import type { ConnectionLimits } from './limits/connection-limits.ts';
import { RateLimiter } from './limits/rate-limiter.ts';
import type { NetworkCheck } from './networks.ts';
import { takeProxyHeader } from './proxy-protocol/proxied-socket.ts';

/** So many a second of those that are refused are told why; to tell one costs as much as to serve it, TLS and all. */
const TOLD_PER_SECOND = 20;
/**
 * So many of the others are held for a while before they are reset: who comes again as soon as it is refused comes less
 * often, and costs those who play less.
 */
const MAX_HELD = 1024;
/** At least, and twice that at most: those that came together are not to come again together. */
const HOLD_MS = 750;

export interface ConnectionIntakeOptions {
  clock: Clock;
  limits: ConnectionLimits;
  /** Whether a peer of this address begins with a PROXY header. */
  speaksProxyProtocol: NetworkCheck;
  /** A PROXY header must have come within this. */
  headerTimeoutMs: number;
  /**
   * Called with each connection that is taken, and with those that are to be told why they are not.
   * `release` is to be called when it is closed.
   */
  onTaken: (socket: Socket, origin: ConnectionOrigin, release: () => void) => void;
  /** Called for each connection that is reset without a word, with why. */
  onDropped: (reason: string) => void;
}

/** What stands before HTTP and TLS: finds out who a connection is from, and whether there is a place for it. */
export class ConnectionIntake {
  readonly #options: ConnectionIntakeOptions;
  readonly #telling: RateLimiter;
  #held = 0;

  constructor(options: ConnectionIntakeOptions) {
    this.#options = options;
    this.#telling = new RateLimiter({ clock: options.clock, perSecond: TOLD_PER_SECOND, burstSeconds: 1, maxKeys: 1 });
  }

  /** Takes a fresh connection. */
  take(socket: Socket): void {
    const peerAddress = socket.remoteAddress;
    if (peerAddress === undefined) socket.destroy();
    else if (this.#options.speaksProxyProtocol(peerAddress)) void this.#takeProxied(socket, peerAddress);
    else this.#admit(socket, peerAddress, peerAddress);
  }

  async #takeProxied(socket: Socket, peerAddress: string): Promise<void> {
    const onError = (): void => {
      socket.destroy();
    };
    socket.on('error', onError);
    try {
      const clientAddress = await takeProxyHeader(socket, this.#options.headerTimeoutMs);
      socket.removeListener('error', onError);
      this.#admit(socket, peerAddress, clientAddress ?? peerAddress);
    } catch {
      this.#drop(socket, 'proxy_header');
    }
  }

  #admit(socket: Socket, peerAddress: string, clientAddress: string): void {
    const { limits, onTaken } = this.#options;
    const admission = limits.admit(clientAddress);
    if (admission.fault === undefined) {
      onTaken(socket, { peerAddress, clientAddress }, admission.release);
      return;
    }
    const { fault } = admission;
    if (this.#telling.take('') > 0) this.#drop(socket, fault.code);
    else onTaken(socket, { peerAddress, clientAddress, refusal: fault }, () => {});
  }

  #drop(socket: Socket, reason: string): void {
    this.#options.onDropped(reason);
    if (this.#held >= MAX_HELD) {
      reset(socket);
      return;
    }
    this.#held += 1;
    socket.pause();
    socket.on('error', () => {
      // It is about to be reset anyhow.
      socket.destroy();
    });
    this.#options.clock.after(HOLD_MS * (1 + Math.random()), () => {
      this.#held -= 1;
      reset(socket);
    });
  }
}

/** Nothing of it stays with the system, as it would for a minute behind an end in good order. */
function reset(socket: Socket): void {
  socket.resetAndDestroy();
}
