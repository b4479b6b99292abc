import { connect } from 'node:net';
import { ERRORS } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { startTestAllocator } from './testing/running-allocator.ts';
import type { TestAllocator } from './testing/running-allocator.ts';
import type { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';

const lines: string[] = [];
const record = (fields: object, message: string): void => {
  lines.push(JSON.stringify({ ...fields, message }));
};
const recordingLogger: Logger = {
  debug: record,
  info: record,
  warn: record,
  error: record,
  child: () => recordingLogger,
};

function oneGame(kubernetes: KubernetesEndpoint): void {
  kubernetes.addFleet('boats', 'boat-race', 3);
  for (let index = 0; index < 5; index += 1) kubernetes.addGameServer(`boats-${index}`, 'boat-race');
}

let allocator: TestAllocator;
beforeAll(async () => {
  allocator = await startTestAllocator(
    oneGame,
    { MAX_BODY_BYTES: '4096', MAX_HEADER_BYTES: '4096', TRUST_PROXY: 'true' },
    recordingLogger,
  );
});
afterAll(() => allocator.stop());

const SERVICE = { authorization: 'Bearer a-service-token-for-tests' };

function allocatedCount(): number {
  return allocator.kubernetes.gameServers().filter(({ status }) => status?.state !== 'Ready').length;
}

describe('bad input', () => {
  it.each([
    ['no body', '', {}, 'invalid_request', 'body'],
    ['no player', '{}', {}, 'invalid_request', 'playerId'],
    ['a player of the wrong type', '{"playerId":7}', {}, 'invalid_request', 'playerId'],
    ['a player with no name', '{"playerId":""}', {}, 'invalid_request', 'playerId'],
    ['a player with a long name', JSON.stringify({ playerId: 'x'.repeat(129) }), {}, 'invalid_request', 'playerId'],
    ['a player with an invisible name', '{"playerId":"a\\u200bb"}', {}, 'invalid_request', 'playerId'],
    ['a game that is no name', '{"playerId":"a","game":"../x"}', {}, 'invalid_request', 'game'],
    ['an unknown game', '{"playerId":"a","game":"chess"}', {}, 'unknown_game', 'game'],
    ['an unknown field', '{"playerId":"a","admin":true}', {}, 'invalid_request', 'admin'],
    [
      'attributes that nest',
      '{"playerId":"a","attributes":{"skill":{"a":1}}}',
      {},
      'invalid_request',
      'attributes.skill',
    ],
    ['too many attributes', attributes(17), {}, 'invalid_request', 'attributes'],
    ['an array', '[]', {}, 'invalid_request', 'body'],
    ['null', 'null', {}, 'invalid_request', 'body'],
    ['a wait that is no number', '{"playerId":"a"}', { prefer: 'wait=soon' }, 'invalid_request', 'header Prefer'],
    [
      'a host that is none',
      '{"playerId":"a"}',
      { 'x-forwarded-host': 'a/b?c' },
      'invalid_request',
      'header X-Forwarded-Host',
    ],
    ['broken JSON', '{"playerId":', {}, 'invalid_json', undefined],
    ['a body over the limit', JSON.stringify({ playerId: 'x'.repeat(5000) }), {}, 'body_too_large', undefined],
    [
      'another type',
      'playerId=a',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'unsupported_media_type',
      undefined,
    ],
    ['a compressed body', '{"playerId":"a"}', { 'content-encoding': 'gzip' }, 'unsupported_media_type', undefined],
  ] as const)('%s: the right code, the field, and nothing allocated', async (_case, body, headers, code, field) => {
    const before = allocatedCount();
    const answer = await allocator.post('/api/new-game', body, headers);
    expect(answer.status).toBe(ERRORS[code].status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ code, status: ERRORS[code].status, instance: expect.stringMatching(/./) });
    if (field !== undefined) expect(answer.body.errors).toEqual([{ field, message: expect.any(String) }]);
    expect(allocatedCount()).toBe(before);
  });

  it.each([
    ['GET', '/api/new-game', 'method_not_allowed', 'POST'],
    ['DELETE', '/api/sessions/aaaaaaaaaaaaaaaaaaaa', 'method_not_allowed', 'GET, HEAD'],
    ['GET', '/api/nothing', 'not_found', null],
    ['GET', '/nothing', 'not_found', null],
    ['GET', '/api/sessions/NOT-AN-ID', 'session_not_found', null],
    ['GET', '/api/sessions/aaaaaaaaaaaaaaaaaaaa', 'session_not_found', null],
    ['GET', '/api/sessions/%E0%A4%A', 'invalid_request', null],
    ['GET', '/v1/nothing', 'credential_invalid', null],
  ] as const)('%s %s answers %s', async (method, path, code, allow) => {
    const answer = await fetch(allocator.url + path, { method });
    expect(answer.status).toBe(ERRORS[code].status);
    expect(answer.headers.get('allow')).toBe(allow);
    expect(await answer.json()).toMatchObject({ code });
  });

  it.each([
    ['what is no HTTP', 'hello\r\n\r\n', 'invalid_request'],
    ['headers over the limit', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(9000)}\r\n\r\n`, 'headers_too_large'],
  ] as const)('answers %s with a problem too', async (_case, bytes, code) => {
    const socket = connect(Number(new URL(allocator.url).port), '127.0.0.1');
    socket.write(bytes);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${ERRORS[code].status} `));
    expect(text).toContain(`"code":"${code}"`);
  });
});

describe('the URL of a session', () => {
  it('is wss where the proxy says the page came over TLS, and at the host it names', async () => {
    const forwarded = { 'x-forwarded-host': 'play.example.com', 'x-forwarded-proto': 'https' };
    const { body } = await allocator.post('/api/new-game', { playerId: 'a' }, forwarded);
    expect(body.wsUrl).toMatch(/^wss:\/\/play\.example\.com\/session\/[a-z0-9]{20}\?token=/);
  });
});

describe('sessions', () => {
  it('lets a second player in by the id, and ends with the GameServer', async () => {
    const made = await allocator.post('/api/new-game', { playerId: 'ann' });
    const { sessionId } = made.body;
    const joined = await allocator.post(`/api/sessions/${sessionId}/join`, { playerId: 'bob' });
    expect(joined.status).toBe(201);
    expect(joined.body.sessionId).toBe(sessionId);
    expect(joined.body.wsUrl).not.toBe(made.body.wsUrl);

    const url = `${allocator.url}/api/sessions/${sessionId}`;
    const running = (await (await fetch(url)).json()) as object;
    expect(running).toEqual({
      sessionId,
      state: 'running',
      game: 'boat-race',
      seats: 3,
      madeAt: expect.stringMatching(/Z$/),
    });

    allocator.kubernetes.setState(made.body.allocation.gameServer, 'Shutdown');
    const over = await waitFor(() => allocator.post(`/api/sessions/${sessionId}/join`, { playerId: 'cy' }), 410);
    expect(over.body.code).toBe('session_over');
    expect(await (await fetch(url)).json()).toEqual({ sessionId, state: 'over' });
  });
});

describe('POST /v1/allocations', () => {
  it('refuses a wrong credential', async () => {
    const answer = await allocator.post('/v1/allocations', {}, { authorization: 'Bearer wrong' });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(answer.body.code).toBe('credential_invalid');
  });

  it('answers with a seat for each player', async () => {
    const players = [{ playerId: 'ann' }, { playerId: 'bob' }];
    const { status, body } = await allocator.post('/v1/allocations', { fleet: 'boats', players }, SERVICE);
    expect(status).toBe(201);
    expect(body.players.map(({ playerId }: { playerId: string }) => playerId)).toEqual(['ann', 'bob']);
    expect(body.players[0]).toMatchObject({ address: '203.0.113.7', ports: [{ name: 'game', port: 7001 }] });
    expect(body.players[0].token).not.toBe(body.players[1].token);
    const shown = await fetch(`${allocator.url}/v1/sessions/${body.sessionId}`, { headers: SERVICE });
    expect(await shown.json()).toMatchObject({ sessionId: body.sessionId, gameServer: body.gameServer });
  });

  it.each([
    [{ players: [{ playerId: 'a' }] }, 'game'],
    [{ game: 'boat-race', players: [] }, 'players'],
    [{ game: 'boat-race', players: [{ playerId: 'a' }, { playerId: 'a' }] }, 'players'],
    [{ game: 'boat-race', players: ['a', 'b', 'c', 'd'].map((playerId) => ({ playerId })) }, 'players'],
    [{ game: 'boat-race', players: [{ playerId: 7 }] }, 'players[0].playerId'],
    [{ fleet: 'nowhere', players: [{ playerId: 'a' }] }, 'fleet'],
  ])('names what is wrong: %j', async (request, field) => {
    const before = allocatedCount();
    const { status, body } = await allocator.post('/v1/allocations', request, SERVICE);
    expect([400, 404]).toContain(status);
    expect(body.errors).toEqual([{ field, message: expect.any(String) }]);
    expect(allocatedCount()).toBe(before);
  });

  it('is off without a credential', async () => {
    const without = await startTestAllocator(oneGame, { SERVICE_TOKEN_FILE: '' });
    const { status, body } = await without.post('/v1/allocations', {}, SERVICE);
    await without.stop();
    expect(status).toBe(403);
    expect(body.code).toBe('service_api_off');
  });
});

describe('the page', () => {
  it('is served with headers that keep a browser safe, hashed files for long', async () => {
    const index = await fetch(`${allocator.url}/`);
    expect(await index.text()).toContain('<title>page</title>');
    expect(index.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(index.headers.get('x-content-type-options')).toBe('nosniff');
    expect(index.headers.get('cache-control')).toBe('no-cache');
    const script = await fetch(`${allocator.url}/page-ABCDEFGH.js`);
    expect(script.headers.get('cache-control')).toContain('immutable');
  });

  it('gives no file from outside its folder', async () => {
    const outside = await fetch(`${allocator.url}/..%2f..%2fetc%2fhosts`);
    expect(outside.status).toBeGreaterThanOrEqual(400);
  });

  it('serves the page on errors that problems lead to', async () => {
    const { body } = await allocator.post('/api/new-game', {});
    const [path, code] = body.type.split('#');
    expect(await (await fetch(allocator.url + path)).text()).toContain(`## ${code}\n`);
  });
});

describe('operations', () => {
  it('is alive, ready, and describes itself', async () => {
    expect((await fetch(`${allocator.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${allocator.url}/readyz`)).status).toBe(200);
    const document = (await (await fetch(`${allocator.url}/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(document.paths)).toContain('/api/new-game');
  });

  it('counts outcomes apart, on a port of its own', async () => {
    allocator.kubernetes.behaviours.push('Contention');
    await allocator.post('/api/new-game', { playerId: 'a' });
    const text = await (await fetch(allocator.metricsUrl)).text();
    expect(text).toContain('regatta_allocation_attempt_seconds_count{game="boat-race",outcome="Contention"} 1');
    expect((await fetch(`${allocator.url}/metrics`)).status).toBe(404);
  });

  it('keeps a request id that is harmless and makes one otherwise', async () => {
    const kept = await allocator.post('/api/new-game', {}, { 'x-request-id': 'abc-1' });
    expect(kept.body.instance).toBe('abc-1');
    const made = await allocator.post('/api/new-game', {}, { 'x-request-id': 'a b"c' });
    expect(made.body.instance).toMatch(/^[\w-]{10,64}$/);
  });

  it('writes no token, address or player to the log', async () => {
    const players = [{ playerId: 'somebody-special' }];
    await allocator.post('/v1/allocations', { game: 'boat-race', players }, { ...SERVICE, prefer: 'wait=0' });
    expect(lines.length).toBeGreaterThan(10);
    const log = lines.join('\n');
    for (const secret of ['token=', 'eyJ', '203.0.113.7', '10.1.2.3', 'somebody-special', 'a-service-token']) {
      expect(log).not.toContain(secret);
    }
  });
});

function attributes(count: number): string {
  const entries = Array.from({ length: count }, (_, index) => [`a${index}`, 1]);
  return JSON.stringify({ playerId: 'a', attributes: Object.fromEntries(entries) });
}

async function waitFor<Answer extends { status: number }>(ask: () => Promise<Answer>, status: number): Promise<Answer> {
  const endMs = Date.now() + 5000;
  while (Date.now() < endMs) {
    const answer = await ask();
    if (answer.status === status) return answer;
  }
  throw new Error(`never answered ${status}`);
}
