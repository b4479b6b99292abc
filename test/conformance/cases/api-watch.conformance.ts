import { refusalIn } from '../harness/refusals.ts';
import { PATHS, RUN_LABEL, selectorText } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import type { WatchedObjects } from '../harness/watched-objects.ts';

const cluster = useCluster();

function own(extra: Record<string, string> = {}): string {
  return `${PATHS.gameservers}?labelSelector=${selectorText({ [RUN_LABEL]: cluster.run, ...extra })}`;
}

function typesOf(watch: WatchedObjects, name: string): string[] {
  return watch.events.filter(({ object }) => object.metadata?.name === name).map(({ type }) => type);
}

describe('a watch', () => {
  it('tells of a making, every change and the deletion, in order, with growing resourceVersions', async () => {
    const watch = await cluster.watchFromNow(own());
    const { metadata } = await cluster.readyDevGameServer();
    await cluster.patched(`${PATHS.gameservers}/${metadata.name}`, { metadata: { labels: { seen: 'yes' } } });
    await cluster.request('DELETE', `${PATHS.gameservers}/${metadata.name}`);
    await watch.until('DELETED', ({ type, object }) => type === 'DELETED' && object.metadata.name === metadata.name);
    const types = typesOf(watch, metadata.name);
    expect(types[0]).toBe('ADDED');
    expect(types.at(-1)).toBe('DELETED');
    expect(new Set(types.slice(1, -1))).toEqual(new Set(['MODIFIED']));
    const versions = watch.events.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  });

  it('tells an object that enters its selector as ADDED and one that leaves as DELETED', async () => {
    const { metadata } = await cluster.readyDevGameServer();
    const watch = await cluster.watchFromNow(own({ berth: 'north' }));
    const path = `${PATHS.gameservers}/${metadata.name}`;
    await cluster.patched(path, { metadata: { labels: { berth: 'north' } } });
    await cluster.patched(path, { metadata: { labels: { berth: 'south' } } });
    await watch.until('DELETED', ({ type }) => type === 'DELETED');
    expect(typesOf(watch, metadata.name)).toEqual(['ADDED', 'DELETED']);
  });

  it('that leaves a selector shows the object as it is now, out of the selector', async () => {
    const { metadata } = await cluster.readyDevGameServer({ labels: { berth: 'east' } });
    const watch = await cluster.watchFromNow(own({ berth: 'east' }));
    await cluster.patched(`${PATHS.gameservers}/${metadata.name}`, { metadata: { labels: { berth: 'west' } } });
    const { object } = await watch.until('DELETED', ({ type }) => type === 'DELETED');
    expect(Number(object.metadata.resourceVersion)).toBeGreaterThan(Number(metadata.resourceVersion));
  });

  it('without a resourceVersion begins with what is there', async () => {
    const { metadata } = await cluster.readyDevGameServer({ labels: { berth: 'dock' } });
    const watch = await cluster.watch(own({ berth: 'dock' }));
    const first = await watch.until('ADDED', () => true);
    expect(first).toMatchObject({ type: 'ADDED', object: { metadata: { name: metadata.name } } });
  });

  it('with sendInitialEvents marks the end of what was there by a bookmark', async () => {
    const { metadata } = await cluster.readyDevGameServer({ labels: { berth: 'pier' } });
    const query = 'sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan';
    const watch = await cluster.watch(`${own({ berth: 'pier' })}&${query}`);
    const { object } = await watch.until('a bookmark', ({ type }) => type === 'BOOKMARK');
    expect(object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    expect(
      watch.events.map(
        ({
          type,
          object: {
            metadata: { name },
          },
        }) => [type, name],
      ),
    ).toEqual(
      [
        ['ADDED', metadata.name],
        ['BOOKMARK', expect.anything()],
      ].map(([type, name]) => (type === 'BOOKMARK' ? ['BOOKMARK', undefined] : [type, name])),
    );
  });

  it('with sendInitialEvents needs resourceVersionMatch', async () => {
    expect(refusalIn(await cluster.request('GET', `${own()}&watch=true&sendInitialEvents=true`))).toEqual({
      status: 422,
      reason: 'Invalid',
      causes: [['FieldValueForbidden', 'resourceVersionMatch']],
    });
  });

  it('from a resourceVersion that is no number is refused', async () => {
    const answer = await cluster.request('GET', `${own()}&watch=true&resourceVersion=x`);
    expect(answer.status).toBe(500);
    expect(answer.body.kind).toBe('Status');
  });

  it('ends by itself after timeoutSeconds', async () => {
    const startedAtMs = performance.now();
    const watch = await cluster.watch(`${own({ berth: 'none' })}&timeoutSeconds=1`);
    await cluster.eventually('the end', () => (watch.ended ? true : undefined), 20_000);
    expect(performance.now() - startedAtMs).toBeGreaterThan(900);
    expect(watch.events).toEqual([]);
  });

  it('of one object by its name tells of no other', async () => {
    const [one, other] = [await cluster.readyDevGameServer(), await cluster.readyDevGameServer()];
    const watch = await cluster.watchFromNow(`${PATHS.gameservers}?fieldSelector=metadata.name%3D${one.metadata.name}`);
    await cluster.patched(`${PATHS.gameservers}/${other.metadata.name}`, { metadata: { labels: { x: '1' } } });
    await cluster.patched(`${PATHS.gameservers}/${one.metadata.name}`, { metadata: { labels: { x: '1' } } });
    await watch.until('its change', ({ type }) => type === 'MODIFIED');
    expect(watch.events.map(({ object }) => object.metadata.name)).toEqual([one.metadata.name]);
  });

  it('as a table sends rows, the columns with the first alone', async () => {
    const accept = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
    const { metadata } = await cluster.readyDevGameServer({ labels: { berth: 'table' } });
    const watch = await cluster.watch(own({ berth: 'table' }), accept);
    await watch.until('the first row', () => true);
    await cluster.patched(`${PATHS.gameservers}/${metadata.name}`, { metadata: { labels: { x: '1' } } });
    await watch.until('the second row', ({ type }) => type === 'MODIFIED');
    expect(watch.events.map(({ object }) => object.kind)).toEqual(['Table', 'Table']);
    expect(watch.events.map(({ object }) => (object.columnDefinitions?.length ?? 0) > 0)).toEqual([true, false]);
    expect(watch.events[1]!.object.rows[0].cells[0]).toBe(metadata.name);
  });
});
