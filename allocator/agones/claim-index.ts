import type { GameServerView } from '../allocation/ports.ts';

/** A GameServer that somebody claims. */
export type ClaimedGameServer = GameServerView & { claim: NonNullable<GameServerView['claim']> };

export function isClaimed(gameServer: GameServerView): gameServer is ClaimedGameServer {
  return gameServer.claim !== undefined;
}

/** Of one claim alone: a GameServer is allocated anew each time it is claimed. */
export function claimIdOf({ uid, lastAllocatedAt }: GameServerView): string {
  return `${uid}/${lastAllocatedAt}`;
}

/** The GameServers that one allocator claims, by game, and which of them it has taken already. */
export class ClaimIndex {
  readonly #holder: string;
  readonly #byGame = new Map<string, Map<string, ClaimedGameServer>>();
  /** Ids of claims by the names of their GameServers, for as long as those are there. */
  readonly #taken = new Map<string, string>();
  readonly #listeners = new Set<(game: string) => void>();

  constructor(holder: string) {
    this.#holder = holder;
  }

  free(game: string): readonly ClaimedGameServer[] {
    const claimed = this.#byGame.get(game)?.values() ?? [];
    return [...claimed].filter((each) => this.#taken.get(each.name) !== claimIdOf(each));
  }

  take(gameServer: GameServerView): void {
    this.#taken.set(gameServer.name, claimIdOf(gameServer));
  }

  putBack(gameServer: GameServerView): void {
    if (this.#taken.get(gameServer.name) === claimIdOf(gameServer)) this.#taken.delete(gameServer.name);
  }

  learn(gameServer: GameServerView): void {
    const { name, game } = gameServer;
    if (!isClaimed(gameServer) || gameServer.claim.holder !== this.#holder || game === undefined) {
      this.#remove(name);
      return;
    }
    const byName = this.#byGame.get(game) ?? new Map<string, ClaimedGameServer>();
    const isNew = !byName.has(name);
    this.#byGame.set(game, byName.set(name, gameServer));
    if (isNew) for (const listener of this.#listeners) listener(game);
  }

  forget(name: string): void {
    this.#remove(name);
    this.#taken.delete(name);
  }

  /** Calls back with the game of each new claim. @returns ends it */
  onClaimed(listener: (game: string) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #remove(name: string): void {
    for (const byName of this.#byGame.values()) byName.delete(name);
  }
}
