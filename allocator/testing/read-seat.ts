import { RouteOpener, SeatVerifier } from '../../lib/join-token.ts';
import type { Seat } from '../../lib/join-token.ts';
import { parseKeySet } from '../../lib/key-set.ts';
import type { GeneratedKeys } from '../../lib/key-set.ts';

/** The seat in the token of a session's URL, as gateway and game server find it. */
export async function readSeatOf(keys: GeneratedKeys, wsUrl: string): Promise<Seat> {
  const nowSeconds = Date.now() / 1000;
  const opener = new RouteOpener(parseKeySet(keys.sealing, 'seal', 'sealing'));
  const { seatToken } = await opener.open(new URL(wsUrl).searchParams.get('token') ?? '', nowSeconds);
  return new SeatVerifier(parseKeySet(keys.verifying, 'verify', 'verifying')).verify(seatToken, nowSeconds);
}
