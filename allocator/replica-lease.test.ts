import { createLogger } from '../lib/logger.ts';
import type { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { TestAllocator } from './testing/running-allocator.ts';

const LEASE = 'regatta-allocator';
const DEADLINE_MS = 20_000;
/** As short as may be, so that a test need not wait for a quarter of a minute. */
const LEASE_MS = '1000';

let allocators: TestAllocator[] = [];
afterEach(async () => {
  for (const allocator of allocators.toReversed()) await allocator.stop();
  allocators = [];
});

function boats(kubernetes: KubernetesEndpoint): void {
  kubernetes.addFleet('boats', 'boat-race', 8);
  for (let index = 0; index < 5; index += 1) kubernetes.addGameServer(`boats-${index}`, 'boat-race');
}

interface Started {
  allocator: TestAllocator;
  log: string[];
}

async function start(
  name: string,
  { environment = {}, prepare = boats, waitsUntilReady = true, beside }: Options = {},
): Promise<Started> {
  const log: string[] = [];
  const logger = createLogger('allocator', 'info', { write: (line) => void log.push(line) });
  const allocator = await startTestAllocator(
    prepare,
    { ALLOCATE_BY: 'Patch', REPLICA_LEASE_MS: LEASE_MS, REPLICA_NAME: name, ...environment },
    logger,
    beside,
    { waitsUntilReady },
  );
  allocators.push(allocator);
  return { allocator, log };
}

interface Options {
  environment?: Record<string, string>;
  prepare?: (kubernetes: KubernetesEndpoint) => void;
  waitsUntilReady?: boolean;
  beside?: TestAllocator;
}

const second = (first: TestAllocator) => start('second', { prepare: () => {}, waitsUntilReady: false, beside: first });

const complaints = (log: string[]) => log.filter((line) => line.includes('another allocator'));

const readiness = async ({ url }: TestAllocator) => (await fetch(`${url}/readyz`)).status;

/** Waits until /readyz answers so. */
async function becomes(allocator: TestAllocator, status: number): Promise<void> {
  const endMs = Date.now() + DEADLINE_MS;
  while ((await readiness(allocator)) !== status) {
    if (Date.now() > endMs) throw new Error(`readyz did not answer ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('an allocator without a shared store', () => {
  it('holds the Lease of its namespace while it runs, and lets go of it when it stops', async () => {
    const { allocator } = await start('first');
    const { kubernetes } = allocator;
    expect(await readiness(allocator)).toBe(200);
    const { spec } = kubernetes.lease(LEASE) ?? {};
    expect(spec).toMatchObject({ holderIdentity: 'first', leaseDurationSeconds: 1, leaseTransitions: 0 });
    expect(spec?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await until(() => kubernetes.lease(LEASE)?.spec?.renewTime !== spec?.renewTime, DEADLINE_MS);
    expect(kubernetes.lease(LEASE)?.spec?.acquireTime).toBe(spec?.acquireTime);
    await allocator.lifecycle.stop();
    expect(kubernetes.lease(LEASE)?.spec?.holderIdentity).toBe('');
  }, 30_000);

  it('says so when there is another one, allocates nothing, and takes over when that one goes', async () => {
    const { allocator: first } = await start('first');
    const { allocator: other, log } = await second(first);
    await until(() => complaints(log).length > 0, DEADLINE_MS);
    const [error] = complaints(log);
    expect(error).toContain('"level":"error"');
    expect(error).toContain('set REDIS_URL');
    expect(error).toContain('"other":"first"');
    expect(await readiness(other)).toBe(503);
    const refused = await other.post('/api/new-game', { playerId: 'a' });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(refused.body).toMatchObject({ code: 'second_allocator', retryable: true });
    const service = await other.post(
      '/v1/allocations',
      { game: 'boat-race', players: [{ playerId: 'a' }] },
      { authorization: 'Bearer a-service-token-for-tests' },
    );
    expect(service.body.code).toBe('second_allocator');
    expect((await first.post('/api/new-game', { playerId: 'a' })).status).toBe(201);
    expect(first.kubernetes.patches).toHaveLength(1);
    await first.lifecycle.stop();
    await becomes(other, 200);
    expect((await other.post('/api/new-game', { playerId: 'b' })).status).toBe(201);
    expect(first.kubernetes.lease(LEASE)?.spec).toMatchObject({ holderIdentity: 'second' });
    // Said once, however often it was seen.
    expect(complaints(log)).toHaveLength(1);
  }, 60_000);

  it('takes over from one who died, by what it sees and not by what the clock of that one showed', async () => {
    const yearsAhead = '2099-01-01T00:00:00.000000Z';
    const { allocator, log } = await start('heir', {
      prepare(kubernetes) {
        boats(kubernetes);
        kubernetes.putLease(LEASE, { holderIdentity: 'died', renewTime: yearsAhead, leaseTransitions: 3 });
      },
      waitsUntilReady: false,
    });
    expect(await readiness(allocator)).toBe(503);
    await becomes(allocator, 200);
    expect(allocator.kubernetes.lease(LEASE)?.spec).toMatchObject({ holderIdentity: 'heir', leaseTransitions: 4 });
    expect(complaints(log)).toEqual([]);
  }, 30_000);

  it('goes on at once where it was before it was killed', async () => {
    const { allocator } = await start('pod', {
      environment: { REPLICA_LEASE_MS: '600000' },
      prepare(kubernetes) {
        boats(kubernetes);
        kubernetes.putLease(LEASE, { holderIdentity: 'pod', renewTime: '2026-01-01T00:00:00.000000Z' });
      },
    });
    expect(await readiness(allocator)).toBe(200);
  }, 30_000);

  it.each([
    ['forbidden', 403],
    ['not served', 404],
  ] as const)(
    'warns once where Leases are %s, and works',
    async (_what, status) => {
      const { allocator, log } = await start('only', {
        prepare(kubernetes) {
          boats(kubernetes);
          kubernetes.leaseRefusal = status;
        },
      });
      expect(await readiness(allocator)).toBe(200);
      expect((await allocator.post('/api/new-game', { playerId: 'a' })).status).toBe(201);
      const before = allocator.kubernetes.leaseRequests;
      await until(() => allocator.kubernetes.leaseRequests > before + 2, DEADLINE_MS);
      expect(log.filter((line) => line.includes('"level":"warn"'))).toHaveLength(1);
    },
    30_000,
  );

  it('goes on while Kubernetes is away: nobody else can have taken over', async () => {
    const { allocator } = await start('only', { environment: { DEFAULT_WAIT_SECONDS: '20' } });
    const { kubernetes } = allocator;
    kubernetes.leaseRefusal = 503;
    const before = kubernetes.leaseRequests;
    await until(() => kubernetes.leaseRequests > before + 5, DEADLINE_MS);
    expect((await allocator.post('/api/new-game', { playerId: 'a' })).status).toBe(201);
    kubernetes.leaseRefusal = undefined;
    await until(() => kubernetes.lease(LEASE)?.spec?.leaseTransitions === 0, DEADLINE_MS);
    expect(await readiness(allocator)).toBe(200);
  }, 30_000);
});
