import type { ClusterView } from './cluster-view.ts';
import { eventually } from './conditions.ts';
import { newGame, Sailor } from './sailor.ts';

/** What one click left behind, for the test to look at. */
export interface Journey {
  gameServerName: string;
  ticksSeen: number;
}

/**
 * The whole path of one click, on `local` or on a cluster: allocate, connect through the gateway, play, leave; the
 * session ends by itself, its GameServer is Shutdown and gone, and the Fleet has a Ready one in its place.
 */
export async function playThrough(url: string, cluster: ClusterView, deadlineMs: number): Promise<Journey> {
  const { sessionId, wsUrl } = await newGame(url, 'user123', 30);
  const allocated = (await cluster.gameServers()).find(
    (gameServer) => gameServer.metadata.labels?.['regatta.dev/session'] === sessionId,
  );
  if (allocated?.status?.state !== 'Allocated') throw new Error('no Allocated GameServer carries the session');
  const gameServerName = allocated.metadata.name;

  const sailor = new Sailor(wsUrl);
  await sailor.hear('welcome');
  sailor.say({ type: 'hello', name: 'Journey' });
  sailor.say({ type: 'start' });
  const racing = await sailor.hear('state', ({ phase }) => phase === 'racing', 20_000);
  const later = await sailor.hear('state', ({ tick }) => tick >= racing.tick + 20, 20_000);
  sailor.leave();

  await eventually(`GameServer ${gameServerName} is gone`, deadlineMs, async () =>
    (await cluster.gameServer(gameServerName)) === undefined ? true : undefined,
  );
  await eventually('a Ready GameServer stands in its place', deadlineMs, async () =>
    (await cluster.gameServers()).some(({ status }) => status?.state === 'Ready') ? true : undefined,
  );
  return { gameServerName, ticksSeen: later.tick - racing.tick };
}
