import { SESSION_KEY } from '../lib/session.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { TestAllocator } from './testing/running-allocator.ts';
import type { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';

let allocator: TestAllocator;
afterEach(() => allocator.stop());

function start(prepare: (kubernetes: KubernetesEndpoint) => void, environment: Record<string, string> = {}) {
  return startTestAllocator(prepare, { ALLOCATE_BY: 'Patch', ...environment });
}

function boats(count: number): (kubernetes: KubernetesEndpoint) => void {
  return (kubernetes) => {
    kubernetes.addFleet('boats', 'boat-race', 8);
    for (let index = 0; index < count; index += 1) kubernetes.addGameServer(`boats-${index}`, 'boat-race');
  };
}

const newGame = (wait = 10) => allocator.post('/api/new-game', { playerId: 'a' }, { prefer: `wait=${wait}` });

function inState(state: string) {
  return allocator.kubernetes.gameServers().filter(({ status }) => status?.state === state);
}

describe('an allocation by patch', () => {
  it('is one call of Kubernetes, and leaves on the GameServer what a GameServerAllocation would', async () => {
    allocator = await start(boats(2));
    const { status, body } = await newGame();
    expect(status).toBe(201);
    expect(allocator.kubernetes.patches).toHaveLength(1);
    expect(allocator.kubernetes.readCount).toBe(0);
    expect(allocator.kubernetes.allocations).toEqual([]);
    const [taken] = inState('Allocated');
    expect(taken?.metadata.name).toBe(body.allocation.gameServer);
    expect(taken?.metadata.labels[SESSION_KEY]).toBe(body.sessionId);
    expect(taken?.metadata.annotations[SESSION_KEY]).toContain(body.sessionId);
    const at = taken?.metadata.annotations['agones.dev/last-allocated'] ?? '';
    expect(Math.abs(Date.now() - Date.parse(at))).toBeLessThan(60_000);
  });

  it('gives each of many at once a GameServer of their own, at the first try', async () => {
    allocator = await start(boats(40));
    const answers = await Promise.all(Array.from({ length: 40 }, () => newGame()));
    expect(new Set(answers.map(({ body }) => body.allocation?.gameServer)).size).toBe(40);
    expect(allocator.kubernetes.patches).toHaveLength(40);
  });

  it('tries another GameServer when somebody else was quicker', async () => {
    allocator = await start(boats(3));
    allocator.kubernetes.isWatchSilent = true;
    allocator.kubernetes.setState('boats-0', 'Allocated');
    const { status, body } = await newGame();
    expect(status).toBe(201);
    expect(body.allocation.gameServer).not.toBe('boats-0');
    expect(inState('Allocated')).toHaveLength(2);
  });

  it('never takes a GameServer that came back under the same name', async () => {
    allocator = await start(boats(1));
    allocator.kubernetes.isWatchSilent = true;
    allocator.kubernetes.delete('boats-0');
    allocator.kubernetes.addGameServer('boats-0', 'boat-race', { uid: 'another' });
    const { status, body } = await newGame(0);
    expect(status).toBe(503);
    expect(body.code).toBe('contention');
    expect(inState('Allocated')).toEqual([]);
  });

  it('is there the moment a GameServer is Ready, for whoever has waited longest', async () => {
    allocator = await start(boats(0), { FIRST_PAUSE_MS: '10000', MAX_PAUSE_MS: '60000' });
    const order: number[] = [];
    const answers = [];
    for (let each = 0; each < 3; each += 1) {
      answers.push(newGame(30).then(() => order.push(each)));
      await until(() => allocator.kubernetes.requestCount > 0);
      await waitingCount(each + 1);
    }
    for (let each = 0; each < 3; each += 1) {
      allocator.kubernetes.addGameServer(`late-${each}`, 'boat-race');
      await answers[each];
    }
    expect(order).toEqual([0, 1, 2]);
  });

  it('adopts the GameServer when the answer was lost after the patch', async () => {
    allocator = await start(boats(3));
    allocator.kubernetes.behaviours.push('lose-answer');
    const { status, body } = await newGame();
    expect(status).toBe(201);
    expect(inState('Allocated').map(({ metadata }) => metadata.labels[SESSION_KEY])).toEqual([body.sessionId]);
  });

  it('asks again when a lost patch was never carried out', async () => {
    allocator = await start(boats(3));
    allocator.kubernetes.behaviours.push('cut', 'no-endpoints');
    expect((await newGame()).status).toBe(201);
    expect(inState('Allocated')).toHaveLength(1);
  });

  it.each([
    ['there is none', 0, undefined, 'no_capacity'],
    ['Kubernetes does not serve', 1, 'no-endpoints', 'kubernetes_unavailable'],
  ] as const)('answers 503 at the deadline when %s', async (_why, count, behaviour, code) => {
    allocator = await start(boats(count));
    if (behaviour !== undefined) allocator.kubernetes.behaviours.push(...Array.from({ length: 500 }, () => behaviour));
    const { status, body } = await newGame(1);
    expect(status).toBe(503);
    expect(body).toMatchObject({ code, position: 1 });
  });

  it('answers 504 a moment after the deadline when Kubernetes says nothing', async () => {
    allocator = await start(boats(1), { KUBERNETES_TIMEOUT_MS: '5000', ANSWER_GRACE_MS: '100' });
    allocator.kubernetes.behaviours.push('hold');
    const startedAtMs = Date.now();
    const { status, body } = await newGame(1);
    expect(status).toBe(504);
    expect(body.code).toBe('allocation_unknown');
    expect(Date.now() - startedAtMs).toBeLessThan(4000);
    allocator.kubernetes.letGo();
    await until(() => inState('Shutdown').length === 1);
  });

  it.each([
    ['newest version of a Fleet first', ['a/one/1', 'b/two/2', 'c/one/1'], ['b', 'a', 'c']],
    ['version that is rolled back to first', ['a/two/2', 'b/one/3', 'c/one/1'], ['b', 'c', 'a']],
  ])('gives the %s, and others while there is none of it', async (_what, gameServers, order) => {
    allocator = await start((kubernetes) => {
      kubernetes.addFleet('boats', 'boat-race', 8);
      for (const text of gameServers) {
        const [name = '', set = '', day = ''] = text.split('/');
        const labels = { 'agones.dev/gameserverset': set };
        kubernetes.addGameServer(name, 'boat-race', { labels, createdAt: `2026-01-0${day}T00:00:00Z` });
      }
    });
    const given: string[] = [];
    for (let each = 0; each < order.length; each += 1) given.push((await newGame()).body.allocation.gameServer);
    expect(given).toEqual(order);
  });

  it('prefers the region that is asked for, and else takes any', async () => {
    allocator = await start((kubernetes) => {
      boats(1)(kubernetes);
      kubernetes.addGameServer('far', 'boat-race', { labels: { 'regatta.dev/region': 'oslo' } });
    });
    const inOslo = () => allocator.post('/api/new-game', { playerId: 'a', region: 'oslo' });
    expect((await inOslo()).body.allocation.gameServer).toBe('far');
    expect((await inOslo()).body.allocation.gameServer).toBe('boats-0');
  });
});

async function waitingCount(count: number): Promise<void> {
  for (;;) {
    const text = await (await fetch(allocator.metricsUrl)).text();
    if (text.includes(`regatta_session_requests_waiting ${count}`)) return;
  }
}
