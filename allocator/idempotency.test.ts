import { SESSION_KEY } from '../lib/session.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { TestAllocator, TestAnswer } from './testing/running-allocator.ts';
import type { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';

let allocator: TestAllocator;
afterEach(() => allocator.stop());

function boats(kubernetes: KubernetesEndpoint): void {
  kubernetes.addFleet('boats', 'boat-race', 8);
  for (let index = 0; index < 10; index += 1) kubernetes.addGameServer(`boats-${index}`, 'boat-race');
}

const start = (environment: Record<string, string> = {}) =>
  startTestAllocator(boats, { ALLOCATE_BY: 'Patch', ...environment });

function newGame(key: string, body: object = { playerId: 'a' }, headers: Record<string, string> = {}) {
  return allocator.post('/api/new-game', body, { 'idempotency-key': key, ...headers });
}

function allocated(): string[] {
  return allocator.kubernetes
    .gameServers()
    .filter(({ status }) => status?.state === 'Allocated')
    .map(({ metadata }) => metadata.name);
}

describe('an Idempotency-Key', () => {
  it('makes one session of fifty requests at once, and the same answer for all and later', async () => {
    allocator = await start();
    const answers = await Promise.all(Array.from({ length: 50 }, () => newGame('k')));
    answers.push(await newGame('k', { playerId: 'a' }));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(allocated()).toHaveLength(1);
  });

  it('does not care in which order the members of the body come', async () => {
    allocator = await start();
    const attributes = { a: 1, b: 2 };
    const first = await newGame('k', { playerId: 'a', game: 'boat-race', attributes });
    const second = await newGame('k', { attributes: { b: 2, a: 1 }, game: 'boat-race', playerId: 'a' });
    expect(second.body).toEqual(first.body);
  });

  it.each([
    ['another player', { playerId: 'b' }],
    ['another game', { playerId: 'a', game: 'boat-race' }],
  ])('is refused for %s, and nothing is allocated', async (_what, body) => {
    allocator = await start();
    await newGame('k');
    const { status, body: problem } = await newGame('k', body);
    expect(status).toBe(422);
    expect(problem).toMatchObject({
      code: 'idempotency_key_reused',
      retryable: false,
      errors: [{ field: 'header Idempotency-Key' }],
    });
    expect(allocated()).toHaveLength(1);
  });

  it.each([
    ['empty', ''],
    ['too long', 'k'.repeat(256)],
    ['with a space', 'a key'],
  ])('that is %s is refused with its name', async (_what, key) => {
    allocator = await start();
    const { status, body } = await newGame(key);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ field: 'header Idempotency-Key' }] });
    expect(allocated()).toEqual([]);
  });

  it('is each path’s own', async () => {
    allocator = await start();
    const game = await newGame('k');
    const service: TestAnswer = await allocator.post(
      '/v1/allocations',
      { game: 'boat-race', players: [{ playerId: 'a' }] },
      { 'idempotency-key': 'k', authorization: 'Bearer a-service-token-for-tests' },
    );
    expect(service.status).toBe(201);
    expect(service.body.sessionId).not.toBe(game.body.sessionId);
  });

  it('keeps a place in line for who comes back with it', async () => {
    allocator = await startTestAllocator(
      (kubernetes) => {
        kubernetes.addFleet('boats', 'boat-race', 8);
      },
      { ALLOCATE_BY: 'Patch', MAX_PAUSE_MS: '10000', FIRST_PAUSE_MS: '10000' },
    );
    const caller = new AbortController();
    const first = fetch(`${allocator.url}/api/new-game`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'mine', prefer: 'wait=20' },
      body: '{"playerId":"a"}',
      signal: caller.signal,
    });
    await waiting(1);
    const other = allocator.post('/api/new-game', { playerId: 'b' }, { prefer: 'wait=20' });
    await waiting(2);
    caller.abort();
    await expect(first).rejects.toThrow();
    const back = newGame('mine', { playerId: 'a' }, { prefer: 'wait=20' });
    allocator.kubernetes.addGameServer('first', 'boat-race');
    expect((await back).body.allocation.gameServer).toBe('first');
    allocator.kubernetes.addGameServer('second', 'boat-race');
    expect((await other).body.allocation.gameServer).toBe('second');
  });

  it('finds again what a killed allocator had allocated for it', async () => {
    allocator = await start();
    const { body: before } = await newGame('k');
    const { kubernetes, keys } = allocator;
    const successor = await startTestAllocator(() => {}, { ALLOCATE_BY: 'Patch' }, undefined, { kubernetes, keys });
    try {
      const { status, body } = await successor.post('/api/new-game', { playerId: 'a' }, { 'idempotency-key': 'k' });
      expect(status).toBe(201);
      expect(body.sessionId).toBe(before.sessionId);
      expect(body.allocation.gameServer).toBe(before.allocation.gameServer);
      expect(allocated()).toHaveLength(1);
    } finally {
      await successor.stop();
    }
  });

  it('finds what Kubernetes carried out while the killed allocator was being replaced', async () => {
    // One that was killed asks for nothing more: it looks for the lost answer for as long as the test lasts.
    allocator = await start({ SETTLE_MS: '60000' });
    allocator.kubernetes.lateMs = 300;
    allocator.kubernetes.behaviours.push('allocate-late');
    void newGame('k').catch(() => {});
    await until(() => allocator.kubernetes.patches.length === 1);
    const { kubernetes, keys } = allocator;
    const successor = await startTestAllocator(() => {}, { ALLOCATE_BY: 'Patch' }, undefined, { kubernetes, keys });
    try {
      await until(() => allocated().length === 1);
      kubernetes.isWatchSilent = true;
      const { body } = await successor.post('/api/new-game', { playerId: 'a' }, { 'idempotency-key': 'k' });
      const [name] = allocated();
      expect(body.allocation.gameServer).toBe(name);
      expect(kubernetes.gameServer(name ?? '')?.metadata.labels[SESSION_KEY]).toBe(body.sessionId);
      expect(allocated()).toHaveLength(1);
    } finally {
      await successor.stop();
    }
  });
});

async function waiting(count: number): Promise<void> {
  for (;;) {
    const text = await (await fetch(allocator.metricsUrl)).text();
    if (text.includes(`regatta_session_requests_waiting ${count}`)) return;
  }
}
