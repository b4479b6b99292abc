import fc from 'fast-check';
import { seededRandom } from '../../../lib/seeded-random.ts';
import { orderClusters } from './cluster-order.ts';

const REGIONS = ['europe', 'oceania', 'africa'];

const cluster = fc.record({
  id: fc.nat(),
  region: fc.option(fc.constantFrom(...REGIONS), { nil: undefined }),
  priority: fc.nat(3),
  weight: fc.nat(3),
});

describe('the order of clusters', () => {
  it('has each once; nearer regions before farther ones, then lower priorities, those without weight last', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(cluster, { selector: ({ id }) => id, maxLength: 8 }),
        fc.uniqueArray(fc.constantFrom(...REGIONS, 'nowhere')),
        fc.nat(),
        (clusters, preferred, seed) => {
          const ordered = orderClusters(clusters, preferred, seededRandom(seed));
          expect(ordered).toHaveLength(clusters.length);
          expect(new Set(ordered)).toEqual(new Set(clusters));
          for (const [index, later] of ordered.slice(1).entries()) {
            const earlier = ordered[index]!;
            const places = [earlier, later].map(({ region }) =>
              preferred.includes(region ?? '') ? preferred.indexOf(region ?? '') : preferred.length,
            );
            expect(places[0]).toBeLessThanOrEqual(places[1]!);
            if (places[0] !== places[1]) continue;
            expect(earlier.priority).toBeLessThanOrEqual(later.priority);
            if (earlier.priority === later.priority && later.weight > 0) expect(earlier.weight).toBeGreaterThan(0);
          }
        },
      ),
    );
  });

  it('gives each cluster of a priority the share that its weight says', () => {
    const random = seededRandom(1);
    const place = { region: undefined, priority: 0 };
    const clusters = [
      { ...place, name: 'one', weight: 1 },
      { ...place, name: 'three', weight: 3 },
      { ...place, name: 'none', weight: 0 },
    ];
    const firsts = Array.from({ length: 4000 }, () => orderClusters(clusters, [], random)[0]?.name);
    const shareOf = (name: string) => firsts.filter((first) => first === name).length / firsts.length;
    expect(shareOf('three')).toBeCloseTo(0.75, 1);
    expect(shareOf('one')).toBeCloseTo(0.25, 1);
    expect(shareOf('none')).toBe(0);
  });
});
