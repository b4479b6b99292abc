/** Deep sea blues, foam white and one warm accent: the page's only colours, but for the hulls. */
export const PALETTE = {
  abyss: '#052338',
  deep: '#0a3c5a',
  sea: '#0f5878',
  shallow: '#1b7d9b',
  foam: '#eef8f8',
  accent: '#ff8a4c',
  ink: '#04192a',
  wood: '#e3bd8a',
  woodDark: '#b98953',
} as const;

export interface HullColours {
  hull: string;
  stripe: string;
}

/** By boat number, the same for every player, so that they can speak of "the yellow one". */
const HULLS: HullColours[] = [
  { hull: '#f2f5f1', stripe: '#e4573d' },
  { hull: '#f4c542', stripe: '#7a4b00' },
  { hull: '#d9485f', stripe: '#ffe3e3' },
  { hull: '#49b98f', stripe: '#063d2b' },
  { hull: '#8f7be0', stripe: '#efe9ff' },
  { hull: '#22303f', stripe: '#9fd6ea' },
  { hull: '#f28ab2', stripe: '#5b1235' },
  { hull: '#a3d65c', stripe: '#2b4a06' },
];

const FIRST_HULL: HullColours = { hull: '#f2f5f1', stripe: '#e4573d' };

/** The colours of a boat. */
export function hullOf(boat: number): HullColours {
  return HULLS[boat % HULLS.length] ?? FIRST_HULL;
}
