import type { ClusterRank } from './cluster.ts';

/**
 * In which order clusters are asked: those of the regions that are preferred, in the order of the preference; then by
 * priority; within one priority by chance, where a weight says how often a cluster comes before the others.
 *
 * Each cluster is in it once. Regions that no cluster is in change nothing.
 *
 * Source of the weighted order: Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006).
 *
 * @param random - 0 ≤ n < 1
 */
export function orderClusters<Ranked extends ClusterRank>(
  clusters: readonly Ranked[],
  preferredRegions: readonly string[],
  random: () => number,
): Ranked[] {
  return clusters
    .map((cluster) => ({
      cluster,
      place: placeOf(cluster.region, preferredRegions),
      lot: cluster.weight === 0 ? Number.POSITIVE_INFINITY : -Math.log(1 - random()) / cluster.weight,
    }))
    .toSorted((a, b) => {
      if (a.place !== b.place) return a.place - b.place;
      if (a.cluster.priority !== b.cluster.priority) return a.cluster.priority - b.cluster.priority;
      return a.lot === b.lot ? 0 : a.lot - b.lot;
    })
    .map(({ cluster }) => cluster);
}

/** Where a region stands in a preference; behind all of them, where it is not in it. */
export function placeOf(region: string | undefined, preferredRegions: readonly string[]): number {
  const place = region === undefined ? -1 : preferredRegions.indexOf(region);
  return place === -1 ? preferredRegions.length : place;
}
