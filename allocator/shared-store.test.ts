import { SESSION_KEY } from '../lib/session.ts';
import { RedisServer } from '../test/helpers/redis-server.ts';
import { findProgram } from '../test/helpers/requirements.ts';
import type { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';
import { startTestAllocator } from './testing/running-allocator.ts';
import type { TestAllocator } from './testing/running-allocator.ts';

const DEADLINE_MS = 20_000;

const program = findProgram('redis-server');
const describeWithRedis = program === undefined ? describe.skip : describe;
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

function boats(kubernetes: KubernetesEndpoint): void {
  kubernetes.addFleet('boats', 'boat-race', 8);
  for (let index = 0; index < 20; index += 1) kubernetes.addGameServer(`boats-${index}`, 'boat-race');
}

async function startRedis(): Promise<RedisServer> {
  const redis = await RedisServer.start(program ?? '');
  stops.push(() => redis.stop());
  return redis;
}

async function start(redis: RedisServer, beside?: TestAllocator): Promise<TestAllocator> {
  const allocator = await startTestAllocator(
    beside === undefined ? boats : () => {},
    { ALLOCATE_BY: 'Patch', REDIS_URL: redis.url, KEY_LEASE_MS: '2000' },
    undefined,
    beside,
  );
  stops.push(() => allocator.stop());
  return allocator;
}

const newGame = (allocator: TestAllocator, key?: string) =>
  allocator.post('/api/new-game', { playerId: 'a' }, key === undefined ? {} : { 'idempotency-key': key });

async function isOver(url: string, sessionId: string): Promise<void> {
  for (;;) {
    const { state } = (await (await fetch(`${url}/api/sessions/${sessionId}`)).json()) as { state: string };
    if (state === 'over') return;
  }
}

/** Waits until a line of the metrics begins so. */
async function measures(allocator: TestAllocator, line: string): Promise<void> {
  const endMs = Date.now() + DEADLINE_MS;
  for (;;) {
    const text = await (await fetch(allocator.metricsUrl)).text();
    if (text.split('\n').some((each) => each.startsWith(line))) return;
    if (Date.now() > endMs) throw new Error(`no metric ${line} in\n${text}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describeWithRedis('allocators that share a Redis', () => {
  it('give one answer under one key, whichever is asked', async () => {
    const redis = await startRedis();
    const first = await start(redis);
    const second = await start(redis, first);
    const replicas = [first, second];
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => newGame(replicas[index % 2]!, 'k')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect((await newGame(second, 'k')).body).toEqual(answers[0]?.body);
  }, 30_000);

  it('make one new session for fifty players of a lost one, whichever each of them asks', async () => {
    const redis = await startRedis();
    const first = await start(redis);
    const second = await start(redis, first);
    const replicas = [first, second];
    const { body: lost } = await newGame(first);
    const tokens = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const joined = await first.post(`/api/sessions/${lost.sessionId}/join`, { playerId: `player-${index}` });
        return new URL(joined.body.wsUrl).searchParams.get('token');
      }),
    );
    first.kubernetes.setState(lost.allocation.gameServer, 'Unhealthy');
    for (const { url } of replicas) await isOver(url, lost.sessionId);
    const answers = await Promise.all(
      tokens.map((token, index) => replicas[index % 2]!.post(`/api/sessions/${lost.sessionId}/resume`, { token })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    const sessionIds = new Set<string>(answers.map(({ body }) => body.sessionId));
    expect(sessionIds.size).toBe(1);
    const holding = first.kubernetes
      .gameServers()
      .filter(
        ({ status, metadata }) => status?.state === 'Allocated' && sessionIds.has(metadata.labels[SESSION_KEY] ?? ''),
      );
    expect(holding).toHaveLength(1);
  }, 30_000);

  it('are ready and serve who comes without a key while it is down, and tell who comes with one to repeat', async () => {
    const redis = await startRedis();
    await redis.kill();
    const allocator = await start(redis);
    expect((await fetch(`${allocator.url}/readyz`)).status).toBe(200);
    expect((await newGame(allocator)).status).toBe(201);
    const refused = await newGame(allocator, 'k');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(refused.body).toMatchObject({ code: 'store_unavailable', retryable: true });
    await measures(allocator, 'regatta_store_up 0');
    await measures(allocator, 'regatta_store_call_seconds_count{operation="get",outcome="down"}');
    await redis.start();
    await measures(allocator, 'regatta_store_up 1');
    expect((await newGame(allocator, 'k')).status).toBe(201);
    await measures(allocator, 'regatta_store_call_seconds_count{operation="putIfAbsent",outcome="ok"}');
  }, 30_000);

  it('find the session of a key again when it comes back empty, on the same GameServer', async () => {
    const redis = await startRedis();
    const first = await start(redis);
    const second = await start(redis, first);
    const { body: before } = await newGame(first, 'k');
    await redis.kill();
    await redis.start();
    for (const allocator of [first, second]) await measures(allocator, 'regatta_store_up 1');
    const { status, body } = await newGame(second, 'k');
    expect(status).toBe(201);
    expect([body.sessionId, body.allocation.gameServer]).toEqual([before.sessionId, before.allocation.gameServer]);
  }, 30_000);

  it('hold no Lease of Kubernetes', async () => {
    const redis = await startRedis();
    const allocator = await start(redis);
    expect((await newGame(allocator)).status).toBe(201);
    expect(allocator.kubernetes.leaseRequests).toBe(0);
  }, 30_000);
});
