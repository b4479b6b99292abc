import { CLAIM_LABEL, CLAIM_UNTIL_ANNOTATION, SESSION_KEY } from '../lib/session.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { TestAllocator } from './testing/running-allocator.ts';
import type { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';

let allocator: TestAllocator;
afterEach(() => allocator.stop());

const CLAIMING = { ALLOCATE_BY: 'Patch', WARM_CLAIMS: 'on', MIN_CLAIMS: '2', MAX_CLAIMS: '5' };

function start(prepare: (kubernetes: KubernetesEndpoint) => void, environment: Record<string, string> = {}) {
  return startTestAllocator(prepare, { ...CLAIMING, ...environment });
}

function boats(count: number): (kubernetes: KubernetesEndpoint) => void {
  return (kubernetes) => {
    kubernetes.addFleet('boats', 'boat-race', 8);
    for (let index = 0; index < count; index += 1) kubernetes.addGameServer(`boats-${index}`, 'boat-race');
  };
}

const newGame = (headers: Record<string, string> = {}) =>
  allocator.post('/api/new-game', { playerId: 'a' }, { prefer: 'wait=5', ...headers });

function claimed() {
  return allocator.kubernetes
    .gameServers()
    .filter(({ metadata, status }) => status?.state === 'Allocated' && (metadata.labels[CLAIM_LABEL] ?? '') !== '');
}

function holding(sessionId: string) {
  return allocator.kubernetes.gameServers().filter(({ metadata }) => metadata.labels[SESSION_KEY] === sessionId);
}

describe.each(['Patch', 'GameServerAllocation'])('claims made by %s', (allocateBy) => {
  it('are there before anybody asks, and one of them is the answer', async () => {
    allocator = await start(boats(6), { ALLOCATE_BY: allocateBy });
    await until(() => claimed().length === 2);
    const names = claimed().map(({ metadata }) => metadata.name);
    const { status, body } = await newGame();
    expect(status).toBe(201);
    expect(names).toContain(body.allocation.gameServer);
    const [held] = holding(body.sessionId);
    expect(held?.metadata.name).toBe(body.allocation.gameServer);
    expect(held?.metadata.labels[CLAIM_LABEL]).toBe('');
    expect(held?.metadata.annotations[SESSION_KEY]).toContain(body.sessionId);
    await until(() => claimed().length >= 2);
  });

  it('give each of many at once a GameServer of their own, with what they had not enough of', async () => {
    allocator = await start(boats(20), { ALLOCATE_BY: allocateBy });
    await until(() => claimed().length === 2);
    const answers = await Promise.all(Array.from({ length: 12 }, () => newGame()));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 201));
    expect(new Set(answers.map(({ body }) => body.allocation.gameServer)).size).toBe(12);
  });
});

describe('a claim', () => {
  it('is not given out when its GameServer has died', async () => {
    allocator = await start(boats(3));
    await until(() => claimed().length === 2);
    const [first, second] = claimed().map(({ metadata }) => metadata.name);
    allocator.kubernetes.isWatchSilent = true;
    allocator.kubernetes.delete(first ?? '');
    allocator.kubernetes.setState(second ?? '', 'Shutdown');
    const { status, body } = await newGame();
    expect(status).toBe(201);
    expect([first, second]).not.toContain(body.allocation.gameServer);
  });

  it('is renewed while its allocator lives', async () => {
    allocator = await start(boats(2), { CLAIM_SECONDS: '2' });
    await until(() => claimed().length === 2);
    const untilText = () => claimed().map(({ metadata }) => metadata.annotations[CLAIM_UNTIL_ANNOTATION]);
    const before = untilText();
    await until(() => untilText().every((text) => !before.includes(text)), 10_000);
    expect(claimed()).toHaveLength(2);
  });

  it('that is one too many goes back to Ready when its time comes', async () => {
    allocator = await start(boats(8), { CLAIM_SECONDS: '2', MIN_CLAIMS: '0', CLAIM_AHEAD_MS: '3000' });
    for (let count = 0; count < 3; count += 1) expect((await newGame()).status).toBe(201);
    await until(() => claimed().length > 1);
    await until(() => claimed().length <= 1, 20_000);
    const ready = allocator.kubernetes.gameServers().filter(({ status }) => status?.state === 'Ready');
    expect(ready.length).toBeGreaterThanOrEqual(4);
  }, 30_000);

  it('goes back to Ready when its allocator stops', async () => {
    allocator = await start(boats(2));
    await until(() => claimed().length === 2);
    await allocator.lifecycle.stop();
    expect(allocator.kubernetes.gameServers().map(({ status }) => status?.state)).toEqual(['Ready', 'Ready']);
  });

  it('of an allocator that was killed is used by its successor', async () => {
    allocator = await start((kubernetes) => {
      boats(2)(kubernetes);
      kubernetes.claim('boats-0', { holder: 'regatta', untilMs: Date.now() + 60_000 });
      kubernetes.claim('boats-1', { holder: 'another tool', untilMs: Date.now() + 60_000 });
    });
    await until(() => claimed().length === 2);
    const { body } = await newGame();
    expect(body.allocation.gameServer).toBe('boats-0');
    expect(claimed().map(({ metadata }) => metadata.name)).toEqual(['boats-1']);
  });

  it('whose binding lost its answer is the session, once', async () => {
    allocator = await start(boats(4));
    await until(() => claimed().length === 2);
    allocator.kubernetes.behaviours.push('lose-answer');
    const { status, body } = await newGame({ 'idempotency-key': 'k1' });
    expect(status).toBe(201);
    expect(holding(body.sessionId)).toHaveLength(1);
    expect((await newGame({ 'idempotency-key': 'k1' })).body).toEqual(body);
  });
});
