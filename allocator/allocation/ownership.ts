import type { SessionDescriptor } from '../../lib/session.ts';
import { allocatedAtMs } from './doubles.ts';
import type { GameServerView } from './ports.ts';

/** Our patch says itself when it was made: hardly later than its session. */
export const MAX_PATCH_DELAY_MS = 2000;

/**
 * Tells what we have allocated from what carries our marks of before: a GameServer that went back to Ready keeps what was
 * written on it, and whoever allocates it next does so later than its session was made, or its claim was good.
 */
export class Ownership {
  readonly #maxDelayMs: number;

  /** @param maxDelayMs - how much later than its session was made a GameServer of ours can have been allocated */
  constructor(maxDelayMs: number) {
    this.#maxDelayMs = maxDelayMs;
  }

  /** The session that we allocated this GameServer for, and that it holds yet. */
  session(gameServer: GameServerView): SessionDescriptor | undefined {
    const { session } = gameServer;
    if (session === undefined) return undefined;
    return allocatedAtMs(gameServer) <= Date.parse(session.madeAt) + this.#maxDelayMs ? session : undefined;
  }

  /** The claim that we allocated this GameServer for. One that does not say until when is good for nobody. */
  claim(gameServer: GameServerView): GameServerView['claim'] {
    const { claim } = gameServer;
    if (claim === undefined || gameServer.lastAllocatedAt === '') return undefined;
    return claim.untilMs === 0 || allocatedAtMs(gameServer) <= claim.untilMs ? claim : undefined;
  }
}
