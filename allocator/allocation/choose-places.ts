import type { GameServerView } from './ports.ts';

/** A shared GameServer with free places. */
export interface PlacesOffer {
  gameServer: GameServerView;
  /** Places that are not taken, nor about to be by the write that is under way. */
  free: number;
  /** How well it fits, lower first. */
  rank: number;
  /** A write to it: `stuck` is one that nobody waits for any longer. */
  write: 'none' | 'under way' | 'stuck';
}

/** `wait`: for the write that is under way where they will go. `none`: there is no place. */
export type PlaceChoice = { state: 'go'; gameServer: GameServerView; count: number } | { state: 'wait' | 'none' };

/**
 * Where `count` sessions go together.
 *
 * Those that fit best come first, then what is in use already. Of these the fullest one that has places for all of them; where none has, the one with the most places takes what it can, and the rest goes on. One
 * that is being written is waited for, so that sessions that come at once do not spread over GameServers.
 */
export function choosePlaces(offers: readonly PlacesOffer[], count: number): PlaceChoice {
  let best: PlacesOffer | undefined;
  const order = ({ gameServer: { state }, rank, write }: PlacesOffer): number =>
    2 * rank + (state === 'Ready' && write === 'none' ? 1 : 0);
  for (const offer of offers) {
    if (offer.write === 'stuck') continue;
    if (best === undefined || isBetter(offer, best, order(offer) - order(best), count)) best = offer;
  }
  if (best === undefined) return { state: offers.length === 0 ? 'none' : 'wait' };
  if (best.write === 'under way') return { state: 'wait' };
  return { state: 'go', gameServer: best.gameServer, count: Math.min(count, best.free) };
}

function isBetter(one: PlacesOffer, other: PlacesOffer, orderDifference: number, count: number): boolean {
  if (orderDifference !== 0) return orderDifference < 0;
  const fits = one.free >= count;
  if (fits !== other.free >= count) return fits;
  if (one.free !== other.free) return fits ? one.free < other.free : one.free > other.free;
  return one.gameServer.name < other.gameServer.name;
}
