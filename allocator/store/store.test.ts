import fc from 'fast-check';
import { ManualClock, systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { RedisServer } from '../../test/helpers/redis-server.ts';
import { eventually } from '../../test/helpers/conditions.ts';
import { findProgram } from '../../test/helpers/requirements.ts';
import type { Store } from '../allocation/store.ts';
import { MemoryStore } from './memory-store.ts';
import { RedisConnection } from './redis-connection.ts';
import { RedisStore } from './redis-store.ts';

/** A store as the contract sees it: two of its users, and time that passes. */
interface Subject {
  one: Store;
  /** The same store, as another replica has it; the same object where it is this process's own. */
  other: Store;
  /** Lets this much time pass, by the store's own measure. */
  pass: (ms: number) => Promise<void>;
  stop: () => Promise<void>;
}

const LONG_MS = 600_000;
const SHORT_MS = 60;

function memory(): Promise<Subject> {
  const clock = new ManualClock(1000);
  const store = new MemoryStore({ clock, maxEntries: 1000 });
  return Promise.resolve({
    one: store,
    other: store,
    pass(ms) {
      clock.advance(ms);
      return Promise.resolve();
    },
    stop: () => Promise.resolve(),
  });
}

async function redis(program: string): Promise<Subject> {
  const server = await RedisServer.start(program);
  const connections = [0, 1].map(() => {
    const connection = new RedisConnection({
      readAddress: () => ({ url: server.url, ca: undefined }),
      clock: systemClock,
      logger: silentLogger,
      random: Math.random,
      timeoutMs: 5000,
      maxCalls: 1000,
    });
    connection.start();
    return connection;
  });
  await eventually('connections', 10_000, () => (connections.every(({ isUp }) => isUp) ? true : undefined));
  const [one, other] = connections.map(
    (connection) => new RedisStore({ connection, clock: systemClock, observer: { called: () => {} }, prefix: 'test:' }),
  );
  return {
    one: one!,
    other: other!,
    // Redis drops what is over by its own clock, in whole milliseconds.
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms + 5)),
    async stop() {
      await Promise.all(connections.map((connection) => connection.stop()));
      await server.stop();
    },
  };
}

const program = findProgram('redis-server');
const adapters: [string, () => Promise<Subject>][] = [
  ['in memory', memory],
  ...(program === undefined ? [] : ([['of Redis', () => redis(program)]] as [string, () => Promise<Subject>][])),
];

describe.each(adapters)('a store %s', (_name, start) => {
  let subject: Subject;
  let keys = 0;
  const newKey = () => `key ${(keys += 1)}`;
  beforeAll(async () => {
    subject = await start();
  }, 30_000);
  afterAll(() => subject.stop());

  it('gives what was put, to all who use it', async () => {
    const { one, other } = subject;
    const key = newKey();
    expect(await one.get(key)).toBeUndefined();
    expect(await one.putIfAbsent(key, 'text', LONG_MS)).toBe('text');
    expect(await other.get(key)).toBe('text');
  });

  it('keeps what is there, and says it to who would put something else', async () => {
    const { one, other } = subject;
    const key = newKey();
    await one.putIfAbsent(key, 'first', LONG_MS);
    expect(await other.putIfAbsent(key, 'second', LONG_MS)).toBe('first');
    expect(await one.get(key)).toBe('first');
  });

  it('lets one of many at once be the first', async () => {
    const { one, other } = subject;
    const key = newKey();
    const seen = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? one : other).putIfAbsent(key, `${index}`, LONG_MS)),
    );
    expect(new Set(seen).size).toBe(1);
    expect(await one.get(key)).toBe(seen[0]);
  });

  it('replaces what is expected, and nothing else', async () => {
    const { one, other } = subject;
    const key = newKey();
    expect(await one.replace(key, 'first', 'second', LONG_MS)).toBe(false);
    expect(await one.get(key)).toBeUndefined();
    await one.putIfAbsent(key, 'first', LONG_MS);
    expect(await other.replace(key, 'another', 'second', LONG_MS)).toBe(false);
    expect(await other.replace(key, 'first', 'second', LONG_MS)).toBe(true);
    expect(await one.replace(key, 'first', 'third', LONG_MS)).toBe(false);
    expect(await one.get(key)).toBe('second');
  });

  it('lets one of many at once replace the same', async () => {
    const { one, other } = subject;
    const key = newKey();
    await one.putIfAbsent(key, 'first', LONG_MS);
    const replaced = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? one : other).replace(key, 'first', `${index}`, LONG_MS)),
    );
    expect(replaced.filter(Boolean)).toHaveLength(1);
    expect(await one.get(key)).toBe(String(replaced.indexOf(true)));
  });

  it('forgets what was put when its time is over, and only then', async () => {
    const { one, pass } = subject;
    const [short, long] = [newKey(), newKey()];
    await one.putIfAbsent(long, 'text', LONG_MS);
    await one.putIfAbsent(short, 'text', SHORT_MS);
    await pass(SHORT_MS);
    expect(await one.get(short)).toBeUndefined();
    expect(await one.replace(short, 'text', 'other', LONG_MS)).toBe(false);
    expect(await one.putIfAbsent(short, 'new', LONG_MS)).toBe('new');
    expect(await one.get(long)).toBe('text');
  });

  it('counts the time of what was replaced from then on', async () => {
    const { one, pass } = subject;
    const [shortened, lengthened] = [newKey(), newKey()];
    await one.putIfAbsent(shortened, 'text', LONG_MS);
    await one.putIfAbsent(lengthened, 'text', SHORT_MS * 10);
    await one.replace(shortened, 'text', 'other', SHORT_MS);
    await one.replace(lengthened, 'text', 'other', LONG_MS);
    await pass(SHORT_MS * 10);
    expect(await one.get(shortened)).toBeUndefined();
    expect(await one.get(lengthened)).toBe('other');
  });

  it.each([
    ['no text', ''],
    ['more than ASCII', 'Schiffe, 帆船, ⛵'],
    ['the end of a line and of a string', 'a\r\nb\0c'],
    ['some kilobytes', 'x'.repeat(20_000)],
  ])('takes %s', async (_what, text) => {
    const { one } = subject;
    const key = newKey();
    expect(await one.putIfAbsent(key, text, LONG_MS)).toBe(text);
    expect(await one.replace(key, text, `${text}.`, LONG_MS)).toBe(true);
    expect(await one.get(key)).toBe(`${text}.`);
  });

  it('behaves as a map with a comparison does', async () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const text = fc.constantFrom('', '1', '2', '帆');
    const user = fc.constantFrom('one' as const, 'other' as const);
    const step = fc.oneof(
      fc.record({ does: fc.constant('put' as const), user, key, text }),
      fc.record({ does: fc.constant('replace' as const), user, key, expected: text, text }),
      fc.record({ does: fc.constant('get' as const), user, key }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const prefix = newKey();
        const model = new Map<string, string>();
        for (const taken of steps) {
          const store = subject[taken.user];
          const there = model.get(taken.key);
          const full = prefix + taken.key;
          if (taken.does === 'get') expect(await store.get(full)).toBe(there);
          else if (taken.does === 'put') {
            if (there === undefined) model.set(taken.key, taken.text);
            expect(await store.putIfAbsent(full, taken.text, LONG_MS)).toBe(there ?? taken.text);
          } else {
            if (there === taken.expected) model.set(taken.key, taken.text);
            expect(await store.replace(full, taken.expected, taken.text, LONG_MS)).toBe(there === taken.expected);
          }
        }
      }),
      { numRuns: 100, seed: 6 },
    );
  });
});
