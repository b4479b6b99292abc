import fc from 'fast-check';
import { seededRandom } from '../../lib/seeded-random.ts';
import { fleetGroups } from './canaries.ts';
import type { Game } from './ports.ts';

function game(fleets: string[], canaries: Record<string, number>): Game {
  const shares = Object.entries(canaries).map(([fleet, percent]) => ({ fleet, percent }));
  return { name: 'boat-race', seats: 8, mode: 'exclusive', fleets, canaries: shares };
}

function sharesOf(wanted: Game, draws: number): Record<string, number> {
  const random = seededRandom(7);
  const shares: Record<string, number> = {};
  for (let draw = 0; draw < draws; draw += 1) {
    const first = fleetGroups(wanted, random())?.[0]?.join() ?? '';
    shares[first] = (shares[first] ?? 0) + 100 / draws;
  }
  return shares;
}

describe('the Fleets a new session tries', () => {
  it('are any where there is no canary', () => {
    expect(fleetGroups({ ...game(['a', 'b'], {}), canaries: [] }, 0.5)).toBeUndefined();
  });

  it('are a canary first as often as its share says', () => {
    const shares = sharesOf(game(['a', 'b', 'x', 'y'], { x: 5, y: 20 }), 20_000);
    expect(Object.keys(shares).toSorted()).toEqual(['a,b', 'x', 'y']);
    expect(Math.abs((shares['x'] ?? 0) - 5)).toBeLessThan(1);
    expect(Math.abs((shares['y'] ?? 0) - 20)).toBeLessThan(1);
  });

  it('are all the others next, but never a canary of nothing', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 100 })),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (canaries, chance) => {
          const groups = fleetGroups(game(['a', 'b', 'c', 'd'], canaries), chance) ?? [['a', 'b', 'c', 'd']];
          const never = Object.keys(canaries).filter((fleet) => canaries[fleet] === 0);
          expect(groups.flat().toSorted()).toEqual(['a', 'b', 'c', 'd'].filter((fleet) => !never.includes(fleet)));
        },
      ),
    );
  });
});
