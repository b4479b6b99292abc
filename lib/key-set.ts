import { createPrivateKey, createPublicKey, createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { errors } from 'jose';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

/** One key of a JWK set (RFC 7517), as its file holds it. */
export interface JsonWebKeyEntry {
  kty: string;
  kid: string;
  [member: string]: unknown;
}

export interface NamedKey {
  keyId: string;
  key: KeyObject;
}

/** Keys by id; the first makes, all of them check. To rotate, put the new one first and drop the old one when no session of before runs any more. */
export interface KeySet {
  current(): NamedKey;
  /** @throws JOSEError when there is no key of this id */
  byId(keyId: string | undefined): KeyObject;
}

/** The key file is missing or not a JWK set of the kind that is needed. Never holds key material. */
export class KeyFileError extends Error {
  constructor(path: string, why: string, options?: ErrorOptions) {
    super(`key file ${path}: ${why}`, options);
    this.name = 'KeyFileError';
  }
}

const MAX_KEYS = 16;
/** Ed25519 signature key pairs are `OKP`, symmetric sealing keys `oct`. */
export type KeyUse = 'seal' | 'sign' | 'verify';

/**
 * Reads a JWK set of one use.
 *
 * @throws KeyFileError
 */
export function parseKeySet(text: string, use: KeyUse, path: string): KeySet {
  const keys = parseEntries(text, path).map((entry) => ({ keyId: entry.kid, key: importKey(entry, use, path) }));
  const [first] = keys;
  if (first === undefined) throw new KeyFileError(path, 'holds no key');
  const byId = new Map(keys.map(({ keyId, key }) => [keyId, key]));
  return {
    current: () => first,
    byId(keyId) {
      const key = keyId === undefined ? undefined : byId.get(keyId);
      if (key === undefined) throw new errors.JWKSNoMatchingKey();
      return key;
    },
  };
}

/** The public keys that go with private ones, by the same ids. */
export function publicKeysOf(privateKeys: KeySet): KeySet {
  return {
    current() {
      const { keyId, key } = privateKeys.current();
      return { keyId, key: createPublicKey(key) };
    },
    byId: (keyId) => createPublicKey(privateKeys.byId(keyId)),
  };
}

function parseEntries(text: string, path: string): JsonWebKeyEntry[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's message would quote the file.
    throw new KeyFileError(path, 'is not JSON');
  }
  const keys = (parsed as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new KeyFileError(path, 'is not a JWK set');
  if (keys.length > MAX_KEYS) throw new KeyFileError(path, `holds more than ${MAX_KEYS} keys`);
  return keys.map((entry: unknown) => {
    const { kty, kid } = (entry ?? {}) as Partial<JsonWebKeyEntry>;
    if (typeof kty !== 'string' || typeof kid !== 'string') throw new KeyFileError(path, 'a key lacks kty or kid');
    return entry as JsonWebKeyEntry;
  });
}

function importKey(entry: JsonWebKeyEntry, use: KeyUse, path: string): KeyObject {
  try {
    if (use === 'seal') {
      const { k } = entry;
      const secret = Buffer.from(typeof k === 'string' ? k : '', 'base64url');
      if (entry.kty !== 'oct' || secret.length !== 32)
        throw new KeyFileError(path, 'a key is not 256 bits of kind oct');
      return createSecretKey(secret);
    }
    if (entry.kty !== 'OKP' || entry['crv'] !== 'Ed25519') throw new KeyFileError(path, 'a key is not Ed25519');
    const input = { key: entry, format: 'jwk' } as const;
    return use === 'sign' ? createPrivateKey(input) : createPublicKey(input);
  } catch (error) {
    if (error instanceof KeyFileError) throw error;
    throw new KeyFileError(path, 'a key cannot be read');
  }
}

export interface KeyFileOptions {
  clock: Clock;
  logger: Logger;
  /** The file is looked at again no sooner than this. */
  recheckMs: number;
}

/**
 * A key set that follows its file: keys rotate without a restart.
 *
 * The file is looked at when a key is asked for and `recheckMs` have passed. A file that is missing or half written
 * keeps the last good keys and warns.
 *
 * @throws KeyFileError when the file is not good at the start
 */
export function openKeyFile(path: string, use: KeyUse, options: KeyFileOptions): KeySet {
  let stamp = '';
  let keys = readNow();
  let checkedAtMs = options.clock.nowMs();

  function readNow(): KeySet {
    let text: string;
    try {
      stamp = stampOf(path);
      text = readFileSync(path, 'utf8');
    } catch (error) {
      throw new KeyFileError(path, 'cannot be read', { cause: error });
    }
    return parseKeySet(text, use, path);
  }

  function fresh(): KeySet {
    const nowMs = options.clock.nowMs();
    if (nowMs - checkedAtMs < options.recheckMs) return keys;
    checkedAtMs = nowMs;
    try {
      if (stampOf(path) !== stamp) keys = readNow();
    } catch (error) {
      options.logger.warn({ err: error, path }, 'keeping the last good keys');
    }
    return keys;
  }

  return { current: () => fresh().current(), byId: (keyId) => fresh().byId(keyId) };
}

function stampOf(path: string): string {
  const { mtimeMs, size, ino } = statSync(path);
  return `${mtimeMs}/${size}/${ino}`;
}

/** The three JWK sets of an installation, as the text of their files. */
export interface GeneratedKeys {
  /** For allocator and gateway. Secret. */
  sealing: string;
  /** For the allocator. Secret. */
  signing: string;
  /** For game servers. Public. */
  verifying: string;
}

/** Makes a fresh set of keys. */
export function generateKeys(): GeneratedKeys {
  const keyId = randomBytes(6).toString('base64url');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const asSet = (entry: object): string => `${JSON.stringify({ keys: [{ kid: keyId, ...entry }] }, undefined, 2)}\n`;
  return {
    sealing: asSet({ kty: 'oct', alg: 'A256GCM', k: randomBytes(32).toString('base64url') }),
    signing: asSet({ ...privateKey.export({ format: 'jwk' }), alg: 'EdDSA' }),
    verifying: asSet({ ...publicKey.export({ format: 'jwk' }), alg: 'EdDSA' }),
  };
}
