import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { AgonesSdk } from './agones-sdk.ts';
import type { AgonesSdkOptions } from './agones-sdk.ts';
import { SdkCallError } from './game-server-sdk.ts';
import { until } from './test-conditions.ts';
import { TestSidecar } from './test-sidecar.ts';

const bounds = {
  connectBudgetMs: 10_000,
  callDeadlineMs: 300,
  minBackoffMs: 20,
  maxBackoffMs: 100,
  healthStreamMaxAgeMs: 60_000,
};

let sidecar: TestSidecar;
let open: AgonesSdk[] = [];

async function connect(options: Partial<AgonesSdkOptions> = {}): Promise<AgonesSdk> {
  const sdk = await AgonesSdk.connect({
    grpcPort: sidecar.port,
    ...bounds,
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  open.push(sdk);
  return sdk;
}

async function morePings(count = 2): Promise<void> {
  const before = sidecar.pings;
  await until(() => sidecar.pings >= before + count, 'pings arrive');
}

beforeEach(async () => {
  sidecar = new TestSidecar();
  await sidecar.start();
});

afterEach(() => {
  for (const sdk of open) sdk.close();
  open = [];
  sidecar.stop();
});

test('shows the GameServer and pings before it is Ready', async () => {
  sidecar.ports = [{ name: 'game', port: 7001 }];
  const sdk = await connect();
  expect(sdk.gameServer).toMatchObject({
    name: 'boats-1',
    uid: sidecar.uid,
    state: 'Scheduled',
    ports: [{ name: 'game', port: 7001 }],
    health: { isDisabled: false, periodMs: 1000, failureThreshold: 3 },
    isDeleting: false,
  });
  await morePings();
  expect(sidecar.calls).toEqual([]);
});

test('a sidecar that restarts gets pings and one watch again, and what happened in the gap is seen', async () => {
  const sdk = await connect();
  await until(() => sidecar.watchers === 1, 'the watch is open');
  for (let restart = 0; restart < 4; restart += 1) {
    sidecar.stop();
    sidecar.annotations.set('gap', String(restart));
    await sidecar.start();
    await until(() => sdk.gameServer.annotations.get('gap') === String(restart), 'the gap is seen');
    await morePings(1);
    await until(() => sidecar.watchers === 1, 'one watch is open');
  }
  sidecar.annotations.set('live', 'yes');
  sidecar.tell();
  await until(() => sdk.gameServer.annotations.get('live') === 'yes', 'the watch is live');
  expect(sidecar.watchers).toBe(1);
}, 20_000);

test('a watch that ends without an error is opened again', async () => {
  await connect();
  await until(() => sidecar.watchers === 1, 'the watch is open');
  sidecar.endWatches();
  await until(() => sidecar.watchers === 1, 'the watch is open again');
});

test('a sidecar that hangs and comes to itself is used again, and misses no change', async () => {
  const sdk = await connect();
  sidecar.isHanging = true;
  await expect(sdk.ready()).rejects.toThrow(SdkCallError);
  sidecar.state = 'Allocated';
  sidecar.isHanging = false;
  await until(() => sdk.gameServer.state === 'Allocated', 'the change is seen');
  await morePings();
});

test('the health stream is made anew when it is old', async () => {
  await connect({ healthStreamMaxAgeMs: 100 });
  await morePings(3);
});

test('waits for a sidecar that comes late', async () => {
  sidecar.stop();
  const connecting = connect();
  await new Promise((resolve) => setTimeout(resolve, 500));
  await sidecar.start();
  expect((await connecting).gameServer.name).toBe('boats-1');
});

test('gives up on a sidecar that does not come within the budget', async () => {
  sidecar.stop();
  await expect(connect({ connectBudgetMs: 150 })).rejects.toThrow(SdkCallError);
});

test('gives up connecting when it is told to', async () => {
  sidecar.stop();
  const abort = new AbortController();
  const connecting = connect({ signal: abort.signal });
  abort.abort();
  await expect(connecting).rejects.toThrow(SdkCallError);
});

test('a closed SDK leaves no watch behind and calls nobody', async () => {
  const sdk = await connect();
  await until(() => sidecar.watchers === 1, 'the watch is open');
  let calls = 0;
  sdk.onChange(() => {
    calls += 1;
  });
  sdk.close();
  await until(() => sidecar.watchers === 0, 'the watch is cancelled');
  sidecar.state = 'Ready';
  sidecar.tell();
  await expect(sdk.refresh()).rejects.toThrow();
  expect(calls).toBe(0);
});
