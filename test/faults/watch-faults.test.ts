import { FaultyLocal } from './faulty-local.ts';

let local: FaultyLocal;

beforeEach(async () => {
  local = await FaultyLocal.start();
});

afterEach(() => local.stop());

test.each(['reset', 'end'])('a watch is cut by a %s; a new one picks up what was missed', async (how) => {
  const watch = await local.watchConfigMaps();
  await local.createConfigMap('first');
  const { object } = await watch.next();
  expect(object.metadata['name']).toBe('first');
  await local.fault({ kind: 'watch-cut', how, count: 1 });
  if (how === 'reset') await expect(watch.rest()).rejects.toThrow();
  else expect(await watch.rest()).toEqual([]);

  await local.createConfigMap('second');
  const version = String(object.metadata['resourceVersion']);
  const next = await local.watch(`/api/v1/configmaps?watch=true&resourceVersion=${version}`);
  expect((await next.next()).object.metadata['name']).toBe('second');
  await next.stop();
});

test('a watch that opens meanwhile is cut as well, once it has lived for the time it gets', async () => {
  await local.fault({ kind: 'watch-cut', how: 'end', afterMs: 150 });
  const startedAtMs = performance.now();
  const watch = await local.watchConfigMaps();
  await local.createConfigMap('seen');
  expect((await watch.next()).object.metadata['name']).toBe('seen');
  expect(await watch.rest()).toEqual([]);
  expect(performance.now() - startedAtMs).toBeGreaterThan(140);
});

test('only watches of the resource are cut', async () => {
  const watch = await local.watchConfigMaps();
  const fault = await local.fault({ kind: 'watch-cut', target: { resource: 'gameservers' } });
  await local.createConfigMap('seen');
  expect((await watch.next()).type).toBe('ADDED');
  expect((await local.report(fault.id)).considered).toBe(0);
  await watch.stop();
});

test('a silent watch misses changes and deletions, and is cut at the end', async () => {
  await local.createConfigMap('doomed');
  const watch = await local.watchConfigMaps('&allowWatchBookmarks=true');
  const { id } = await local.fault({ kind: 'watch-silent' });
  await local.request('DELETE', '/api/v1/namespaces/default/configmaps/doomed');
  await local.createConfigMap('unseen');
  await local.endFault(id);
  await expect(watch.rest()).rejects.toThrow();
});

test('a silent watch that goes on never tells what happened meanwhile', async () => {
  await local.createConfigMap('doomed');
  const watch = await local.watchConfigMaps();
  const { id } = await local.fault({ kind: 'watch-silent', afterwards: 'resume' });
  await local.request('DELETE', '/api/v1/namespaces/default/configmaps/doomed');
  await local.endFault(id);
  await local.createConfigMap('later');
  const { type, object } = await watch.next();
  expect([type, object.metadata['name']]).toEqual(['ADDED', 'later']);
  await watch.stop();
});

test('a silent watch does not even end when its time is over', async () => {
  await local.fault({ kind: 'watch-silent', forMs: 1500 });
  const startedAtMs = performance.now();
  const watch = await local.watchConfigMaps('&timeoutSeconds=1');
  await expect(watch.rest()).rejects.toThrow();
  expect(performance.now() - startedAtMs).toBeGreaterThan(1300);
});

test('a version that is too old ends watches with 410, and a list helps', async () => {
  const watch = await local.watchConfigMaps();
  await local.fault({ kind: 'watch-too-old', count: 2 });
  const gone = { type: 'ERROR', object: expect.objectContaining({ kind: 'Status', code: 410, reason: 'Expired' }) };
  expect(await watch.rest()).toEqual([gone]);
  const fromList = await local.watch('/api/v1/configmaps?watch=true');
  expect(await (await local.watchConfigMaps()).rest()).toEqual([gone]);
  const third = await local.watchConfigMaps();
  await local.createConfigMap('seen');
  expect((await third.next()).type).toBe('ADDED');
  expect((await fromList.next()).type).toBe('ADDED');
  await third.stop();
  await fromList.stop();
});
