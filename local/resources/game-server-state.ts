import type { GameServer, GameServerState } from '../../lib/agones.ts';

/** States from which a GameServer does not come back. */
const TERMINAL: ReadonlySet<string> = new Set<GameServerState>(['Shutdown', 'Error', 'Unhealthy']);

const BEFORE_READY: ReadonlySet<string> = new Set<GameServerState>([
  'PortAllocation',
  'Creating',
  'Starting',
  'Scheduled',
  'RequestReady',
]);

const ACTIVE: ReadonlySet<string> = new Set<GameServerState>(['Ready', 'Reserved', 'Allocated']);

function stateOf(gameServer: GameServer): string {
  return gameServer.status?.state ?? '';
}

/** Whether somebody asked for its deletion, through the API or by `Shutdown`. */
export function isBeingDeleted(gameServer: GameServer): boolean {
  return gameServer.metadata.deletionTimestamp !== undefined || stateOf(gameServer) === 'Shutdown';
}

/** Whether it has yet to become Ready for the first time. */
export function isBeforeReady(gameServer: GameServer): boolean {
  return BEFORE_READY.has(stateOf(gameServer));
}

/** Whether it is Ready, Reserved or Allocated. */
export function isActive(gameServer: GameServer): boolean {
  return ACTIVE.has(stateOf(gameServer));
}

/** Whether its state is one that nothing leaves: Shutdown, Error or Unhealthy. */
export function isTerminal(gameServer: GameServer): boolean {
  return TERMINAL.has(stateOf(gameServer));
}

/** The address of a GameServer that runs outside the cluster, '' for every other. */
export function devAddressOf(gameServer: GameServer): string {
  return gameServer.metadata.annotations?.['agones.dev/dev-address'] ?? '';
}
