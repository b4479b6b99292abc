import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import {
  closeAll,
  exchange,
  openAllocator,
  openFrontDoor,
  openTcpServer,
  unusedPort,
  waitFor,
} from './testing/front-door.ts';

afterEach(closeAll);

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** An allocator that answers with what it was asked. */
function openMirror(): Promise<string> {
  return openAllocator((request, response) => {
    void bodyOf(request).then((body) => {
      response.writeHead(201, { 'x-answer': 'yes', connection: 'x-hop', 'x-hop': 'secret' });
      const { method, url, headers } = request;
      response.end(JSON.stringify({ method, url, headers, body: body.toString() }));
    });
  });
}

async function openDoorTo(allocatorUrl: string, environment: Record<string, string> = {}) {
  return openFrontDoor({ ALLOCATOR_URL: allocatorUrl, ...environment });
}

interface Mirrored {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}

describe('everything that is not a session', () => {
  it('goes to the allocator with method, path, query, headers and body, and its answer comes back', async () => {
    const door = await openDoorTo(await openMirror());
    const answer = await fetch(`${door.url}/api/new-game?a=1%202`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'k1' },
      body: '{"playerId":"ann"}',
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('x-answer')).toBe('yes');
    const mirrored = (await answer.json()) as Mirrored;
    expect(mirrored).toMatchObject({
      method: 'POST',
      url: '/api/new-game?a=1%202',
      body: '{"playerId":"ann"}',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'k1', 'content-length': '18' },
    });
    expect(mirrored.headers['x-forwarded-host']).toBe(new URL(door.url).host);
    expect(mirrored.headers['x-forwarded-proto']).toBe('http');
    expect(mirrored.headers['x-forwarded-for']).toBe('127.0.0.1');
    expect(mirrored.headers['x-request-id']).toMatch(/^[\w-]{8,64}$/);
  });

  it.each([
    ['false', '127.0.0.1', 'http'],
    ['true', '203.0.113.7, 127.0.0.1', 'https'],
  ])(
    'carries what clients say of themselves only when proxies are trusted (%s)',
    async (trust, forwardedFor, proto) => {
      const door = await openDoorTo(await openMirror(), { TRUST_PROXY: trust });
      const answer = await fetch(door.url, {
        headers: { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', forwarded: 'for=203.0.113.7' },
      });
      const { headers } = (await answer.json()) as Mirrored;
      expect(headers['x-forwarded-for']).toBe(forwardedFor);
      expect(headers['x-forwarded-proto']).toBe(proto);
      expect(headers['forwarded']).toBeUndefined();
    },
  );

  it('loses the headers that are for one hop, both ways', async () => {
    const door = await openDoorTo(await openMirror());
    const text = await exchange(
      door.port,
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\r\n',
    );
    expect(text).not.toMatch(/x-hop/i);
    expect(text).not.toMatch(/x-mine|keep-alive":"5|"te"/i);
    expect(text).toContain('x-answer: yes');
  });

  it('keeps the body of a GET a body, in chunks too', async () => {
    const door = await openDoorTo(await openMirror());
    const text = await exchange(
      door.port,
      'GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    );
    expect(text).toContain('"body":"abc"');
  });

  it('goes on as HTTP when the client offers another protocol', async () => {
    const door = await openDoorTo(await openMirror());
    const text = await exchange(
      door.port,
      'GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 201 /);
    expect(text).not.toContain('http2-settings');
  });

  it('streams: the first part of an answer arrives before the last is made', async () => {
    let finish = (): void => {};
    const door = await openDoorTo(
      await openAllocator((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n');
        finish = () => response.end('data: 2\n\n');
      }),
    );
    const answer = await fetch(`${door.url}/api/tickets/1/events`);
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe('data: 1\n\n');
    finish();
    expect((await reader?.read())?.value).toBe('data: 2\n\n');
    expect((await reader?.read())?.done).toBe(true);
  });

  it('passes large bodies both ways unchanged', async () => {
    const door = await openDoorTo(
      await openAllocator((request, response) => {
        request.pipe(response);
      }),
      { MAX_BODY_BYTES: '8000000' },
    );
    const body = randomBytes(5_000_000);
    const answer = await fetch(door.url, { method: 'POST', body });
    expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
  });

  it.each([
    ['announced', false],
    ['in chunks', true],
  ])('is refused with 413 when the body is over the limit (%s)', async (_name, isChunked) => {
    const door = await openDoorTo(await openMirror(), { MAX_BODY_BYTES: '1000' });
    const body = isChunked ? new Blob(['x'.repeat(100_000)]).stream() : 'x'.repeat(100_000);
    const answer = await fetch(door.url, { method: 'POST', body, duplex: 'half' } as RequestInit);
    expect([answer.status, await answer.json()]).toMatchObject([413, { code: 'body_too_large' }]);
  });

  it('is given up at the allocator when the client goes', async () => {
    let isGone = false;
    let isAsked = false;
    const door = await openDoorTo(
      await openAllocator((_request, response) => {
        isAsked = true;
        response.on('close', () => (isGone = true));
      }),
    );
    const abort = new AbortController();
    const asking = fetch(door.url, { signal: abort.signal });
    await waitFor(() => isAsked);
    abort.abort();
    await expect(asking).rejects.toThrow();
    await waitFor(() => isGone);
  });

  it('is cut short, not made whole, when the allocator dies in mid-answer', async () => {
    const door = await openDoorTo(
      await openAllocator((_request, response) => {
        response.writeHead(200, { 'content-length': '10' });
        response.write('half', () => response.destroy());
      }),
    );
    const answer = await fetch(door.url);
    await expect(answer.text()).rejects.toThrow();
  });

  it('has a code for an allocator that is away, hangs up, talks nonsense or stays silent', async () => {
    const away = `http://127.0.0.1:${await unusedPort()}`;
    const others = [
      await openTcpServer((socket) => socket.destroy()),
      await openTcpServer((socket) => socket.end('nonsense\r\n\r\n')),
      await openTcpServer(() => {}),
    ].map((port) => `http://127.0.0.1:${port}`);
    for (const allocatorUrl of [away, ...others]) {
      const door = await openDoorTo(allocatorUrl, { PROXY_IDLE_TIMEOUT_MS: '150' });
      const answer = await fetch(`${door.url}/api/new-game`, { method: 'POST', body: 'x' });
      expect([answer.status, await answer.json()]).toMatchObject([502, { code: 'allocator_unreachable' }]);
    }
  });

  it('is asked again when a kept connection turns out to be closed and the request is safe to repeat', async () => {
    let asked = 0;
    const door = await openDoorTo(
      await openAllocator((request, response) => {
        asked += 1;
        // The second request on a connection finds it closed.
        if (asked === 2) request.socket.destroy();
        else response.end('fine');
      }),
    );
    expect(await (await fetch(door.url)).text()).toBe('fine');
    expect(await (await fetch(door.url)).text()).toBe('fine');
    expect(asked).toBe(3);
  });

  it('is refused with 503 past the bound of requests under way', async () => {
    let asked = 0;
    const door = await openDoorTo(await openAllocator(() => (asked += 1)), { MAX_PROXIED_REQUESTS: '1' });
    const first = httpRequest(door.url);
    first.on('error', () => first.destroy());
    first.end();
    await waitFor(() => asked === 1);
    const second = await fetch(door.url);
    expect([second.status, await second.json()]).toMatchObject([503, { code: 'overloaded' }]);
    first.destroy();
  });
});

describe('requests under way when the gateway ends', () => {
  it('are answered, and their connections do not hold it up', async () => {
    let finish = (): void => {};
    const door = await openDoorTo(await openAllocator((_request, response) => (finish = () => response.end('fine'))));
    const untouched = finish;
    const asking = fetch(door.url);
    await waitFor(() => finish !== untouched);
    const drained = door.gateway.drain();
    finish();
    expect(await (await asking).text()).toBe('fine');
    await drained;
  });

  it('are cut off when their time has run out', async () => {
    let asked = 0;
    const door = await openDoorTo(await openAllocator(() => (asked += 1)), { DRAIN_REQUESTS_MS: '50' });
    const outcome = fetch(door.url).then(
      () => 'answered',
      () => 'cut off',
    );
    await waitFor(() => asked === 1);
    await door.gateway.drain();
    await expect(outcome).resolves.toBe('cut off');
  });
});

describe('a client that does not speak HTTP properly', () => {
  it('is told when its headers are too large', async () => {
    const door = await openFrontDoor();
    const text = await exchange(door.port, `GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 431 /);
    expect(text).toContain('"code":"headers_too_large"');
  });

  it('is told when it is no HTTP', async () => {
    const door = await openFrontDoor();
    expect(await exchange(door.port, 'hello\r\n\r\n')).toContain('"code":"invalid_request"');
  });

  it('is cut off when its headers take too long', async () => {
    const door = await openFrontDoor({ HEADERS_TIMEOUT_MS: '100' });
    const socket = connect(door.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
    await once(socket, 'close');
    expect(text).toContain('"code":"request_timeout"');
  });
});
