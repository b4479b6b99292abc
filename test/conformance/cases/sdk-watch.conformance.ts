import type { SdkWatch, SeenGameServer } from '../harness/sdk-calls.ts';
import { SdkOverRest } from '../harness/sdk-over-rest.ts';
import { PATHS, RUN_LABEL } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import type { Puppet } from '../puppet/puppet.ts';

const cluster = useCluster();

/** What carries a watch. */
const CARRIERS: [string, (puppet: Puppet) => SdkWatch][] = [
  ['gRPC', (puppet) => cluster.grpc(puppet).watchGameServer()],
  ['lines of JSON', (puppet) => new SdkOverRest(puppet).watchGameServer()],
  ['a WebSocket', (puppet) => new SdkOverRest(puppet).watchGameServerBySocket()],
];

/** With a label of its own, by which it alone is allocated. */
async function ready(): Promise<Puppet> {
  const berth = cluster.name('berth');
  const spec = {
    counters: { rooms: { count: 1, capacity: 10 } },
    lists: { crew: { capacity: 5, values: ['ann'] } },
  };
  const puppet = await cluster.puppet({ ready: true }, { name: berth, labels: { berth } }, spec);
  await cluster.inState(puppet.name, 'Ready');
  return puppet;
}

const label = (puppet: Puppet, key: string, value: string) =>
  cluster.patched(`${PATHS.gameservers}/${puppet.name}`, { metadata: { labels: { [key]: value } } });

describe.each(CARRIERS)('a watch by %s', (_carrier, watchOf) => {
  it('tells what the GameServer is at once, and each change, whoever made it, and each whole', async () => {
    const puppet = await ready();
    const watch = watchOf(puppet);
    const first = await watch.until('what it is', () => true);
    expect(first).toEqual((await cluster.grpc(puppet).getGameServer()).value);

    await label(puppet, 'wind', 'gale');
    await watch.until('a label', ({ labels }) => labels['wind'] === 'gale');

    const { gameServerName } = await cluster.allocated({
      selectors: [{ matchLabels: { berth: puppet.name, [RUN_LABEL]: cluster.run } }],
      metadata: { labels: { mode: 'race' } },
      counters: { rooms: { action: 'Increment', amount: 2 } },
    });
    expect(gameServerName).toBe(puppet.name);
    const allocated = await watch.until('Allocated', ({ state }) => state === 'Allocated');
    expect(allocated.labels).toMatchObject({ wind: 'gale', mode: 'race' });
    expect(allocated.counters).toEqual({ rooms: { count: 3, capacity: 10 } });
    expect(allocated.lists).toEqual({ crew: { capacity: 5, values: ['ann'] } });
    expect(Number(allocated.annotations['agones.dev/last-allocated']?.slice(0, 4))).toBeGreaterThan(2000);

    const sdk = cluster.grpc(puppet);
    await Promise.all([sdk.updateCounter('rooms', { countDiff: 1 }), sdk.addListValue('crew', 'bob')]);
    await watch.until('a Counter', ({ counters }) => counters['rooms']?.count === 4);
    await watch.until('a List', ({ lists }) => lists['crew']?.values.join() === 'ann,bob');

    await sdk.reserve(0);
    await watch.until('Reserved', ({ state }) => state === 'Reserved');
    expect(watch.states).toEqual(['Ready', 'Allocated', 'Reserved']);
    const versions = watch.seen.map(({ resourceVersion }) => Number(resourceVersion));
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    watch.cancel();
  });

  it('tells the end: Shutdown, the deletion, and is over with the GameServer', async () => {
    const puppet = await ready();
    const watch = watchOf(puppet);
    await watch.until('what it is', () => true);
    await puppet.hold();
    await cluster.grpc(puppet).shutdown();
    const deleted = await watch.until('the deletion', ({ deletionTimestamp }) => deletionTimestamp > 0);
    expect(deleted.state).toBe('Shutdown');
    expect(Math.abs(deleted.deletionTimestamp - Date.now() / 1000)).toBeLessThan(60);
    expect(watch.seen.find(({ state }) => state === 'Shutdown')?.deletionTimestamp).toBe(0);
    await puppet.exit(0);
    await cluster.eventually('the end of the watch', () => watch.ended);
    await cluster.gone(puppet.name);
  });
});

describe('watches beside each other', () => {
  it('are told the same, and one that is left alone does not keep the others from it', async () => {
    const puppet = await ready();
    const watches = CARRIERS.map(([, watchOf]) => watchOf(puppet));
    const leaver = cluster.grpc(puppet).watchGameServer();
    await Promise.all([...watches, leaver].map((watch) => watch.until('what it is', () => true)));
    leaver.cancel();
    await cluster.eventually('its end', () => leaver.ended);
    await label(puppet, 'wind', 'calm');
    const told: SeenGameServer[] = await Promise.all(
      watches.map((watch) => watch.until('a label', ({ labels }) => labels['wind'] === 'calm')),
    );
    expect(told[1]).toEqual(told[0]);
    expect(told[2]).toEqual(told[0]);
    expect(leaver.seen.some(({ labels }) => labels['wind'] === 'calm')).toBe(false);
    for (const watch of watches) watch.cancel();
  });
});
