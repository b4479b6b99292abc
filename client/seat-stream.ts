import { ReplayRing } from '../lib/replay-ring.ts';
import type { ReplayBounds } from '../lib/replay-ring.ts';
import { returnUrl } from '../lib/resume-protocol.ts';
import type { SeatMessage } from '../lib/resume-protocol.ts';

/** How two streams go on after a return. */
export interface Continuation {
  /** Messages to this player that are lost. */
  missed: number;
  /** Messages of this player that are lost: the game does not get them. */
  unsent: number;
  /** Messages of this player that the game does not have yet, in order. */
  texts: string[];
}

const encoder = new TextEncoder();

/** Both streams of messages of one seat, counted, with the last of this player's own. */
export class SeatStream {
  readonly #secret: string;
  readonly #sent: ReplayRing;
  #received = 0;

  constructor({ resume }: SeatMessage, bounds: ReplayBounds) {
    this.#secret = resume;
    this.#sent = new ReplayRing(bounds);
  }

  noteReceived(): void {
    this.#received += 1;
  }

  keep(text: string): void {
    this.#sent.add({ text, bytes: encoder.encode(text).length });
  }

  /** Where to come back to. It holds the secret: to be shown to nobody. */
  returnUrl(wsUrl: string): string {
    return returnUrl(wsUrl, { secret: this.#secret, after: this.#received });
  }

  /** @returns undefined when what the seat message tells of is another pair of streams */
  continueWith({ resume, received, missed }: SeatMessage): Continuation | undefined {
    if (resume !== this.#secret) return undefined;
    this.#received += missed;
    const { missed: unsent, texts } = this.#sent.after(received);
    this.#sent.skip(unsent);
    return { missed, unsent, texts };
  }
}
