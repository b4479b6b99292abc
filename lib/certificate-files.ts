import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { Followed } from './followed.ts';
import type { FollowedOptions } from './followed.ts';

/** Where somebody has what they show in TLS. PEM. */
export interface CertificatePairFiles {
  certFile: string;
  keyFile: string;
}

/** Which of the files a fault is in. */
export type CertificateField = 'caFile' | 'certFile' | 'keyFile';

/** What they held, found to fit together. */
export interface CertificatePair {
  certificate: Buffer;
  key: Buffer;
}

/** One of the files is missing or not what it should be. Never holds what is in it. */
export class CertificateFilesError extends Error {
  readonly field: CertificateField;

  constructor(field: CertificateField, path: string, why: string, options?: ErrorOptions) {
    super(`${path} ${why}`, options);
    this.name = 'CertificateFilesError';
    this.field = field;
  }
}

/**
 * Reads a certificate, with those that vouch for it behind it, and its key.
 *
 * @throws CertificateFilesError when one is missing or half written, or when the key is not the certificate's
 */
export function readCertificatePair({ certFile, keyFile }: CertificatePairFiles): CertificatePair {
  const certificate = readCertificateFile(certFile, 'certFile');
  const key = readCertificateFile(keyFile, 'keyFile');
  const shown = parseWith(() => new X509Certificate(certificate), 'certFile', certFile, 'holds no certificate');
  const privateKey = parseWith(() => createPrivateKey(key), 'keyFile', keyFile, 'holds no private key');
  if (!shown.checkPrivateKey(privateKey)) {
    throw new CertificateFilesError('keyFile', keyFile, `is not the key of the certificate in ${certFile}`);
  }
  // Also of what follows the first certificate, which the checks above do not see.
  parseWith(() => createSecureContext({ cert: certificate, key }), 'certFile', certFile, 'cannot be used');
  return { certificate, key };
}

/**
 * Reads the certificates of authorities.
 *
 * @throws CertificateFilesError
 */
export function readAuthorities(caFile: string): Buffer {
  const authorities = readCertificateFile(caFile, 'caFile');
  parseWith(() => new X509Certificate(authorities), 'caFile', caFile, 'holds no certificate');
  parseWith(() => createSecureContext({ ca: authorities }), 'caFile', caFile, 'cannot be used');
  return authorities;
}

/**
 * A certificate and its key that follow their files.
 *
 * @throws CertificateFilesError when they cannot be used at the start
 */
export function followCertificatePair(
  files: CertificatePairFiles,
  options: Pick<FollowedOptions<CertificatePair>, 'clock' | 'logger' | 'recheckMs'>,
): Followed<CertificatePair> {
  return new Followed({
    what: 'certificates',
    path: files.certFile,
    read: () => readCertificatePair(files),
    isSame: isSamePair,
    ...options,
  });
}

export function isSamePair(one: CertificatePair, other: CertificatePair): boolean {
  return one.certificate.equals(other.certificate) && one.key.equals(other.key);
}

function readCertificateFile(path: string, field: CertificateField): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CertificateFilesError(field, path, 'cannot be read', { cause: error });
  }
}

function parseWith<Parsed>(parse: () => Parsed, field: CertificateField, path: string, why: string): Parsed {
  try {
    return parse();
  } catch {
    // The parser's message is about ASN.1, not about the file.
    throw new CertificateFilesError(field, path, why);
  }
}
