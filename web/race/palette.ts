/** The page's colours where they are painted rather than styled: deep blues, foam, and one warm accent. */
export const FOAM = '#f4fbff';
export const WARM = '#ff7a45';
export const WARM_LIGHT = '#ffb48f';
export const SEA = '#0c5379';
export const SEA_DEEP = '#06304a';
export const SHALLOWS = '#2c93a8';
export const INK = '#04192a';

/** The hulls of the others, by boat; the player's own is always warm. */
const HULLS = ['#f4fbff', '#7fd4ff', '#63e0c2', '#aab9ff', '#d9f3ff', '#3fb5e8', '#b8e8d4', '#c9c4ff'];

export function hullColour(boat: number, isOwn: boolean): string {
  return isOwn ? WARM : (HULLS[boat % HULLS.length] ?? FOAM);
}
