import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { jest } from '@jest/globals';
import { createAuthority, createServerPair } from '../local/allocator-service/certificates/certificate.ts';
import {
  closeAll,
  exchange,
  openFrontDoor,
  openGameServer,
  openTcpServer,
  openWebSocket,
  refusalOf,
  waitFor,
} from './testing/front-door.ts';

jest.setTimeout(60_000);

afterEach(closeAll);

/** So that loopback, from which tests come, is limited as strangers are. */
const LIMITED = { UNLIMITED_NETWORKS: '192.0.2.0/24' };

const HANDSHAKE = [
  'Host: play.example',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

function upgradeText(path: string, headers: string[] = []): string {
  return [`GET ${path} HTTP/1.1`, ...HANDSHAKE, ...headers, '', ''].join('\r\n');
}

async function openSession(environment: Record<string, string> = {}) {
  const gameServer = await openGameServer();
  const door = await openFrontDoor(environment);
  const { path } = await door.tokens.issue(gameServer.port);
  return { gameServer, door, path, url: `${door.url}${path}` };
}

/** Connections of an attack at once: fewer than the system keeps for a listener. */
const AT_ONCE = 900;

/** What is left in use once all garbage is gone. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

/** A client that only takes what it is told. */
function listenTo(port: number, host = '127.0.0.1'): { socket: Socket; text: () => string; closed: Promise<void> } {
  const socket = connect(port, host);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => socket.destroy());
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
  return { socket, text: () => text, closed };
}

describe('an address that has too many connections', () => {
  it('is told so on the next one, and served again when one has ended', async () => {
    const { door, url } = await openSession({ MAX_CONNECTIONS_PER_ADDRESS: '2', ...LIMITED });
    const first = await openWebSocket(url);
    await openWebSocket(url);
    const refusal = await refusalOf(url);
    expect(refusal).toMatchObject({ status: 429, problem: { code: 'too_many_connections' } });
    expect(refusal.headers['retry-after']).toBe('10');
    const plain = await exchange(door.port, 'GET /api/anything HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(plain).toMatch(/^HTTP\/1\.1 429 /);
    expect(plain).toContain('"code":"too_many_connections"');
    first.close();
    await once(first, 'close');
    await waitFor(() => door.gateway.connections === 1);
    await openWebSocket(url);
  });

  it('is told over TLS', async () => {
    const validity = { notBeforeMs: Date.now() - 86_400_000, notAfterMs: Date.now() + 86_400_000 };
    const authority = createAuthority('an authority', validity);
    const { certificate, key } = createServerPair(authority, 'localhost', ['127.0.0.1'], validity);
    const environment = { MAX_CONNECTIONS_PER_ADDRESS: '1', ...LIMITED };
    const pair = { certificate: Buffer.from(certificate), key: Buffer.from(key) };
    const door = await openFrontDoor(environment, { certificate: pair });
    const holder = connectTls({ port: door.port, host: '127.0.0.1', ca: authority.certificate });
    await once(holder, 'secureConnect');
    await expect(
      refusalOf(`${door.url}/session/abcdefghijklmnop?token=x`, { ca: authority.certificate }),
    ).resolves.toMatchObject({ status: 429, problem: { code: 'too_many_connections' } });
    holder.destroy();
  });

  it('is reset without a word when it does not stop, and others are served meanwhile', async () => {
    const { door, url } = await openSession({
      MAX_CONNECTIONS_PER_ADDRESS: '3',
      UNLIMITED_NETWORKS: '127.0.0.1/32',
      LISTEN_ADDRESS: '0.0.0.0',
    });
    // Each of them holds on to its connection, from another address of this machine.
    const flood = Array.from({ length: 200 }, () => {
      const socket = connect({ port: door.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
      socket.on('error', () => socket.destroy());
      socket.resume();
      return socket;
    });
    await waitFor(() => flood.filter(({ destroyed }) => destroyed).length > 150);
    const webSocket = await openWebSocket(url.replace('localhost', '127.0.0.1'));
    webSocket.send('hello');
    await once(webSocket, 'message');
    const { drops, openConnections } = door.gateway.tally();
    expect(drops['too_many_connections']).toBeGreaterThan(150);
    // Three of its own, one good one, and those that wait to be told.
    expect(openConnections).toBeLessThan(40);
    for (const socket of flood) socket.destroy();
  });
});

describe('an address that comes too often', () => {
  it('is told so with when to come again, whether it asks for an upgrade or why one was refused', async () => {
    const { door, path, url, gameServer } = await openSession({
      HANDSHAKES_PER_SECOND_PER_ADDRESS: '1',
      HANDSHAKE_BURST_SECONDS: '2',
      ...LIMITED,
    });
    const kept = listenTo(door.port);
    for (let turn = 0; turn < 4; turn += 1) kept.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await waitFor(() => kept.text().split('HTTP/1.1 ').length === 5);
    expect(kept.text().match(/HTTP\/1\.1 (\d+)/g)).toEqual(
      ['426', '426', '429', '429'].map((code) => `HTTP/1.1 ${code}`),
    );
    expect(kept.text()).toMatch(/"code":"too_many_requests"/);
    expect(kept.text()).toMatch(/retry-after: \d/);
    await expect(refusalOf(url)).resolves.toMatchObject({ status: 429, problem: { code: 'too_many_requests' } });
    expect(gameServer.connections).toBe(0);
    kept.socket.destroy();
  });

  it.each([
    ['held back', LIMITED],
    ['heard out', {}],
  ])(
    'costs nothing that grows, whether it is %s: bad upgrades by the thousand leave no memory taken',
    async (_how, limits) => {
      const { door, path, gameServer } = await openSession({ MAX_TRACKED_ADDRESSES: '16', ...limits });
      const forged = `${path.slice(0, -8)}AAAAAAAA`;
      const expired = (await door.tokens.issue(gameServer.port, { livesSeconds: -600 })).path;
      const oversize = `${path}${'x'.repeat(20_000)}`;
      const attack = async (count: number): Promise<void> => {
        for (let turn = 0; turn < count; turn += AT_ONCE) {
          const some = Array.from({ length: AT_ONCE }, async (_, index) => {
            const { socket, closed } = listenTo(door.port);
            const isHalfOpen = index % 4 === 3;
            socket.write(isHalfOpen ? 'GET /session' : upgradeText([forged, expired, oversize][index % 4] ?? ''));
            if (isHalfOpen) socket.end();
            await closed;
          });
          await Promise.all(some);
        }
      };
      await attack(AT_ONCE);
      const before = heapBytes();
      await attack(3 * AT_ONCE);
      expect(heapBytes() - before).toBeLessThan(4 * 1024 * 1024);
      await waitFor(() => door.gateway.tally().openConnections === 0);
      const { handshakesUnderWay, openSessions } = door.gateway.tally();
      expect([handshakesUnderWay, openSessions, gameServer.connections]).toEqual([0, 0, 0]);
    },
  );
});

describe('a client that does not come to the point', () => {
  it('is cut off when it says nothing, or says it byte by byte, and is one of few', async () => {
    const { door } = await openSession({ HEADERS_TIMEOUT_MS: '200', MAX_CONNECTIONS_PER_ADDRESS: '4', ...LIMITED });
    const silent = [1, 2].map(() => listenTo(door.port));
    const slow = [1, 2].map(() => listenTo(door.port));
    for (const { socket } of slow) socket.write('GET /session/x HTTP/1.1\r\nX-Slow: ');
    const drip = setInterval(() => {
      for (const { socket } of slow) if (socket.writable) socket.write('x');
    }, 20);
    await Promise.all([...silent, ...slow].map(({ closed }) => closed));
    clearInterval(drip);
    for (const { text } of slow) expect(text()).toContain('"code":"request_timeout"');
    await waitFor(() => door.gateway.tally().openConnections === 0);
  });

  it('holds one of so many handshakes until its time is up, when the GameServer never answers', async () => {
    const door = await openFrontDoor({ MAX_HANDSHAKES: '5', HANDSHAKE_TIMEOUT_MS: '400' });
    const { path } = await door.tokens.issue(await openTcpServer(() => {}));
    const halfOpen = Array.from({ length: 12 }, () => listenTo(door.port));
    for (const { socket } of halfOpen) socket.write(upgradeText(path));
    await waitFor(() => halfOpen.filter(({ text }) => text().includes('"overloaded"')).length === 7);
    expect(door.gateway.tally().handshakesUnderWay).toBe(5);
    await Promise.all(halfOpen.map(({ closed }) => closed));
    expect(halfOpen.filter(({ text }) => text().includes('"game_server_timeout"'))).toHaveLength(5);
    expect(door.gateway.tally().handshakesUnderWay).toBe(0);
  });
});

describe('a client that sends more than it may', () => {
  it('is read more slowly, loses nothing, and others are not held up', async () => {
    const bytesPerSecond = 65_536;
    const { url } = await openSession({ CLIENT_BYTES_PER_SECOND: String(bytesPerSecond) });
    const [greedy, modest] = [await openWebSocket(url), await openWebSocket(url)];
    const payload = Buffer.alloc(360 * 1024, 7);
    const startMs = performance.now();
    greedy.send(payload);
    const echoed = once(greedy, 'message');
    modest.send('quick');
    await once(modest, 'message');
    const [data] = (await echoed) as [Buffer];
    const tookSeconds = (performance.now() - startMs) / 1000;
    expect(data.equals(payload)).toBe(true);
    // Two bursts of two seconds' worth, and one chunk, pass at once.
    expect(tookSeconds).toBeGreaterThan((payload.length - 4 * bytesPerSecond - 65_536) / bytesPerSecond - 0.1);
  });

  it('is let go when the other side ends meanwhile', async () => {
    const { url, gameServer, door } = await openSession({ CLIENT_BYTES_PER_SECOND: '16384', LINGER_MS: '200' });
    const greedy = await openWebSocket(url);
    greedy.send(Buffer.alloc(1024 * 1024));
    await waitFor(() => door.gateway.tally().bytesToGameServers > 60_000);
    for (const socket of gameServer.sockets) socket.destroy();
    expect((await once(greedy, 'close'))[0]).toBe(4007);
    await waitFor(() => door.gateway.connections === 0);
  });
});

describe('GameServers that come and go', () => {
  it('leave nothing behind, a hundred of them, and no other player notices', async () => {
    const { url, door } = await openSession();
    const stayers = await Promise.all(Array.from({ length: 5 }, () => openWebSocket(url)));
    for (let turn = 0; turn < 10; turn += 1) {
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const gameServer = await openGameServer();
          const { path } = await door.tokens.issue(gameServer.port);
          const player = await openWebSocket(`${door.url}${path}`);
          player.send('hello');
          await once(player, 'message');
          for (const socket of gameServer.sockets) socket.destroy();
          expect((await once(player, 'close'))[0]).toBe(4007);
        }),
      );
      for (const stayer of stayers) {
        stayer.send('still here');
        await once(stayer, 'message');
      }
    }
    await waitFor(() => door.gateway.tally().openConnections === 5);
    expect(door.gateway.tally()).toMatchObject({ sessions: 105, openSessions: 5, handshakesUnderWay: 0, refusals: {} });
  });
});
