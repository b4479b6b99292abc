import { networkError, problemOf, RegattaError } from './problem.ts';

const PROBE_TIMEOUT_MS = 5000;
const UPGRADE_REQUIRED = 426;

/**
 * Why a WebSocket upgrade failed: GETs the same URL over HTTP and reads the problem.
 *
 * @returns undefined when the URL itself is in order (426): the failure was a passing one
 */
export async function askWhyRefused(wsUrl: string, signal: AbortSignal): Promise<RegattaError | undefined> {
  const url = wsUrl.replace(/^ws/, 'http');
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
  try {
    const response = await fetch(url, { headers: { accept: 'application/problem+json' }, signal: bounded });
    const refusal = await problemOf(response);
    // Whoever answers so takes a WebSocket there, be it a game server that knows no problem documents.
    return refusal.status === UPGRADE_REQUIRED ? undefined : refusal;
  } catch (cause) {
    const error = networkError(cause, undefined);
    return error instanceof RegattaError ? error : undefined;
  }
}
