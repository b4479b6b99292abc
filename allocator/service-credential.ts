import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';

/** What a caller of the service API has to know. */
export interface ServiceCredential {
  /** Whether this is it; takes as long for any wrong one. */
  matches(presented: string): boolean;
}

const MIN_LENGTH = 16;

/** The credential's file is missing, or what it holds can be guessed. Never holds the credential. */
export class ServiceCredentialError extends Error {
  constructor(path: string, why: string, options?: ErrorOptions) {
    super(`service token file ${path}: ${why}`, options);
    this.name = 'ServiceCredentialError';
  }
}

/**
 * The bearer token in a file, without the white space around it. It follows its file as keys do: a file that is gone or
 * too short keeps the last good token and warns.
 *
 * @throws ServiceCredentialError when the file is not good at the start
 */
export function openServiceCredential(
  path: string,
  options: { clock: Clock; logger: Logger; recheckMs: number },
): ServiceCredential {
  let modifiedAtMs = 0;
  let digest = readNow();
  let checkedAtMs = options.clock.nowMs();

  function readNow(): Buffer {
    let token: string;
    try {
      modifiedAtMs = statSync(path).mtimeMs;
      token = readFileSync(path, 'utf8').trim();
    } catch (error) {
      throw new ServiceCredentialError(path, 'cannot be read', { cause: error });
    }
    if (token.length < MIN_LENGTH) throw new ServiceCredentialError(path, `is shorter than ${MIN_LENGTH} characters`);
    return digestOf(token);
  }

  function follow(): void {
    const nowMs = options.clock.nowMs();
    if (nowMs - checkedAtMs < options.recheckMs) return;
    checkedAtMs = nowMs;
    try {
      if (statSync(path).mtimeMs !== modifiedAtMs) digest = readNow();
    } catch (error) {
      options.logger.warn({ err: error, path }, 'keeping the last good service token');
    }
  }

  return {
    matches(presented) {
      follow();
      return timingSafeEqual(digestOf(presented), digest);
    },
  };
}

/** Digests have one length whatever is presented, as the comparison needs it. */
function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
