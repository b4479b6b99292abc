import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, createClientPair, createServerPair } from './certificate.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const VALID_DAYS = 3650;

/** Where the allocator service's files are, under its folder, by Agones' names for them. */
export const CERTIFICATE_FILES = {
  serverCertificate: 'tls/tls.crt',
  serverKey: 'tls/tls.key',
  /** Every `.crt` and `.pem` in it holds certificates of which clients' ones must come. */
  clientAuthorities: 'client-ca',
  /** What a client needs, made together with the others. */
  clientCertificate: 'client/tls.crt',
  clientKey: 'client/tls.key',
  serverAuthority: 'client/ca.crt',
} as const;

/**
 * Makes what the allocator service and a client of it need, where there is no server certificate yet: an authority,
 * whose key is thrown away, a pair for the server, and one for a client. What is there is left as it is.
 *
 * @param hosts - names and IP addresses of the server besides this machine's own
 * @returns whether it made anything
 */
export function ensureLocalCertificates(directory: string, hosts: readonly string[], nowMs: number): boolean {
  const path = (file: string): string => join(directory, file);
  if (existsSync(path(CERTIFICATE_FILES.serverCertificate)) || existsSync(path(CERTIFICATE_FILES.serverKey))) {
    return false;
  }
  // A day back, for clocks that differ.
  const validity = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + VALID_DAYS * DAY_MS };
  const authority = createAuthority('Regatta local allocator CA', validity);
  const addresses = [...new Set(['localhost', '127.0.0.1', '::1', ...hosts])];
  const server = createServerPair(authority, 'localhost', addresses, validity);
  const client = createClientPair(authority, 'allocator-client', validity);
  for (const folder of ['tls', CERTIFICATE_FILES.clientAuthorities, 'client']) {
    mkdirSync(path(folder), { recursive: true, mode: 0o700 });
  }
  const write = (file: string, text: string): void => {
    writeFileSync(path(file), text, { mode: 0o600 });
  };
  write(join(CERTIFICATE_FILES.clientAuthorities, 'ca.crt'), authority.certificate);
  write(CERTIFICATE_FILES.serverAuthority, authority.certificate);
  write(CERTIFICATE_FILES.clientKey, client.key);
  write(CERTIFICATE_FILES.clientCertificate, client.certificate);
  write(CERTIFICATE_FILES.serverKey, server.key);
  write(CERTIFICATE_FILES.serverCertificate, server.certificate);
  return true;
}
