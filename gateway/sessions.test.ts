import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { WebSocketServer } from 'ws';
import { generateKeys } from '../lib/key-set.ts';
import {
  closeAll,
  exchange,
  openFrontDoor,
  openGameServer,
  openTcpServer,
  openWebSocket,
  refusalOf,
  tokenSource,
  unusedPort,
  waitFor,
} from './testing/front-door.ts';

afterEach(closeAll);

const HANDSHAKE = [
  'Host: play.example',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

function upgradeText(path: string, headers: string[] = HANDSHAKE): string {
  return [`GET ${path} HTTP/1.1`, ...headers, '', ''].join('\r\n');
}

async function openSession(environment: Record<string, string> = {}) {
  const gameServer = await openGameServer();
  const door = await openFrontDoor(environment);
  const tokens = await door.tokens.issue(gameServer.port);
  return { gameServer, door, tokens, url: `${door.url}${tokens.path}` };
}

describe('a session through the gateway', () => {
  it('lets the two agree on a subprotocol, or on none', async () => {
    const { door, tokens, gameServer } = await openSession();
    const chosenBy = async (protocol: string): Promise<string | undefined> => {
      const socket = connect(door.port, '127.0.0.1');
      socket.write(upgradeText(tokens.path, [...HANDSHAKE, `Sec-WebSocket-Protocol: ${protocol}`]));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 101 /);
      return /^Sec-WebSocket-Protocol: (.*)\r$/im.exec(answer.toString())?.[1];
    };
    expect(await chosenBy('regatta.v1')).toBe('regatta.v1');
    gameServer.webSockets.options.handleProtocols = () => false;
    expect(await chosenBy('regatta.v1')).toBeUndefined();
    expect(gameServer.upgrades.map(({ headers }) => headers['sec-websocket-protocol'])).toEqual([
      'regatta.v1',
      'regatta.v1',
    ]);
  });

  it('takes who comes back with a token that has expired to the game server, which alone can tell', async () => {
    const { door, gameServer } = await openSession();
    const { path, seatToken } = await door.tokens.issue(gameServer.port, { livesSeconds: -60 });
    await openWebSocket(`${door.url}${path}&resume=secret&after=12`);
    expect(gameServer.upgrades.map(({ target }) => target)).toEqual([
      `/session/abcdefghijklmnop?token=${seatToken}&resume=secret&after=12`,
    ]);
  });

  it('passes messages both ways as they are: empty, fragmented, large', async () => {
    const { url } = await openSession();
    const webSocket = await openWebSocket(url);
    const large = randomBytes(1024 * 1024);
    webSocket.send('');
    webSocket.send('one, ', { fin: false });
    webSocket.ping('between');
    webSocket.send('', { fin: false });
    webSocket.send('two', { fin: true });
    webSocket.send(large);
    const received: Buffer[] = [];
    webSocket.on('message', (data: Buffer) => received.push(data));
    await waitFor(() => received.length === 3);
    expect(received[0]).toHaveLength(0);
    expect(received[1]?.toString()).toBe('one, two');
    expect(received[2]?.equals(large)).toBe(true);
  });

  it('gives the GameServer the seat token in place of the sealed one, and no claim about who the client is', async () => {
    const { url, tokens, gameServer } = await openSession();
    await openWebSocket(`${url}&lag=5`, {
      headers: { 'X-Forwarded-For': '1.2.3.4', 'X-Real-IP': '1.2.3.4', Cookie: 'a=b', 'X-Game': 'yes' },
      protocolVersion: 13,
    });
    const [upgrade] = gameServer.upgrades;
    expect(upgrade?.target).toBe(`/session/abcdefghijklmnop?token=${tokens.seatToken}&lag=5`);
    expect(upgrade?.headers).toMatchObject({ 'x-game': 'yes', connection: 'Upgrade', upgrade: 'websocket' });
    for (const name of ['x-forwarded-for', 'x-real-ip', 'cookie']) expect(upgrade?.headers[name]).toBeUndefined();
  });

  it('tells the GameServer who the client is when proxies are trusted', async () => {
    const { url, gameServer } = await openSession({ TRUST_PROXY: 'true' });
    await openWebSocket(url, { headers: { 'X-Forwarded-For': '203.0.113.7', 'X-Forwarded-Proto': 'https' } });
    expect(gameServer.upgrades[0]?.headers).toMatchObject({
      'x-forwarded-for': '203.0.113.7, 127.0.0.1',
      'x-forwarded-proto': 'https',
    });
  });

  it('passes a close of the GameServer on untouched', async () => {
    const { url, gameServer } = await openSession();
    gameServer.webSockets.on('connection', (webSocket) => webSocket.close(4000, 'The session is over'));
    const webSocket = await openWebSocket(url);
    const [code, reason] = (await once(webSocket, 'close')) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4000, 'The session is over']);
  });

  it('passes a close of the client on untouched', async () => {
    const { url, gameServer } = await openSession();
    const seen: number[] = [];
    gameServer.webSockets.on('connection', (webSocket) => webSocket.on('close', (code) => seen.push(code)));
    const webSocket = await openWebSocket(url);
    webSocket.close(4321);
    const [code] = (await once(webSocket, 'close')) as [number];
    await waitFor(() => seen.length === 1);
    expect([code, seen[0]]).toEqual([4321, 4321]);
  });

  it.each(['destroy', 'resetAndDestroy'] as const)(
    'closes with 4007 when the GameServer dies without a word (%s)',
    async (how) => {
      const { url, gameServer, door } = await openSession();
      const webSocket = await openWebSocket(url);
      webSocket.send('hello');
      await once(webSocket, 'message');
      for (const socket of gameServer.sockets) socket[how]();
      const [code, reason] = (await once(webSocket, 'close')) as [number, Buffer];
      expect([code, reason.toString()]).toEqual([4007, 'The GameServer has gone']);
      await waitFor(() => door.gateway.connections === 0);
    },
  );

  it('puts no Close frame into a frame that the GameServer did not finish', async () => {
    const port = await openTcpServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
        socket.end(Buffer.from([0x82, 0x05, 0x61]));
      });
    });
    const door = await openFrontDoor();
    const answer = await exchange(door.port, upgradeText((await door.tokens.issue(port)).path));
    expect(answer.split('\r\n\r\n')[1]).toBe('\x82\x05a');
  });

  it('lets go of the GameServer when the client vanishes', async () => {
    const { url, gameServer, door } = await openSession();
    const webSocket = await openWebSocket(url);
    webSocket.terminate();
    await waitFor(() => gameServer.webSockets.clients.size === 0 && door.gateway.connections === 0);
  });

  it('cuts off a client that reads nothing for too long', async () => {
    const { door, tokens, gameServer } = await openSession({ STALL_TIMEOUT_MS: '100' });
    gameServer.webSockets.on('connection', (webSocket) => webSocket.send(Buffer.alloc(24 * 1024 * 1024)));
    const socket = connect(door.port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    socket.pause();
    socket.write(upgradeText(tokens.path));
    await waitFor(() => door.gateway.connections === 1);
    await waitFor(() => door.gateway.connections === 0);
    socket.destroy();
  });

  it('waits for a GameServer that is about to listen', async () => {
    const door = await openFrontDoor({ CONNECT_RETRY_MS: '3000' });
    const port = await unusedPort();
    const tokens = await door.tokens.issue(port);
    const opening = openWebSocket(`${door.url}${tokens.path}`);
    // By the time these are answered the first attempt was refused.
    for (let turn = 0; turn < 3; turn += 1) await fetch(`${door.url}${tokens.path}`);
    const late = new WebSocketServer({ port, host: '127.0.0.1' });
    await once(late, 'connection');
    await opening;
    for (const webSocket of late.clients) webSocket.terminate();
    late.close();
  });

  it('gives out what went in, however the bytes are split', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 8 }),
        async (payloads, sizes) => {
          const stream = Buffer.concat(payloads.map(binaryFrame));
          const port = await openTcpServer((socket) => {
            socket.once('data', () => {
              socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
              let received = 0;
              socket.on('data', (chunk) => {
                received += chunk.length;
                socket.write(chunk);
                if (received === stream.length) socket.end(Buffer.from([0x88, 0x02, 0x03, 0xe8]));
              });
            });
          });
          const door = await openFrontDoor();
          const socket = connect(door.port, '127.0.0.1');
          const chunks: Buffer[] = [];
          socket.on('data', (chunk: Buffer) => chunks.push(chunk));
          socket.write(upgradeText((await door.tokens.issue(port)).path));
          for (let offset = 0, turn = 0; offset < stream.length; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1;
            socket.write(stream.subarray(offset, offset + size));
            offset += size;
            if (turn % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
          }
          await once(socket, 'close');
          const all = Buffer.concat(chunks);
          const body = all.subarray(all.indexOf('\r\n\r\n') + 4);
          await closeAll();
          expect(body.equals(Buffer.concat([stream, Buffer.from([0x88, 0x02, 0x03, 0xe8])]))).toBe(true);
        },
      ),
      { seed: 7, numRuns: 12 },
    );
  });
});

function binaryFrame(payload: Uint8Array): Buffer {
  const header =
    payload.length < 126 ? [0x82, payload.length] : [0x82, 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from(header), payload]);
}

describe('the end of the gateway', () => {
  it('tells each client 1012, the GameServer too, and then is done', async () => {
    const { url, gameServer, door } = await openSession({ DRAIN_SPREAD_MS: '50' });
    const seenByGameServer: number[] = [];
    gameServer.webSockets.on('connection', (webSocket) => webSocket.on('close', (code) => seenByGameServer.push(code)));
    const players = await Promise.all([openWebSocket(url), openWebSocket(url), openWebSocket(url)]);
    const codes = Promise.all(players.map(async (player) => (await once(player, 'close'))[0] as number));
    await door.gateway.drain();
    await expect(codes).resolves.toEqual([1012, 1012, 1012]);
    await waitFor(() => seenByGameServer.length === 3);
    expect(seenByGameServer).toEqual([1012, 1012, 1012]);
    await expect(fetch(door.url)).rejects.toThrow();
  });

  it('waits for the end of a frame that is on its way', async () => {
    const port = await openTcpServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
        socket.write(Buffer.from([0x81, 0x03, 0x61]));
        // The gateway's own Close frame says that it is leaving.
        socket.once('data', () => socket.write('bc\x81\x01d', 'latin1'));
        socket.on('end', () => socket.end());
      });
    });
    const door = await openFrontDoor();
    const socket = connect(door.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.write(upgradeText((await door.tokens.issue(port)).path));
    await waitFor(() => text.endsWith('\x81\x03a'));
    await Promise.all([door.gateway.drain(), once(socket, 'close')]);
    const frames = text.split('\r\n\r\n')[1];
    // 25 bytes of reason behind the code, 1012.
    expect(frames).toBe('\x81\x03abc\x88\x1b\x03\xf4The gateway is restarting');
  });
});

describe('a request for a session that is refused', () => {
  it.each([
    ['no token', '/session/abcdefghijklmnop', 401, 'token_missing'],
    ['an empty token', '/session/abcdefghijklmnop?token=', 401, 'token_missing'],
    ['nonsense', '/session/abcdefghijklmnop?token=nonsense', 401, 'token_invalid'],
    ['a token that is too long', `/session/abcdefghijklmnop?token=${'x'.repeat(5000)}`, 401, 'token_invalid'],
    ['two tokens', '/session/abcdefghijklmnop?token=a&token=b', 400, 'invalid_request'],
    ['no session', '/session/?token=a', 404, 'not_found'],
    ['a path below a session', '/session/abcdefghijklmnop/more?token=a', 404, 'not_found'],
  ])('has a code for %s, for upgrades and for plain requests alike', async (_name, path, status, code) => {
    const { door, gameServer } = await openSession();
    const refused = await refusalOf(`${door.url}${path}`);
    expect([refused.status, refused.problem.code]).toEqual([status, code]);
    expect(refused.headers['content-type']).toBe('application/problem+json');
    const plain = await fetch(`${door.url}${path}`);
    expect([plain.status, await plain.json()]).toMatchObject([status, { code }]);
    expect(gameServer.connections).toBe(0);
  });

  it('is so for who comes back when the time for that is over, too', async () => {
    const { door, gameServer } = await openSession();
    const { path } = await door.tokens.issue(gameServer.port, { livesSeconds: -60, resumableSeconds: -30 });
    const refused = await refusalOf(`${door.url}${path}&resume=secret&after=0`);
    expect([refused.status, refused.problem.code]).toEqual([401, 'token_expired']);
    expect(gameServer.connections).toBe(0);
  });

  it('is so for a token that is forged, expired, or for another session, and nothing upstream is touched', async () => {
    const { door, gameServer, tokens } = await openSession();
    const other = await tokenSource(generateKeys()).issue(gameServer.port);
    const expired = await door.tokens.issue(gameServer.port, { livesSeconds: -60 });
    const middle = Math.floor(tokens.path.length * 0.6);
    const flipped = tokens.path[middle] === 'A' ? 'B' : 'A';
    const forged = tokens.path.slice(0, middle) + flipped + tokens.path.slice(middle + 1);
    const elsewhere = tokens.path.replace('abcdefghijklmnop', 'ponmlkjihgfedcba');
    const cases = [
      [other.path, 401, 'token_invalid'],
      [expired.path, 401, 'token_expired'],
      [forged, 401, 'token_invalid'],
      [elsewhere, 403, 'token_not_for_session'],
    ] as const;
    for (const [path, status, code] of cases) {
      const refused = await refusalOf(`${door.url}${path}`);
      expect([refused.status, refused.problem.code]).toEqual([status, code]);
      const plain = await fetch(`${door.url}${path}`);
      expect([plain.status, await plain.json()]).toMatchObject([status, { code }]);
    }
    expect(gameServer.connections).toBe(0);
  });

  it.each([
    [
      'another version',
      HANDSHAKE.map((line) => line.replace('Version: 13', 'Version: 8')),
      'header Sec-WebSocket-Version',
    ],
    ['a short key', HANDSHAKE.map((line) => line.replace(/Key: .*/, 'Key: abc')), 'header Sec-WebSocket-Key'],
    ['a body', [...HANDSHAKE, 'Content-Length: 3'], 'body'],
  ])('names what is wrong with a handshake of %s', async (_name, headers, field) => {
    const { door, tokens, gameServer } = await openSession();
    const answer = await exchange(door.port, upgradeText(tokens.path, headers));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      code: 'invalid_request',
      errors: [{ field }],
    });
    expect(gameServer.connections).toBe(0);
  });

  it('asks a plain GET with a good token to upgrade, and allows nothing but GET', async () => {
    const { url, gameServer } = await openSession();
    const plain = await fetch(url);
    expect([plain.status, await plain.json()]).toMatchObject([426, { code: 'upgrade_required' }]);
    expect(plain.headers.get('upgrade')).toBe('websocket');
    const posted = await fetch(url, { method: 'POST', body: 'x' });
    expect([posted.status, await posted.json()]).toMatchObject([405, { code: 'method_not_allowed' }]);
    expect(posted.headers.get('allow')).toBe('GET');
    expect(gameServer.connections).toBe(0);
  });

  it('is so with 404 on any other path', async () => {
    const { door } = await openSession();
    await expect(refusalOf(`${door.url}/api/new-game`)).resolves.toMatchObject({
      status: 404,
      problem: { code: 'not_found' },
    });
  });

  it('says that the GameServer cannot be reached', async () => {
    const door = await openFrontDoor();
    const nobody = await door.tokens.issue(await unusedPort());
    const hangsUp = await door.tokens.issue(await openTcpServer((socket) => socket.destroy()));
    for (const { path } of [nobody, hangsUp]) {
      await expect(refusalOf(`${door.url}${path}`)).resolves.toMatchObject({
        status: 502,
        problem: { code: 'game_server_unreachable' },
      });
    }
  });

  it('says that the GameServer does not answer in time', async () => {
    const door = await openFrontDoor({ HANDSHAKE_TIMEOUT_MS: '150' });
    const { path } = await door.tokens.issue(await openTcpServer(() => {}));
    await expect(refusalOf(`${door.url}${path}`)).resolves.toMatchObject({
      status: 504,
      problem: { code: 'game_server_timeout' },
    });
  });

  it('passes on why the GameServer itself refuses', async () => {
    const body = JSON.stringify({ code: 'session_full' });
    const port = await openTcpServer((socket) => {
      socket.once('data', () => {
        socket.end(
          `HTTP/1.1 409 Conflict\r\nContent-Type: application/problem+json\r\nTransfer-Encoding: chunked\r\n\r\n` +
            `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
        );
      });
    });
    const door = await openFrontDoor();
    const { path } = await door.tokens.issue(port);
    await expect(refusalOf(`${door.url}${path}`)).resolves.toMatchObject({
      status: 409,
      problem: { code: 'session_full' },
      headers: { 'content-type': 'application/problem+json' },
    });
  });

  it('takes no more handshakes at once than it may', async () => {
    const door = await openFrontDoor({ MAX_HANDSHAKES: '1' });
    let connections = 0;
    const { path } = await door.tokens.issue(await openTcpServer(() => (connections += 1)));
    const first = connect(door.port, '127.0.0.1');
    first.write(upgradeText(path));
    await waitFor(() => connections === 1);
    await expect(refusalOf(`${door.url}${path}`)).resolves.toMatchObject({
      status: 503,
      problem: { code: 'overloaded' },
      headers: { 'retry-after': '1' },
    });
    first.destroy();
  });
});
