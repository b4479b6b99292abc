import type { Fleet, GameServerSet, GameServerSetStatus } from '../../lib/agones.ts';
import { loosePercentage } from '../resources/percentage.ts';

/** A set as the plan of a rollout sees it. */
export interface SetSize {
  name: string;
  /** What the set should have. */
  replicas: number;
  /** What it has. */
  status: GameServerSetStatus;
}

export interface RolloutPlan {
  /** What the set with the Fleet's template should have. */
  activeReplicas: number;
  /** Sets with an older template that change, with what they should have. */
  rest: { name: string; replicas: number }[];
}

const DEFAULT_STEP = '25%';
const NO_STATUS: GameServerSetStatus = {
  replicas: 0,
  readyReplicas: 0,
  reservedReplicas: 0,
  allocatedReplicas: 0,
  shutdownReplicas: 0,
};

export function sizeOf(set: GameServerSet): SetSize {
  return { name: set.metadata.name, replicas: set.spec.replicas, status: { ...NO_STATUS, ...set.status } };
}

/**
 * The next step of a Fleet towards having all its GameServers in the set with its template.
 *
 * Allocated and Reserved GameServers of older sets stay and count against the Fleet's replicas. The plan is made
 * again whenever a set changes, until it asks for nothing new.
 *
 * Source: Agones 1.57, `pkg/fleets/controller.go` and `controller_rollingupdatefix.go` (gate RollingUpdateFix, on).
 *
 * @param active - the set with the Fleet's template, or one of no replicas when it is still to be made
 */
export function planRollout(fleet: Fleet, active: SetSize, rest: readonly SetSize[]): RolloutPlan {
  const { spec } = fleet;
  if (rest.length === 0) return { activeReplicas: spec.replicas, rest: [] };
  if (sum(rest, (set) => set.replicas) === 0) {
    const held = sum(rest, ({ status }) => status.reservedReplicas + status.allocatedReplicas);
    return { activeReplicas: Math.max(0, spec.replicas - held), rest: [] };
  }
  if (spec.strategy?.type === 'Recreate') return planRecreate(spec, rest);
  return { activeReplicas: nextActiveReplicas(spec, active, rest), rest: nextRest(fleet, active, rest) };
}

function planRecreate(spec: Fleet['spec'], rest: readonly SetSize[]): RolloutPlan {
  const allocated = sum(rest, ({ status }) => status.allocatedReplicas);
  return {
    activeReplicas: Math.max(0, spec.replicas - allocated),
    rest: rest.filter((set) => set.replicas > 0).map(({ name }) => ({ name, replicas: 0 })),
  };
}

function nextActiveReplicas(spec: Fleet['spec'], active: SetSize, rest: readonly SetSize[]): number {
  if (active.replicas !== active.status.replicas) return active.replicas;
  const allocated = sum(rest, ({ status }) => status.allocatedReplicas);
  const room = Math.max(0, spec.replicas - allocated);
  if (spec.replicas === 0 || active.replicas >= room) return room;
  const surge = share(spec.strategy?.rollingUpdate?.maxSurge ?? DEFAULT_STEP, spec.replicas, Math.ceil);
  const wanted = Math.min(spec.replicas, active.replicas + surge);
  const total = sum(rest, ({ status }) => status.replicas) + wanted;
  const withinSurge = wanted - Math.max(0, total - (spec.replicas + surge));
  return Math.max(0, Math.min(withinSurge, room));
}

function nextRest({ spec, status }: Fleet, active: SetSize, rest: readonly SetSize[]): RolloutPlan['rest'] {
  const ready = sum([...rest, active], (set) => set.status.readyReplicas);
  // What the Fleet's status says was true when it was written last: GameServers that became Ready since then are
  // taken from the old sets on top of maxUnavailable, so that fewer may be left Ready than it allows.
  const reportedReady = status?.readyReplicas ?? 0;
  const step = share(spec.strategy?.rollingUpdate?.maxUnavailable ?? DEFAULT_STEP, reportedReady, Math.floor);
  const unavailable = Math.min(Math.max(1, step), spec.replicas);
  const minAvailable = Math.min(reportedReady - unavailable, spec.replicas);
  const { readyReplicas, reservedReplicas, allocatedReplicas, shutdownReplicas } = active.status;
  const notYetReady = active.replicas - readyReplicas - reservedReplicas - allocatedReplicas - shutdownReplicas;
  const removable = ready - minAvailable - notYetReady;
  if (removable <= 0) return [];
  const sizes = rest.map((set) => ({ ...set }));
  dropUnhealthy(sizes, removable);
  shrinkOld(sizes, ready - minAvailable);
  return sizes
    .filter((set, index) => set.replicas !== rest[index]?.replicas)
    .map(({ name, replicas }) => ({ name, replicas }));
}

/** Old GameServers that are of no use to players go first. */
function dropUnhealthy(sets: SetSize[], max: number): void {
  let dropped = 0;
  for (const set of sets) {
    const { readyReplicas, allocatedReplicas, reservedReplicas } = set.status;
    const useless = set.replicas - (readyReplicas + allocatedReplicas + reservedReplicas);
    if (set.replicas === 0 || useless <= 0) continue;
    const drop = Math.min(max - dropped, useless);
    set.replicas -= drop;
    dropped += drop;
  }
}

/** One old set after the other; a set that has not got to its size yet is waited for. */
function shrinkOld(sets: SetSize[], max: number): void {
  let shrunk = 0;
  for (const set of sets) {
    if (shrunk >= max) return;
    if (set.replicas <= 0) continue;
    if (set.replicas !== set.status.replicas) return;
    if (set.status.shutdownReplicas > 0) continue;
    const shrink = Math.min(set.replicas, max - shrunk);
    set.replicas = set.status.replicas === set.status.allocatedReplicas ? 0 : set.replicas - shrink;
    shrunk += shrink;
  }
}

/** A number as it is, a percentage of `total`. */
function share(value: number | string, total: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value;
  const percent = loosePercentage(value);
  return percent === undefined ? 0 : round((percent * total) / 100);
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
