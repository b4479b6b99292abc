import { status } from '@grpc/grpc-js';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { createAuthority, createClientPair, createServerPair } from './certificates/certificate.ts';
import type { Authority, CertificatePair } from './certificates/certificate.ts';
import { ensureLocalCertificates } from './certificates/local-certificates.ts';
import { callAllocate, ServiceFixture } from './testing/service-fixture.ts';
import type { ClientFiles } from './testing/service-fixture.ts';

const LOOK_MS = 1000;

let fixture: ServiceFixture;

afterEach(async () => {
  await fixture.stop();
});

function write(file: string, text: string): void {
  writeFileSync(join(fixture.directory, file), text);
}

function read(file: string): Buffer {
  return readFileSync(join(fixture.directory, file));
}

function fresh(): { authority: Authority; server: CertificatePair; client: CertificatePair } {
  const validity = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };
  const authority = createAuthority('fresh', validity);
  return {
    authority,
    server: createServerPair(authority, 'localhost', ['localhost', '127.0.0.1'], validity),
    client: createClientPair(authority, 'fresh client', validity),
  };
}

function filesOf({ authority, client }: { authority: { certificate: string }; client: CertificatePair }): ClientFiles {
  return {
    authority: Buffer.from(authority.certificate),
    certificate: Buffer.from(client.certificate),
    key: Buffer.from(client.key),
  };
}

async function codeOf(files: ClientFiles): Promise<number | undefined> {
  try {
    await fixture.allocate({ namespace: 'default' }, files);
    return status.OK;
  } catch (error) {
    return (error as { code?: number }).code;
  }
}

/** The subject of what the service shows. */
async function shown(): Promise<string> {
  const { authority, certificate, key } = fixture.clientFiles;
  const options = { host: 'localhost', port: fixture.service.httpPort, rejectUnauthorized: false, ca: authority };
  const socket: TLSSocket = connect({ ...options, cert: certificate, key });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

describe('TLS of the allocator service', () => {
  beforeEach(async () => {
    fixture = await ServiceFixture.start();
  });

  it('lets in clients with a certificate it trusts, and no others', async () => {
    const { authority } = fixture.clientFiles;
    expect(await codeOf(fixture.clientFiles)).toBe(status.RESOURCE_EXHAUSTED);
    expect(await codeOf({ authority })).toBe(status.UNAVAILABLE);
    expect(await codeOf({ ...filesOf(fresh()), authority })).toBe(status.UNAVAILABLE);
    await expect(fixture.post({}, { authority })).rejects.toThrow();
    // The server's own certificate comes from the right authority, but is for servers.
    const server = { certificate: read('tls/tls.crt'), key: read('tls/tls.key'), authority };
    expect(await codeOf(server)).toBe(status.UNAVAILABLE);
  });

  it('takes a certificate that signs itself when it is itself among those it trusts', async () => {
    const validity = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };
    const client = createClientPair(undefined, 'alone', validity);
    const files = { ...filesOf({ authority: client, client }), authority: fixture.clientFiles.authority };
    expect(await codeOf(files)).toBe(status.UNAVAILABLE);
    write('client-ca/alone.pem', client.certificate);
    fixture.clock.advance(LOOK_MS);
    expect(await codeOf(files)).toBe(status.RESOURCE_EXHAUSTED);
  });

  it('shows a new pair once both halves are there, and keeps connections that are open', async () => {
    const before = await shown();
    const client = fixture.grpcClient();
    const ask = () => callAllocate(client, { namespace: 'default' });
    await expect(ask()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });

    const { server } = fresh();
    write('tls/tls.crt', server.certificate);
    fixture.clock.advance(LOOK_MS);
    fixture.clock.advance(LOOK_MS);
    expect(fixture.warnings).toHaveLength(1);
    expect(await shown()).toBe(before);

    write('tls/tls.key', server.key.slice(0, 80));
    fixture.clock.advance(LOOK_MS);
    expect(await shown()).toBe(before);

    write('tls/tls.key', server.key);
    fixture.clock.advance(LOOK_MS);
    expect(await shown()).not.toBe(before);
    await expect(ask()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    client.close();
  });

  it('trusts other clients when the files change, however they come', async () => {
    const one = fresh();
    const { authority } = fixture.clientFiles;
    const stranger = { ...filesOf(one), authority };
    expect(await codeOf(stranger)).toBe(status.UNAVAILABLE);
    // A whole folder by renaming.
    const next = join(fixture.directory, 'next-ca');
    mkdirSync(next);
    writeFileSync(join(next, 'other.crt'), one.authority.certificate);
    writeFileSync(join(next, 'notes.txt'), 'not read');
    renameSync(join(fixture.directory, 'client-ca'), join(fixture.directory, 'client-ca.before'));
    renameSync(next, join(fixture.directory, 'client-ca'));
    const old = fixture.clientFiles;
    fixture.clock.advance(LOOK_MS);
    expect(await codeOf(stranger)).toBe(status.RESOURCE_EXHAUSTED);
    expect(await codeOf(old)).toBe(status.UNAVAILABLE);
  });

  it('goes on with what it has when files vanish, and trusts nobody when the list is empty', async () => {
    rmSync(join(fixture.directory, 'tls'), { recursive: true });
    fixture.clock.advance(LOOK_MS);
    expect(await codeOf(fixture.clientFiles)).toBe(status.RESOURCE_EXHAUSTED);
    fixture.clock.advance(LOOK_MS);
    expect(fixture.warnings).toHaveLength(1);
    const { server } = fresh();
    mkdirSync(join(fixture.directory, 'tls'));
    write('tls/tls.crt', server.certificate);
    write('tls/tls.key', server.key);
    write('client-ca/ca.crt', 'broken');
    fixture.clock.advance(LOOK_MS);
    await expect(fixture.post({})).rejects.toThrow();
  });
});

describe('the allocator service', () => {
  it('needs no certificate of clients when mTLS is switched off', async () => {
    fixture = await ServiceFixture.start();
    const { directory } = fixture;
    await fixture.service.close();
    const other = await ServiceFixture.start({ tls: { directory, requireClientCertificate: false } });
    const { authority } = fixture.clientFiles;
    expect((await other.post({}, { authority })).status).toBe(429);
    await expect(other.allocate({}, { authority })).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    await other.stop();
  });

  it('speaks in the clear without TLS, where gRPC has a port of its own', async () => {
    fixture = await ServiceFixture.start({ tls: undefined, grpcPort: await chooseFreePort() });
    expect(fixture.warnings).toEqual([]);
    const response = await fetch(`http://127.0.0.1:${fixture.service.httpPort}/gameserverallocation`, {
      method: 'POST',
      body: '{}',
    });
    expect(response.status).toBe(429);
    const client = fixture.clearGrpcClient();
    await expect(callAllocate(client, {})).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    client.close();
  });

  it('says that one port in the clear is for REST', async () => {
    fixture = await ServiceFixture.start({ tls: undefined });
    expect(fixture.warnings).toEqual([expect.stringContaining('gRPC needs a port of its own')]);
    const client = fixture.clearGrpcClient();
    await expect(callAllocate(client, {})).rejects.toMatchObject({ code: status.UNAVAILABLE });
    client.close();
  });

  it('does not start with a pair that does not fit, or on a port that is taken', async () => {
    fixture = await ServiceFixture.start();
    const { directory } = fixture;
    const taken = { httpPort: await chooseFreePort(), grpcPort: fixture.service.grpcPort };
    await expect(ServiceFixture.start(taken)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    write('tls/tls.key', fresh().server.key);
    const tls = { directory, requireClientCertificate: true };
    await expect(ServiceFixture.start({ tls })).rejects.toThrow();
  });

  it('makes certificates once, for its owner alone', async () => {
    fixture = await ServiceFixture.start();
    expect(ensureLocalCertificates(fixture.directory, [], Date.now())).toBe(false);
    const modes = ['tls/tls.key', 'client/tls.key'].map((file) => statSync(join(fixture.directory, file)).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600]);
    rmSync(join(fixture.directory, 'tls'), { recursive: true });
    expect(ensureLocalCertificates(fixture.directory, ['game.example'], Date.now())).toBe(true);
  });
});
