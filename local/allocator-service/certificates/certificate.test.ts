import { createPrivateKey, X509Certificate } from 'node:crypto';
import { connect, createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { createAuthority, createClientPair, createServerPair } from './certificate.ts';
import type { CertificatePair } from './certificate.ts';
import { addressBytes, integer, objectIdentifier, time } from './der.ts';

const validity = { notBeforeMs: Date.UTC(2026, 0, 1), notAfterMs: Date.UTC(2056, 5, 7, 8, 9, 10) };
const authority = createAuthority('an authority', validity);

describe('a certificate', () => {
  it('of an authority is its own issuer, and says that it is one', () => {
    const read = new X509Certificate(authority.certificate);
    expect(read.subject).toBe('CN=an authority');
    expect(read.issuer).toBe('CN=an authority');
    expect(read.ca).toBe(true);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(new Date(read.validFrom).getTime()).toBe(validity.notBeforeMs);
    expect(new Date(read.validTo).getTime()).toBe(validity.notAfterMs);
  });

  it('of a server names its hosts and addresses and no other use', () => {
    const hosts = ['localhost', '127.0.0.1', '::1', '2001:db8::7:1', '::ffff:10.0.0.1'];
    const read = new X509Certificate(createServerPair(authority, 'one', hosts, validity).certificate);
    expect(read.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
    expect(read.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    for (const host of hosts) {
      expect(host === 'localhost' ? read.checkHost(host) : read.checkIP(host)).toBe(host);
    }
    expect(read.checkHost('example.com')).toBeUndefined();
    expect(read.ca).toBe(false);
    expect(read.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  it('of a client fits its key and is for clients', () => {
    const pair = createClientPair(authority, 'a client', validity);
    const read = new X509Certificate(pair.certificate);
    expect(read.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(read.checkPrivateKey(createPrivateKey(pair.key))).toBe(true);
    expect(read.serialNumber).not.toBe(new X509Certificate(authority.certificate).serialNumber);
  });

  it('makes the two ends of a connection trust each other', async () => {
    const server = createServerPair(authority, 'localhost', ['localhost'], validity);
    const client = createClientPair(authority, 'a client', validity);
    expect(await shake(server, client)).toBe('a client');
    await expect(shake(server, server)).rejects.toThrow();
    const stranger = createClientPair(createAuthority('an authority', validity), 'a client', validity);
    await expect(shake(server, stranger)).rejects.toThrow();
  });
});

describe('DER', () => {
  it('writes integers of any size so that none is negative', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 400n }), (value) => {
        const encoded = integer(value);
        const length = encoded[1]! < 0x80 ? encoded.subarray(2) : encoded.subarray(2 + (encoded[1]! & 0x7f));
        expect(length[0]! < 0x80).toBe(true);
        expect(BigInt(`0x${length.toString('hex')}`)).toBe(value);
      }),
      { seed: 11 },
    );
  });

  it('writes object identifiers, times and addresses as X.509 has them', () => {
    expect(objectIdentifier('1.2.840.10045.4.3.2').toString('hex')).toBe('06082a8648ce3d040302');
    expect(
      time(Date.UTC(2049, 11, 31, 23, 59, 59))
        .toString('latin1')
        .slice(2),
    ).toBe('491231235959Z');
    expect(
      time(Date.UTC(2050, 0, 1))
        .toString('latin1')
        .slice(2),
    ).toBe('20500101000000Z');
    expect(addressBytes('fe80::1').toString('hex')).toBe('fe800000000000000000000000000001');
    expect(() => addressBytes('localhost')).toThrow(TypeError);
  });
});

/** The name of the client as the server sees it. */
async function shake(server: CertificatePair, client: CertificatePair): Promise<string> {
  const listener = createServer({
    cert: server.certificate,
    key: server.key,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: true,
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const seen = new Promise<string>((resolve, reject) => {
    listener.once('secureConnection', (socket: TLSSocket) => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.end();
    });
    listener.once('tlsClientError', reject);
  });
  const socket = connect({
    port: (listener.address() as AddressInfo).port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: authority.certificate,
    cert: client.certificate,
    key: client.key,
  });
  socket.on('error', () => {});
  try {
    return await seen;
  } finally {
    socket.destroy();
    listener.close();
  }
}
