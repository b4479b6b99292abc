import type { GameServer } from '../../lib/agones.ts';
import type { ObjectStore } from '../api/store.ts';
import { stateOf } from './game-server-states.ts';
import type { NodeLoads } from './removal-order.ts';

/** How many GameServers of each node are Ready or Allocated, kept by subscription. */
export class NodeLoadCounts {
  readonly #loads = new Map<string, number>();
  readonly #unsubscribe: () => void;

  constructor(store: ObjectStore) {
    for (const gameServer of store.list<GameServer>('gameservers')) this.#count(gameServer, 1);
    this.#unsubscribe = store.subscribe<GameServer>('gameservers', ({ type, object, previous }) => {
      if (previous !== undefined) this.#count(previous, -1);
      if (type !== 'DELETED') this.#count(object, 1);
    });
  }

  /** Not to be kept, as it changes with the GameServers. */
  get loads(): NodeLoads {
    return this.#loads;
  }

  stop(): void {
    this.#unsubscribe();
  }

  #count(gameServer: GameServer, change: 1 | -1): void {
    const nodeName = gameServer.status?.nodeName ?? '';
    const state = stateOf(gameServer);
    if (nodeName === '' || (state !== 'Ready' && state !== 'Allocated')) return;
    const load = (this.#loads.get(nodeName) ?? 0) + change;
    if (load === 0) this.#loads.delete(nodeName);
    else this.#loads.set(nodeName, load);
  }
}
