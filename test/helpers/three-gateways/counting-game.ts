import type { Game, GameSession, Player, SessionContext } from '../../../server/kit/game.ts';

/** What the game counted of one player. */
export interface PlayerCount {
  /** Numbers sent to the player. */
  sent: number;
  /** The player's own, in order and each once, up to this. */
  received: number;
  doubled: number;
  lost: number;
}

/** Sends each player numbers from 1 on, and counts those that the player sends: a message lost or doubled shows. */
export class CountingGame implements Game {
  readonly name = 'counting';
  readonly maxSeats = 1000;
  readonly maxMessageBytes = 64;
  readonly ticksPerSecond: number;
  readonly counts = new Map<string, PlayerCount>();
  /** No more numbers: what is under way may arrive. */
  isStill = false;

  constructor(ticksPerSecond: number) {
    this.ticksPerSecond = ticksPerSecond;
  }

  open(context: SessionContext): GameSession {
    return new CountingSession(this, context);
  }
}

class CountingSession implements GameSession {
  readonly #game: CountingGame;
  readonly #players = new Set<Player>();

  constructor(game: CountingGame, _context: SessionContext) {
    this.#game = game;
  }

  /** Whoever begins anew counts from where they were: so a seat that was not gone on with shows as lost messages. */
  join(player: Player): void {
    this.#players.add(player);
    this.#countOf(player);
  }

  resume(): void {
    // Numbers went on meanwhile, for the player to get now.
  }

  disconnect(): void {
    // The seat is kept.
  }

  leave(player: Player): void {
    this.#players.delete(player);
  }

  message(player: Player, text: string): boolean {
    const count = this.#countOf(player);
    const number = Number(text);
    if (number <= count.received) count.doubled += 1;
    else {
      count.lost += number - count.received - 1;
      count.received = number;
    }
    return Number.isInteger(number);
  }

  tick(): void {
    if (this.#game.isStill) return;
    for (const player of this.#players) player.send(String((this.#countOf(player).sent += 1)));
  }

  isInPlay(): boolean {
    return true;
  }

  #countOf({ playerId }: Player): PlayerCount {
    const known = this.#game.counts.get(playerId);
    if (known !== undefined) return known;
    const fresh: PlayerCount = { sent: 0, received: 0, doubled: 0, lost: 0 };
    this.#game.counts.set(playerId, fresh);
    return fresh;
  }
}
