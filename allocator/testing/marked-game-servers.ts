import { formatSessionDescriptor, SESSION_KEY } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { KubernetesEndpoint } from './kubernetes-endpoint.ts';

/** A session as an allocator describes it, made so long ago. */
export function testSession(sessionId: string, { agoMs = 0 }: { agoMs?: number } = {}): SessionDescriptor {
  const madeAtMs = Date.now() - agoMs;
  return {
    version: 1,
    sessionId: sessionId.padEnd(16, '0'),
    game: 'boat-race',
    mode: 'exclusive',
    seats: 8,
    madeAt: new Date(madeAtMs).toISOString(),
    joinBy: new Date(madeAtMs + 60_000).toISOString(),
  };
}

/** Labels and annotations of a GameServer that was allocated for the session when it was made. */
export function sessionMarks(session: SessionDescriptor): {
  labels: Record<string, string>;
  annotations: Record<string, string>;
} {
  return {
    labels: { [SESSION_KEY]: session.sessionId },
    annotations: {
      [SESSION_KEY]: formatSessionDescriptor(session),
      'agones.dev/last-allocated': session.madeAt,
    },
  };
}

/** Adds a GameServer that holds the session. */
export function addHolding(
  kubernetes: KubernetesEndpoint,
  name: string,
  session: SessionDescriptor,
  more: { labels?: Record<string, string>; annotations?: Record<string, string> } = {},
): void {
  const marks = sessionMarks(session);
  kubernetes.addGameServer(name, session.game, {
    state: 'Allocated',
    labels: { ...marks.labels, ...more.labels },
    annotations: { ...marks.annotations, ...more.annotations },
  });
}
