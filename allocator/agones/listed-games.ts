import type { Game, Games } from '../allocation/ports.ts';

/** The games of a cluster that tells of none itself, as the configuration lists them. */
export class ListedGames implements Games {
  readonly #games: ReadonlyMap<string, Game>;

  constructor(games: readonly { name: string; seats: number }[]) {
    this.#games = new Map(games.map((game) => [game.name, { ...game, mode: 'exclusive', fleets: [] }]));
  }

  byName(name: string): Game | undefined {
    return this.#games.get(name);
  }

  all(): readonly Game[] {
    return [...this.#games.values()];
  }

  /** Its Fleets are not told. */
  fleets(): readonly [] {
    return [];
  }
}
