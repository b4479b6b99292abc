import { SESSION_DESCRIPTOR_VERSION } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';

/** The descriptor of a session that is made at this time. @param joinWithinMs - without a player by then it is over */
export function describeSession(
  session: Pick<SessionDescriptor, 'sessionId' | 'game' | 'mode' | 'seats'>,
  { madeAtMs, joinWithinMs }: { madeAtMs: number; joinWithinMs: number },
): SessionDescriptor {
  return {
    version: SESSION_DESCRIPTOR_VERSION,
    ...session,
    madeAt: new Date(madeAtMs).toISOString(),
    joinBy: new Date(madeAtMs + joinWithinMs).toISOString(),
  };
}
