import type { Game } from './ports.ts';

/** Whether new sessions of a game may come to this Fleet without naming it. */
export function isOpen({ canaries = [] }: Game, fleet: string | undefined): boolean {
  return !canaries.some((canary) => canary.fleet === fleet && canary.percent === 0);
}

/**
 * The Fleets of a game in the order in which a new session tries them: by chance a canary first, each as often as its
 * share says, else those that are none. The others follow, for a session on another Fleet is better than none; a canary
 * of 0 % is left out.
 *
 * @param chance - 0 ≤ chance < 1
 * @returns undefined where the game has no canary: any Fleet then
 */
export function fleetGroups({ fleets, canaries = [] }: Game, chance: number): string[][] | undefined {
  if (canaries.length === 0) return undefined;
  const stable = fleets.filter((fleet) => !canaries.some((canary) => canary.fleet === fleet));
  const open = canaries.filter(({ percent }) => percent > 0);
  let upTo = 0;
  const drawn = open.find(({ percent }) => (upTo += percent) > chance * 100);
  const others = open.filter((canary) => canary !== drawn).map(({ fleet }) => fleet);
  const groups = drawn === undefined ? [stable, others] : [[drawn.fleet], stable, others];
  return groups.filter((group) => group.length > 0);
}
