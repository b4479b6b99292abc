import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { SessionDescriptor } from '../../lib/session.ts';

/** A player in a session, for as long as the seat is theirs. The same object whatever happens to the connection. */
export interface Player {
  readonly playerId: string;
  /** From 0 to the session's seats less one. */
  readonly seat: number;
  /**
   * Sends one text message. A player who reads too slowly is disconnected. Without a connection it waits for the player's
   * return, if their client can come back (docs/adr/0014-coming-back.md) and within the kit's bounds; else it goes nowhere.
   */
  send(text: string): void;
}

/** What a game is given for one session. */
export interface SessionContext {
  readonly descriptor: SessionDescriptor;
  /** Seats of the session: never above the game's `maxSeats`. */
  readonly seats: number;
  /** Name of the GameServer, to show. */
  readonly gameServer: string;
  readonly clock: Clock;
  /** Lines of it carry the session's id. */
  readonly logger: Logger;
  /** The same text to every player: made once, however many they are. */
  broadcast(text: string): void;
  /** The session is over: players are sent away and the GameServer ends or takes the next, as configured. */
  end(): void;
}

/**
 * One run of a game. The kit calls it, one call at a time; what it throws ends this session and nothing else.
 */
export interface GameSession {
  /**
   * A player took a seat, or came back to it and does not have all that was sent: say everything they need to know. The
   * connection is open.
   */
  join(player: Player): void;
  /**
   * A player came back and has every message of before, and gets those sent meanwhile: nothing needs saying again. It may
   * come without a `disconnect` before it. Absent: `join` is called.
   */
  resume?(player: Player): void;
  /** The connection is gone; the seat is kept for a while. */
  disconnect(player: Player): void;
  /** The seat was given up. No more calls for this player object. */
  leave(player: Player): void;
  /** @returns whether the message made sense: a player who keeps sending nonsense is disconnected */
  message(player: Player, text: string): boolean;
  /** Runs at the game's rate while the session does. @param nowMs - the clock's time */
  tick?(nowMs: number): void;
  /** True when an interruption would hurt: a stop of the GameServer waits for it, within its grace. */
  isInPlay(): boolean;
  /**
   * The GameServer takes no further session, most often because a newer version is there: a session that could go on for
   * ever had better end soon. Called once at most.
   */
  drain?(): void;
  /** The session is over. No call comes after this one. */
  close?(): void;
}

/** What a game developer writes. */
export interface Game {
  /** As in the label `regatta.dev/game`: a session of another game is refused. */
  readonly name: string;
  /** Sessions that ask for more seats get this many. */
  readonly maxSeats: number;
  /** Absent for a game without a clock of its own. */
  readonly ticksPerSecond?: number;
  /** Larger messages end the connection. */
  readonly maxMessageBytes: number;
  open(context: SessionContext): GameSession;
}
