import { Metadata, status } from '@grpc/grpc-js';
import { once } from 'node:events';
import { chooseFreePort } from '../../bin/free-ports.ts';
import type { GameServerAllocation } from '../../lib/agones.ts';
import { PlainTextRefusal } from '../api/virtual-resource.ts';
import { ServiceFixture } from './testing/service-fixture.ts';

let fixture: ServiceFixture;

afterEach(async () => {
  await fixture.stop();
});

const NOTHING_LEFT = 'there is no available GameServer to allocate';

describe('the allocator service', () => {
  beforeEach(async () => {
    fixture = await ServiceFixture.start();
  });

  it('gives a GameServer to a gRPC client, with the metadata and actions that it asks for', async () => {
    fixture.createReady('one', { mode: 'race' });
    const answer = await fixture.allocate({
      namespace: 'default',
      gameServerSelectors: [{ matchLabels: { mode: 'race' }, gameServerState: 'READY', counters: {}, lists: {} }],
      metadata: { labels: { seen: 'yes' }, annotations: { note: 'a b' } },
      counters: { rooms: { action: { value: 'Increment' }, amount: { value: 4 }, capacity: null } },
      lists: { players: { addValues: ['bea'], capacity: { value: 2 }, deleteValues: ['ada'] } },
    });
    expect(answer).toMatchObject({
      gameServerName: 'one',
      ports: [{ name: 'ws', port: 21_000 }],
      address: '127.0.0.1',
      source: 'local',
      counters: { rooms: { count: { value: 5 }, capacity: { value: 10 } } },
      lists: { players: { values: ['bea'], capacity: { value: 2 } } },
    });
    expect(answer.metadata?.labels).toEqual({ mode: 'race', seen: 'yes' });
    expect(answer.metadata?.annotations).toMatchObject({ note: 'a b' });
    expect(fixture.stateOf('one')).toBe('Allocated');
  });

  it('gives one to a REST client on the same port: every field is there, 64-bit numbers are text', async () => {
    fixture.createReady('one');
    const { status: httpStatus, body } = await fixture.post({ namespace: 'default' });
    expect(httpStatus).toBe(200);
    expect(body).toEqual({
      gameServerName: 'one',
      ports: [{ name: 'ws', port: 21_000 }],
      address: '127.0.0.1',
      nodeName: '127.0.0.1',
      source: 'local',
      metadata: { labels: {}, annotations: expect.anything() },
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      counters: { rooms: { count: '1', capacity: '10' } },
      lists: { players: { values: ['ada'], capacity: '3' } },
    });
  });

  it('reads the older names of selectors and metadata', async () => {
    fixture.createReady('one', { mode: 'race' });
    fixture.createReady('two', { mode: 'free' });
    const { body } = await fixture.post({
      namespace: 'default',
      preferredGameServerSelectors: [{ matchLabels: { mode: 'free' } }],
      requiredGameServerSelector: { matchLabels: { mode: 'race' } },
      metaPatch: { labels: { from: 'before' } },
    });
    expect(body).toMatchObject({ gameServerName: 'two', metadata: { labels: { from: 'before' } } });
  });

  it('has no label expressions: what REST names so is passed over with every unknown field', async () => {
    fixture.createReady('one');
    const expressions = [{ key: 'mode', operator: 'Exists' }];
    const selectors = [{ matchExpressions: expressions, gameServerState: 'SLEEPING', more: { deep: [1] } }];
    const { body } = await fixture.post({ namespace: 'default', gameServerSelectors: selectors, unknown: true });
    expect(body).toMatchObject({ gameServerName: 'one' });
  });

  it.each<[string, object]>([
    ['as text', { action: 'Increment', amount: '2' }],
    ['as a number', { action: 'Increment', amount: 2 }],
    ['with an exponent', { action: 'Increment', amount: '2e0' }],
    ['with a fraction of nothing', { action: 'Increment', amount: 2.0, capacity: null }],
  ])('reads 64-bit numbers %s', async (_how, rooms) => {
    fixture.createReady('one');
    const { body } = await fixture.post({ namespace: 'default', counters: { rooms } });
    expect(body.counters).toEqual({ rooms: { count: '3', capacity: '10' } });
  });

  it('reads enums by name and by number', async () => {
    fixture.createReady('one');
    const priorities = [{ type: 1, key: 'players', order: 'Descending' }];
    const { body } = await fixture.post({ namespace: 'default', scheduling: 'Distributed', priorities });
    expect(body.gameServerName).toBe('one');
    const again = await fixture.post({ namespace: 'default', gameServerSelectors: [{ gameServerState: 1 }] });
    expect(again.body.gameServerName).toBe('one');
  });

  it('says RESOURCE_EXHAUSTED, or 429, when nothing is left', async () => {
    await expect(fixture.allocate({ namespace: 'default' })).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: NOTHING_LEFT,
    });
    const answer = await fixture.post({ namespace: 'default' });
    expect(answer).toEqual({ status: 429, body: { code: 8, message: NOTHING_LEFT, details: [] } });
  });

  it('finds nothing without a namespace', async () => {
    fixture.createReady('one');
    expect((await fixture.post({})).status).toBe(429);
    expect((await fixture.post(undefined)).status).toBe(429);
    expect(fixture.stateOf('one')).toBe('Ready');
  });

  it('answers what is invalid with the bare code 422, which REST makes a 500 of', async () => {
    fixture.createReady('one');
    const rooms = { action: { value: 'Increment' }, amount: null, capacity: null };
    await expect(fixture.allocate({ namespace: 'default', counters: { rooms } })).rejects.toMatchObject({
      code: 422,
      details: expect.stringContaining('spec.counters[rooms]'),
    });
    const { status: httpStatus, body } = await fixture.post({
      namespace: 'default',
      metadata: { labels: { 'a b': 'c' } },
    });
    expect(httpStatus).toBe(500);
    expect(body.code).toBe(422);
    expect(body.message).toContain('GameServerAllocation.allocation.agones.dev "" is invalid: spec.metadata.labels');
    expect(fixture.stateOf('one')).toBe('Ready');
  });

  it.each<[string, unknown]>([
    ['no JSON', '{"namespace": '],
    ['no object', '[]'],
    ['null', 'null'],
    ['a number for text', { namespace: 5 }],
    ['text for a list', { gameServerSelectors: 'all' }],
    ['null within a list', { gameServerSelectors: [null] }],
    ['a list for a map', { counters: [] }],
    ['a fraction', { counters: { rooms: { amount: 1.5 } } }],
    ['more than 64 bits', { counters: { rooms: { amount: '9223372036854775808' } } }],
    ['text that is no number', { counters: { rooms: { amount: ' 1' } } }],
    ['text for a truth', { multiClusterSetting: { enabled: 'true' } }],
    ['a truth for an enum', { scheduling: true }],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ])('refuses %s with 400', async (_what, body) => {
    fixture.createReady('one');
    const answer = await fixture.post(body);
    expect(answer).toMatchObject({ status: 400, body: { code: 3, details: [] } });
    expect(fixture.stateOf('one')).toBe('Ready');
  });

  it('refuses other methods with 501, other paths with 404, and bodies without end', async () => {
    expect(await fixture.rest('GET', '/gameserverallocation')).toEqual({
      status: 501,
      body: { code: 12, message: 'Method Not Allowed', details: [] },
    });
    expect(await fixture.rest('POST', '/other', {})).toEqual({
      status: 404,
      body: { code: 5, message: 'Not Found', details: [] },
    });
    const long = JSON.stringify({ namespace: 'x'.repeat(5_000_000) });
    expect((await fixture.post(long)).status).toBe(400);
  });

  it('tells of its health by gRPC', async () => {
    const client = fixture.grpcClient();
    const check = (service: string) =>
      new Promise((resolve) => {
        const name = Buffer.from(service);
        client.makeUnaryRequest(
          '/grpc.health.v1.Health/Check',
          (bytes: Buffer) => bytes,
          (bytes: Buffer) => [...bytes],
          name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]),
          new Metadata(),
          (error, answer) => {
            resolve(error === null ? answer : error.code);
          },
        );
      });
    expect(await check('')).toEqual([0x08, 1]);
    expect(await check('elsewhere')).toBe(status.NOT_FOUND);
    client.close();
  });

  it('has those who watch its health see it serve until it ends', async () => {
    const client = fixture.grpcClient();
    const watch = client.makeServerStreamRequest(
      '/grpc.health.v1.Health/Watch',
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes[1],
      Buffer.alloc(0),
    );
    const ended = once(watch, 'error');
    expect(await once(watch, 'data')).toEqual([1]);
    await fixture.service.close();
    expect(await ended).toMatchObject([{ code: status.UNAVAILABLE }]);
    client.close();
  });
});

describe('the allocator service, told so,', () => {
  it('answers another status when nothing is left, by REST and by gRPC', async () => {
    fixture = await ServiceFixture.start({ unallocatedStatusCode: 404 });
    expect((await fixture.post({ namespace: 'default' })).status).toBe(404);
    await expect(fixture.allocate({ namespace: 'default' })).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  it('answers without a GameServer and without an error when that status is 200', async () => {
    fixture = await ServiceFixture.start({ unallocatedStatusCode: 200 });
    const { status: httpStatus, body } = await fixture.post({ namespace: 'default' });
    expect(httpStatus).toBe(200);
    expect(body).toMatchObject({ gameServerName: '', source: '', ports: [], metadata: null });
    expect((await fixture.allocate({ namespace: 'default' })).gameServerName).toBe('');
  });

  it('counts a status nobody knows as 429', async () => {
    fixture = await ServiceFixture.start({ unallocatedStatusCode: 418 });
    expect((await fixture.post({ namespace: 'default' })).status).toBe(429);
  });

  it('has a port for each protocol', async () => {
    fixture = await ServiceFixture.start({ httpPort: 0, grpcPort: await chooseFreePort() });
    expect(fixture.service.httpPort).not.toBe(fixture.service.grpcPort);
    fixture.createReady('one');
    fixture.createReady('two');
    expect((await fixture.post({ namespace: 'default' })).body.gameServerName).toBe('one');
    expect((await fixture.allocate({ namespace: 'default' })).gameServerName).toBe('two');
  });

  it.each(['Contention', undefined] as const)('says what %s is', async (state) => {
    const answer = { status: state === undefined ? undefined : { state } } as unknown as GameServerAllocation;
    fixture = await ServiceFixture.start({ engine: { allocate: async () => answer } });
    const { status: httpStatus, body } = await fixture.post({ namespace: 'default' });
    expect([httpStatus, body.code, body.message]).toEqual(
      state === 'Contention'
        ? [409, 10, 'too many concurrent requests have overwhelmed the system']
        : [500, 2, 'unknown issue'],
    );
  });

  it('says UNKNOWN when the GameServer could not be updated, and UNAVAILABLE when it ends', async () => {
    const text = 'could not update the selected GameServer';
    const refuse = () => Promise.reject(new PlainTextRefusal(500, text));
    fixture = await ServiceFixture.start({ engine: { allocate: refuse } });
    expect(await fixture.post({})).toEqual({ status: 500, body: { code: 2, message: text, details: [] } });
    await fixture.stop();
    fixture = await ServiceFixture.start();
    fixture.engine.stop();
    expect((await fixture.post({ namespace: 'default' })).status).toBe(503);
  });
});
