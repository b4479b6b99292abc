import { randomBytes, timingSafeEqual } from 'node:crypto';
import { ReplayRing } from '../../lib/replay-ring.ts';
import type { KeptMessage, ReplayBounds } from '../../lib/replay-ring.ts';
import { formatSeatMessage } from '../../lib/resume-protocol.ts';

const SECRET_BYTES = 24;

/** What a connection that continues a stream begins with. */
export interface Continuation {
  /** The control message that comes before anything else. */
  seatMessage: string;
  /** Messages the player does not have, in order. */
  texts: string[];
  /** Nothing between what the player has and these is lost. */
  isWhole: boolean;
}

/** Both streams of messages of one seat, counted, with the last of those to the player: what a return goes on with. */
export class SeatStream {
  readonly #secret = randomBytes(SECRET_BYTES).toString('base64url');
  readonly #sent: ReplayRing;
  #received = 0;
  #lastReceivedAtMs: number;

  constructor(bounds: ReplayBounds, nowMs: number) {
    this.#sent = new ReplayRing(bounds);
    this.#lastReceivedAtMs = nowMs;
  }

  /** Messages to the player so far. */
  get sent(): number {
    return this.#sent.count;
  }

  /** When the last message from the player came; at first, when the stream began. */
  get lastReceivedAtMs(): number {
    return this.#lastReceivedAtMs;
  }

  /** Takes as long whatever is given. */
  isSecret(given: string): boolean {
    const [expected, actual] = [Buffer.from(this.#secret), Buffer.from(given)];
    return expected.length === actual.length && timingSafeEqual(expected, actual);
  }

  keep(message: KeptMessage): void {
    this.#sent.add(message);
  }

  noteReceived(nowMs: number): void {
    this.#received += 1;
    this.#lastReceivedAtMs = nowMs;
  }

  /**
   * @param after - how many messages the player has
   * @param silenceMs - as in `SeatMessage`
   */
  continueAfter(after: number, silenceMs: number): Continuation {
    const { missed, texts } = this.#sent.after(after);
    const seatMessage = formatSeatMessage({ resume: this.#secret, received: this.#received, missed, silenceMs });
    return { seatMessage, texts, isWhole: missed === 0 };
  }
}
