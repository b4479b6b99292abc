import { createDecipheriv } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

const BASE64URL = /^[\w-]+$/;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Opens a compact JWE (RFC 7516, 7.1) of the one kind we make: `dir` and A256GCM. In place and at once: WebCrypto, and so
 * jose, sends each to a thread, which costs several times the decryption and waits behind other work there.
 *
 * @param keyOf - the key of a key id; may throw
 * @returns what was sealed
 * @throws Error of any kind when it is not such a JWE, or was not made with that key
 */
export function openCompactJwe(text: string, keyOf: (keyId: string | undefined) => KeyObject): Buffer {
  const [protectedHeader = '', encryptedKey, iv = '', ciphertext = '', tag = '', ...more] = text.split('.');
  // With `dir` there is no encrypted key: the part is there, and empty (RFC 7518, 4.5).
  const isWhole = encryptedKey === '' && more.length === 0;
  if (!isWhole || ![protectedHeader, iv, ciphertext, tag].every((part) => BASE64URL.test(part))) {
    throw new Error('not a compact JWE of kind dir');
  }
  const header = JSON.parse(Buffer.from(protectedHeader, 'base64url').toString()) as Record<string, unknown>;
  const { alg, enc, kid } = header;
  // Neither extensions that must be understood nor compression: we make none.
  if (alg !== 'dir' || enc !== 'A256GCM' || 'crit' in header || 'zip' in header) {
    throw new Error('another algorithm than dir and A256GCM');
  }
  const ivBytes = Buffer.from(iv, 'base64url');
  const tagBytes = Buffer.from(tag, 'base64url');
  if (ivBytes.length !== IV_BYTES || tagBytes.length !== TAG_BYTES) throw new Error('not the lengths of A256GCM');
  const key = keyOf(typeof kid === 'string' ? kid : undefined);
  const decipher = createDecipheriv('aes-256-gcm', key, ivBytes, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(protectedHeader, 'ascii'));
  decipher.setAuthTag(tagBytes);
  return Buffer.concat([decipher.update(ciphertext, 'base64url'), decipher.final()]);
}
