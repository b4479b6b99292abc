import { placeOf } from './clusters/cluster-order.ts';
import type { AllocationOrder } from './ports.ts';

/** What matters to whether a GameServer fits an order, and how well. */
export interface Candidate {
  fleet: string | undefined;
  region: string | undefined;
  isOutdated: boolean;
}

type Preferences = Pick<AllocationOrder, 'fleet' | 'preferredRegions' | 'fleetGroups'>;

/**
 * How well a GameServer fits, lower first: groups of Fleets first, then regions, then versions.
 *
 * @returns undefined when it does not fit at all
 */
export function placementRank(
  { fleet, region, isOutdated }: Candidate,
  { fleet: onlyFleet, fleetGroups, preferredRegions }: Preferences,
): number | undefined {
  if (onlyFleet !== undefined && fleet !== onlyFleet) return undefined;
  const group = fleetGroups?.findIndex((fleets) => fleets.includes(fleet ?? '')) ?? 0;
  if (group === -1) return undefined;
  return (group * (preferredRegions.length + 1) + placeOf(region, preferredRegions)) * 2 + (isOutdated ? 1 : 0);
}
