import { startTestAllocator, until } from '../testing/running-allocator.ts';
import type { TestAllocator } from '../testing/running-allocator.ts';

let allocator: TestAllocator;
afterEach(() => allocator.stop());

async function asks(): Promise<{ status: number; code: string }> {
  const { status, body } = await allocator.post(
    '/api/new-game',
    { playerId: 'a', game: 'chess' },
    { prefer: 'wait=0' },
  );
  return { status, code: body.code };
}

async function untilAnswered(code: string): Promise<void> {
  const endMs = Date.now() + 5000;
  while ((await asks()).code !== code) if (Date.now() > endMs) throw new Error(`never answered ${code}`);
}

async function isReady(): Promise<boolean> {
  return (await fetch(`${allocator.url}/readyz`)).status === 200;
}

describe('following Kubernetes', () => {
  it('knows a game as soon as a Fleet plays it', async () => {
    allocator = await startTestAllocator(() => {});
    expect(await asks()).toEqual({ status: 404, code: 'unknown_game' });
    allocator.kubernetes.addFleet('chess', 'chess', 2);
    await untilAnswered('no_capacity');
  });

  it('sees what happened while its watches were ended by the server', async () => {
    allocator = await startTestAllocator(() => {});
    allocator.kubernetes.isWatchSilent = true;
    allocator.kubernetes.addFleet('chess', 'chess', 2);
    allocator.kubernetes.isWatchSilent = false;
    await until(() => allocator.kubernetes.watcherCount === 2);
    // The endpoint's history lacks it: only a new list can tell.
    allocator.kubernetes.sendWatchError(410);
    await untilAnswered('no_capacity');
  });

  it('opens its watches again after the API was away, without a storm', async () => {
    allocator = await startTestAllocator(() => {}, { STALE_AFTER_MS: '1000' });
    await until(() => allocator.kubernetes.watcherCount === 2);
    allocator.kubernetes.isDown = true;
    const before = allocator.kubernetes.requestCount;
    allocator.kubernetes.endWatches();
    await until(() => allocator.kubernetes.requestCount > before + 3);
    while (await isReady());
    expect(allocator.kubernetes.requestCount - before).toBeLessThan(40);
    expect((await fetch(`${allocator.url}/healthz`)).status).toBe(200);
    allocator.kubernetes.isDown = false;
    while (!(await isReady()));
    allocator.kubernetes.addFleet('chess', 'chess', 2);
    await untilAnswered('no_capacity');
  }, 15_000);

  it('outlives an event that makes no sense', async () => {
    allocator = await startTestAllocator(() => {});
    await until(() => allocator.kubernetes.watcherCount === 2);
    allocator.kubernetes.sendNonsense();
    allocator.kubernetes.addFleet('chess', 'chess', 2);
    await untilAnswered('no_capacity');
  });
});
