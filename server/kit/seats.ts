/** What came of asking for a seat. */
export type SeatOutcome = { kind: 'new'; seat: number } | { kind: 'returning'; seat: number } | { kind: 'full' };

/**
 * Who sits where in one session: never more players than seats, never two seats for one player.
 *
 * A seat is kept until it is given up, whether or not its player is connected.
 */
export class Seats {
  readonly capacity: number;
  readonly #seatOfPlayer = new Map<string, number>();

  /** @param capacity - seats of the session, at least 1 */
  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get taken(): number {
    return this.#seatOfPlayer.size;
  }

  /** Gives the player's own seat back, else the lowest free one. */
  take(playerId: string): SeatOutcome {
    const own = this.#seatOfPlayer.get(playerId);
    if (own !== undefined) return { kind: 'returning', seat: own };
    const seat = this.#lowestFree();
    if (seat === undefined) return { kind: 'full' };
    this.#seatOfPlayer.set(playerId, seat);
    return { kind: 'new', seat };
  }

  /** Frees the player's seat, if there is one. */
  giveUp(playerId: string): void {
    this.#seatOfPlayer.delete(playerId);
  }

  #lowestFree(): number | undefined {
    const taken = new Set(this.#seatOfPlayer.values());
    for (let seat = 0; seat < this.capacity; seat += 1) {
      if (!taken.has(seat)) return seat;
    }
    return undefined;
  }
}
