import type { Game, GameFleet, Games } from '../ports.ts';

/**
 * The games of all clusters.
 *
 * Where they differ the stricter word counts, for any cluster may get the session: the fewest seats, and shared only
 * where it is shared everywhere.
 */
export class GamesAcrossClusters implements Games {
  readonly #clusters: readonly Games[];

  constructor(clusters: readonly Games[]) {
    this.#clusters = clusters;
  }

  byName(name: string): Game | undefined {
    const [first, ...others] = this.#clusters.map((games) => games.byName(name)).filter((game) => game !== undefined);
    return first === undefined ? undefined : others.reduce(merged, first);
  }

  all(): readonly Game[] {
    const names = new Set(this.#clusters.flatMap((games) => games.all().map(({ name }) => name)));
    return [...names].map((name) => this.byName(name)).filter((game) => game !== undefined);
  }

  fleets(): readonly GameFleet[] {
    const byName = new Map(this.#clusters.flatMap((games) => games.fleets()).map((each) => [each.fleet, each]));
    return [...byName.values()].toSorted((a, b) => a.fleet.localeCompare(b.fleet));
  }
}

function merged(one: Game, other: Game): Game {
  const canaries = one.canaries ?? other.canaries;
  return {
    ...(canaries === undefined ? {} : { canaries }),
    name: one.name,
    seats: Math.min(one.seats, other.seats),
    mode: one.mode === other.mode ? one.mode : 'exclusive',
    fleets: [...new Set([...one.fleets, ...other.fleets])].toSorted((a, b) => a.localeCompare(b)),
  };
}
