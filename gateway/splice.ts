import type { Socket } from 'node:net';
import { CLOSE_CODES } from '../lib/close-codes.ts';
import { closeFrameForClient, closeFrameForGameServer } from './close-frame.ts';
import { FrameBoundaryTracker } from './frame-boundary.ts';
import { ByteAllowance } from './limits/byte-allowance.ts';

export interface SpliceOptions {
  /** After one side has ended, the other has this long to end too. */
  lingerMs: number;
  /** A side that takes no byte for this long while bytes wait for it is cut off. */
  stallMs: number;
  /** What may come from the client, and from the GameServer; who sends more is read no further for a while. */
  clientBytesPerSecond: number;
  gameServerBytesPerSecond: number;
  /** Both sockets are closed. */
  onClosed: () => void;
}

/**
 * One player's connection after the upgrade: bytes from each socket to the other as they come, never more in memory
 * than the sockets' own buffers and one chunk.
 *
 * Frames are followed by their headers only, for two cases: a GameServer that goes without a Close frame, of which the
 * client is told with 4007; and a gateway that goes, which tells both sides 1012. Both sockets must have a listener for
 * errors already.
 */
export class Splice {
  readonly #client: Socket;
  readonly #gameServer: Socket;
  readonly #options: SpliceOptions;
  readonly #toClient: OneWay;
  readonly #toGameServer: OneWay;
  #linger: NodeJS.Timeout | undefined;
  #openSockets = 2;

  constructor(client: Socket, gameServer: Socket, options: SpliceOptions) {
    this.#client = client;
    this.#gameServer = gameServer;
    this.#options = options;
    this.#toClient = new OneWay(gameServer, client, options.stallMs, options.gameServerBytesPerSecond);
    this.#toGameServer = new OneWay(client, gameServer, options.stallMs, options.clientBytesPerSecond);
  }

  /** Bytes passed on so far. */
  get passedBytes(): { toClient: number; toGameServer: number } {
    return { toClient: this.#toClient.passedBytes, toGameServer: this.#toGameServer.passedBytes };
  }

  /** Begins. The heads are what was read behind the handshake of each side already. */
  start(clientHead: Buffer, gameServerHead: Buffer): void {
    if (gameServerHead.length > 0) this.#toClient.forward(gameServerHead);
    if (clientHead.length > 0) this.#toGameServer.forward(clientHead);
    // Thousands of players are idle most of the time: listeners are few, and `once` would wrap each in two objects more.
    this.#gameServer.on('end', () => {
      this.#endClient();
    });
    this.#client.on('end', () => {
      this.#endGameServer();
    });
    this.#toClient.start();
    this.#toGameServer.start();
    const onGameServerClosed = (): void => {
      this.#endClient();
      this.#toGameServer.stop();
      this.#oneClosed();
    };
    const onClientClosed = (): void => {
      this.#endGameServer();
      this.#toClient.stop();
      this.#oneClosed();
    };
    whenClosed(this.#gameServer, onGameServerClosed);
    whenClosed(this.#client, onClientClosed);
  }

  /**
   * The gateway is going away: tells both sides 1012, each between two frames, and ends them. Inside a frame it waits
   * for the frame's end. Nothing more is passed on afterwards.
   */
  leave(): void {
    this.#startLinger();
    if (this.#closeHasPassed()) return;
    this.#toClient.endAtBoundary(closeFrameForClient(CLOSE_CODES.gateway_restart));
    this.#toGameServer.endAtBoundary(closeFrameForGameServer(CLOSE_CODES.gateway_restart));
  }

  /** Ends both sockets at once. */
  destroy(): void {
    this.#client.destroy();
    this.#gameServer.destroy();
  }

  #closeHasPassed(): boolean {
    return this.#toClient.closeHasPassed || this.#toGameServer.closeHasPassed;
  }

  #endClient(): void {
    const isLost = !this.#closeHasPassed() && !this.#client.readableEnded && this.#toClient.isAtBoundary;
    this.#toClient.end(isLost ? closeFrameForClient(CLOSE_CODES.game_server_lost) : undefined);
    this.#startLinger();
  }

  #endGameServer(): void {
    this.#toGameServer.end();
    this.#startLinger();
  }

  #startLinger(): void {
    this.#linger ??= setTimeout(() => {
      this.destroy();
    }, this.#options.lingerMs);
  }

  #oneClosed(): void {
    this.#openSockets -= 1;
    if (this.#openSockets > 0) return;
    clearTimeout(this.#linger);
    this.#options.onClosed();
  }
}

/** A socket that was closed already says so no more. */
function whenClosed(socket: Socket, callback: () => void): void {
  if (socket.closed) callback();
  else socket.on('close', callback);
}

/** Bytes from one socket to the other, with back-pressure. */
class OneWay {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #stallMs: number;
  readonly #frames = new FrameBoundaryTracker();
  readonly #allowance: ByteAllowance;
  #passedBytes = 0;
  /** Runs while bytes that were written wait for the other side to take them. */
  #stallTimer: NodeJS.Timeout | undefined;
  /** Runs while more came than may. */
  #throttleTimer: NodeJS.Timeout | undefined;
  #lastFrame: Buffer | undefined;
  #isOver = false;

  constructor(from: Socket, to: Socket, stallMs: number, bytesPerSecond: number) {
    this.#from = from;
    this.#to = to;
    this.#stallMs = stallMs;
    this.#allowance = new ByteAllowance(bytesPerSecond, () => performance.now());
  }

  get passedBytes(): number {
    return this.#passedBytes;
  }

  get closeHasPassed(): boolean {
    return this.#frames.closeHasPassed;
  }

  get isAtBoundary(): boolean {
    return this.#frames.isAtBoundary;
  }

  start(): void {
    this.#from.on('data', (chunk: Buffer) => {
      this.forward(chunk);
    });
  }

  /** The socket that is written to has closed. What still comes is read and dropped, so that the end behind it is seen. */
  stop(): void {
    this.#clearTimers();
    this.#isOver = true;
    this.#from.resume();
  }

  forward(chunk: Buffer): void {
    if (this.#isOver) return;
    if (this.#lastFrame === undefined) {
      this.#frames.advance(chunk);
      this.#write(chunk);
      return;
    }
    const taken = this.#frames.advanceToBoundary(chunk);
    this.#write(chunk.subarray(0, taken));
    if (this.#frames.isAtBoundary) this.end(this.#lastFrame);
  }

  /** Puts the frame behind the one that is on its way, and ends. */
  endAtBoundary(frame: Buffer): void {
    if (this.#frames.isAtBoundary) this.end(frame);
    else this.#lastFrame = frame;
  }

  /** Ends after what was passed on so far and the given frame. Only the first call counts. */
  end(frame?: Buffer): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#clearTimers();
    if (!this.#to.writable) return;
    if (frame === undefined) this.#to.end();
    else this.#to.end(frame);
    this.#from.resume();
  }

  #write(chunk: Buffer): void {
    this.#passedBytes += chunk.length;
    const pauseMs = this.#allowance.spend(chunk.length);
    if (pauseMs > 0) this.#throttle(pauseMs);
    if (!this.#to.writable || this.#to.write(chunk)) return;
    this.#from.pause();
    // Bytes that were read already may come while it is paused: one wait is enough.
    if (this.#stallTimer !== undefined) return;
    this.#stallTimer = setTimeout(() => {
      this.#to.destroy();
    }, this.#stallMs);
    this.#to.once('drain', () => {
      clearTimeout(this.#stallTimer);
      this.#stallTimer = undefined;
      this.#readOn();
    });
  }

  #throttle(pauseMs: number): void {
    this.#from.pause();
    clearTimeout(this.#throttleTimer);
    this.#throttleTimer = setTimeout(() => {
      this.#throttleTimer = undefined;
      this.#readOn();
    }, pauseMs);
  }

  #readOn(): void {
    if (this.#stallTimer === undefined && this.#throttleTimer === undefined) this.#from.resume();
  }

  #clearTimers(): void {
    clearTimeout(this.#stallTimer);
    clearTimeout(this.#throttleTimer);
  }
}
