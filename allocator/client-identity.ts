import { isSamePair, readAuthorities, readCertificatePair } from '../lib/certificate-files.ts';
import type { CertificatePair, CertificatePairFiles } from '../lib/certificate-files.ts';
import type { Clock } from '../lib/clock.ts';
import { Followed } from '../lib/followed.ts';
import type { Logger } from '../lib/logger.ts';

/** Where a client of mTLS has what it shows and whom it trusts. PEM. */
export interface ClientIdentityFiles extends CertificatePairFiles {
  caFile: string;
}

/** What they held, found to fit together. */
export interface ClientIdentity extends CertificatePair {
  authorities: Buffer;
}

/** A client's identity that follows its files: certificates are replaced without a restart. */
export type FollowedIdentity = Followed<ClientIdentity>;

/**
 * Reads the three files.
 *
 * @throws CertificateFilesError when one is missing or half written, or when the key is not the certificate's
 */
export function readClientIdentity(files: ClientIdentityFiles): ClientIdentity {
  const authorities = readAuthorities(files.caFile);
  return { authorities, ...readCertificatePair(files) };
}

/** @throws CertificateFilesError when the files are not good at the start */
export function followIdentity(
  files: ClientIdentityFiles,
  options: { clock: Clock; logger: Logger; recheckMs: number },
): FollowedIdentity {
  return new Followed({
    ...options,
    what: 'client certificates',
    path: files.certFile,
    read: () => readClientIdentity(files),
    isSame: (one, other) => isSamePair(one, other) && one.authorities.equals(other.authorities),
  });
}
