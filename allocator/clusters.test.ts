import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeys } from '../lib/key-set.ts';
import { SESSION_KEY } from '../lib/session.ts';
import { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { TestAllocator } from './testing/running-allocator.ts';

const SERVICE = { authorization: 'Bearer a-service-token-for-tests' };
const keys = generateKeys();

let directory: string;
/** In Europe, and asked first. */
let east: KubernetesEndpoint;
/** In America. */
let west: KubernetesEndpoint;
let allocator: TestAllocator;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'regatta-clusters-'));
  [east, west] = await Promise.all([KubernetesEndpoint.start(), KubernetesEndpoint.start()]);
  writeFileSync(join(directory, 'east.json'), east.kubeconfig);
  writeFileSync(join(directory, 'west.json'), west.kubeconfig);
});

afterEach(async () => {
  await allocator.stop();
  await Promise.all([east.close(), west.close()]);
  rmSync(directory, { recursive: true });
});

function boats(endpoint: KubernetesEndpoint, name: string, count: number): void {
  endpoint.addFleet('boats', 'boat-race', 8);
  for (let index = 0; index < count; index += 1) endpoint.addGameServer(`${name}-${index}`, 'boat-race');
}

async function start(counts: { east: number; west: number }, environment: Record<string, string> = {}): Promise<void> {
  boats(east, 'east', counts.east);
  boats(west, 'west', counts.west);
  allocator = await startWith(environment);
}

function startWith(environment: Record<string, string> = {}): Promise<TestAllocator> {
  const clusters = join(directory, 'clusters.yaml');
  writeFileSync(
    clusters,
    `clusters:
      - { name: east, region: europe, kubeconfig: east.json, pingUrl: 'https://ping.europe.example.com/' }
      - { name: west, region: america, kubeconfig: west.json, priority: 1 }`,
  );
  return startTestAllocator(
    () => {},
    {
      CLUSTERS_FILE: clusters,
      ALLOCATE_BY: 'Patch',
      KUBERNETES_TIMEOUT_MS: '500',
      BREAKER_SLOW_MS: '300',
      ...environment,
    },
    undefined,
    { kubernetes: west, keys },
  );
}

const newGame = (body: object = {}, headers: Record<string, string> = {}) =>
  allocator.post('/api/new-game', { playerId: 'a', ...body }, { prefer: 'wait=10', ...headers });

async function nameOf(answer: ReturnType<typeof newGame>): Promise<string> {
  return (await answer).body.allocation?.gameServer ?? 'none';
}

function allocated(endpoint: KubernetesEndpoint): (string | undefined)[] {
  return endpoint
    .gameServers()
    .filter(({ status }) => status?.state === 'Allocated')
    .map(({ metadata }) => metadata.labels[SESSION_KEY]);
}

describe('the order of clusters', () => {
  it('is by priority, and the next one is asked when one is full', async () => {
    await start({ east: 2, west: 1 });
    const names = [await nameOf(newGame()), await nameOf(newGame()), await nameOf(newGame())];
    expect(names).toEqual(['east-0', 'east-1', 'west-0']);
    expect((await newGame({}, { prefer: 'wait=0' })).body.code).toBe('no_capacity');
  });

  it.each<[string, object]>([
    ['the region that is named', { region: 'america' }],
    ['the region that is nearest by what was measured', { latencies: { europe: 110, america: 24.5, nowhere: 1 } }],
    ['the named one before the nearest', { region: 'america', latencies: { europe: 1 } }],
  ])('begins with %s while it has capacity', async (_what, body) => {
    await start({ east: 3, west: 2 });
    const names = [await nameOf(newGame(body)), await nameOf(newGame(body)), await nameOf(newGame(body))];
    expect(names).toEqual(['west-0', 'west-1', 'east-0']);
  });

  it('takes a list of regions from services', async () => {
    await start({ east: 1, west: 1 });
    const order = { game: 'boat-race', regions: ['nowhere', 'america', 'europe'], players: [{ playerId: 'a' }] };
    const ask = async () => (await allocator.post('/v1/allocations', order, SERVICE)).body.gameServer;
    expect([await ask(), await ask()]).toEqual(['west-0', 'east-0']);
  });

  it('is no matter where nobody knows the region', async () => {
    await start({ east: 1, west: 1 });
    expect(await nameOf(newGame({ region: 'atlantis' }))).toBe('east-0');
  });

  it.each([
    ['/api/new-game', { playerId: 'a', latencies: { europe: 'near' } }, 'latencies.europe'],
    ['/api/new-game', { playerId: 'a', latencies: { europe: -1 } }, 'latencies.europe'],
    ['/api/new-game', { playerId: 'a', latencies: { europe: 60_001 } }, 'latencies.europe'],
    ['/api/new-game', { playerId: 'a', latencies: { 'not a name': 1 } }, 'latencies.not a name'],
    ['/api/new-game', { playerId: 'a', latencies: many(33) }, 'latencies'],
    ['/api/new-game', { playerId: 'a', latencies: [1] }, 'latencies'],
    ['/v1/allocations', { game: 'boat-race', players: [{ playerId: 'a' }], regions: Object.keys(many(11)) }, 'regions'],
    ['/v1/allocations', { game: 'boat-race', players: [{ playerId: 'a' }], regions: ['a b'] }, 'regions[0]'],
  ])('%s %j: names the field and allocates nothing', async (path, body, field) => {
    await start({ east: 1, west: 1 });
    const answer = await allocator.post(path, body, SERVICE);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'invalid_request', errors: [{ field }] });
    expect([...allocated(east), ...allocated(west)]).toEqual([]);
  });
});

describe('the regions', () => {
  it('are told with what measures them', async () => {
    await start({ east: 0, west: 0 });
    const answer = await fetch(`${allocator.url}/api/regions`);
    expect(await answer.json()).toEqual([
      { name: 'europe', pingUrl: 'https://ping.europe.example.com/' },
      { name: 'america' },
    ]);
    const policy = (await fetch(allocator.url)).headers.get('content-security-policy');
    expect(policy).toContain("connect-src 'self' ws: wss: https://ping.europe.example.com;");
  });
});

describe('the games of several clusters', () => {
  it('are all of them, with the fewest seats, and wait in one line for whichever is Ready first', async () => {
    east.addFleet('boats', 'boat-race', 8);
    west.addFleet('rowers', 'boat-race', 2);
    west.addFleet('chess', 'chess', 2);
    west.addGameServer('board', 'chess');
    allocator = await startWith({ FIRST_PAUSE_MS: '10000', MAX_PAUSE_MS: '60000' });
    expect(await nameOf(newGame({ game: 'chess' }))).toBe('board');
    const players = ['a', 'b', 'c'].map((playerId) => ({ playerId }));
    const tooMany = await allocator.post('/v1/allocations', { game: 'boat-race', players }, SERVICE);
    expect(tooMany.body.errors).toEqual([{ field: 'players', message: expect.stringContaining('2 seats') }]);

    const waiting = newGame({ game: 'boat-race' }, { prefer: 'wait=30' });
    const metrics = async () => (await fetch(allocator.metricsUrl)).text();
    while (!(await metrics()).includes('regatta_session_requests_waiting 1'));
    west.addGameServer('late', 'boat-race');
    expect(await nameOf(waiting)).toBe('late');
  });
});

describe('a cluster that is dead', () => {
  it('costs nobody anything when it refuses connections', async () => {
    await start({ east: 20, west: 20 });
    await east.close();
    const answers = await Promise.all(Array.from({ length: 20 }, () => newGame()));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    expect(await (await fetch(allocator.metricsUrl)).text()).toContain(
      'regatta_cluster_breaker_open{cluster="east"} 1',
    );
  });

  it('does not keep the others from starting', async () => {
    boats(west, 'west', 1);
    await east.close();
    allocator = await startWith();
    expect((await fetch(`${allocator.url}/readyz`)).status).toBe(200);
    expect(await nameOf(newGame({ region: 'europe' }))).toBe('west-0');
  });

  it('is waited for by one request a window when it says nothing', async () => {
    await start({ east: 20, west: 20 }, { BREAKER_OPEN_MS: '1500' });
    east.isHung = true;
    const first = newGame({}, { prefer: 'wait=1' });
    await until(() => east.requestCount > 0 && allocated(west).length === 0);
    // The one that may be there already goes nowhere else.
    expect((await first).body.code).toBe('allocation_unknown');
    const startedAtMs = Date.now();
    let slow = 0;
    let count = 0;
    while (Date.now() - startedAtMs < 3000) {
      const askedAtMs = Date.now();
      const { status } = await newGame({}, { prefer: 'wait=1' });
      count += 1;
      if (status !== 201 || Date.now() - askedAtMs >= 300) slow += 1;
      west.addGameServer(`west-more-${count}`, 'boat-race');
    }
    expect(count).toBeGreaterThan(20);
    expect(slow).toBeLessThanOrEqual(2);
  }, 20_000);

  it('is asked again when its window is over', async () => {
    await start({ east: 20, west: 20 }, { BREAKER_OPEN_MS: '200' });
    east.behaviours.push('no-endpoints', 'no-endpoints', 'no-endpoints');
    for (let each = 0; each < 3; each += 1) expect(await nameOf(newGame())).toMatch(/^west/);
    const endMs = Date.now() + 10_000;
    while (!(await nameOf(newGame())).startsWith('east')) expect(Date.now()).toBeLessThan(endMs);
    expect(await nameOf(newGame())).toMatch(/^east/);
  });

  it('does not hide the sessions of another one', async () => {
    await start({ east: 1, west: 1 });
    const made = await newGame({ region: 'america' });
    east.isDown = true;
    const predecessor = allocator;
    allocator = await startWith();
    await predecessor.stop();
    const joined = await allocator.post(`/api/sessions/${made.body.sessionId}/join`, { playerId: 'b' });
    expect(joined.status).toBe(201);
    const unknown = await allocator.post('/api/sessions/aaaaaaaaaaaaaaaaaaaa/join', { playerId: 'b' });
    expect(unknown.body.code).toBe('kubernetes_unavailable');
  });

  it('leaves it to the next one also when it does not accept what we send', async () => {
    await start({ east: 1, west: 1 });
    east.behaviours.push('forbidden');
    expect(await nameOf(newGame())).toBe('west-0');
  });
});

describe('a session that may be in a cluster', () => {
  it('is found there, and asked for nowhere else, when an answer is lost', async () => {
    await start({ east: 2, west: 2 });
    east.behaviours.push('lose-answer');
    const { body } = await newGame();
    expect(body.allocation.gameServer).toMatch(/^east/);
    expect(allocated(east)).toEqual([body.sessionId]);
    expect(allocated(west)).toEqual([]);
  });

  it('is found there while another cluster is gone', async () => {
    await start({ east: 2, west: 2 });
    west.isHung = true;
    east.behaviours.push('lose-answer');
    expect((await newGame()).status).toBe(201);
  });

  it('goes to another one once it is certain that it is not', async () => {
    await start({ east: 1, west: 1 });
    east.behaviours.push('cut', 'no-endpoints', 'no-endpoints');
    const { body } = await newGame();
    expect(allocated(west)).toEqual([body.sessionId]);
    expect(allocated(east)).toEqual([]);
  });

  it('is made nowhere else when its key is repeated while the cluster is down, and is the same when it is back', async () => {
    await start({ east: 2, west: 2 }, { BREAKER_OPEN_MS: '200' });
    const key = { 'idempotency-key': 'once', prefer: 'wait=1' };
    east.behaviours.push('hold');
    const first = newGame({}, key);
    await until(() => east.patches.length === 1);
    east.isDown = true;
    // Nor must the watch tell.
    east.isWatchSilent = true;
    expect((await first).body.code).toBe('allocation_unknown');
    east.letGo();
    expect(allocated(east)).toHaveLength(1);
    for (let each = 0; each < 3; each += 1) {
      const { body } = await newGame({}, key);
      expect(body).toMatchObject({ code: 'kubernetes_unavailable', retryable: true });
    }
    expect(allocated(west)).toEqual([]);
    east.isDown = false;
    const back = await newGame({}, { ...key, prefer: 'wait=10' });
    expect(back.status).toBe(201);
    expect(allocated(east)).toEqual([back.body.sessionId]);
    expect((await newGame({}, key)).body).toEqual(back.body);
    expect(allocated(west)).toEqual([]);
  });
});

function many(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`region-${index}`, 1]));
}
