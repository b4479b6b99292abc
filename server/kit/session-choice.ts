import { parseSessionDescriptor, SESSION_KEY } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { GameServerView } from './game-server-sdk.ts';

/** The session the GameServer holds by its own word, if it is Allocated and says which. */
export function sessionOf(view: GameServerView): SessionDescriptor | undefined {
  if (view.state !== 'Allocated') return undefined;
  return parseSessionDescriptor(view.annotations.get(SESSION_KEY));
}

/** Ids of ended sessions that are remembered. Older ones are told by when they were made. */
const MAX_REMEMBERED = 64;

/** The sessions that are over on this GameServer: none of them comes back. */
export class EndedSessions {
  readonly #ids = new Set<string>();
  #newestMadeAtMs = Number.NEGATIVE_INFINITY;

  add({ sessionId, madeAt }: SessionDescriptor): void {
    this.#ids.delete(sessionId);
    this.#ids.add(sessionId);
    this.#newestMadeAtMs = Math.max(this.#newestMadeAtMs, Date.parse(madeAt));
    const [oldest] = this.#ids;
    if (this.#ids.size > MAX_REMEMBERED && oldest !== undefined) this.#ids.delete(oldest);
  }

  /** Whether this very session ended here. */
  has({ sessionId }: SessionDescriptor): boolean {
    return this.#ids.has(sessionId);
  }

  /** Whether it ended here, or was made before one that did. */
  isPast(descriptor: SessionDescriptor): boolean {
    return this.has(descriptor) || Date.parse(descriptor.madeAt) < this.#newestMadeAtMs;
  }
}

export type SessionChoice = 'join' | 'open' | 'wait' | 'over';

/**
 * What to do with a seat for a session, given what is known now.
 *
 * A token can be here before the watch says that the GameServer was allocated. `wait` asks for newer knowledge: when
 * none comes in time, the seat is refused. A GameServer that is Allocated and names no session, or one that is over, is
 * a claim: the token itself says which session it now holds.
 */
export function chooseSession(
  wanted: SessionDescriptor,
  known: { current: SessionDescriptor | undefined; ended: EndedSessions; view: GameServerView },
): SessionChoice {
  const { current, ended, view } = known;
  if (current?.sessionId === wanted.sessionId) return 'join';
  const held = sessionOf(view);
  if (ended.has(wanted)) return 'over';
  if (held?.sessionId === wanted.sessionId) return current === undefined ? 'open' : 'wait';
  if (current !== undefined && Date.parse(wanted.madeAt) < Date.parse(current.madeAt)) return 'over';
  if (ended.isPast(wanted)) return 'over';
  const isClaim = view.state === 'Allocated' && (held === undefined || ended.has(held));
  return current === undefined && isClaim ? 'open' : 'wait';
}
