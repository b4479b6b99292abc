import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import {
  addressBytes,
  bits,
  boolean,
  integer,
  objectIdentifier,
  octets,
  sequence,
  set,
  tagged,
  taggedBytes,
  time,
  utf8Text,
} from './der.ts';

/** A certificate with its key, both PEM; the key as PKCS #8. */
export interface CertificatePair {
  certificate: string;
  key: string;
}

/** What signs certificates: its own pair, and what of it stands in the certificates it signs. */
export interface Authority extends CertificatePair {
  subject: string;
  privateKey: KeyObject;
  keyIdentifier: Buffer;
}

export interface Validity {
  notBeforeMs: number;
  notAfterMs: number;
}

const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
};

/** Bits of KeyUsage, with how many at the end do not count. */
const KEY_USAGE = { digitalSignature: [0x80, 7], signCertificates: [0x06, 1] } as const;

const KEY_IDENTIFIER_BYTES = 20;
const SERIAL_BYTES = 15;

/**
 * Certificates of X.509 version 3 for one's own machine: keys on P-256, signed with ECDSA and SHA-256. There is no more
 * in them than TLS looks at.
 *
 * Source: RFC 5280.
 */
export function createAuthority(subject: string, validity: Validity): Authority {
  const keys = generateKeys();
  const certificate = issue({
    ...validity,
    subject,
    issuer: subject,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    extensions: [
      extension(OID.basicConstraints, sequence(boolean(true)), 'critical'),
      extension(OID.keyUsage, keyUsage('signCertificates'), 'critical'),
      extension(OID.subjectKeyIdentifier, octets(keys.identifier)),
    ],
  });
  return {
    subject,
    certificate,
    key: toPem(keys.privateKey),
    privateKey: keys.privateKey,
    keyIdentifier: keys.identifier,
  };
}

/** @param addresses - the host names and IP addresses that clients reach the server at */
export function createServerPair(
  authority: Authority,
  subject: string,
  addresses: readonly string[],
  validity: Validity,
): CertificatePair {
  const names = addresses.map((address) =>
    isIP(address) === 0 ? taggedBytes(2, Buffer.from(address)) : taggedBytes(7, addressBytes(address)),
  );
  return createLeaf(authority, subject, validity, OID.serverAuth, [extension(OID.subjectAltName, sequence(...names))]);
}

/** @param authority - left out for a certificate that signs itself, as Agones' installation gives its clients one */
export function createClientPair(
  authority: Authority | undefined,
  subject: string,
  validity: Validity,
): CertificatePair {
  return createLeaf(authority, subject, validity, OID.clientAuth, []);
}

function createLeaf(
  authority: Authority | undefined,
  subject: string,
  validity: Validity,
  purpose: string,
  extensions: Buffer[],
): CertificatePair {
  const keys = generateKeys();
  const certificate = issue({
    ...validity,
    subject,
    issuer: authority?.subject ?? subject,
    publicKey: keys.publicKey,
    signingKey: authority?.privateKey ?? keys.privateKey,
    extensions: [
      extension(OID.basicConstraints, sequence(), 'critical'),
      extension(OID.keyUsage, keyUsage('digitalSignature'), 'critical'),
      extension(OID.extendedKeyUsage, sequence(objectIdentifier(purpose))),
      extension(OID.subjectKeyIdentifier, octets(keys.identifier)),
      extension(OID.authorityKeyIdentifier, sequence(taggedBytes(0, authority?.keyIdentifier ?? keys.identifier))),
      ...extensions,
    ],
  });
  return { certificate, key: toPem(keys.privateKey) };
}

interface Keys {
  /** DER of SubjectPublicKeyInfo. */
  publicKey: Buffer;
  privateKey: KeyObject;
  identifier: Buffer;
}

function generateKeys(): Keys {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encoded = publicKey.export({ type: 'spki', format: 'der' });
  // Any identifier will do that tells keys apart.
  const identifier = createHash('sha256').update(encoded).digest().subarray(0, KEY_IDENTIFIER_BYTES);
  return { publicKey: encoded, privateKey, identifier };
}

interface CertificateContents extends Validity {
  subject: string;
  issuer: string;
  publicKey: Buffer;
  signingKey: KeyObject;
  extensions: Buffer[];
}

function issue(contents: CertificateContents): string {
  const { subject, issuer, publicKey, signingKey, extensions, notBeforeMs, notAfterMs } = contents;
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
  const toBeSigned = sequence(
    tagged(0, integer(2n)),
    integer(BigInt(`0x${randomBytes(SERIAL_BYTES).toString('hex')}`)),
    algorithm,
    nameOf(issuer),
    sequence(time(notBeforeMs), time(notAfterMs)),
    nameOf(subject),
    publicKey,
    tagged(3, sequence(...extensions)),
  );
  const certificate = sequence(toBeSigned, algorithm, bits(sign('sha256', toBeSigned, signingKey)));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function nameOf(commonName: string): Buffer {
  return sequence(set(sequence(objectIdentifier(OID.commonName), utf8Text(commonName))));
}

function extension(identifier: string, value: Buffer, critical?: 'critical'): Buffer {
  const flag = critical === undefined ? [] : [boolean(true)];
  return sequence(objectIdentifier(identifier), ...flag, octets(value));
}

function keyUsage(usage: keyof typeof KEY_USAGE): Buffer {
  const [flags, unusedBits] = KEY_USAGE[usage];
  return bits(Buffer.from([flags]), unusedBits);
}

function toPem(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
