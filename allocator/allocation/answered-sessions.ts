/** The oldest give way beyond this many. */
const MAX_ANSWERED = 10_000;

/** Which GameServer was answered for each of the sessions of late: of two that hold one, that is the one to keep. */
export class AnsweredSessions {
  readonly #names = new Map<string, string>();

  note(sessionId: string, gameServerName: string): void {
    this.#names.delete(sessionId);
    this.#names.set(sessionId, gameServerName);
    const [oldest] = this.#names.keys();
    if (this.#names.size > MAX_ANSWERED && oldest !== undefined) this.#names.delete(oldest);
  }

  get(sessionId: string): string | undefined {
    return this.#names.get(sessionId);
  }
}
