import type { GameServerView } from './ports.ts';

/**
 * The GameServers of one session by when they were allocated: where nobody knows which of them was answered, the first
 * one counts, for every replica alike.
 */
export function oldestFirst(gameServers: readonly GameServerView[]): GameServerView[] {
  return gameServers.toSorted(
    (a, b) => allocatedAtMs(a) - allocatedAtMs(b) || (a.name < b.name ? -1 : Number(a.name > b.name)),
  );
}

/** When it was last allocated, in milliseconds since the epoch; never counts as the latest. */
export function allocatedAtMs({ lastAllocatedAt }: GameServerView): number {
  const atMs = Date.parse(lastAllocatedAt);
  return Number.isNaN(atMs) ? Number.MAX_SAFE_INTEGER : atMs;
}
