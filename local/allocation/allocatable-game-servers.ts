import type { GameServer } from '../../lib/agones.ts';
import type { ObjectStore } from '../api/store.ts';
import { GameServerGroup, groupKeyOf } from './game-server-group.ts';

/** How many GameServers of a node are in each of the two states. */
export interface NodeCounts {
  ready: number;
  allocated: number;
}

/** Where a GameServer was put. */
interface Entry {
  gameServer: GameServer;
  state: AllocatableState;
  key: string;
  group: GameServerGroup;
}

/** The two states that a request can ask for. */
type AllocatableState = 'Ready' | 'Allocated';

/** The GameServers of one namespace, by name and in groups. */
interface NamespaceGroups {
  entries: Map<string, Entry>;
  /** By their key. Allocated ones may each have labels of their own, and so a group: it is kept from who asks for Ready. */
  groups: Record<AllocatableState, Map<string, GameServerGroup>>;
}

/**
 * The GameServers a request could get: Ready or Allocated, and not being deleted. Kept by subscription, so that a
 * request costs no list of all GameServers.
 */
export class AllocatableGameServers {
  readonly #byNamespace = new Map<string, NamespaceGroups>();
  readonly #nodes = new Map<string, NodeCounts>();
  readonly #unsubscribe: () => void;

  constructor(store: ObjectStore) {
    for (const gameServer of store.list<GameServer>('gameservers')) this.#put(gameServer);
    this.#unsubscribe = store.subscribe<GameServer>('gameservers', ({ type, object }) => {
      this.#remove(object);
      if (type !== 'DELETED') this.#put(object);
    });
  }

  stop(): void {
    this.#unsubscribe();
  }

  /** All of one namespace and state. */
  groups(namespace: string, state: AllocatableState): Iterable<GameServerGroup> {
    return this.#byNamespace.get(namespace)?.groups[state].values() ?? [];
  }

  countsOf(nodeName: string): NodeCounts {
    return this.#nodes.get(nodeName) ?? { ready: 0, allocated: 0 };
  }

  #put(gameServer: GameServer): void {
    const state = gameServer.status?.state;
    if ((state !== 'Ready' && state !== 'Allocated') || gameServer.metadata.deletionTimestamp !== undefined) return;
    const { namespace = '', name } = gameServer.metadata;
    const ofNamespace = this.#byNamespace.get(namespace) ?? newGroups();
    this.#byNamespace.set(namespace, ofNamespace);
    const key = groupKeyOf(gameServer);
    const groups = ofNamespace.groups[state];
    const group = groups.get(key) ?? new GameServerGroup(gameServer);
    groups.set(key, group);
    group.add(gameServer);
    ofNamespace.entries.set(name, { gameServer, state, key, group });
    this.#count(gameServer, 1);
  }

  #remove({ metadata: { namespace = '', name } }: GameServer): void {
    const ofNamespace = this.#byNamespace.get(namespace);
    const known = ofNamespace?.entries.get(name);
    if (ofNamespace === undefined || known === undefined) return;
    ofNamespace.entries.delete(name);
    known.group.remove(known.gameServer);
    if (known.group.size === 0) ofNamespace.groups[known.state].delete(known.key);
    if (ofNamespace.entries.size === 0) this.#byNamespace.delete(namespace);
    this.#count(known.gameServer, -1);
  }

  #count(gameServer: GameServer, change: 1 | -1): void {
    const nodeName = gameServer.status?.nodeName ?? '';
    const { ready, allocated } = this.countsOf(nodeName);
    const counts =
      gameServer.status?.state === 'Allocated'
        ? { ready, allocated: allocated + change }
        : { ready: ready + change, allocated };
    if (counts.ready === 0 && counts.allocated === 0) this.#nodes.delete(nodeName);
    else this.#nodes.set(nodeName, counts);
  }
}

function newGroups(): NamespaceGroups {
  return { entries: new Map(), groups: { Ready: new Map(), Allocated: new Map() } };
}
