import { seededRandom } from '../../lib/seeded-random.ts';
import type { FaultKind, FaultRequest } from './fault-schema.ts';

/** Why a fault is over. */
export type FaultEnd = 'time' | 'spent' | 'asked' | 'stopped';

/** A fault as it is told to whoever asks. */
export interface FaultReport {
  id: string;
  kind: FaultKind;
  /** RFC 3339. */
  startedAt: string;
  endsAt: string;
  /** How often it could have struck. */
  considered: number;
  /** How often it did. */
  struck: number;
  active: boolean;
  /** Once it is over. */
  endedAt?: string;
  endedBecause?: FaultEnd;
  /** What was asked for, with defaults. */
  [field: string]: unknown;
}

/** What decides over a strike. */
interface Drawn {
  probability?: number;
  count?: number;
}

/** One fault, from its start to its end: decides when to strike, keeps count, lets go of what it holds. */
export class ActiveFault<Request extends FaultRequest = FaultRequest> {
  readonly id: string;
  readonly request: Request;
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  readonly #drawn: Drawn;
  readonly #random: () => number;
  readonly #onSpent: () => void;
  readonly #ends = new Set<(because: FaultEnd) => void>();
  #considered = 0;
  #struck = 0;
  #endedAtMs: number | undefined;
  #endedBecause: FaultEnd | undefined;

  /** @param onSpent - told when it will strike no more */
  constructor(options: {
    id: string;
    request: Request;
    seed: number;
    nowMs: number;
    onSpent(fault: ActiveFault<Request>): void;
  }) {
    const { id, request, seed, nowMs, onSpent } = options;
    this.id = id;
    this.request = request;
    this.#drawn = drawnOf(request);
    this.startedAtMs = nowMs;
    this.endsAtMs = nowMs + request.forMs;
    this.#random = seededRandom(seed);
    this.#onSpent = () => {
      onSpent(this);
    };
  }

  get isActive(): boolean {
    return this.#endedBecause === undefined;
  }

  /** Whether it has struck as often as it may. */
  get isSpent(): boolean {
    return this.#struck >= (this.#drawn.count ?? Infinity);
  }

  /** To be asked once for each time it could strike: what it answers follows from the seed and how often it was asked. */
  strikes(): boolean {
    const { probability = 1 } = this.#drawn;
    if (!this.isActive || this.isSpent) return false;
    this.#considered += 1;
    if (probability < 1 && this.#random() >= probability) return false;
    this.#struck += 1;
    if (this.isSpent) this.#onSpent();
    return true;
  }

  /** A number in [0, 1) that follows from the seed and the draws before. */
  draw(): number {
    return this.#random();
  }

  /**
   * Calls back once when it is over, with the reason; at once when it is already.
   *
   * @returns calls it off
   */
  onEnd(callback: (because: FaultEnd) => void): () => void {
    if (this.#endedBecause !== undefined) {
      callback(this.#endedBecause);
      return () => {};
    }
    this.#ends.add(callback);
    return () => {
      this.#ends.delete(callback);
    };
  }

  /** Ends it. May be called again. */
  end(because: FaultEnd, nowMs: number): void {
    if (!this.isActive) return;
    this.#endedBecause = because;
    this.#endedAtMs = nowMs;
    const ends = [...this.#ends];
    this.#ends.clear();
    for (const callback of ends) callback(because);
  }

  report(): FaultReport {
    return {
      ...this.request,
      id: this.id,
      startedAt: new Date(this.startedAtMs).toISOString(),
      endsAt: new Date(this.endsAtMs).toISOString(),
      considered: this.#considered,
      struck: this.#struck,
      active: this.isActive,
      ...(this.#endedAtMs === undefined ? {} : { endedAt: new Date(this.#endedAtMs).toISOString() }),
      ...(this.#endedBecause === undefined ? {} : { endedBecause: this.#endedBecause }),
    };
  }
}

function drawnOf(request: FaultRequest): Drawn {
  return request.kind === 'node-gone' ? {} : request;
}
