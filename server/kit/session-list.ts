import { readSeats, SEATS_ANNOTATION, SESSION_DESCRIPTOR_VERSION, SESSIONS_LIST } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { GameServerLifeOptions } from './game-server-life.ts';
import { isGoing } from './game-server-life.ts';
import { waitForView } from './game-server-sdk.ts';
import type { GameServerView } from './game-server-sdk.ts';

/** Whether the GameServer holds several sessions at once: its Fleet declares the List for them. */
export function isShared(view: GameServerView): boolean {
  return view.lists.has(SESSIONS_LIST);
}

/** How many sessions it may hold at once. */
export function capacityOf(view: GameServerView): number {
  return view.lists.get(SESSIONS_LIST)?.capacity ?? 0;
}

/** Ids of the sessions it holds by its own word. The List counts while it is Allocated. */
export function listedOn(view: GameServerView): readonly string[] {
  return view.state === 'Allocated' ? (view.lists.get(SESSIONS_LIST)?.values ?? []) : [];
}

/**
 * What is known of a session that is in the List and whose token nobody has shown yet.
 *
 * @param joinByMs - the kit's own limit: that of the session is in its tokens
 */
export function listedSession(
  sessionId: string,
  view: GameServerView,
  { game, nowMs, joinByMs }: { game: string; nowMs: number; joinByMs: number },
): SessionDescriptor {
  return {
    version: SESSION_DESCRIPTOR_VERSION,
    sessionId,
    game,
    mode: 'shared',
    seats: readSeats(view.annotations.get(SEATS_ANNOTATION)),
    madeAt: new Date(nowMs).toISOString(),
    joinBy: new Date(joinByMs).toISOString(),
  };
}

/**
 * Takes the id of a session that is over out of the List, which frees its place.
 *
 * The sidecar takes note and writes later, with what else there is; what it noted is lost when it dies before. So it is
 * asked again until the List shows it.
 */
export async function takeOffList(
  sessionId: string,
  { sdk, clock, config, logger }: GameServerLifeOptions,
  hasStopped: () => boolean,
): Promise<void> {
  const isDone = (view: GameServerView): boolean =>
    hasStopped() || isGoing(view) || !listedOn(view).includes(sessionId);
  while (!isDone(sdk.gameServer)) {
    try {
      await sdk.removeListValue(SESSIONS_LIST, sessionId);
    } catch (error) {
      // Also when it was noted before and is not written yet.
      logger.warn({ err: error, sessionId }, 'could not take a session off the List');
    }
    await waitForView(sdk, clock, config.stateWaitMs, isDone);
  }
}
