import { delay, fullJitterMs } from './backoff.ts';
import type { BackoffLimits } from './backoff.ts';
import { RegattaError } from './problem.ts';

export interface KeepAskingOptions {
  signal: AbortSignal;
  /** Told of each refusal before the next attempt: to say so kindly. */
  onRefused?: (refusal: RegattaError, nextInMs: number) => void;
  /** @default 600000: ten minutes */
  giveUpAfterMs?: number;
  /** @default first at most 500 ms, never over 5000 ms */
  backoff?: BackoffLimits;
  random?: () => number;
}

/**
 * Asks again and again while the refusal is one that may pass, as long as the player wants.
 *
 * `ask` must be safe to repeat: for a new game, the same Idempotency-Key each time.
 *
 * @throws RegattaError the refusal that cannot pass, or the last one when the time is up
 * @throws the signal's reason once it is aborted
 */
export async function keepAsking<T>(ask: () => Promise<T>, options: KeepAskingOptions): Promise<T> {
  const { signal, onRefused, giveUpAfterMs = 600_000, backoff = { baseMs: 500, capMs: 5000 } } = options;
  const random = options.random ?? Math.random;
  const giveUpAtMs = Date.now() + giveUpAfterMs;
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof RegattaError) || !mayPass(error)) throw error;
      const nextInMs = (error.retryAfterMs ?? 0) + fullJitterMs(attempt, backoff, random);
      if (Date.now() + nextInMs >= giveUpAtMs) throw error;
      onRefused?.(error, nextInMs);
      await delay(nextInMs, signal);
    }
  }
}

/** An outcome that is unknown is cleared up by asking again under the same key. */
function mayPass(refusal: RegattaError): boolean {
  return refusal.retryable || refusal.code === 'allocation_unknown';
}
