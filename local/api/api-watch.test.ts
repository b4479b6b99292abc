import { ManualClock } from '../../lib/clock.ts';
import { BOATS, startApi } from './testing/api-fixture.ts';
import type { TestApi, TestWatch } from './testing/api-fixture.ts';
import { boat } from './testing/boat-definitions.ts';

const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };

let clock: ManualClock;
let api: TestApi;
beforeEach(async () => {
  clock = new ManualClock(Date.parse('2026-01-01T00:00:00Z'));
  api = await startApi({ clock, maxPendingEvents: 5 }, { historyLimit: 5 });
});
afterEach(() => api.server.close());

async function take(watch: TestWatch, count: number): Promise<string[]> {
  const seen: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { type, object } = await watch.next();
    seen.push(`${type} ${String(object.metadata['name'])}`);
  }
  return seen;
}

function label(name: string, labels: Record<string, string>): void {
  api.store.modify('boats', 'default', name, ({ metadata }) => (metadata.labels = labels));
}

describe('a watch', () => {
  test('begins with the objects there are and goes on with every change', async () => {
    api.store.create('boats', boat('a'));
    const watch = await api.watch(`${BOATS}?watch=true`);
    expect(await take(watch, 1)).toEqual(['ADDED a']);
    api.store.create('boats', boat('b'));
    label('a', { x: 'y' });
    api.store.delete('boats', 'default', 'b');
    expect(await take(watch, 3)).toEqual(['ADDED b', 'MODIFIED a', 'DELETED b']);
    await watch.stop();
  });

  test('from a version gives what came after it, of its namespace alone', async () => {
    api.store.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'two' } });
    const version = api.store.create('boats', boat('a')).metadata.resourceVersion ?? '';
    api.store.create('boats', boat('t', {}, { namespace: 'two' }));
    api.store.create('boats', boat('b'));
    const watch = await api.watch(`${BOATS}?watch=1&resourceVersion=${version}`);
    expect(await take(watch, 1)).toEqual(['ADDED b']);
    const everywhere = await api.watch(`/apis/harbour.example/v1/boats?watch=1&resourceVersion=${version}`);
    expect(await take(everywhere, 2)).toEqual(['ADDED t', 'ADDED b']);
    await Promise.all([watch.stop(), everywhere.stop()]);
  });

  test('shows objects that enter and leave the selector as added and deleted', async () => {
    const watch = await api.watch(`${BOATS}?watch=true&labelSelector=in%3Dyes`);
    api.store.create('boats', boat('a'));
    label('a', { in: 'yes' });
    label('a', { in: 'yes', more: 'x' });
    label('a', { in: 'no' });
    api.store.delete('boats', 'default', 'a');
    api.store.create('boats', boat('b', {}, { labels: { in: 'yes' } }));
    expect(await take(watch, 4)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED b']);
    await watch.stop();
  });

  test('gives an object that left the selector as it was inside, with the version of the change', async () => {
    const watch = await api.watch(`${BOATS}?watch=true&fieldSelector=spec.colour%3Dred`);
    api.store.create('boats', boat('a', { colour: 'red' }));
    const changed = api.store.update('boats', boat('a', { colour: 'blue' }));
    await watch.next();
    const { type, object } = await watch.next();
    expect([type, object['spec']]).toEqual(['DELETED', { colour: 'red' }]);
    expect(object.metadata['resourceVersion']).toBe(changed.metadata.resourceVersion);
    await watch.stop();
  });

  test('of a version that was forgotten says 410 and ends', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) api.store.create('boats', boat(name));
    const watch = await api.watch(`${BOATS}?watch=true&resourceVersion=1`);
    expect(await watch.rest()).toMatchObject([
      { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } },
    ]);
  });

  test('ends after its timeout, with a bookmark if bookmarks were asked for', async () => {
    const watch = await api.watch(`${BOATS}?watch=true&timeoutSeconds=5&allowWatchBookmarks=true`);
    const plain = await api.watch(`${BOATS}?watch=true&timeoutSeconds=5`);
    clock.advance(5000);
    expect(await watch.rest()).toEqual([
      {
        type: 'BOOKMARK',
        object: {
          kind: 'Boat',
          apiVersion: 'harbour.example/v1',
          metadata: { resourceVersion: api.store.resourceVersion },
        },
      },
    ]);
    expect(await plain.rest()).toEqual([]);
  });

  test('gets a bookmark from time to time', async () => {
    const watch = await api.watch(`${BOATS}?watch=true&allowWatchBookmarks=true`);
    clock.advance(60_000);
    expect((await watch.next()).type).toBe('BOOKMARK');
    clock.advance(60_000);
    expect((await watch.next()).type).toBe('BOOKMARK');
    await watch.stop();
  });

  test('tells the end of the initial events when asked to send them', async () => {
    api.store.create('boats', boat('a'));
    const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const watch = await api.watch(`${BOATS}?${query}`);
    expect(await take(watch, 1)).toEqual(['ADDED a']);
    expect(await watch.next()).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
    await watch.stop();
  });

  test('comes as tables, the first with its columns', async () => {
    const watch = await api.watch(`${BOATS}?watch=true`, TABLE);
    api.store.create('boats', boat('a', { seats: 3 }));
    label('a', { x: 'y' });
    const [first, second] = [await watch.next(), await watch.next()];
    expect(first).toMatchObject({
      type: 'ADDED',
      object: { kind: 'Table', rows: [{ cells: ['a', 3, expect.any(String)] }] },
    });
    expect(first.object['columnDefinitions']).toHaveLength(3);
    expect(second.object['columnDefinitions']).toBeNull();
    await watch.stop();
  });

  test('that falls too far behind is ended with 410', async () => {
    const watch = await api.watch(`${BOATS}?watch=true`);
    // All in one task: none of these can be sent before the last of them is made.
    for (let index = 0; index < 7; index += 1) api.store.create('boats', boat(`b${index}`));
    const events = await watch.rest();
    expect(events.at(-1)).toMatchObject({ type: 'ERROR', object: { code: 410 } });
  });

  test('ends when the server closes', async () => {
    const watch = await api.watch(`${BOATS}?watch=true`);
    await api.server.close();
    expect(await watch.rest()).toEqual([]);
  });

  test.each([
    ['resourceVersion=x', 500],
    ['timeoutSeconds=x', 400],
    ['continue=x', 422],
    ['resourceVersion=999999', 504],
    ['sendInitialEvents=true', 422],
    ['resourceVersionMatch=NotOlderThan', 422],
    ['labelSelector=%3D%3D', 400],
    ['fieldSelector=spec.seats%3D1', 400],
  ])('with %s is refused with %i', async (query, code) => {
    const answer = await api.request('GET', `${BOATS}?watch=true&${query}`);
    expect(answer.body).toMatchObject({ kind: 'Status', code });
  });
});
