import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { jest } from '@jest/globals';
import { createAuthority, createServerPair } from '../../local/allocator-service/certificates/certificate.ts';
import {
  closeAll,
  openAllocator,
  openFrontDoor,
  openGameServer,
  openTcpServer,
  tokenSource,
  waitFor,
} from '../testing/front-door.ts';
import { directoryWithKeys, startGatewayProgram } from '../testing/gateway-program.ts';

jest.setTimeout(60_000);

afterEach(closeAll);

const HANDSHAKE =
  'Host: play.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

const VERSION_1 = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 5000 443\r\n');
const VERSION_2 = binary('cb007107c0000201138801bb');

/** A header of version 2 for TCP over IPv4. */
function binary(addressesHex: string): Buffer {
  const addresses = Buffer.from(addressesHex, 'hex');
  const head = Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), Buffer.from([0x21, 0x11, 0])]);
  return Buffer.concat([head, Buffer.from([addresses.length]), addresses]);
}

function sixthVersion1(address: string): Buffer {
  return Buffer.from(`PROXY TCP6 ${address} 2001:db8::1 5000 443\r\n`);
}

const TRUSTING = { TRUST_PROXY_PROTOCOL: 'true' };

async function openSession(environment: Record<string, string>) {
  const gameServer = await openGameServer();
  const door = await openFrontDoor(environment);
  const { path } = await door.tokens.issue(gameServer.port);
  return { gameServer, door, path };
}

function upgradeText(path: string, headers = ''): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${HANDSHAKE}${headers}\r\n`);
}

/** Sends bytes, and gives the answer up to the end of its headers, or all that came until the end. */
async function headOf(socket: Socket, bytes: Buffer): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => socket.destroy());
  socket.write(bytes);
  await waitFor(() => text.includes('\r\n\r\n') || socket.destroyed);
  return text;
}

function plain(port: number): Socket {
  return connect(port, '127.0.0.1');
}

describe('behind a proxy that speaks the PROXY protocol, when told to trust it,', () => {
  it.each([
    ['1', VERSION_1],
    ['2', VERSION_2],
  ])("the game server learns the player's address (version %s)", async (_version, header) => {
    const { gameServer, door, path } = await openSession(TRUSTING);
    const socket = plain(door.port);
    const head = await headOf(socket, Buffer.concat([header, upgradeText(path, 'X-Forwarded-For: 198.51.100.9\r\n')]));
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    // What the player claims itself is worth nothing.
    expect(gameServer.upgrades[0]?.headers['x-forwarded-for']).toBe('203.0.113.7');
    socket.destroy();
  });

  it.each([
    ['1', VERSION_1],
    ['2', VERSION_2],
  ])('nothing is lost or doubled at whichever byte the stream is split (version %s)', async (_version, header) => {
    const { gameServer, door, path } = await openSession(TRUSTING);
    const stream = Buffer.concat([header, upgradeText(path)]);
    for (let split = 1; split < header.length + 20; split += 1) {
      const socket = plain(door.port);
      socket.setNoDelay(true);
      await once(socket, 'connect');
      await new Promise((resolve) => socket.write(stream.subarray(0, split), resolve));
      await new Promise((resolve) => setImmediate(resolve));
      expect(await headOf(socket, stream.subarray(split))).toMatch(/^HTTP\/1\.1 101 /);
      socket.destroy();
    }
    const addresses = gameServer.upgrades.map(({ headers }) => headers['x-forwarded-for']);
    expect(new Set(addresses)).toEqual(new Set(['203.0.113.7']));
  });

  it('TLS begins behind the header', async () => {
    const validity = { notBeforeMs: Date.now() - 86_400_000, notAfterMs: Date.now() + 86_400_000 };
    const authority = createAuthority('an authority', validity);
    const { certificate, key } = createServerPair(authority, 'localhost', ['127.0.0.1'], validity);
    const gameServer = await openGameServer();
    const pair = { certificate: Buffer.from(certificate), key: Buffer.from(key) };
    const door = await openFrontDoor(TRUSTING, { certificate: pair });
    const { path } = await door.tokens.issue(gameServer.port);
    for (const header of [VERSION_1, VERSION_2]) {
      const apart = plain(door.port);
      await once(apart, 'connect');
      apart.write(header);
      // As a proxy sends them that has heard the client already: in one piece.
      const relayPort = await openTcpServer((client) => {
        client.once('data', (first: Buffer) => {
          const onward = plain(door.port);
          onward.on('error', () => onward.destroy());
          onward.write(Buffer.concat([header, first]));
          client.pipe(onward).pipe(client);
        });
      });
      for (const raw of [apart, plain(relayPort)]) {
        const socket = connectTls({ socket: raw, host: 'localhost', ca: authority.certificate });
        expect(await headOf(socket, upgradeText(path))).toMatch(/^HTTP\/1\.1 101 /);
        socket.destroy();
      }
    }
    const addresses = gameServer.upgrades.map(({ headers }) => headers['x-forwarded-for']);
    expect(addresses).toEqual(Array.from({ length: 4 }, () => '203.0.113.7'));
  });

  it("the allocator learns it too, and the proxy's own health checks get their answer", async () => {
    const told: unknown[] = [];
    const allocator = await openAllocator((request, response) => {
      told.push(request.headers['x-forwarded-for']);
      response.end('fine');
    });
    const door = await openFrontDoor({ ...TRUSTING, ALLOCATOR_URL: allocator });
    const request = Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    for (const header of [VERSION_1, Buffer.from('PROXY UNKNOWN\r\n')]) {
      expect(await headOf(plain(door.port), Buffer.concat([header, request]))).toMatch(/^HTTP\/1\.1 200 /);
    }
    expect(told).toEqual(['203.0.113.7', '127.0.0.1']);
  });

  it('limits count players, not the proxy; those of one /64 as one', async () => {
    const { door, path } = await openSession({ ...TRUSTING, MAX_CONNECTIONS_PER_ADDRESS: '2' });
    const open = async (address: string): Promise<string> => {
      const head = await headOf(plain(door.port), Buffer.concat([sixthVersion1(address), upgradeText(path)]));
      return head.slice(9, 12);
    };
    expect([await open('2001:db8:0:1::1'), await open('2001:db8:0:1::2')]).toEqual(['101', '101']);
    expect(await open('2001:db8:0:1:ffff::3')).toBe('429');
    expect(await open('2001:db8:0:2::1')).toBe('101');
  });

  it('who does not begin with a header is cut off, and who is slow with it', async () => {
    const { door, path, gameServer } = await openSession({ ...TRUSTING, HEADERS_TIMEOUT_MS: '150' });
    expect(await headOf(plain(door.port), upgradeText(path))).toBe('');
    expect(await headOf(plain(door.port), VERSION_1.subarray(0, 20))).toBe('');
    expect(await headOf(plain(door.port), VERSION_2.subarray(0, 20))).toBe('');
    expect(gameServer.connections).toBe(0);
    expect(door.gateway.tally().drops).toEqual({ proxy_header: 3 });
  });

  it('who comes from elsewhere is taken as a client, and its header is no HTTP', async () => {
    const { door, path, gameServer } = await openSession({ ...TRUSTING, TRUSTED_PROXIES: '192.0.2.0/24' });
    expect(await headOf(plain(door.port), Buffer.concat([VERSION_1, upgradeText(path)]))).toContain('invalid_request');
    expect(gameServer.connections).toBe(0);
    expect(await headOf(plain(door.port), upgradeText(path))).toMatch(/^HTTP\/1\.1 101 /);
    expect(gameServer.upgrades[0]?.headers['x-forwarded-for']).toBe('127.0.0.1');
  });

  it('it is so with several processes', async () => {
    const { directory, keys } = directoryWithKeys();
    const gameServer = await openGameServer();
    const { port } = await startGatewayProgram(directory, { ...TRUSTING, WORKERS: '2' });
    const { path } = await tokenSource(keys).issue(gameServer.port);
    for (const header of [VERSION_1, VERSION_2, VERSION_1, VERSION_2]) {
      const head = await headOf(plain(port), Buffer.concat([header, upgradeText(path)]));
      expect(head).toMatch(/^HTTP\/1\.1 101 /);
    }
    expect(gameServer.upgrades.map(({ headers }) => headers['x-forwarded-for'])).toEqual(
      Array.from({ length: 4 }, () => '203.0.113.7'),
    );
  });
});

describe('a PROXY header', () => {
  it('is no HTTP when nobody said to trust it, and game servers learn nothing', async () => {
    const { door, path, gameServer } = await openSession({});
    expect(await headOf(plain(door.port), Buffer.concat([VERSION_1, upgradeText(path)]))).toContain('invalid_request');
    expect(await headOf(plain(door.port), upgradeText(path, 'X-Forwarded-For: 1.2.3.4\r\n'))).toMatch(/ 101 /);
    expect(gameServer.upgrades[0]?.headers['x-forwarded-for']).toBeUndefined();
  });
});

describe('behind proxies that tell by X-Forwarded-For, when told to trust them,', () => {
  it.each([
    ['the one address there is', '203.0.113.7', '203.0.113.7'],
    ['the last one before our own proxies', '198.51.100.1, 203.0.113.7, 10.0.0.3, 10.0.0.4', '203.0.113.7'],
    ['one with a port', '203.0.113.7:55123, 10.0.0.4', '203.0.113.7'],
    ['one of IPv6 with a port, as its /64', '[2001:db8::7]:443', '2001:db8::ffff'],
  ])('limits count %s', async (_what, forwardedFor, sameAddress) => {
    const { door, path } = await openSession({ TRUST_PROXY: 'true', MAX_CONNECTIONS_PER_ADDRESS: '2' });
    const open = async (value: string): Promise<string> => {
      const head = await headOf(plain(door.port), upgradeText(path, `X-Forwarded-For: ${value}\r\n`));
      return head.slice(9, 12);
    };
    expect([await open(forwardedFor), await open(sameAddress)]).toEqual(['101', '101']);
    expect(await open(`192.0.2.55, ${sameAddress}`)).toBe('429');
    expect(await open('203.0.113.8')).toBe('101');
  });

  it('a client that comes from elsewhere cannot say who it is', async () => {
    const environment = { TRUST_PROXY: 'true', TRUSTED_PROXIES: '192.0.2.0/24' };
    const { door, path, gameServer } = await openSession(environment);
    await headOf(plain(door.port), upgradeText(path, 'X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n'));
    expect(gameServer.upgrades[0]?.headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
    });
  });
});
