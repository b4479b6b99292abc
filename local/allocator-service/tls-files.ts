import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { CERTIFICATE_FILES } from './certificates/local-certificates.ts';

/** What the service shows and whom it trusts, PEM. */
export interface TlsIdentity {
  certificate: string;
  key: string;
  /** Of clients; undefined when they need no certificate. Empty trusts nobody. */
  clientAuthorities: string[] | undefined;
}

export interface TlsFilesOptions {
  directory: string;
  requireClientCertificate: boolean;
  clock: Clock;
  logger: Logger;
}

/** As long as Agones gathers changes before it reads them. */
const LOOK_EVERY_MS = 1000;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * The certificates of the allocator service as files, and their changes.
 *
 * Files are looked at again and again rather than watched: they may be replaced by renaming, by swapping links, or with
 * their whole folder. A pair that does not fit together, as one half written does not, leaves the one before in use.
 */
export class TlsFiles {
  readonly #options: TlsFilesOptions;
  /** What the files held when last looked at, good or not. */
  #seen: string;
  #cancel: (() => void) | undefined;

  /** What the files held when last they were good. */
  identity: TlsIdentity;

  /** @throws Error naming the file when there is no good pair to start with */
  constructor(options: TlsFilesOptions) {
    this.#options = options;
    const files = this.#read();
    this.#seen = textOf(files);
    this.identity = this.#identityOf(files);
  }

  /** Calls back after each change that leaves a good pair, until stopped. */
  watch(onChange: (identity: TlsIdentity) => void): void {
    this.#cancel = this.#options.clock.after(LOOK_EVERY_MS, () => {
      this.#look(onChange);
      this.watch(onChange);
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  #look(onChange: (identity: TlsIdentity) => void): void {
    const { logger, directory } = this.#options;
    const found = this.#tryToRead();
    const text = found instanceof Error ? found.message : textOf(found);
    if (text === this.#seen) return;
    this.#seen = text;
    try {
      if (found instanceof Error) throw found;
      this.identity = this.#identityOf(found);
    } catch (error) {
      logger.warn({ err: error, directory }, 'the certificates cannot be used; those before stay in use');
      return;
    }
    logger.info({ directory }, 'new certificates are in use');
    onChange(this.identity);
  }

  #tryToRead(): FilesRead | Error {
    try {
      return this.#read();
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #read(): FilesRead {
    const { directory, requireClientCertificate } = this.#options;
    const read = (file: string): string => readFileSync(join(directory, file), 'utf8');
    const folder = CERTIFICATE_FILES.clientAuthorities;
    return {
      certificate: read(CERTIFICATE_FILES.serverCertificate),
      key: read(CERTIFICATE_FILES.serverKey),
      authorities: requireClientCertificate
        ? readdirSync(join(directory, folder))
            .filter((name) => name.endsWith('.crt') || name.endsWith('.pem'))
            .toSorted()
            .map((name) => ({ name, text: read(join(folder, name)) }))
        : undefined,
    };
  }

  /** @throws Error when certificate and key do not fit */
  #identityOf({ certificate, key, authorities }: FilesRead): TlsIdentity {
    createSecureContext({ cert: certificate, key });
    return { certificate, key, clientAuthorities: authorities?.flatMap((file) => this.#certificatesIn(file)) };
  }

  #certificatesIn({ name, text }: { name: string; text: string }): string[] {
    const certificates = (text.match(PEM_CERTIFICATE) ?? []).filter(isCertificate);
    if (certificates.length === 0) this.#options.logger.warn({ file: name }, 'there is no certificate in a file');
    return certificates;
  }
}

interface FilesRead {
  certificate: string;
  key: string;
  authorities: { name: string; text: string }[] | undefined;
}

function textOf(files: FilesRead): string {
  return JSON.stringify(files);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== '';
  } catch {
    return false;
  }
}
