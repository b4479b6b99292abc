import { CODE } from '../harness/sdk-calls.ts';
import type { CounterChange, SdkAnswer, SdkCalls } from '../harness/sdk-calls.ts';
import { PATHS, SDK_PROTOCOLS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import type { Puppet } from '../puppet/puppet.ts';

const cluster = useCluster();

/** How long the sidecar gathers what is asked for; clocks and looks are not exact. */
const NEARLY_QUEUE_MS = 450;
/** Each case has Counters and Lists of its own, for each protocol one. */
const COUNTERS = ['read', 'changed', 'queued', 'bounds', 'together', 'cut', 'again'];
const LISTS = ['read', 'changed', 'full', 'taken', 'fixed', 'cut', 'again'];

let puppet: Puppet;

beforeAll(async () => {
  const each = <T>(names: string[], value: T) =>
    Object.fromEntries(SDK_PROTOCOLS.flatMap((protocol) => names.map((name) => [nameFor(protocol, name), value])));
  puppet = await cluster.puppet(
    {},
    {},
    {
      counters: each(COUNTERS, { count: 1, capacity: 10 }),
      lists: each(LISTS, { capacity: 3, values: ['ann'] }),
    },
  );
});

function nameFor(protocol: string, name: string): string {
  return `${protocol.toLowerCase()}-${name}`;
}

const status = async () => (await cluster.gameServer(puppet.name))?.status;
const ok = <T>(value: T): SdkAnswer<T> => ({ code: CODE.ok, message: '', value });
/** All of them are UNKNOWN: a game has nothing but the text to tell them apart by. */
const refused = (text: RegExp) => ({ code: CODE.unknown, message: expect.stringMatching(text) });

describe.each(SDK_PROTOCOLS)('Counters by %s', (protocol) => {
  let sdk: SdkCalls;
  const named = (name: string) => nameFor(protocol, name);
  const stored = async (name: string) => (await status())?.counters?.[named(name)];

  beforeAll(() => {
    sdk = cluster.sdk(puppet, protocol);
  });

  it('are read by name', async () => {
    expect(await sdk.getCounter(named('read'))).toEqual(ok({ name: named('read'), count: 1, capacity: 10 }));
    expect(await sdk.getCounter('nope')).toEqual(refused(/^counter not found: nope$/));
    expect(await sdk.updateCounter('nope', { countDiff: 1 })).toEqual(refused(/^counter not found: nope$/));
  });

  it('are changed by a difference, a count or a capacity, and the answer is what they are then', async () => {
    const name = named('changed');
    const changes: [CounterChange, count: number, capacity: number][] = [
      [{ countDiff: 5 }, 6, 10],
      [{ countDiff: -2 }, 4, 10],
      [{ count: 9 }, 9, 10],
      [{ capacity: 20 }, 9, 20],
      [{ capacity: 30, count: 25 }, 25, 30],
      [{ count: 12, countDiff: 1 }, 13, 30],
    ];
    for (const [change, count, capacity] of changes) {
      expect(await sdk.updateCounter(name, change)).toEqual(ok({ name, count, capacity }));
    }
    await cluster.eventually('the write', async () => ((await stored('changed'))?.count === 13 ? true : undefined));
    expect(await stored('changed')).toEqual({ count: 13, capacity: 30 });
  });

  it('are known to the game at once, and written with all that was asked for half a second later', async () => {
    const name = named('queued');
    const watch = await cluster.watchGameServer(puppet.name);
    const askedMs = Date.now();
    for (let time = 0; time < 3; time += 1) await sdk.updateCounter(name, { countDiff: 1 });
    expect((await sdk.getCounter(name)).value?.count).toBe(4);
    const { object } = await watch.until('a change', ({ object: { status: now } }) => now.counters[name]?.count !== 1);
    expect(Date.now() - askedMs).toBeGreaterThan(NEARLY_QUEUE_MS);
    expect(object.status.counters[name]).toEqual({ count: 4, capacity: 10 });
    expect((await sdk.getGameServer()).value?.counters[name]?.count).toBe(4);
    const event = await cluster.eventually('an event', async () =>
      (await cluster.eventsAbout(puppet.name, 'GameServer')).find(
        ({ reason, message }) => reason === 'UpdateCounter' && message.includes(name),
      ),
    );
    expect(event.type).toBe('Normal');
  });

  it('stay between 0 and their capacity, and a change that would not is refused whole', async () => {
    const name = named('bounds');
    const range = /^out of range\. /;
    const changes: CounterChange[] = [
      { countDiff: 10 },
      { countDiff: -2 },
      { count: 11 },
      { count: -1 },
      { capacity: -1 },
      { capacity: 5, count: 6 },
      { count: 11, countDiff: -5 },
      { count: 10, countDiff: 1 },
    ];
    for (const change of changes) expect(await sdk.updateCounter(name, change)).toEqual(refused(range));
    for (const change of [{}, { countDiff: 0 }]) {
      expect(await sdk.updateCounter(name, change)).toEqual(refused(/^invalid argument\. /));
    }
    expect((await sdk.getCounter(name)).value).toEqual({ name, count: 1, capacity: 10 });
  });

  it('take no count at all with a capacity of 0', async () => {
    const name = named('together');
    expect((await sdk.updateCounter(name, { capacity: 0 })).value).toEqual({ name, count: 0, capacity: 0 });
    expect(await sdk.updateCounter(name, { countDiff: 1 })).toEqual(refused(/^out of range\. /));
  });

  it('hold a capacity of 64 bits, near enough', async () => {
    const name = named('again');
    const { value } = await sdk.updateCounter(name, { capacity: Number.MAX_SAFE_INTEGER });
    expect(value).toEqual({ name, count: 1, capacity: Number.MAX_SAFE_INTEGER });
    await cluster.eventually('the write', async () =>
      (await stored('again'))?.capacity === Number.MAX_SAFE_INTEGER ? true : undefined,
    );
  });

  it('are cut to their capacity, without a word, where it has shrunk before the write', async () => {
    const name = named('cut');
    expect((await sdk.updateCounter(name, { countDiff: 8 })).value?.count).toBe(9);
    await cluster.patched(`${PATHS.gameservers}/${puppet.name}`, { status: { counters: { [name]: { capacity: 4 } } } });
    await cluster.eventually('the write', async () => ((await stored('cut'))?.count === 4 ? true : undefined));
    expect((await sdk.getCounter(name)).value).toEqual({ name, count: 4, capacity: 4 });
  });
});

describe.each(SDK_PROTOCOLS)('Lists by %s', (protocol) => {
  let sdk: SdkCalls;
  const named = (name: string) => nameFor(protocol, name);
  const stored = async (name: string) => (await status())?.lists?.[named(name)];

  beforeAll(() => {
    sdk = cluster.sdk(puppet, protocol);
  });

  it('are read by name', async () => {
    expect(await sdk.getList(named('read'))).toEqual(ok({ name: named('read'), capacity: 3, values: ['ann'] }));
    for (const answer of [sdk.getList('nope'), sdk.addListValue('nope', 'x'), sdk.removeListValue('nope', 'x')]) {
      expect(await answer).toEqual(refused(/^list not found: nope$/));
    }
  });

  it('are added to and taken from, known to the game at once and written half a second later', async () => {
    const name = named('changed');
    const watch = await cluster.watchGameServer(puppet.name);
    const askedMs = Date.now();
    expect(await sdk.addListValue(name, 'bob')).toEqual(ok({ name, capacity: 3, values: ['ann', 'bob'] }));
    expect(await sdk.removeListValue(name, 'ann')).toEqual(ok({ name, capacity: 3, values: ['bob'] }));
    expect(await sdk.addListValue(name, '')).toEqual(ok({ name, capacity: 3, values: ['bob', ''] }));
    expect((await sdk.getList(name)).value?.values).toEqual(['bob', '']);
    const { object } = await watch.until('a change', ({ object: { status: now } }) =>
      now.lists[name]?.values.includes('bob'),
    );
    expect(Date.now() - askedMs).toBeGreaterThan(NEARLY_QUEUE_MS);
    expect(object.status.lists[name]).toEqual({ capacity: 3, values: ['bob', ''] });
    const event = await cluster.eventually('an event', async () =>
      (await cluster.eventsAbout(puppet.name, 'GameServer')).find(
        ({ reason, message }) => reason === 'UpdateList' && message.includes(name),
      ),
    );
    expect(event.type).toBe('Normal');
  });

  it('have each value once, and no more than their capacity', async () => {
    const name = named('full');
    expect(await sdk.addListValue(name, 'ann')).toEqual(refused(/^already exists\. Value: ann already in List: /));
    await sdk.addListValue(name, 'bob');
    expect(await sdk.addListValue(name, 'bob')).toEqual(refused(/^already exists\. /));
    await sdk.addListValue(name, 'cat');
    // Whether there is room is looked at first.
    for (const value of ['dan', 'ann'])
      expect(await sdk.addListValue(name, value)).toEqual(refused(/^out of range\. /));
    expect((await sdk.getList(name)).value?.values).toEqual(['ann', 'bob', 'cat']);
  });

  it('answer a removal of what is not written yet with the list as it was before', async () => {
    const name = named('taken');
    await sdk.addListValue(name, 'bob');
    expect((await sdk.removeListValue(name, 'bob')).value?.values).toEqual(['ann', 'bob']);
    expect((await sdk.getList(name)).value?.values).toEqual(['ann']);
    expect(await sdk.removeListValue(name, 'bob')).toEqual(refused(/^not found: value bob not in list /));
    expect((await sdk.removeListValue(name, 'ann')).value?.values).toEqual([]);
    expect(await sdk.removeListValue(name, 'ann')).toEqual(refused(/^not found: /));
    await cluster.eventually('the write', async () =>
      (await stored('taken'))?.values?.length === 0 ? true : undefined,
    );
  });

  it('may lose a value and have it back within one write', async () => {
    const name = named('again');
    await sdk.addListValue(name, 'bob');
    await sdk.removeListValue(name, 'ann');
    expect((await sdk.addListValue(name, 'ann')).value?.values).toEqual(['bob', 'ann']);
    await cluster.eventually('the write', async () =>
      (await stored('again'))?.values?.join() === 'bob,ann' ? true : undefined,
    );
  });

  it('cannot be given a capacity or values by a game, whatever it asks for', async () => {
    const name = named('fixed');
    const changes = [
      { capacity: 5 },
      { capacity: 1001 },
      { capacity: -1 },
      { values: ['x'] },
      { capacity: 0, values: [] },
    ];
    for (const change of changes) {
      expect(await sdk.updateList(name, change)).toEqual(refused(/^no gameservers for fleet$/));
    }
    expect(await sdk.updateList('nope', { capacity: 5 })).toEqual(refused(/^no gameservers for fleet$/));
    expect((await sdk.getList(name)).value).toEqual({ name, capacity: 3, values: ['ann'] });
  });

  it('are cut to their capacity, without a word, where it has shrunk before the write', async () => {
    const name = named('cut');
    await sdk.addListValue(name, 'bob');
    await sdk.addListValue(name, 'cat');
    await cluster.patched(`${PATHS.gameservers}/${puppet.name}`, { status: { lists: { [name]: { capacity: 2 } } } });
    await cluster.eventually('the write', async () =>
      (await stored('cut'))?.values?.join() === 'ann,bob' ? true : undefined,
    );
    expect((await sdk.getList(name)).value).toEqual({ name, capacity: 2, values: ['ann', 'bob'] });
  });
});
