import { jest } from '@jest/globals';
import { identifyProcess } from '../../local/node/process-identity.ts';
import { FaultyLocal, until } from './faulty-local.ts';

jest.setTimeout(60_000);

test('local ends at once and whole while faults of every kind are active', async () => {
  const local = await FaultyLocal.start();
  await local.createFleet('boats', 4);
  const processes = (await local.inState(4, 'Ready')).map(({ metadata }) => local.processIdOf(metadata.name) ?? 0);
  const watch = await local.watchConfigMaps();
  await local.fault({ kind: 'sidecar-killed', count: 1 });
  await local.fault({ kind: 'game-server-hung', count: 2 });
  await local.fault({ kind: 'game-server-crashed', target: { states: ['Shutdown'] } });
  await local.fault({ kind: 'slow-ready', startDelayMs: 60_000, forMs: 120_000 });
  await local.createGameServer('late');
  await until('the Pod that is held up', () => local.pod('late')?.status.phase === 'Pending');
  await local.fault({ kind: 'no-capacity' });
  await local.fault({ kind: 'answer-lost', how: 'silence', target: { resource: 'configmaps' } });
  const lost = local.createConfigMap('lost');
  await until('the write', () => local.object('configmaps', 'lost') !== undefined);
  await local.fault({ kind: 'watch-silent' });
  await local.fault({ kind: 'watch-cut', how: 'end', afterMs: 60_000, target: { resource: 'secrets' } });
  await local.fault({ kind: 'watch-too-old', target: { resource: 'secrets' } });
  await local.fault({ kind: 'conflict-storm' });
  await local.fault({ kind: 'error-storm', target: { resource: 'secrets' } });
  await local.fault({ kind: 'api-slow', latencyMs: 60_000, target: { resource: 'fleets' } });
  const slow = local.request('GET', '/apis/agones.dev/v1/fleets');
  const hole = await local.fault({ kind: 'api-black-hole', target: { resource: 'namespaces' } });
  const swallowed = local.request('GET', '/api/v1/namespaces');
  await until('the request to vanish', async () => (await local.report(hole.id)).struck > 0);
  await local.fault({ kind: 'node-gone', podsLostAfterMs: 60_000 });

  const askedAtMs = performance.now();
  await local.stop();
  expect(performance.now() - askedAtMs).toBeLessThan(3000);
  for (const pid of processes) expect(await identifyProcess(pid)).toBeUndefined();
  expect([(await lost).status, (await swallowed).status]).toEqual([0, 0]);
  await slow;
  await expect(watch.rest()).rejects.toThrow();
  expect((await local.request('GET', '/version')).status).toBe(0);
});

test('a game that stands still as local ends can end itself', async () => {
  const local = await FaultyLocal.start({ LOCAL_STOP_GRACE_MS: '20000' });
  await local.createFleet('boats', 2);
  await local.inState(2, 'Ready');
  await local.fault({ kind: 'game-server-hung' });
  const askedAtMs = performance.now();
  await local.stop();
  expect(performance.now() - askedAtMs).toBeLessThan(10_000);
});
