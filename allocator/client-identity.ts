import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';

/** Where a client of mTLS has what it shows and whom it trusts. PEM. */
export interface ClientIdentityFiles {
  caFile: string;
  certFile: string;
  keyFile: string;
}

/** What they held, found to fit together. */
export interface ClientIdentity {
  authorities: Buffer;
  certificate: Buffer;
  key: Buffer;
}

/** One of the files is missing or not what it should be. Never holds what is in it. */
export class CertificateFilesError extends Error {
  readonly field: keyof ClientIdentityFiles;

  constructor(field: keyof ClientIdentityFiles, path: string, why: string, options?: ErrorOptions) {
    super(`${path} ${why}`, options);
    this.name = 'CertificateFilesError';
    this.field = field;
  }
}

/**
 * Reads the three files.
 *
 * @throws CertificateFilesError when one is missing or half written, or when the key is not the certificate's
 */
export function readClientIdentity(files: ClientIdentityFiles): ClientIdentity {
  const authorities = read(files, 'caFile');
  const certificate = read(files, 'certFile');
  const key = read(files, 'keyFile');
  parseWith(() => new X509Certificate(authorities), files, 'caFile', 'holds no certificate');
  const shown = parseWith(() => new X509Certificate(certificate), files, 'certFile', 'holds no certificate');
  const privateKey = parseWith(() => createPrivateKey(key), files, 'keyFile', 'holds no private key');
  if (!shown.checkPrivateKey(privateKey)) {
    throw new CertificateFilesError('keyFile', files.keyFile, `is not the key of the certificate in ${files.certFile}`);
  }
  // Also of what follows the first certificate, which the checks above do not see.
  parseWith(
    () => createSecureContext({ ca: authorities, cert: certificate, key }),
    files,
    'certFile',
    'cannot be used',
  );
  return { authorities, certificate, key };
}

function read(files: ClientIdentityFiles, field: keyof ClientIdentityFiles): Buffer {
  try {
    return readFileSync(files[field]);
  } catch (error) {
    throw new CertificateFilesError(field, files[field], 'cannot be read', { cause: error });
  }
}

function parseWith<Parsed>(
  parse: () => Parsed,
  files: ClientIdentityFiles,
  field: keyof ClientIdentityFiles,
  why: string,
): Parsed {
  try {
    return parse();
  } catch {
    // The parser's message is about ASN.1, not about the file.
    throw new CertificateFilesError(field, files[field], why);
  }
}

export interface FollowedIdentityOptions {
  clock: Clock;
  logger: Logger;
  /** The files are looked at again no sooner than this. */
  recheckMs: number;
}

/**
 * A client's identity that follows its files: certificates are replaced without a restart.
 *
 * The files are read when the identity is asked for and `recheckMs` have passed; they may be replaced by renaming, by
 * swapping links, or with their whole folder. What does not fit together, as one half written does not, leaves the last
 * good one in use and warns once.
 */
export class FollowedIdentity {
  readonly #files: ClientIdentityFiles;
  readonly #options: FollowedIdentityOptions;
  #identity: ClientIdentity;
  #checkedAtMs: number;
  /** Of what was warned last. */
  #fault = '';

  /** @throws CertificateFilesError when they are not good at the start */
  constructor(files: ClientIdentityFiles, options: FollowedIdentityOptions) {
    this.#files = files;
    this.#options = options;
    this.#identity = readClientIdentity(files);
    this.#checkedAtMs = options.clock.nowMs();
  }

  /** The same object while the files are the same. */
  current(): ClientIdentity {
    const { clock, logger, recheckMs } = this.#options;
    const nowMs = clock.nowMs();
    if (nowMs - this.#checkedAtMs < recheckMs) return this.#identity;
    this.#checkedAtMs = nowMs;
    try {
      const found = readClientIdentity(this.#files);
      if (!isSame(found, this.#identity)) {
        this.#identity = found;
        logger.info({ certFile: this.#files.certFile }, 'new client certificates are in use');
      }
      this.#fault = '';
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      if (fault !== this.#fault) logger.warn({ err: error }, 'keeping the last good client certificates');
      this.#fault = fault;
    }
    return this.#identity;
  }
}

function isSame(one: ClientIdentity, other: ClientIdentity): boolean {
  return (
    one.certificate.equals(other.certificate) && one.key.equals(other.key) && one.authorities.equals(other.authorities)
  );
}
