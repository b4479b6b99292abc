import type { GameServerView } from './ports.ts';

/** How a session ended, as far as it was seen. */
export interface SessionEnding {
  /** It was cut short: its GameServer went, or had to stop. Else it was over. */
  isLost: boolean;
  /** Where its GameServer was. */
  region: string | undefined;
}

/**
 * How an exclusive session ended. Agones' states tell most of it: a GameServer is Unhealthy when its process or its Pod
 * went, and Shutdown when it said so itself. One that says so because it has to stop reports `stopped` before.
 *
 * @param before - as it was seen last with the session
 * @param now - as it is without it; undefined when it had gone by the next look, and nobody saw how
 */
export function endingOf(sessionId: string, before: GameServerView, now: GameServerView | undefined): SessionEnding {
  return { isLost: now === undefined || isCutShort(sessionId, now), region: before.region };
}

/** What the game server itself says of the end of this session; undefined while it says nothing. */
export function reportedEnding(sessionId: string, { report, region }: GameServerView): SessionEnding | undefined {
  if (report?.sessionId !== sessionId) return undefined;
  if (report.step === 'stopped') return { isLost: true, region };
  return report.step === 'ended' ? { isLost: false, region } : undefined;
}

function isCutShort(sessionId: string, now: GameServerView): boolean {
  const reported = reportedEnding(sessionId, now);
  if (reported !== undefined) return reported.isLost;
  if (now.state === 'Unhealthy' || now.state === 'Error') return true;
  // Somebody deleted it in the middle of its session.
  return now.state === 'Allocated' && now.isGoing;
}
