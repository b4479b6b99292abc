import { networkError, problemOf, RegattaError } from './problem.ts';

export interface AskOptions {
  /** Where the allocator is; in a browser the page's own origin by default. */
  baseUrl?: string;
  signal?: AbortSignal;
}

/**
 * Asks the allocator.
 *
 * @returns the JSON of the answer; undefined when there is none in it
 * @throws RegattaError
 * @throws the signal's reason once it is aborted
 */
export async function ask(
  path: string,
  { baseUrl = '', signal }: AskOptions,
  request: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<unknown> {
  const response = await fetch(baseUrl + path, {
    ...request,
    headers: { accept: 'application/json, application/problem+json', ...request.headers },
    signal: signal ?? null,
  }).catch((cause: unknown) => {
    throw networkError(cause, signal);
  });
  if (!response.ok) throw await problemOf(response);
  const answer: unknown = await response.json().catch(() => undefined);
  signal?.throwIfAborted();
  return answer;
}

/** What to make of a success that does not hold what it should. */
export function unexpected(message: string): RegattaError {
  return new RegattaError('unexpected_answer', message, { retryable: false });
}
