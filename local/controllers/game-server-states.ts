import type { GameServer, GameServerState } from '../../lib/agones.ts';

const BEFORE_READY: ReadonlySet<GameServerState> = new Set([
  'PortAllocation',
  'Creating',
  'Starting',
  'Scheduled',
  'RequestReady',
]);

/** The GameServer's state; one that admission has not seen yet counts as `PortAllocation`. */
export function stateOf(gameServer: GameServer): GameServerState {
  return gameServer.status?.state ?? 'PortAllocation';
}

export function isBeforeReady(gameServer: GameServer): boolean {
  return BEFORE_READY.has(stateOf(gameServer));
}

/** Whether it is on its way out: deletion was asked for, or it is in `Shutdown`. */
export function isBeingDeleted(gameServer: GameServer): boolean {
  return gameServer.metadata.deletionTimestamp !== undefined || stateOf(gameServer) === 'Shutdown';
}

/** Whether a scale-down or an update may remove it: `Allocated` and `Reserved` have somebody who counts on them. */
export function isRemovable(gameServer: GameServer): boolean {
  const state = stateOf(gameServer);
  if (state === 'Allocated' || state === 'Reserved') return gameServer.metadata.deletionTimestamp !== undefined;
  return true;
}
