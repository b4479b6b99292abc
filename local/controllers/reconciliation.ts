import type { GameServer, Priority, SchedulingStrategy } from '../../lib/agones.ts';
import { AGONES } from '../../lib/agones.ts';
import { isBeingDeleted, isDeletable } from '../resources/game-server-state.ts';
import { stateOf } from './game-server-states.ts';
import { sortForRemoval } from './removal-order.ts';
import type { NodeLoads } from './removal-order.ts';

/** How long a GameServer in state Error stays before its set replaces it, so that a broken template makes no storm. */
export const ERROR_REPLACEMENT_DELAY_MS = 30_000;

const MAX_CREATED_AT_ONCE = 64;
const MAX_REMOVED_AT_ONCE = 64;
const MAX_WITHOUT_PROCESS = 5000;

export interface ReconciliationInput {
  gameServers: readonly GameServer[];
  replicas: number;
  scheduling: SchedulingStrategy;
  priorities: readonly Priority[];
  /** Asked for only when something has to go. */
  nodeLoads(): NodeLoads;
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
  const { gameServers, replicas, nowMs } = input;
  const kept = gameServers.filter((gameServer) => !isDeletable(gameServer));
  const rest = gameServers.filter((gameServer) => isDeletable(gameServer) && !isBeingDeleted(gameServer));
  const broken = rest.filter((gameServer) => replaceInMs(gameServer, nowMs) === 0);
  const up = rest.filter((gameServer) => replaceInMs(gameServer, nowMs) !== 0);

  const surplus = Math.min(up.length, Math.max(0, kept.length + up.length - replicas));
  // What replaces a broken GameServer counts against a surplus first, as the broken one is going anyway.
  const removeUp = Math.max(0, surplus - broken.length);
  const remove = [
    ...broken,
    ...(removeUp === 0
      ? []
      : sortForRemoval(input.scheduling, up, input.nodeLoads(), input.priorities).slice(0, removeUp)),
  ];

  const missing = Math.max(0, replicas - kept.length - up.length);
  const withoutProcess = up.filter(isWithoutProcess).length;
  const create = Math.min(missing, MAX_CREATED_AT_ONCE, Math.max(0, MAX_WITHOUT_PROCESS - withoutProcess));
  const waits = up.map((gameServer) => replaceInMs(gameServer, nowMs)).filter((wait) => wait !== undefined);
  return {
    create,
    remove: remove.slice(0, MAX_REMOVED_AT_ONCE),
    partial: remove.length > MAX_REMOVED_AT_ONCE || (missing > create && create === MAX_CREATED_AT_ONCE),
    recheckAfterMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}

/** How long until a GameServer that is of no use is replaced; undefined for one that is, or may become, of use. */
function replaceInMs(gameServer: GameServer, nowMs: number): number | undefined {
  const state = stateOf(gameServer);
  if (state === 'Unhealthy') return 0;
  if (state !== 'Error') return undefined;
  const erroredAtMs = Date.parse(gameServer.metadata.annotations?.[AGONES.erroredAtAnnotation] ?? '');
  if (Number.isNaN(erroredAtMs)) return 0;
  return Math.max(0, erroredAtMs + ERROR_REPLACEMENT_DELAY_MS - nowMs);
}

const WITHOUT_PROCESS: ReadonlySet<string> = new Set(['PortAllocation', 'Creating', 'Starting', 'Scheduled', 'Error']);

function isWithoutProcess(gameServer: GameServer): boolean {
  return WITHOUT_PROCESS.has(stateOf(gameServer));
}
