import { CompactEncrypt, errors, jwtVerify, SignJWT } from 'jose';
import { openCompactJwe } from './compact-jwe.ts';
import type { KeySet } from './key-set.ts';
import { parseSessionDescriptor } from './session.ts';
import type { SessionDescriptor } from './session.ts';

/**
 * The join token: a compact JWE that only allocator and gateway can open (`dir`, A256GCM), around a route and around
 * a compact JWS (EdDSA) that proves a seat to the game server. The token is the route: valid the moment it is made,
 * with no lookup. See docs/adr/0002-the-token-is-the-route.md.
 */

/** The right of one player to be in one session, on one GameServer, until a time. */
export interface Seat {
  playerId: string;
  /** Or what `nameInPlaceOfUid` gives, where the uid was not told. */
  gameServerUid: string;
  /** Seconds since the Unix epoch: connecting later than this is refused. */
  expiresAtSeconds: number;
  session: SessionDescriptor;
}

/**
 * Stands for the uid of a GameServer in a seat, where the allocator was told no more than its name.
 *
 * It is less than a uid: a GameServer that comes back under the name of one before it, or has the name of one in another
 * cluster, cannot tell that the seat is not on it. Names that Fleets give do not come back.
 */
export function nameInPlaceOfUid({ namespace, name }: { namespace: string; name: string }): string {
  return `name:${namespace}/${name}`;
}

/** Where the gateway takes a connection. */
export interface Route {
  address: string;
  port: number;
  gameServerUid: string;
  sessionId: string;
  /** Seconds since the Unix epoch. */
  expiresAtSeconds: number;
  /** The same: until then a player who has been there may come back. Absent: nobody may after the expiry. */
  resumableUntilSeconds?: number;
}

/** What the gateway finds in a sealed token: the route, and the seat token it hands on unread. */
export interface OpenedRoute extends Route {
  seatToken: string;
}

export interface JoinTokens {
  /** For the URL: only the gateway can read it. */
  sealed: string;
  /** For the game server: what the gateway finds inside, and what direct mode hands out. */
  seatToken: string;
}

export type TokenFault = 'token_invalid' | 'token_expired';

/** The token was not accepted. Says why by code; never holds the token. */
export class TokenError extends Error {
  readonly code: TokenFault;

  constructor(code: TokenFault, options?: ErrorOptions) {
    super(code, options);
    this.name = 'TokenError';
    this.code = code;
  }
}

/** Sealed tokens are below this; longer ones are refused unread. */
export const MAX_JOIN_TOKEN_BYTES = 4096;

const ISSUER = 'regatta';
/** Clocks of two machines may differ by this much. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** Makes join tokens with the first key of each set. For the allocator. */
export class JoinTokenIssuer {
  readonly #sealingKeys: KeySet;
  readonly #signingKeys: KeySet;

  constructor(keys: { sealing: KeySet; signing: KeySet }) {
    this.#sealingKeys = keys.sealing;
    this.#signingKeys = keys.signing;
  }

  /** A token that is good at once and until the seat's expiry. */
  async issue(seat: Seat, target: Pick<Route, 'address' | 'port' | 'resumableUntilSeconds'>): Promise<JoinTokens> {
    const signing = this.#signingKeys.current();
    const seatToken = await new SignJWT({ session: seat.session })
      .setProtectedHeader({ alg: 'EdDSA', kid: signing.keyId })
      .setIssuer(ISSUER)
      .setSubject(seat.playerId)
      .setAudience(seat.gameServerUid)
      .setExpirationTime(seat.expiresAtSeconds)
      .sign(signing.key);
    const sealing = this.#sealingKeys.current();
    const route: OpenedRoute = {
      ...target,
      gameServerUid: seat.gameServerUid,
      sessionId: seat.session.sessionId,
      expiresAtSeconds: seat.expiresAtSeconds,
      seatToken,
    };
    const sealed = await new CompactEncrypt(new TextEncoder().encode(JSON.stringify(route)))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: sealing.keyId })
      .encrypt(sealing.key);
    return { sealed, seatToken };
  }
}

/** Opens sealed tokens with any key of the set. For the gateway. */
export class RouteOpener {
  readonly #sealingKeys: KeySet;

  constructor(sealingKeys: KeySet) {
    this.#sealingKeys = sealingKeys;
  }

  /**
   * @param nowSeconds - seconds since the Unix epoch
   * @param isReturn - the player says that they come back to a seat: only its game server can tell whether that is so
   * @throws TokenError
   */
  async open(sealed: string, nowSeconds: number, { isReturn = false } = {}): Promise<OpenedRoute> {
    if (sealed.length > MAX_JOIN_TOKEN_BYTES) throw new TokenError('token_invalid');
    const route = this.#decrypt(sealed);
    const { expiresAtSeconds, resumableUntilSeconds = expiresAtSeconds } = route;
    const untilSeconds = isReturn ? Math.max(expiresAtSeconds, resumableUntilSeconds) : expiresAtSeconds;
    if (untilSeconds + CLOCK_TOLERANCE_SECONDS <= nowSeconds) throw new TokenError('token_expired');
    return route;
  }

  #decrypt(sealed: string): OpenedRoute {
    try {
      const route = openCompactJwe(sealed, (keyId) => this.#sealingKeys.byId(keyId));
      // Authenticated by our own key: what is inside was written by `issue` above.
      return JSON.parse(route.toString()) as OpenedRoute;
    } catch (error) {
      throw new TokenError('token_invalid', { cause: error });
    }
  }
}

/** Checks seat tokens with public keys. For game servers. */
export class SeatVerifier {
  readonly #publicKeys: KeySet;

  constructor(publicKeys: KeySet) {
    this.#publicKeys = publicKeys;
  }

  /**
   * Checks signature and expiry. Whether the seat is for this GameServer and this session is the caller's to compare:
   * it has its own codes for that.
   *
   * @param nowSeconds - seconds since the Unix epoch
   * @throws TokenError
   */
  async verify(seatToken: string, nowSeconds: number): Promise<Seat> {
    return this.#verify(seatToken, new Date(nowSeconds * 1000));
  }

  /**
   * Checks the signature alone: the seat may have expired. For a player who proves otherwise that the seat is theirs
   * still.
   *
   * @throws TokenError `token_invalid`
   */
  async verifyOfAnyAge(seatToken: string): Promise<Seat> {
    return this.#verify(seatToken, new Date(0));
  }

  async #verify(seatToken: string, currentDate: Date): Promise<Seat> {
    if (seatToken.length > MAX_JOIN_TOKEN_BYTES) throw new TokenError('token_invalid');
    try {
      const { payload } = await jwtVerify(seatToken, (header) => this.#publicKeys.byId(header.kid), {
        algorithms: ['EdDSA'],
        issuer: ISSUER,
        requiredClaims: ['sub', 'aud', 'exp'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate,
      });
      const session = parseSessionDescriptor(payload['session']);
      const { sub, aud, exp } = payload;
      if (session === undefined || sub === undefined || typeof aud !== 'string' || exp === undefined) {
        throw new TokenError('token_invalid');
      }
      return { playerId: sub, gameServerUid: aud, expiresAtSeconds: exp, session };
    } catch (error) {
      if (error instanceof TokenError) throw error;
      const expired = error instanceof errors.JWTExpired;
      throw new TokenError(expired ? 'token_expired' : 'token_invalid', { cause: error });
    }
  }
}
