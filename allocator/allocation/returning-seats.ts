import type { Clock } from '../../lib/clock.ts';
import { RouteOpener, SeatVerifier } from '../../lib/join-token.ts';
import type { Seat } from '../../lib/join-token.ts';
import { publicKeysOf } from '../../lib/key-set.ts';
import type { KeySet } from '../../lib/key-set.ts';

export interface ReturningSeatsOptions {
  sealingKeys: KeySet;
  /** Those that seats are signed with. */
  signingKeys: KeySet;
  clock: Clock;
}

/** Reads seats from the join tokens that players still have: also when the time to connect with them is over. */
export class ReturningSeats {
  readonly #clock: Clock;
  readonly #opener: RouteOpener;
  readonly #verifier: SeatVerifier;

  constructor({ sealingKeys, signingKeys, clock }: ReturningSeatsOptions) {
    this.#clock = clock;
    this.#opener = new RouteOpener(sealingKeys);
    this.#verifier = new SeatVerifier(publicKeysOf(signingKeys));
  }

  /** @throws TokenError `token_expired` when no session can be left that the seat was in */
  async read(sealedToken: string): Promise<Seat> {
    const { seatToken } = await this.#opener.open(sealedToken, this.#clock.nowMs() / 1000, { isReturn: true });
    return this.#verifier.verifyOfAnyAge(seatToken);
  }
}
