import { RouteOpener, SeatVerifier } from '../lib/join-token.ts';
import { parseKeySet } from '../lib/key-set.ts';
import { silentLogger } from '../lib/logger.ts';
import { parseSessionDescriptor, SESSION_KEY } from '../lib/session.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { TestAllocator } from './testing/running-allocator.ts';
import type { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';

let allocator: TestAllocator;
afterEach(() => allocator.stop());

function boats(count: number): (kubernetes: KubernetesEndpoint) => void {
  return (kubernetes) => {
    kubernetes.addFleet('boats', 'boat-race', 8);
    for (let index = 0; index < count; index += 1) {
      kubernetes.addGameServer(`boats-${index}`, 'boat-race', { port: 7000 + index });
    }
  };
}

function allocatedCount({ kubernetes }: TestAllocator): number {
  return kubernetes.gameServers().filter(({ status }) => status?.state === 'Allocated').length;
}

describe('POST /api/new-game', () => {
  it('answers with a session on a GameServer and a URL whose token opens to its route and seat', async () => {
    allocator = await startTestAllocator(boats(1));
    const { status, body, headers } = await allocator.post('/api/new-game', { playerId: 'user123' });

    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body.allocation).toEqual({ durationMs: expect.any(Number), gameServer: 'boats-0' });
    expect(body).not.toHaveProperty('address');
    expect(body).not.toHaveProperty('token');
    const url = new URL(body.wsUrl);
    expect(`${url.protocol}//${url.host}${url.pathname}`).toBe(
      `${allocator.url.replace('http', 'ws')}/session/${body.sessionId}`,
    );

    const nowSeconds = Date.now() / 1000;
    const opener = new RouteOpener(parseKeySet(allocator.keys.sealing, 'seal', 'sealing'));
    const route = await opener.open(url.searchParams.get('token') ?? '', nowSeconds);
    expect(route).toMatchObject({
      address: '10.1.2.3',
      port: 7000,
      gameServerUid: 'uid-boats-0',
      sessionId: body.sessionId,
    });
    const verifier = new SeatVerifier(parseKeySet(allocator.keys.verifying, 'verify', 'verifying'));
    const seat = await verifier.verify(route.seatToken, nowSeconds);
    const annotation = allocator.kubernetes.gameServer('boats-0')?.metadata.annotations[SESSION_KEY];
    expect(seat).toMatchObject({ playerId: 'user123', session: parseSessionDescriptor(annotation) });
    expect(seat.session).toMatchObject({ game: 'boat-race', mode: 'exclusive', seats: 8 });
    expect(allocator.kubernetes.gameServer('boats-0')?.metadata.labels[SESSION_KEY]).toBe(body.sessionId);
    expect(new Date(body.expiresAt).getTime()).toBe(seat.expiresAtSeconds * 1000);
  });

  it('needs no read of the GameServer when the watch was quicker, and reads it when not', async () => {
    allocator = await startTestAllocator(boats(2));
    allocator.kubernetes.isWatchSilent = true;
    const { status } = await allocator.post('/api/new-game', { playerId: 'a' });
    expect(status).toBe(201);
    expect(allocator.kubernetes.readCount).toBe(1);
  });

  it('asks again while Agones says UnAllocated or Contention, and allocates once', async () => {
    allocator = await startTestAllocator(boats(2));
    allocator.kubernetes.behaviours.push('UnAllocated', 'Contention', 'UnAllocated');
    const { status } = await allocator.post('/api/new-game', { playerId: 'a' });
    expect(status).toBe(201);
    expect(allocator.kubernetes.allocations).toHaveLength(4);
    expect(allocatedCount(allocator)).toBe(1);
  });

  it.each([
    ['UnAllocated', 'no_capacity'],
    ['Contention', 'contention'],
    ['no-endpoints', 'kubernetes_unavailable'],
  ] as const)('answers 503 at the deadline when it is always %s: %s', async (behaviour, code) => {
    allocator = await startTestAllocator(boats(1));
    allocator.kubernetes.behaviours.push(...Array.from({ length: 5000 }, () => behaviour));
    const { status, body, headers } = await allocator.post('/api/new-game', { playerId: 'a' }, { prefer: 'wait=1' });
    expect(status).toBe(503);
    expect(body).toMatchObject({ code, retryable: true, position: 1, type: `/docs/errors.md#${code}` });
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(headers.get('retry-after')).toBe('2');
    expect(headers.get('preference-applied')).toBe('wait=1');
    expect(allocator.kubernetes.allocations.length).toBeGreaterThan(3);
    expect(allocatedCount(allocator)).toBe(0);
  });

  it('makes one attempt with wait=0', async () => {
    allocator = await startTestAllocator(boats(0));
    const { body } = await allocator.post('/api/new-game', { playerId: 'a' }, { prefer: 'wait=0' });
    expect(body.code).toBe('no_capacity');
    expect(allocator.kubernetes.allocations).toHaveLength(1);
  });

  it('tells the wait it applied when more was asked for than is given', async () => {
    allocator = await startTestAllocator(boats(1), { MAX_WAIT_SECONDS: '7' });
    const { headers } = await allocator.post('/api/new-game', { playerId: 'a' }, { prefer: 'respond-async, wait=999' });
    expect(headers.get('preference-applied')).toBe('wait=7');
  });

  it('adopts the GameServer when the answer was lost after the allocation', async () => {
    allocator = await startTestAllocator(boats(3));
    allocator.kubernetes.behaviours.push('lose-answer');
    const { status, body } = await allocator.post('/api/new-game', { playerId: 'a' });
    expect(status).toBe(201);
    expect(allocator.kubernetes.allocations).toHaveLength(1);
    expect(allocator.kubernetes.gameServer(body.allocation.gameServer)?.metadata.labels[SESSION_KEY]).toBe(
      body.sessionId,
    );
    expect(allocatedCount(allocator)).toBe(1);
  });

  it('waits for an allocation that Agones carries out after its answer was lost', async () => {
    allocator = await startTestAllocator(boats(3), { SETTLE_MS: '2000' });
    allocator.kubernetes.behaviours.push('allocate-late');
    const { status } = await allocator.post('/api/new-game', { playerId: 'a' });
    expect(status).toBe(201);
    expect(allocator.kubernetes.allocations).toHaveLength(1);
    expect(allocatedCount(allocator)).toBe(1);
  });

  it('asks again under the same session id when a lost allocation was never carried out', async () => {
    allocator = await startTestAllocator(boats(3));
    allocator.kubernetes.behaviours.push('cut');
    const { status } = await allocator.post('/api/new-game', { playerId: 'a' });
    expect(status).toBe(201);
    const ids = allocator.kubernetes.allocations.map(({ spec }) => spec.metadata?.labels?.[SESSION_KEY]);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
    expect(allocatedCount(allocator)).toBe(1);
  });

  it('gives the double up when a lost allocation is carried out after all', async () => {
    allocator = await startTestAllocator(boats(3), { SETTLE_MS: '0' });
    allocator.kubernetes.lateMs = 300;
    allocator.kubernetes.behaviours.push('allocate-late', 'hold');
    const answer = allocator.post('/api/new-game', { playerId: 'a' });
    await until(() => allocator.kubernetes.allocations.length === 2 && allocatedCount(allocator) === 1);
    allocator.kubernetes.letGo();
    expect((await answer).status).toBe(201);
    expect(allocatedCount(allocator)).toBe(1);
    expect(allocator.kubernetes.gameServers().map(({ status }) => status?.state)).toContain('Shutdown');
  });

  it('answers 504 when Kubernetes neither answers nor tells', async () => {
    allocator = await startTestAllocator(boats(1), { KUBERNETES_TIMEOUT_MS: '100' });
    allocator.kubernetes.behaviours.push('hold');
    allocator.kubernetes.isDown = true;
    const { status, body } = await allocator.post('/api/new-game', { playerId: 'a' }, { prefer: 'wait=1' });
    expect(status).toBe(504);
    expect(body).toMatchObject({ code: 'allocation_unknown', retryable: false });
    expect(JSON.stringify(body)).not.toContain('must not get out');
  });

  it('answers 500 without a word of Kubernetes when it lacks the rights', async () => {
    allocator = await startTestAllocator(boats(1));
    allocator.kubernetes.behaviours.push('forbidden');
    const { status, body } = await allocator.post('/api/new-game', { playerId: 'a' });
    expect(status).toBe(500);
    expect(body.code).toBe('internal');
    expect(JSON.stringify(body)).not.toContain('must not get out');
  });

  it('gives the GameServer up when the caller went away meanwhile', async () => {
    const requests: object[] = [];
    const logger = { ...silentLogger, info: (fields: object) => void requests.push(fields) };
    allocator = await startTestAllocator(boats(1), {}, logger);
    allocator.kubernetes.behaviours.push('hold');
    const caller = new AbortController();
    const request = fetch(`${allocator.url}/api/new-game`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"playerId":"a"}',
      signal: caller.signal,
    });
    await until(() => allocator.kubernetes.allocations.length === 1);
    caller.abort();
    await expect(request).rejects.toThrow();
    await until(() => requests.some((fields) => 'callerGone' in fields));
    allocator.kubernetes.letGo();
    await until(() => allocator.kubernetes.gameServer('boats-0')?.status?.state === 'Shutdown');
  });

  it('never gives two players one GameServer', async () => {
    allocator = await startTestAllocator(boats(20));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => allocator.post('/api/new-game', { playerId: `p${index}` })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    expect(new Set(answers.map(({ body }) => body.allocation.gameServer)).size).toBe(20);
  });

  it('uses a few connections for many requests', async () => {
    allocator = await startTestAllocator(boats(30));
    for (let index = 0; index < 30; index += 1) await allocator.post('/api/new-game', { playerId: 'a' });
    expect(allocatedCount(allocator)).toBe(30);
    expect(allocator.kubernetes.connectionCount).toBeLessThanOrEqual(8);
  });

  it('tells address and token in direct mode only', async () => {
    allocator = await startTestAllocator(boats(1), { DIRECT_MODE: 'true' });
    const { body } = await allocator.post('/api/new-game', { playerId: 'a' });
    expect(body).toMatchObject({ address: '203.0.113.7', ports: [{ name: 'game', port: 7000 }] });
    const verifier = new SeatVerifier(parseKeySet(allocator.keys.verifying, 'verify', 'verifying'));
    await expect(verifier.verify(body.token, Date.now() / 1000)).resolves.toMatchObject({ playerId: 'a' });
  });

  it('prefers GameServers of the region that is asked for', async () => {
    allocator = await startTestAllocator((kubernetes) => {
      boats(2)(kubernetes);
      kubernetes.addGameServer('far', 'boat-race', { labels: { 'regatta.dev/region': 'oslo' } });
    });
    const first = await allocator.post('/api/new-game', { playerId: 'a', region: 'oslo' });
    const second = await allocator.post('/api/new-game', { playerId: 'a', region: 'oslo' });
    expect(first.body.allocation.gameServer).toBe('far');
    expect(second.status).toBe(201);
  });
});
