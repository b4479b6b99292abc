import { networkError, problemOf, RegattaError } from './problem.ts';

const PROBE_TIMEOUT_MS = 5000;

/**
 * Why a WebSocket upgrade failed: GETs the same URL over HTTP and reads the problem.
 *
 * @returns undefined when the URL itself is in order (`upgrade_required`): the failure was a passing one
 */
export async function askWhyRefused(wsUrl: string, signal: AbortSignal): Promise<RegattaError | undefined> {
  const url = wsUrl.replace(/^ws/, 'http');
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
  try {
    const response = await fetch(url, { headers: { accept: 'application/problem+json' }, signal: bounded });
    const refusal = await problemOf(response);
    return refusal.code === 'upgrade_required' ? undefined : refusal;
  } catch (cause) {
    const error = networkError(cause, undefined);
    return error instanceof RegattaError ? error : undefined;
  }
}
