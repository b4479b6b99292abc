import type { GameServer, GameServerState } from '../../lib/agones.ts';

/** The GameServer's state; one that admission has not seen yet counts as `PortAllocation`. */
export function stateOf(gameServer: GameServer): GameServerState {
  return gameServer.status?.state ?? 'PortAllocation';
}
