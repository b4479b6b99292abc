import type { Clock } from '../../lib/clock.ts';
import type { JoinTokenIssuer } from '../../lib/join-token.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { GameServerView } from './ports.ts';

/** The right of one player to be in a session, ready to be handed out. */
export interface IssuedSeat {
  playerId: string;
  /** For the URL through the gateway. */
  sealedToken: string;
  /** For a client that connects to the GameServer itself. */
  seatToken: string;
  /** RFC 3339: connecting later than this is refused. */
  expiresAt: string;
}

export interface SeatsOptions {
  joinTokens: JoinTokenIssuer;
  clock: Clock;
  /** How long a seat is good for, from when it is issued. */
  seatSeconds: number;
  /** How long a player who has been there may come back, from the same time: as long as a session may last. */
  resumableSeconds: number;
}

/** Issues seats. How many there are in a session is for its game server to hold to: it alone knows who is there. */
export class Seats {
  readonly #options: SeatsOptions;

  constructor(options: SeatsOptions) {
    this.#options = options;
  }

  /** @throws Error when the GameServer has no route */
  async issue(playerId: string, session: SessionDescriptor, gameServer: GameServerView): Promise<IssuedSeat> {
    if (gameServer.route === undefined) throw new Error(`GameServer ${gameServer.name} has no route`);
    const { clock, seatSeconds, resumableSeconds } = this.#options;
    const nowSeconds = Math.floor(clock.nowMs() / 1000);
    const expiresAtSeconds = nowSeconds + seatSeconds;
    const tokens = await this.#options.joinTokens.issue(
      { playerId, gameServerUid: gameServer.uid, expiresAtSeconds, session },
      { ...gameServer.route, resumableUntilSeconds: nowSeconds + resumableSeconds },
    );
    return {
      playerId,
      sealedToken: tokens.sealed,
      seatToken: tokens.seatToken,
      expiresAt: new Date(expiresAtSeconds * 1000).toISOString(),
    };
  }
}
