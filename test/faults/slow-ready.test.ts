import { jest } from '@jest/globals';
import { FaultyLocal, until } from './faulty-local.ts';

jest.setTimeout(60_000);

let local: FaultyLocal;
let made = 0;

beforeAll(async () => {
  local = await FaultyLocal.start();
});

afterEach(() => local.request('DELETE', '/regatta.dev/v1/faults'));
afterAll(() => local.stop());

async function gameServer(): Promise<string> {
  made += 1;
  const name = `boat-${made}`;
  await local.createGameServer(name);
  return name;
}

test('a process starts late, its Pod pending until then', async () => {
  await local.fault({ kind: 'slow-ready', startDelayMs: 700, count: 1 });
  const startedAtMs = performance.now();
  const name = await gameServer();
  await until('the Pod', () => local.pod(name)?.status.phase === 'Pending');
  expect(local.processIdOf(name)).toBeUndefined();
  await local.becomes(name, 'Ready');
  expect(performance.now() - startedAtMs).toBeGreaterThan(690);
});

test('a game that says Ready is believed late, and pings meanwhile', async () => {
  await local.fault({ kind: 'slow-ready', readyDelayMs: 1000 });
  const startedAtMs = performance.now();
  const name = await gameServer();
  await until('the game to say it', async () => {
    const { body } = await local.request('GET', `/api/v1/namespaces/default/pods/${name}/log`);
    return String(body).includes('ready');
  });
  expect(local.gameServer(name)?.status?.state).toBe('Scheduled');
  await local.becomes(name, 'Ready');
  expect(performance.now() - startedAtMs).toBeGreaterThan(990);
});

test('a game that says Ready again while it waits does not wait anew', async () => {
  await local.fault({ kind: 'slow-ready', readyDelayMs: 2500 });
  const startedAtMs = performance.now();
  const name = await gameServer();
  await until('the game to say it twice', async () => {
    const { body } = await local.request('GET', `/api/v1/namespaces/default/pods/${name}/log`);
    return String(body).split('ready').length > 2;
  });
  await local.becomes(name, 'Ready');
  expect(performance.now() - startedAtMs).toBeLessThan(5000);
});

test.each(['startDelayMs', 'readyDelayMs'])('the end of the fault ends %s', async (delay) => {
  const { id } = await local.fault({ kind: 'slow-ready', [delay]: 60_000, forMs: 120_000 });
  const name = await gameServer();
  await local.becomes(name, 'Scheduled');
  await local.endFault(id);
  await local.becomes(name, 'Ready');
});

test('strikes as many as it is told, and none that started before', async () => {
  const early = await gameServer();
  await local.becomes(early, 'Ready');
  const { id } = await local.fault({ kind: 'slow-ready', readyDelayMs: 60_000, forMs: 120_000, count: 1 });
  const slow = await gameServer();
  await local.becomes(slow, 'Scheduled');
  const fast = await gameServer();
  await local.becomes(fast, 'Ready');
  expect(local.gameServer(slow)?.status?.state).toBe('Scheduled');
  expect(await local.report(id)).toMatchObject({ struck: 1, active: true });
});

test('a GameServer that is deleted while it waits is gone at once', async () => {
  await local.fault({ kind: 'slow-ready', startDelayMs: 60_000, forMs: 120_000 });
  const name = await gameServer();
  await until('the Pod', () => local.pod(name)?.status.phase === 'Pending');
  await local.deleteGameServer(name);
});
