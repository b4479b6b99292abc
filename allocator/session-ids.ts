import { createHmac, randomBytes } from 'node:crypto';
import type { KeySet } from '../lib/key-set.ts';

/** 20 of 36 characters: over 100 bits, so that to know an id is to have been told it. */
const LENGTH = 20;
/** The largest multiple of 36 a byte holds: the bytes above it would favour some characters. */
const FAIR_BYTES = 252;

/** An id that nobody can have had before. */
export function newSessionId(): string {
  let id = '';
  while (id.length < LENGTH) id += asCharacters(randomBytes(24));
  return id.slice(0, LENGTH);
}

/**
 * The id of the session of an Idempotency-Key: the same each time, here and after a restart, and nobody without the
 * sealing keys can tell it.
 */
export function sessionIdOfKey(sealingKeys: KeySet, key: string): string {
  let id = '';
  for (let round = 0; id.length < LENGTH; round += 1) {
    const hmac = createHmac('sha256', sealingKeys.current().key);
    id += asCharacters(hmac.update(`session of key/${round}/${key}`).digest());
  }
  return id.slice(0, LENGTH);
}

function asCharacters(bytes: Buffer): string {
  return [...bytes]
    .filter((byte) => byte < FAIR_BYTES)
    .map((byte) => (byte % 36).toString(36))
    .join('');
}
