import type { GameServer, GameServerSet } from '../../lib/agones.ts';
import type { ObjectStore } from '../api/store.ts';
import { controllerOf } from './ownership.ts';
import { SetMembers } from './set-members.ts';

/** The GameServers of each set, kept by subscription: sets are looked at after every change of one of them. */
export class OwnedGameServers {
  readonly #bySet = new Map<string, SetMembers>();
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

  /** Those the set controls. */
  of(set: GameServerSet): SetMembers {
    return this.#bySet.get(set.metadata.uid ?? '') ?? new SetMembers();
  }

  #put(gameServer: GameServer): void {
    const uid = setUidOf(gameServer);
    if (uid === undefined) return;
    const members = this.#bySet.get(uid) ?? new SetMembers();
    this.#bySet.set(uid, members);
    members.put(gameServer);
  }

  #remove(gameServer: GameServer): void {
    const uid = setUidOf(gameServer);
    const members = uid === undefined ? undefined : this.#bySet.get(uid);
    if (uid === undefined || members === undefined) return;
    members.remove(gameServer.metadata.name);
    if (members.size === 0) this.#bySet.delete(uid);
  }
}

function setUidOf(gameServer: GameServer): string | undefined {
  const controller = controllerOf(gameServer);
  return controller?.kind === 'GameServerSet' ? controller.uid : undefined;
}
