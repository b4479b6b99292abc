import type { GameServer, GameServerSet } from '../../lib/agones.ts';
import type { ObjectStore } from '../api/store.ts';
import { controllerOf } from './ownership.ts';

/** The GameServers of each set, kept by subscription: sets are looked at after every change of one of them. */
export class OwnedGameServers {
  readonly #bySet = new Map<string, Map<string, GameServer>>();
  readonly #unsubscribe: () => void;

  constructor(store: ObjectStore) {
    for (const gameServer of store.list<GameServer>('gameservers')) this.#put(gameServer);
    this.#unsubscribe = store.subscribe<GameServer>('gameservers', ({ type, object, previous }) => {
      if (type === 'DELETED' || (previous !== undefined && setUidOf(previous) !== setUidOf(object))) {
        this.#remove(previous ?? object);
      }
      if (type !== 'DELETED') this.#put(object);
    });
  }

  stop(): void {
    this.#unsubscribe();
  }

  /** Those the set controls, in no order. */
  of(set: GameServerSet): GameServer[] {
    return [...(this.#bySet.get(set.metadata.uid ?? '')?.values() ?? [])];
  }

  #put(gameServer: GameServer): void {
    const uid = setUidOf(gameServer);
    if (uid === undefined) return;
    const owned = this.#bySet.get(uid);
    if (owned === undefined) this.#bySet.set(uid, new Map([[gameServer.metadata.name, gameServer]]));
    else owned.set(gameServer.metadata.name, gameServer);
  }

  #remove(gameServer: GameServer): void {
    const uid = setUidOf(gameServer);
    const owned = uid === undefined ? undefined : this.#bySet.get(uid);
    if (uid === undefined || owned === undefined) return;
    owned.delete(gameServer.metadata.name);
    if (owned.size === 0) this.#bySet.delete(uid);
  }
}

function setUidOf(gameServer: GameServer): string | undefined {
  const controller = controllerOf(gameServer);
  return controller?.kind === 'GameServerSet' ? controller.uid : undefined;
}
