import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { jest } from '@jest/globals';
import type { WebSocket } from 'ws';
import { createAuthority, createServerPair } from '../local/allocator-service/certificates/certificate.ts';
import type { GeneratedKeys } from '../lib/key-set.ts';
import { closeAll, openGameServer, openWebSocket, tokenSource, waitFor } from './testing/front-door.ts';
import { ProjectedSecret } from './testing/certificates.ts';
import type { PairText } from './testing/certificates.ts';
import {
  directoryWithKeys,
  metricOf,
  runGateway,
  startGatewayProgram,
  temporaryDirectory,
} from './testing/gateway-program.ts';
import type { StartedGateway } from './testing/gateway-program.ts';

jest.setTimeout(60_000);

const validity = { notBeforeMs: Date.now() - 86_400_000, notAfterMs: Date.now() + 86_400_000 };
const authority = createAuthority('an authority', validity);

let directory: string;
let keys: GeneratedKeys;
let secret: ProjectedSecret;
let first: PairText;

beforeEach(() => {
  ({ directory, keys } = directoryWithKeys());
  first = newPair();
  secret = new ProjectedSecret(temporaryDirectory(), first);
});

afterEach(closeAll);

function newPair(): PairText {
  return createServerPair(authority, 'localhost', ['127.0.0.1'], validity);
}

function startWithTls(environment: Record<string, string> = {}): Promise<StartedGateway> {
  return startGatewayProgram(directory, {
    TLS_CERT_FILE: secret.certFile,
    TLS_KEY_FILE: secret.keyFile,
    KEY_RECHECK_MS: '10',
    ...environment,
  });
}

function fingerprintOf({ certificate }: PairText): string {
  return new X509Certificate(certificate).fingerprint256;
}

/** What a client is shown that connects now. */
async function shownBy({ port }: StartedGateway): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ca: authority.certificate });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

/** A player who says a number as soon as the one before came back. */
class Talker {
  heard = 0;
  isClosed = false;

  constructor(webSocket: WebSocket) {
    webSocket.on('close', () => (this.isClosed = true));
    webSocket.on('message', (data: Buffer) => {
      if (data.toString() !== String(this.heard)) throw new Error('an answer out of order');
      this.heard += 1;
      webSocket.send(String(this.heard));
    });
    webSocket.send('0');
  }

  static async open(url: string): Promise<Talker> {
    return new Talker(await openWebSocket(url, { ca: authority.certificate }));
  }

  async hearsOn(): Promise<void> {
    const heard = this.heard;
    await waitFor(() => this.heard > heard + 2);
  }
}

describe('certificates', () => {
  it.each(['1', '2'])(
    'are replaced again and again under load: no player is lost, and who comes anew is shown the new one (WORKERS=%s)',
    async (workers) => {
      const gameServer = await openGameServer();
      const gateway = await startWithTls({ WORKERS: workers });
      const { path } = await tokenSource(keys).issue(gameServer.port);
      const players = await Promise.all(Array.from({ length: 12 }, () => Talker.open(`${gateway.url}${path}`)));
      for (let turn = 0; turn < 8; turn += 1) {
        const pair = newPair();
        secret.replace(pair);
        const shown = fingerprintOf(pair);
        await waitFor(async () => (await shownBy(gateway)) === shown);
        players.push(await Talker.open(`${gateway.url}${path}`));
        for (const player of players) await player.hearsOn();
      }
      expect(players.filter(({ isClosed }) => isClosed)).toHaveLength(0);
      await expect(metricOf(gateway, 'regatta_gateway_certificate_expiry_seconds')).resolves.toBe(
        Math.floor(validity.notAfterMs / 1000),
      );
    },
  );

  it.each([
    ['half written', () => ({ ...newPair(), certificate: first.certificate.slice(0, 200) })],
    ['of another key', () => ({ ...newPair(), key: newPair().key })],
    ['without a key', () => ({ ...newPair(), key: '' })],
    [
      'half a chain',
      () => ({ ...newPair(), certificate: `${newPair().certificate}-----BEGIN CERTIFICATE-----\nMIIB` }),
    ],
  ])(
    'that are %s leave the last good ones in use, with a warning, and the next good ones are used',
    async (_name, bad) => {
      const gateway = await startWithTls();
      secret.replace(bad());
      await waitFor(() => gateway.output().includes('keeping the last good certificates'));
      await expect(shownBy(gateway)).resolves.toBe(fingerprintOf(first));
      const good = newPair();
      secret.replace(good);
      await waitFor(async () => (await shownBy(gateway)) === fingerprintOf(good));
      expect(gateway.output()).not.toContain('PRIVATE KEY');
    },
  );

  it('that do not fit together keep the gateway from starting, and the message names the file', async () => {
    secret.replace({ ...first, key: newPair().key });
    const program = runGateway(directory, { TLS_CERT_FILE: secret.certFile, TLS_KEY_FILE: secret.keyFile });
    await expect(program.exited).resolves.toEqual([2, null]);
    expect(program.output()).toContain(`${secret.keyFile} is not the key of the certificate in ${secret.certFile}`);
  });

  it('do for wss, to the last close code', async () => {
    const gameServer = await openGameServer();
    const gateway = await startWithTls();
    const { path } = await tokenSource(keys).issue(gameServer.port);
    const webSocket = await openWebSocket(`${gateway.url}${path}`, { ca: authority.certificate });
    webSocket.send('hello');
    const [data] = (await once(webSocket, 'message')) as [Buffer];
    expect(data.toString()).toBe('hello');
    for (const socket of gameServer.sockets) socket.resetAndDestroy();
    const [code] = (await once(webSocket, 'close')) as [number];
    expect(code).toBe(4007);
  });

  it('are asked for in vain by a client that says nothing, or speaks no TLS: it is cut off', async () => {
    const gateway = await startWithTls({ HEADERS_TIMEOUT_MS: '150' });
    const silent = connectTcp(gateway.port, '127.0.0.1');
    silent.on('error', () => silent.destroy());
    silent.resume();
    const talker = connectTcp(gateway.port, '127.0.0.1');
    talker.on('error', () => talker.destroy());
    talker.resume();
    talker.write('GET / HTTP/1.1\r\n\r\n');
    await once(talker, 'close');
    if (!silent.closed) await once(silent, 'close');
    await waitFor(async () => (await metricOf(gateway, 'regatta_gateway_connections')) === 0);
  });
});
