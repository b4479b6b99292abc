import type { Clock } from '../../lib/clock.ts';
import type { CloseName } from '../../lib/close-codes.ts';
import type { Logger } from '../../lib/logger.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { Game, GameSession, SessionContext } from './game.ts';
import type { KitConfig } from './kit-config.ts';
import { SeatStream } from './seat-stream.ts';
import { keptMessage, SeatedPlayer } from './seated-player.ts';
import type { SeatConnection } from './seated-player.ts';
import { Seats } from './seats.ts';
import type { SeatOutcome } from './seats.ts';

/** Why a session ended. */
export type SessionEnd = 'game over' | 'game failed' | 'no-show' | 'idle' | 'too long' | 'superseded' | 'stopped';

const CLOSE_NAME_OF_END: Record<SessionEnd, CloseName> = {
  'game over': 'session_ended',
  'game failed': 'game_server_lost',
  'no-show': 'session_ended',
  idle: 'session_ended',
  'too long': 'session_ended',
  superseded: 'session_ended',
  stopped: 'game_server_shutdown',
};

/** How a connection takes its seat. */
export interface Arrival {
  playerId: string;
  seat: number;
  /** The client can come back and go on where it was. */
  isResumable: boolean;
  /** It does so, and has so many messages; `resumableSeat` said that it may. */
  after: number | undefined;
}

/** A client that hears nothing for as long as so many pings are apart has lost its connection. */
const SILENT_PINGS = 2.5;

export interface RunningSessionOptions {
  descriptor: SessionDescriptor;
  game: Game;
  gameServer: string;
  config: Pick<
    KitConfig,
    | 'seatGraceMs'
    | 'idleLimitMs'
    | 'maxSessionMs'
    | 'maxReplayMessages'
    | 'maxReplayBytes'
    | 'maxMessagesPerSecond'
    | 'pingIntervalMs'
  >;
  clock: Clock;
  logger: Logger;
  /** The first player is there. */
  onJoined?(): void;
  /** Once. The session holds no timer and no connection any more. */
  onEnd(end: SessionEnd): void;
}

/** A session from its opening to its end: seats, connections, limits, and the calls into the game. */
export class RunningSession {
  readonly descriptor: SessionDescriptor;
  readonly #options: RunningSessionOptions;
  readonly #logger: Logger;
  readonly #seats: Seats;
  readonly #players = new Map<string, SeatedPlayer>();
  readonly #game: GameSession;
  #connected = 0;
  #hasEnded = false;
  #wasJoined = false;
  #isDraining = false;
  #nextTickAtMs = 0;
  #cancelTick: () => void = () => {};
  #cancelNoShow: () => void = () => {};
  #cancelIdle: () => void = () => {};
  #cancelMaxLength: () => void = () => {};

  private constructor(options: RunningSessionOptions) {
    const { descriptor, game, gameServer, clock } = options;
    this.descriptor = descriptor;
    this.#options = options;
    this.#logger = options.logger.child({ sessionId: descriptor.sessionId });
    this.#seats = new Seats(Math.min(descriptor.seats, game.maxSeats));
    const context: SessionContext = {
      descriptor,
      seats: this.#seats.capacity,
      gameServer,
      clock,
      logger: this.#logger,
      broadcast: (text) => {
        this.#broadcast(text);
      },
      end: () => {
        this.end('game over');
      },
    };
    this.#game = game.open(context);
  }

  /** Opens the game and starts its clock. @throws what the game throws when it cannot open */
  static open(options: RunningSessionOptions): RunningSession {
    const session = new RunningSession(options);
    session.#start();
    return session;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get connectedPlayers(): number {
    return this.#connected;
  }

  /** Whether a stop should wait for it. */
  get isInPlay(): boolean {
    return !this.#hasEnded && this.#connected > 0 && this.#game.isInPlay();
  }

  /** Reserves the player's seat. `connect` or `giveBack` must follow before anything else happens. */
  takeSeat(playerId: string): SeatOutcome {
    return this.#seats.take(playerId);
  }

  /** The connection for which a new seat was taken did not come about. */
  giveBack(playerId: string): void {
    if (!this.#players.has(playerId)) this.#seats.giveUp(playerId);
  }

  /** The seat that a player with this secret may go on in, and how many messages were sent to it. */
  resumableSeat(playerId: string, secret: string): { seat: number; sent: number } | undefined {
    const player = this.#players.get(playerId);
    if (player?.stream?.isSecret(secret) !== true) return undefined;
    return { seat: player.seat, sent: player.stream.sent };
  }

  /** Puts a connection on a seat that `takeSeat` gave. An older connection of the same player is sent away. */
  connect({ playerId, seat, isResumable, after }: Arrival, connection: SeatConnection): void {
    const player = this.#players.get(playerId) ?? new SeatedPlayer(playerId, seat);
    this.#players.set(playerId, player);
    player.cancelGrace();
    const older = player.connection;
    player.connection = connection;
    if (older === undefined) this.#connected += 1;
    else older.close('seat_taken_over');
    this.#cancelNoShow();
    this.#cancelIdle();
    if (!this.#wasJoined) {
      this.#wasJoined = true;
      this.#options.onJoined?.();
    }
    if (after === undefined) player.stream = isResumable ? this.#newStream() : undefined;
    const isWhole = this.#continueStream(player, connection, after ?? 0);
    this.#call(() => {
      if (after !== undefined && isWhole && this.#game.resume !== undefined) this.#game.resume(player);
      else this.#game.join(player);
    });
  }

  /** Tells the game, once, that no session comes after this one. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#logger.info({}, 'the GameServer drains: this session is its last');
    this.#call(() => {
      this.#game.drain?.();
    });
  }

  /** A message of a player has come, whatever it is: they need not send it again. */
  noteReceived(playerId: string): void {
    this.#players.get(playerId)?.stream?.noteReceived(this.#options.clock.nowMs());
  }

  /** What a player sent. @returns whether it made sense */
  message(playerId: string, text: string): boolean {
    const player = this.#players.get(playerId);
    if (player === undefined) return true;
    return this.#call(() => this.#game.message(player, text)) ?? true;
  }

  /** A connection has gone. The seat stays, for a while. */
  disconnect(playerId: string, connection: SeatConnection): void {
    const player = this.#players.get(playerId);
    if (this.#hasEnded || player?.connection !== connection) return;
    player.connection = undefined;
    this.#connected -= 1;
    player.cancelGrace = this.#options.clock.after(this.#options.config.seatGraceMs, () => {
      this.#giveUpSeat(player);
    });
    if (this.#connected === 0) this.#startIdleLimit();
    this.#call(() => {
      this.#game.disconnect(player);
    });
  }

  /** Ends it once; later calls do nothing. */
  end(end: SessionEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const cancel of [this.#cancelTick, this.#cancelNoShow, this.#cancelIdle, this.#cancelMaxLength]) cancel();
    for (const player of this.#players.values()) {
      player.cancelGrace();
      const { connection } = player;
      player.connection = undefined;
      connection?.close(CLOSE_NAME_OF_END[end]);
    }
    this.#players.clear();
    this.#connected = 0;
    try {
      this.#game.close?.();
    } catch (error) {
      this.#logger.error({ err: error }, 'the game failed to close');
    }
    this.#logger.info({ end }, 'session ended');
    this.#options.onEnd(end);
  }

  #start(): void {
    const { clock, config, game } = this.#options;
    const joinMs = Math.max(0, Date.parse(this.descriptor.joinBy) - clock.nowMs());
    this.#cancelNoShow = clock.after(joinMs, () => {
      this.end('no-show');
    });
    this.#cancelMaxLength = clock.after(config.maxSessionMs, () => {
      this.end('too long');
    });
    if (game.ticksPerSecond !== undefined) {
      this.#nextTickAtMs = clock.nowMs();
      this.#tickLater(1000 / game.ticksPerSecond);
    }
    this.#logger.info({ seats: this.#seats.capacity }, 'session opened');
  }

  #newStream(): SeatStream {
    const { config, clock } = this.#options;
    return new SeatStream({ maxMessages: config.maxReplayMessages, maxBytes: config.maxReplayBytes }, clock.nowMs());
  }

  /** Says where the streams stand and sends what the player does not have. @returns whether nothing is lost */
  #continueStream({ stream }: SeatedPlayer, connection: SeatConnection, after: number): boolean {
    if (stream === undefined) return false;
    const { clock, config } = this.#options;
    const silentSeconds = (clock.nowMs() - stream.lastReceivedAtMs) / 1000;
    // What the player could not send meanwhile comes at once: as much as they might have sent.
    const burst = Math.floor(Math.max(0, silentSeconds) * config.maxMessagesPerSecond);
    connection.allowBurst(Math.min(burst, config.maxReplayMessages));
    const silenceMs = Math.ceil(config.pingIntervalMs * SILENT_PINGS);
    const { seatMessage, texts, isWhole } = stream.continueAfter(after, silenceMs);
    connection.sendControl(seatMessage);
    for (const text of texts) connection.send(text);
    return isWhole;
  }

  #tickLater(intervalMs: number): void {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    this.#nextTickAtMs += intervalMs;
    // After a pause, or a step of the machine's clock, the rhythm starts anew: ticks are not made up for.
    if (Math.abs(this.#nextTickAtMs - nowMs) > 5 * intervalMs) this.#nextTickAtMs = nowMs + intervalMs;
    this.#cancelTick = clock.after(Math.max(0, this.#nextTickAtMs - nowMs), () => {
      this.#tickLater(intervalMs);
      this.#call(() => {
        this.#game.tick?.(clock.nowMs());
      });
    });
  }

  #startIdleLimit(): void {
    this.#cancelIdle();
    this.#cancelIdle = this.#options.clock.after(this.#options.config.idleLimitMs, () => {
      this.end('idle');
    });
  }

  #giveUpSeat(player: SeatedPlayer): void {
    this.#players.delete(player.playerId);
    this.#seats.giveUp(player.playerId);
    this.#call(() => {
      this.#game.leave(player);
    });
  }

  #broadcast(text: string): void {
    const message = keptMessage(text);
    for (const player of this.#players.values()) player.deliver(message);
  }

  /** A game that throws ends its own session, not the process. */
  #call<Answer>(intoGame: () => Answer): Answer | undefined {
    if (this.#hasEnded) return undefined;
    try {
      return intoGame();
    } catch (error) {
      this.#logger.error({ err: error }, 'the game failed');
      this.end('game failed');
      return undefined;
    }
  }
}
