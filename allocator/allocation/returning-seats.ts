import type { Clock } from '../../lib/clock.ts';
import { RouteOpener, SeatVerifier, TokenError } from '../../lib/join-token.ts';
import type { OpenedRoute, Seat } from '../../lib/join-token.ts';
import { publicKeysOf } from '../../lib/key-set.ts';
import type { KeySet } from '../../lib/key-set.ts';

export interface ReturningSeatsOptions {
  sealingKeys: KeySet;
  /** Those that seats are signed with. */
  signingKeys: KeySet;
  clock: Clock;
  /** No session lasts longer. */
  maxSessionSeconds: number;
}

interface ResumableRoute extends OpenedRoute {
  /** Seconds since the Unix epoch. */
  resumableUntilSeconds?: number;
}

/** Before 1970 nothing has expired. */
const BEFORE_ALL_EXPIRY_SECONDS = 0;

/** Reads seats from the join tokens that players still have: also when the time to connect with them is over. */
export class ReturningSeats {
  readonly #options: ReturningSeatsOptions;
  readonly #opener: RouteOpener;
  readonly #verifier: SeatVerifier;

  constructor(options: ReturningSeatsOptions) {
    this.#options = options;
    this.#opener = new RouteOpener(options.sealingKeys);
    this.#verifier = new SeatVerifier(publicKeysOf(options.signingKeys));
  }

  /** @throws TokenError `token_expired` when no session can be left that the seat was in */
  async read(sealedToken: string): Promise<Seat> {
    const route = await this.#opener.open(sealedToken, BEFORE_ALL_EXPIRY_SECONDS);
    const nowSeconds = this.#options.clock.nowMs() / 1000;
    if (this.#resumableUntilSeconds(route) <= nowSeconds) throw new TokenError('token_expired');
    return this.#verifier.verify(route.seatToken, BEFORE_ALL_EXPIRY_SECONDS);
  }

  /** As the route says; one that does not was made before routes did. */
  #resumableUntilSeconds({ expiresAtSeconds, resumableUntilSeconds }: ResumableRoute): number {
    return resumableUntilSeconds ?? expiresAtSeconds + this.#options.maxSessionSeconds;
  }
}
