import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/logger.ts';
import { createAuthority, createServerPair } from '../../local/allocator-service/certificates/certificate.ts';
import { eventually } from '../../test/helpers/conditions.ts';
import { RedisServer } from '../../test/helpers/redis-server.ts';
import { findProgram } from '../../test/helpers/requirements.ts';
import { StoreDown } from '../allocation/store.ts';
import type { StoreOperation } from '../allocation/store.ts';
import { redisAddress } from './redis-address.ts';
import type { RedisAddress } from './redis-address.ts';
import { RedisConnection } from './redis-connection.ts';
import { RedisStore } from './redis-store.ts';

const TIMEOUT_MS = 300;
const PASSWORD = 'a-password-nobody-may-read';
const DEADLINE_MS = 15_000;

const program = findProgram('redis-server');
const describeWithRedis = program === undefined ? describe.skip : describe;
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

/** A store at an address, everything that it logged, and everything its observer was told. */
function connect(readAddress: () => RedisAddress, { maxCalls = 100 } = {}) {
  const log: string[] = [];
  const calls: [StoreOperation, string][] = [];
  const connection = new RedisConnection({
    readAddress,
    clock: systemClock,
    logger: createLogger('test', 'debug', { write: (line) => void log.push(line) }),
    random: Math.random,
    timeoutMs: TIMEOUT_MS,
    maxCalls,
  });
  const observer = {
    called(operation: StoreOperation, outcome: string) {
      calls.push([operation, outcome]);
    },
  };
  connection.start();
  stops.push(() => connection.stop());
  const store = new RedisStore({ connection, clock: systemClock, observer, prefix: 'test:' });
  const connected = () => eventually('a connection', DEADLINE_MS, () => (connection.isUp ? true : undefined));
  const lost = () => eventually('no connection', DEADLINE_MS, () => (connection.isUp ? undefined : true));
  return { store, connection, log, calls, connected, lost };
}

const at = (url: string) => () => ({ url, ca: undefined });

async function startRedis(options?: Parameters<typeof RedisServer.start>[1]): Promise<RedisServer> {
  const server = await RedisServer.start(program ?? '', options);
  stops.push(() => server.stop());
  return server;
}

async function tookMs(work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = Date.now();
  await work();
  return Date.now() - startedAtMs;
}

const put = ({ store }: { store: RedisStore }) => store.putIfAbsent('key', 'text', 60_000);

describeWithRedis('a store whose Redis', () => {
  it('is not there fails at once, and works from when it comes', async () => {
    const server = await startRedis();
    await server.kill();
    const subject = connect(at(server.url));
    expect(await tookMs(() => expect(put(subject)).rejects.toThrow(StoreDown))).toBeLessThan(TIMEOUT_MS);
    expect(subject.store.unbrokenSinceMs).toBe(Number.POSITIVE_INFINITY);
    await server.start();
    await subject.connected();
    expect(await put(subject)).toBe('text');
    expect(subject.calls).toEqual([
      ['putIfAbsent', 'down'],
      ['putIfAbsent', 'ok'],
    ]);
  }, 30_000);

  it('was started anew says since when it can be relied on', async () => {
    const server = await startRedis();
    const subject = connect(at(server.url));
    await subject.connected();
    await put(subject);
    const before = subject.store.unbrokenSinceMs;
    await server.kill();
    await subject.lost();
    await expect(subject.store.get('key')).rejects.toThrow(StoreDown);
    const restartedAtMs = Date.now();
    await server.start();
    await subject.connected();
    expect(await subject.store.get('key')).toBeUndefined();
    expect(subject.store.unbrokenSinceMs).toBeGreaterThanOrEqual(restartedAtMs);
    expect(before).toBeLessThan(restartedAtMs);
    // One line for the loss, not one for each attempt.
    expect(subject.log.filter((line) => line.includes('"level":"warn"'))).toHaveLength(1);
  }, 30_000);

  it('stands still fails in time, is left, and works again from when it goes on', async () => {
    const server = await startRedis();
    const subject = connect(at(server.url));
    await subject.connected();
    server.standStill();
    const took = await tookMs(() => expect(subject.store.get('key')).rejects.toThrow(StoreDown));
    expect(took).toBeGreaterThanOrEqual(TIMEOUT_MS - 10);
    await subject.lost();
    server.goOn();
    await subject.connected();
    expect(await put(subject)).toBe('text');
  }, 30_000);

  it('takes no more calls at once than it may', async () => {
    const server = await startRedis();
    const subject = connect(at(server.url), { maxCalls: 10 });
    await subject.connected();
    server.standStill();
    const calls = Array.from({ length: 30 }, () => tookMs(() => subject.store.get('key').catch(() => {})));
    const refusedAtOnce = (await Promise.all(calls)).filter((took) => took < TIMEOUT_MS - 10);
    expect(refusedAtOnce.length).toBeGreaterThanOrEqual(20);
    server.goOn();
  }, 30_000);

  it('asks for a password gets the one in the URL, and it stands in no line and no error', async () => {
    const server = await startRedis({ password: PASSWORD });
    const right = connect(at(server.url.replace('//', `//:${PASSWORD}@`)));
    await right.connected();
    expect(await put(right)).toBe('text');
    const wrongPassword = `${PASSWORD}-not`;
    const wrong = connect(at(server.url.replace('//', `//someone:${wrongPassword}@`)));
    await eventually('a line', DEADLINE_MS, () => (wrong.log.length > 1 ? true : undefined));
    const error = await put(wrong).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(StoreDown);
    expect([...right.log, ...wrong.log, String((error as Error).stack)].join('')).not.toContain(PASSWORD);
    expect(wrong.log[0]).toContain('WRONGPASS');
  }, 30_000);

  it('gets a new password is reached again when the file holds it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'regatta-redis-url-'));
    stops.push(() => Promise.resolve(rmSync(directory, { recursive: true })));
    const server = await startRedis({ password: PASSWORD });
    const urlFile = join(directory, 'url');
    writeFileSync(urlFile, server.url.replace('//', '//:not-yet@'));
    const subject = connect(redisAddress({ url: undefined, urlFile, caFile: undefined }));
    await eventually('a line', DEADLINE_MS, () => (subject.log.length > 0 ? true : undefined));
    writeFileSync(urlFile, `${server.url.replace('//', `//:${PASSWORD}@`)}\n`);
    await subject.connected();
    expect(await put(subject)).toBe('text');
  }, 30_000);

  it('speaks TLS is believed by its certificate, and by no other', async () => {
    const validity = { notBeforeMs: Date.now() - 1000, notAfterMs: Date.now() + 3_600_000 };
    const [authority, other] = [createAuthority('redis', validity), createAuthority('other', validity)];
    const server = await startRedis({ tls: createServerPair(authority, 'redis', ['127.0.0.1'], validity) });
    const trusted = connect(() => ({ url: server.url, ca: authority.certificate }));
    await trusted.connected();
    expect(await put(trusted)).toBe('text');
    for (const ca of [other.certificate, undefined]) {
      const subject = connect(() => ({ url: server.url, ca }));
      await eventually('a line', DEADLINE_MS, () => (subject.log.length > 0 ? true : undefined));
      expect(subject.connection.isUp).toBe(false);
      await expect(put(subject)).rejects.toThrow(StoreDown);
    }
  }, 30_000);

  it('answers nonsense, or nothing, is left and tried again', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.on('error', () => {});
      if (connections % 2 === 1) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stops.push(() => Promise.resolve(void server.close()));
    const subject = connect(at(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`));
    await eventually('attempts', DEADLINE_MS, () => (connections >= 5 ? true : undefined));
    expect(subject.connection.isUp).toBe(false);
    await expect(put(subject)).rejects.toThrow(StoreDown);
  }, 30_000);
});

describe('the address of a Redis', () => {
  it.each([
    '',
    'redis',
    'http://redis:6379',
    'redis://',
    'redis:///0',
    'redis://redis:6379/zero',
    'redis://:p@redis:x',
  ])('is refused where it is %j, without being repeated', (url) => {
    expect(() => redisAddress({ url, urlFile: undefined, caFile: undefined })).toThrow(
      'REDIS_URL is not redis://… or rediss://…',
    );
  });
});
