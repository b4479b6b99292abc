import fc from 'fast-check';
import { seededRandom } from '../../lib/seeded-random.ts';
import { clustersInOrder } from './allocation-policies.ts';
import type { GameServerAllocationPolicy } from './allocation-policies.ts';

function policy(clusterName: string, priority: number, weight: number, namespace = 'default') {
  return {
    apiVersion: 'multicluster.agones.dev/v1',
    kind: 'GameServerAllocationPolicy',
    metadata: { name: `${clusterName}-${priority}-${weight}` },
    spec: { priority, weight, connectionInfo: { clusterName, namespace } },
  } satisfies GameServerAllocationPolicy;
}

function order(policies: GameServerAllocationPolicy[], random = seededRandom(5)): string[] {
  return [...clustersInOrder(policies, random)].map(({ clusterName = '' }) => clusterName);
}

describe('the clusters of policies', () => {
  it('come by priority, the lower first', () => {
    expect(order([policy('c', 3, 1), policy('a', 0, 1), policy('b', 2, 100)])).toEqual(['a', 'b', 'c']);
  });

  it('come once each, by their first policy', () => {
    const policies = [policy('a', 1, 5, 'one'), policy('a', 1, 9, 'two'), policy('a', 2, 5, 'three')];
    expect([...clustersInOrder(policies, seededRandom(1))]).toEqual([{ clusterName: 'a', namespace: 'one' }]);
  });

  it('share a priority by the average weight of their policies', () => {
    const policies = [policy('a', 1, 2), policy('a', 1, 4), policy('b', 1, 1)];
    const random = seededRandom(42);
    const firsts = Array.from({ length: 4000 }, () => order(policies, random)[0]);
    const share = firsts.filter((name) => name === 'a').length / firsts.length;
    expect(share).toBeGreaterThan(0.72);
    expect(share).toBeLessThan(0.78);
  });

  it('are left out where only weights of 0 are left of a priority', () => {
    expect(order([policy('a', 1, 0), policy('b', 1, 0), policy('c', 2, 1)])).toEqual(['c']);
    expect(order([policy('a', 1, 7), policy('b', 1, 0), policy('c', 2, 1)])).toEqual(['a', 'c']);
    expect(order([])).toEqual([]);
  });

  it('come in order of priority, none twice and none with a weight left out, whatever the policies', () => {
    const anyPolicy = fc
      .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat({ max: 3 }), fc.integer({ min: 1, max: 9 }))
      .map(([name, priority, weight]) => policy(name, priority, weight, String(priority)));
    fc.assert(
      fc.property(fc.array(anyPolicy, { maxLength: 12 }), fc.nat(), (policies, seed) => {
        const clusters = [...clustersInOrder(policies, seededRandom(seed))];
        const priorities = clusters.map(({ namespace }) => Number(namespace));
        expect(priorities).toEqual(priorities.toSorted((left, right) => left - right));
        const names = clusters.map(({ clusterName }) => clusterName);
        expect(names).toHaveLength(new Set(names).size);
        expect(new Set(names)).toEqual(new Set(policies.map(({ spec }) => spec.connectionInfo.clusterName)));
      }),
      { seed: 3 },
    );
  });
});
