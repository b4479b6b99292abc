import { AGONES } from '../../lib/agones.ts';
import type { GameServer, GameServerSet } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { jsonEquals } from '../api/json.ts';
import type { ObjectStore } from '../api/store.ts';
import { setStatus } from './set-status.ts';
import type { RecordEvent } from './event-recorder.ts';
import { stateOf } from './game-server-states.ts';
import type { NodeLoadCounts } from './node-load-counts.ts';
import type { OwnedGameServers } from './owned-game-servers.ts';
import { controlledBy, splitKey } from './ownership.ts';
import { planReconciliation } from './reconciliation.ts';
import { firstForRemoval } from './removal-order.ts';
import type { SetMembers } from './set-members.ts';
import type { Lane } from './work-queue.ts';

export interface GameServerSetControllerOptions {
  store: ObjectStore;
  clock: Clock;
  record: RecordEvent;
  owned: OwnedGameServers;
  nodes: NodeLoadCounts;
  lane(): Lane;
}

/**
 * Keeps each GameServerSet at its number of GameServers and its status true.
 *
 * Source: Agones 1.57, `pkg/gameserversets`.
 */
export class GameServerSetController {
  readonly #options: GameServerSetControllerOptions;

  constructor(options: GameServerSetControllerOptions) {
    this.#options = options;
  }

  sync(key: string): void {
    const { store, clock, owned, nodes, lane } = this.#options;
    const { namespace, name } = splitKey(key);
    const set = store.find<GameServerSet>('gameserversets', namespace, name);
    if (set === undefined) return;
    const members = owned.of(set);
    const plan = planReconciliation({
      members,
      replicas: set.spec.replicas,
      scheduling: set.spec.scheduling ?? 'Packed',
      priorities: set.spec.priorities ?? [],
      nodeLoads: nodes.loads,
      nowMs: clock.nowMs(),
    });
    this.#writeStatus(set, members);
    for (const gameServer of plan.remove) this.#shutDown(set, gameServer);
    if (set.metadata.deletionTimestamp !== undefined) return;
    for (let created = 0; created < plan.create; created += 1) this.#create(set);
    this.#markOverflow(set, members);
    if (plan.partial) lane().add(key);
    if (plan.recheckAfterMs !== undefined) lane().addAfter(key, plan.recheckAfterMs);
  }

  #writeStatus(set: GameServerSet, members: SetMembers): void {
    const status = setStatus(set, members);
    if (jsonEquals(set.status, status)) return;
    const { namespace = '', name } = set.metadata;
    this.#options.store.modify<GameServerSet>(
      'gameserversets',
      namespace,
      name,
      (copy) => {
        copy.status = status;
      },
      { subresource: 'status' },
    );
  }

  #create(set: GameServerSet): void {
    const { store, record } = this.#options;
    const created = store.create<GameServer>('gameservers', gameServerFor(set));
    record(set, 'Normal', 'SuccessfulCreate', `Created gameserver: ${created.metadata.name}`);
  }

  #shutDown(set: GameServerSet, gameServer: GameServer): void {
    const { store, record } = this.#options;
    const { namespace = '', name } = gameServer.metadata;
    store.modify<GameServer>('gameservers', namespace, name, (copy) => {
      copy.status = { ...copy.status, state: 'Shutdown' };
    });
    record(set, 'Normal', 'SuccessfulDelete', `Deleted gameserver in state ${stateOf(gameServer)}: ${name}`);
  }

  /** Tells Allocated GameServers that their set has been scaled below them. */
  #markOverflow(set: GameServerSet, members: SetMembers): void {
    const { allocationOverflow } = set.spec;
    if (allocationOverflow === undefined || members.in('Allocated').size <= set.spec.replicas) return;
    const allocated = [...members.in('Allocated').values()];
    const { labels, annotations } = allocationOverflow;
    const unmarked = allocated.filter(
      ({ metadata }) => !contains(metadata.labels, labels) || !contains(metadata.annotations, annotations),
    );
    const marked = allocated.length - unmarked.length;
    const toMark = allocated.length - set.spec.replicas - marked;
    if (toMark <= 0) return;
    const strategy = set.spec.scheduling ?? 'Packed';
    const { loads } = this.#options.nodes;
    for (const { metadata } of firstForRemoval(toMark, strategy, unmarked, loads, set.spec.priorities ?? [])) {
      this.#options.store.modify<GameServer>('gameservers', metadata.namespace ?? '', metadata.name, (copy) => {
        if (labels !== undefined) copy.metadata.labels = { ...copy.metadata.labels, ...labels };
        if (annotations !== undefined) copy.metadata.annotations = { ...copy.metadata.annotations, ...annotations };
      });
    }
  }
}

function gameServerFor(set: GameServerSet): GameServer {
  const { template } = set.spec;
  return {
    apiVersion: 'agones.dev/v1',
    kind: 'GameServer',
    metadata: {
      // The store makes the name.
      name: '',
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace ?? '',
      labels: {
        ...template.metadata?.labels,
        // Empty for a set that no Fleet made.
        [AGONES.fleetLabel]: set.metadata.labels?.[AGONES.fleetLabel] ?? '',
        [AGONES.gameServerSetLabel]: set.metadata.name,
      },
      ...(template.metadata?.annotations === undefined ? {} : { annotations: { ...template.metadata.annotations } }),
      ownerReferences: [controlledBy(set)],
    },
    spec: { ...structuredClone(template.spec), scheduling: set.spec.scheduling ?? 'Packed' },
  };
}

function contains(map: Record<string, string> | undefined, part: Record<string, string> | undefined): boolean {
  return Object.entries(part ?? {}).every(([key, value]) => map?.[key] === value);
}
