import type { SessionDescriptor } from '../../lib/session.ts';
import type { GameServerRef, GameServers, GameServerView } from './ports.ts';
import { reportedEnding } from './session-ending.ts';

/**
 * What is known of a session. `unknown`: no GameServer holds it, and nobody here saw it end: it never was, or it ended
 * before this process began to look, or too long ago.
 */
export type Whereabouts =
  | { state: 'running'; session: SessionDescriptor; gameServer: GameServerView }
  | { state: 'over' }
  /** `region`: where its GameServer was. */
  | { state: 'lost'; region: string | undefined }
  | { state: 'unknown' };

/**
 * Where a session is: from memory, else by asking Kubernetes.
 *
 * @param answered - the GameServer that it was given, where that is known: it is looked at before all are searched
 * @throws KubernetesDown
 */
export async function whereaboutsOf(
  gameServers: GameServers,
  sessionId: string,
  answered?: GameServerRef,
): Promise<Whereabouts> {
  const known = gameServers.holding(sessionId);
  if (known !== undefined) return asSeen(known, sessionId);
  const ending = gameServers.endOf(sessionId);
  if (ending !== undefined) return ending.isLost ? { state: 'lost', region: ending.region } : { state: 'over' };
  const given = answered === undefined ? undefined : await gameServers.read(answered, sessionId);
  const [found] = given === undefined ? await gameServers.findHolding(sessionId) : [given];
  return found === undefined ? { state: 'unknown' } : asSeen(found, sessionId);
}

/** Whether a session runs by all that is in memory. */
export function isSeenRunning(gameServers: GameServers, sessionId: string): boolean {
  const known = gameServers.holding(sessionId);
  return known !== undefined && asSeen(known, sessionId).state === 'running';
}

function asSeen(gameServer: GameServerView, sessionId: string): Whereabouts {
  const { session } = gameServer;
  if (session === undefined) return { state: 'unknown' };
  // It says that it is ending before Agones does.
  const ending = reportedEnding(sessionId, gameServer);
  if (ending === undefined) return { state: 'running', session, gameServer };
  return ending.isLost ? { state: 'lost', region: ending.region } : { state: 'over' };
}
