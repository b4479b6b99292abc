import type { GameServer, Priority, SchedulingStrategy } from '../../lib/agones.ts';
import { AGONES } from '../../lib/agones.ts';
import { stateOf } from './game-server-states.ts';
import { firstForRemoval } from './removal-order.ts';
import type { NodeLoads } from './removal-order.ts';
import type { SetMembers, Standing } from './set-members.ts';

/** How long a GameServer in state Error stays before its set replaces it, so that a broken template makes no storm. */
export const ERROR_REPLACEMENT_DELAY_MS = 30_000;

const MAX_CREATED_AT_ONCE = 64;
const MAX_REMOVED_AT_ONCE = 64;
const MAX_WITHOUT_PROCESS = 5000;

const WITHOUT_PROCESS: ReadonlySet<Standing> = new Set([
  'PortAllocation',
  'Creating',
  'Starting',
  'Scheduled',
  'Error',
]);

export interface ReconciliationInput {
  members: SetMembers;
  replicas: number;
  scheduling: SchedulingStrategy;
  priorities: readonly Priority[];
  nodeLoads: NodeLoads;
  nowMs: number;
}

export interface Reconciliation {
  create: number;
  /** In the order they are to go; never one that is Allocated or Reserved. */
  remove: GameServer[];
  /** There is more to do than is done at once. */
  partial: boolean;
  /** When the next GameServer in state Error is to be replaced. */
  recheckAfterMs: number | undefined;
}

/**
 * What a GameServerSet has to do to have as many GameServers as it should.
 *
 * Source: Agones 1.57, `pkg/gameserversets/controller.go`.
 */
export function planReconciliation(input: ReconciliationInput): Reconciliation {
  const { members, replicas, nowMs } = input;
  const failed = [...members.in('Unhealthy').values(), ...members.in('Error').values()];
  const waits = failed.map((gameServer) => replaceInMs(gameServer, nowMs));
  const broken = failed.filter((_, index) => waits[index] === 0);
  const kept = members.count(['Allocated', 'Reserved']);
  const up = members.size - kept - members.in('leaving').size - broken.length;

  const surplus = Math.min(up, Math.max(0, kept + up - replicas));
  // What replaces a broken GameServer counts against a surplus first, as the broken one is going anyway.
  const removeUp = Math.max(0, surplus - broken.length);
  const remove = broken.slice(0, MAX_REMOVED_AT_ONCE);
  const removeUpNow = Math.min(removeUp, MAX_REMOVED_AT_ONCE - remove.length);
  if (removeUpNow > 0) remove.push(...firstUp(input, new Set(broken), removeUpNow));

  const missing = Math.max(0, replicas - kept - up);
  const brokenWithoutProcess = broken.filter((gameServer) => stateOf(gameServer) === 'Error').length;
  const withoutProcess = members.count(WITHOUT_PROCESS) - brokenWithoutProcess;
  const create = Math.min(missing, MAX_CREATED_AT_ONCE, Math.max(0, MAX_WITHOUT_PROCESS - withoutProcess));
  const later = waits.filter((wait) => wait > 0);
  return {
    create,
    remove,
    partial: broken.length + removeUp > MAX_REMOVED_AT_ONCE || (missing > create && create === MAX_CREATED_AT_ONCE),
    recheckAfterMs: later.length === 0 ? undefined : Math.min(...later),
  };
}

/** The first to go of those that are of use. */
function firstUp(input: ReconciliationInput, broken: ReadonlySet<GameServer>, count: number): GameServer[] {
  const { members, scheduling, priorities, nodeLoads } = input;
  const up = broken.size === 0 ? members.removable() : [...members.removable()].filter((one) => !broken.has(one));
  return firstForRemoval(count, scheduling, up, nodeLoads, priorities);
}

/** How long until a GameServer that is Unhealthy or in state Error is replaced. */
function replaceInMs(gameServer: GameServer, nowMs: number): number {
  if (stateOf(gameServer) === 'Unhealthy') return 0;
  const erroredAtMs = Date.parse(gameServer.metadata.annotations?.[AGONES.erroredAtAnnotation] ?? '');
  if (Number.isNaN(erroredAtMs)) return 0;
  return Math.max(0, erroredAtMs + ERROR_REPLACEMENT_DELAY_MS - nowMs);
}
