export interface BackoffLimits {
  /** The longest first wait. It doubles with each attempt. */
  baseMs: number;
  /** The longest wait of all. */
  capMs: number;
}

/**
 * How long to wait before retry number `attempt` (from 0): anywhere from nothing to the exponential limit ("full
 * jitter"), so that many clients which lost the same peer do not come back at once.
 *
 * @param random gives numbers from 0 up to, not including, 1
 */
export function fullJitterMs(attempt: number, { baseMs, capMs }: BackoffLimits, random: () => number): number {
  return random() * Math.min(capMs, baseMs * 2 ** attempt);
}

/** Waits; rejects with the signal's reason as soon as it is aborted. Leaves no timer and no listener behind. */
export async function delay(durationMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason instanceof Error ? signal.reason : new DOMException('Aborted', 'AbortError'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, durationMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
