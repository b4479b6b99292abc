import type { Request, Response } from 'express';
import { ProblemError } from '../../lib/errors.ts';

/**
 * How long a caller wants to wait: `Prefer: wait=N` (RFC 7240), N whole seconds, at most `maxSeconds`. What was applied
 * is told in `Preference-Applied`. Other preferences are not looked at, as the RFC has it.
 *
 * @returns seconds
 * @throws ProblemError invalid_request when N is no number
 */
export function readWaitSeconds(
  request: Request,
  response: Response,
  bounds: { defaultSeconds: number; maxSeconds: number },
): number {
  const wait = (request.get('prefer') ?? '')
    .split(/[,;]/)
    .map((preference) => preference.trim().split('='))
    .find(([name]) => name?.trim().toLowerCase() === 'wait');
  if (wait === undefined) return Math.min(bounds.defaultSeconds, bounds.maxSeconds);
  const text = wait[1]?.trim().replaceAll('"', '') ?? '';
  if (!/^\d{1,9}$/.test(text)) {
    throw new ProblemError('invalid_request', 'The wait in Prefer is not a number of seconds', {
      errors: [{ field: 'header Prefer', message: 'wait is not a whole number of seconds' }],
    });
  }
  const seconds = Math.min(Number(text), bounds.maxSeconds);
  response.set('Preference-Applied', `wait=${seconds}`);
  return seconds;
}
