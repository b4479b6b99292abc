import { AGONES } from '../../lib/agones.ts';
import type { Fleet, FleetStatus, GameServerSet } from '../../lib/agones.ts';
import { jsonEquals } from '../api/json.ts';
import type { ObjectStore } from '../api/store.ts';
import { addAggregates, aggregatesOf } from './aggregates.ts';
import type { Aggregates } from './aggregates.ts';
import type { RecordEvent } from './event-recorder.ts';
import type { OwnedGameServers } from './owned-game-servers.ts';
import { controlledBy, isControlledBy, splitKey } from './ownership.ts';
import { planRollout, sizeOf } from './rollout.ts';
import type { SetSize } from './rollout.ts';

export interface FleetControllerOptions {
  store: ObjectStore;
  record: RecordEvent;
  owned: OwnedGameServers;
}

/**
 * Keeps one GameServerSet for each Fleet's template, moves GameServers from older sets to it, and the status true.
 *
 * Source: Agones 1.57, `pkg/fleets`.
 */
export class FleetController {
  readonly #store: ObjectStore;
  readonly #record: RecordEvent;
  readonly #owned: OwnedGameServers;

  constructor(options: FleetControllerOptions) {
    this.#store = options.store;
    this.#record = options.record;
    this.#owned = options.owned;
  }

  sync(key: string): void {
    const { namespace, name } = splitKey(key);
    const fleet = this.#store.find<Fleet>('fleets', namespace, name);
    if (fleet === undefined || fleet.metadata.deletionTimestamp !== undefined) return;
    const sets = this.#setsOf(fleet);
    const active = sets.find((set) => sameTemplate(set.spec.template, fleet.spec.template));
    const rest = sets.filter((set) => set !== active);
    const plan = planRollout(fleet, active === undefined ? unmade() : sizeOf(active), rest.map(sizeOf));
    for (const change of plan.rest) {
      const set = rest.find(({ metadata }) => metadata.name === change.name);
      if (set !== undefined) this.#scale(fleet, set, change.replicas, 'inactive');
    }
    for (const set of rest) this.#deleteIfEmpty(fleet, set);
    if (active === undefined) this.#createSet(fleet, plan.activeReplicas);
    else this.#updateActive(fleet, active, plan.activeReplicas);
    this.#writeStatus(fleet);
  }

  #setsOf(fleet: Fleet): GameServerSet[] {
    const { namespace = '', name } = fleet.metadata;
    return this.#store
      .list<GameServerSet>('gameserversets', { namespace, labelSelector: `${AGONES.fleetLabel}=${name}` })
      .filter((set) => isControlledBy(set, fleet));
  }

  #createSet(fleet: Fleet, replicas: number): void {
    const created = this.#store.create<GameServerSet>('gameserversets', setFor(fleet, replicas));
    this.#record(fleet, 'Normal', 'CreatingGameServerSet', `Created GameServerSet ${created.metadata.name}`);
  }

  #updateActive(fleet: Fleet, active: GameServerSet, replicas: number): void {
    if (active.spec.replicas !== replicas) this.#scale(fleet, active, replicas, 'active');
    const { scheduling, priorities = [] } = fleet.spec;
    const unchanged = active.spec.scheduling === scheduling && jsonEquals(active.spec.priorities ?? [], priorities);
    if (unchanged) return;
    const { namespace = '', name } = active.metadata;
    this.#store.modify<GameServerSet>('gameserversets', namespace, name, ({ spec }) => {
      if (scheduling !== undefined) spec.scheduling = scheduling;
      spec.priorities = [...priorities];
    });
    this.#record(fleet, 'Normal', 'UpdatingGameServerSet', `Updated GameServerSet ${name}: scheduling and priorities`);
  }

  #scale(fleet: Fleet, set: GameServerSet, replicas: number, role: 'active' | 'inactive'): void {
    const { namespace = '', name } = set.metadata;
    this.#store.modify<GameServerSet>('gameserversets', namespace, name, (copy) => {
      copy.spec.replicas = replicas;
    });
    const message = `Scaling ${role} GameServerSet ${name} from ${set.spec.replicas} to ${replicas}`;
    this.#record(fleet, 'Normal', 'ScalingGameServerSet', message);
  }

  /** The set's status is not asked: it may not know yet of a GameServer that was Allocated just now. */
  #deleteIfEmpty(fleet: Fleet, set: GameServerSet): void {
    if (this.#owned.of(set).size > 0) return;
    const { namespace = '', name } = set.metadata;
    this.#store.delete('gameserversets', namespace, name, { propagationPolicy: 'Background' });
    this.#record(fleet, 'Normal', 'DeletingGameServerSet', `Deleting inactive GameServerSet ${name}`);
  }

  #writeStatus(fleet: Fleet): void {
    const status = fleetStatus(this.#setsOf(fleet));
    if (jsonEquals(fleet.status, status)) return;
    const { namespace = '', name } = fleet.metadata;
    this.#store.modify<Fleet>(
      'fleets',
      namespace,
      name,
      (copy) => {
        copy.status = status;
      },
      { subresource: 'status' },
    );
  }
}

function fleetStatus(sets: readonly GameServerSet[]): FleetStatus {
  const status: FleetStatus = { replicas: 0, readyReplicas: 0, reservedReplicas: 0, allocatedReplicas: 0 };
  let counters: Aggregates = {};
  let lists: Aggregates = {};
  for (const set of sets) {
    status.replicas += set.status?.replicas ?? 0;
    status.readyReplicas += set.status?.readyReplicas ?? 0;
    status.reservedReplicas += set.status?.reservedReplicas ?? 0;
    status.allocatedReplicas += set.status?.allocatedReplicas ?? 0;
    counters = addAggregates(counters, aggregatesOf(set.status?.counters));
    lists = addAggregates(lists, aggregatesOf(set.status?.lists));
  }
  if (Object.keys(counters).length > 0) status.counters = counters;
  if (Object.keys(lists).length > 0) status.lists = lists;
  return status;
}

function setFor(fleet: Fleet, replicas: number): GameServerSet {
  const { scheduling, priorities, allocationOverflow, template } = fleet.spec;
  return {
    apiVersion: 'agones.dev/v1',
    kind: 'GameServerSet',
    metadata: {
      // The store makes the name.
      name: '',
      generateName: `${fleet.metadata.name}-`,
      namespace: fleet.metadata.namespace ?? '',
      labels: { ...template.metadata?.labels, [AGONES.fleetLabel]: fleet.metadata.name },
      ...(template.metadata?.annotations === undefined ? {} : { annotations: { ...template.metadata.annotations } }),
      ownerReferences: [controlledBy(fleet)],
    },
    spec: {
      replicas,
      scheduling: scheduling ?? 'Packed',
      ...(priorities === undefined || priorities.length === 0 ? {} : { priorities: structuredClone(priorities) }),
      ...(allocationOverflow === undefined ? {} : { allocationOverflow: structuredClone(allocationOverflow) }),
      template: structuredClone(template),
    },
  };
}

function unmade(): SetSize {
  const status = { replicas: 0, readyReplicas: 0, reservedReplicas: 0, allocatedReplicas: 0, shutdownReplicas: 0 };
  return { name: '', replicas: 0, status };
}

/** Whether two templates are the same; what is empty counts as absent, as in Kubernetes' semantic equality. */
function sameTemplate(left: object, right: object): boolean {
  return jsonEquals(withoutEmpty(left), withoutEmpty(right));
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(withoutEmpty);
  if (typeof value !== 'object') return value;
  if (value === null) return undefined;
  const entries = Object.entries(value).flatMap(([key, below]) => {
    const kept = withoutEmpty(below);
    return kept === undefined ? [] : [[key, kept] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
