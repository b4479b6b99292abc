import type { GameServerRef } from './ports.ts';

/** The oldest give way beyond this many. */
const MAX_ANSWERED = 10_000;

/** Which GameServer was answered for each of the sessions of late: of two that hold one, that is the one to keep. */
export class AnsweredSessions {
  readonly #answered = new Map<string, GameServerRef>();

  note(sessionId: string, { cluster, name }: GameServerRef): void {
    this.#answered.delete(sessionId);
    this.#answered.set(sessionId, { cluster, name });
    const [oldest] = this.#answered.keys();
    if (this.#answered.size > MAX_ANSWERED && oldest !== undefined) this.#answered.delete(oldest);
  }

  get(sessionId: string): GameServerRef | undefined {
    return this.#answered.get(sessionId);
  }
}
