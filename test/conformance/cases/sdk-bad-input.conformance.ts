import { CODE } from '../harness/sdk-calls.ts';
import { SdkOverRest } from '../harness/sdk-over-rest.ts';
import { useCluster } from '../harness/use-cluster.ts';
import type { Puppet } from '../puppet/puppet.ts';
import { WebSocket } from 'ws';

const cluster = useCluster();

let puppet: Puppet;
let rest: SdkOverRest;

beforeAll(async () => {
  puppet = await cluster.puppet(
    {},
    {},
    {
      counters: { rooms: { count: 1, capacity: 10 } },
      lists: { crew: { capacity: 3, values: ['ann'] } },
    },
  );
  rest = new SdkOverRest(puppet);
});

/** Whatever a case sent, nothing of it is on the GameServer, and the SDK server is as it was. */
afterEach(async () => {
  const { value } = await rest.getGameServer();
  expect(value).toMatchObject({
    state: 'Scheduled',
    counters: { rooms: { count: 1, capacity: 10 } },
    lists: { crew: { capacity: 3, values: ['ann'] } },
  });
  expect(Object.keys(value?.labels ?? {}).filter((label) => label.startsWith('agones.dev/sdk-'))).toEqual([]);
});

describe('a gRPC message that is none', () => {
  const SDK = '/agones.dev.sdk.SDK';
  const BETA = '/agones.dev.sdk.beta.SDK';

  it.each([
    ['a tag without a value', `${SDK}/Ready`, 'ff'],
    ['a wire type that there is not', `${SDK}/GetGameServer`, '07'],
    ['a text longer than the message', `${SDK}/SetLabel`, '0a05616263'],
    ['a text that is not UTF-8', `${SDK}/SetLabel`, '0a02c328'],
    ['a number of more than 64 bits', `${SDK}/Reserve`, '08ffffffffffffffffffff01'],
    ['nonsense in a message of messages', `${BETA}/UpdateCounter`, '0a01ff'],
    ['nonsense before a watch', `${SDK}/WatchGameServer`, 'ff'],
    ['nonsense as a ping', `${SDK}/Health`, 'ff'],
  ])('is INTERNAL: %s', async (_what, path, hex) => {
    expect((await cluster.grpc(puppet).raw(path, Buffer.from(hex, 'hex'))).code).toBe(CODE.internal);
  });

  it.each([
    ['another method', `${SDK}/Nothing`],
    ['another service', '/agones.dev.sdk.Other/Ready'],
    ['no method', '/nothing'],
  ])('is UNIMPLEMENTED: %s', async (_what, path) => {
    expect((await cluster.grpc(puppet).raw(path, Buffer.alloc(0))).code).toBe(CODE.unimplemented);
  });

  it('is RESOURCE_EXHAUSTED beyond 4 MiB', async () => {
    expect((await cluster.grpc(puppet).setLabel('k', 'x'.repeat(4_300_000))).code).toBe(CODE.resourceExhausted);
  });

  it('lacks what it is about', async () => {
    const sdk = cluster.grpc(puppet);
    const nothing = Buffer.alloc(0);
    expect((await sdk.raw(`${SDK}/SetLabel`, nothing)).code).toBe(CODE.invalidArgument);
    expect((await sdk.raw(`${SDK}/SetAnnotation`, nothing)).code).toBe(CODE.invalidArgument);
    for (const method of ['GetCounter', 'GetList', 'UpdateCounter', 'UpdateList', 'AddListValue', 'RemoveListValue']) {
      expect((await sdk.raw(`${BETA}/${method}`, nothing)).code).toBe(CODE.unknown);
    }
    const update = (hex: string) => sdk.raw(`${BETA}/UpdateList`, Buffer.from(hex, 'hex'));
    expect((await update('0a00')).message).toMatch(/^invalid argument\. /);
    // A List and a mask without fields, and a mask of a field that a List has not: Name.
    expect((await update('0a001200')).message).toBe('no gameservers for fleet');
    expect((await update('0a0012060a044e616d65')).message).toMatch(/^invalid argument\. /);
  });

  it('is taken with fields that nobody knows', async () => {
    const { code } = await cluster.grpc(puppet).raw(`${SDK}/GetGameServer`, Buffer.from('0a016118051d00000000', 'hex'));
    expect(code).toBe(CODE.ok);
  });
});

describe('a REST request', () => {
  it.each([
    ['GET', '/nothing'],
    ['GET', '/'],
    ['GET', '/healthz'],
    ['POST', '/ready/'],
    ['POST', '//ready'],
    ['GET', '/watch'],
    ['GET', '/gameserver/'],
    ['GET', '/v1beta1/counters'],
    ['GET', '/v1beta1/counters/a%2Fb'],
    ['GET', '/alpha/player/connected/a/b'],
    ['POST', '/v1beta1/lists/:addValue'],
  ])('to a path that there is not is NOT_FOUND: %s %s', async (method, path) => {
    expect(await rest.call(method, path)).toMatchObject({ code: CODE.notFound });
  });

  it.each([
    ['GET', '/ready'],
    ['POST', '/gameserver'],
    ['OPTIONS', '/gameserver'],
    ['POST', '/watch/gameserver'],
    ['POST', '/metadata/label'],
    ['PUT', '/v1beta1/counters/rooms'],
    ['DELETE', '/v1beta1/lists/crew'],
    ['POST', '/v1beta1/lists/crew:clear'],
    ['PUT', '/v1beta1/lists/crew:addValue'],
    ['POST', '/alpha/player/count'],
  ])('by another method is UNIMPLEMENTED: %s %s', async (method, path) => {
    expect(await rest.call(method, path, method === 'GET' ? undefined : {})).toMatchObject({
      code: CODE.unimplemented,
    });
  });

  it.each([
    ['/v1beta1/counters/a:b', 'counter not found: a:b'],
    ['/v1beta1/counters/a%20b', 'counter not found: a b'],
    ['/v1beta1/counters/', 'counter not found: '],
    ['/v1beta1/lists/crew:addValue', 'list not found: crew:addValue'],
  ])('names what its path says, colons and all: %s', async (path, message) => {
    expect(await rest.call('GET', path)).toEqual({ code: CODE.unknown, message });
  });

  it('with an escape that is none is refused before it is looked at', async () => {
    const { status, contentType } = await puppet.sdk('GET', '/v1beta1/counters/%zz');
    expect([status, contentType]).toEqual([400, 'text/plain; charset=utf-8']);
  });

  it.each(['{', '{"key":"k"', 'null', '[]', '"k"', '1', 'k', "{'key':'k'}", '{"key":"k",}', '{"key":"k","key":"k"}'])(
    'whose body is no message is INVALID_ARGUMENT: %s',
    async (body) => {
      expect((await rest.call('PUT', '/metadata/label', body)).code).toBe(CODE.invalidArgument);
    },
  );

  it.each([
    ['PUT', '/metadata/label', '{"key":1,"value":"v"}'],
    ['PUT', '/metadata/label', '{"key":["k"],"value":"v"}'],
    ['PUT', '/metadata/annotation', '{"key":"k","value":{}}'],
    ['PUT', '/metadata/label', '{"KEY":"k","value":"v"}'],
    ['POST', '/reserve', '{"seconds":"x"}'],
    ['POST', '/reserve', '{"seconds":1.5}'],
    ['POST', '/ready', '['],
    ['POST', '/v1beta1/lists/crew:addValue', '{"value":7}'],
    ['PATCH', '/v1beta1/lists/crew', '{"capacity":"x"}'],
    ['PATCH', '/v1beta1/lists/crew', '{"values":"x"}'],
    ['PATCH', '/v1beta1/lists/crew', '{"size":1}'],
    ['PUT', '/alpha/player/capacity', '{"count":"x"}'],
    ['POST', '/alpha/player/connect', '{"playerID":1}'],
  ])('with a field of another kind is INVALID_ARGUMENT: %s %s %s', async (method, path, body) => {
    expect((await rest.call(method, path, body)).code).toBe(CODE.invalidArgument);
  });

  it.each(['2.5', '" 2"', '"+2"', '"02"', '02', 'true', '""', '{}', '[]', '1e400', '"9223372036854775808"'])(
    'with a number that is none is INVALID_ARGUMENT: %s',
    async (number) => {
      const { code } = await rest.call('PATCH', '/v1beta1/counters/rooms', `{"capacity":${number}}`);
      expect(code).toBe(CODE.invalidArgument);
    },
  );

  it.each(['10', '"10"', '10.0', '1e1', '"1e1"'])('may write a number so: %s', async (number) => {
    const { value } = await rest.call('PATCH', '/v1beta1/counters/rooms', `{"capacity":${number}}`);
    expect(value).toEqual({ name: 'rooms', count: '1', capacity: '10' });
  });

  it.each(['', '{}', '{"count":null}', '{"count_diff":"1"}'])('that changes nothing is UNKNOWN: %s', async (body) => {
    const { code, message } = await rest.call('PATCH', '/v1beta1/counters/rooms', body);
    expect(code).toBe(CODE.unknown);
    expect(message).toMatch(/^invalid argument\. /);
  });

  it('is asked for one message: what follows it, and fields nobody knows, are passed over', async () => {
    const body = '{"capacity":"10","more":{"capacity":1},"name":"other"} what follows';
    expect((await rest.call('PATCH', '/v1beta1/counters/rooms', body)).value).toMatchObject({ name: 'rooms' });
    expect((await rest.call('GET', '/gameserver?more=1')).code).toBe(CODE.ok);
  });

  it('beyond 4 MiB is RESOURCE_EXHAUSTED', async () => {
    const answer = await rest.call('PUT', '/metadata/label', { key: 'k', value: 'x'.repeat(4_300_000) });
    expect(answer.code).toBe(CODE.resourceExhausted);
  });

  it('may say that its body is anything, and as a form be a GET', async () => {
    const type = (contentType: string) => ({ 'content-type': contentType });
    const asItIs = (body: object) => body;
    const update = '{"capacity":"10"}';
    for (const contentType of ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream']) {
      const answer = await rest.call('PATCH', '/v1beta1/counters/rooms', update, asItIs, type(contentType));
      expect(answer.code).toBe(CODE.ok);
    }
    const form = type('application/x-www-form-urlencoded');
    const asForm = await rest.call('POST', '/gameserver', 'a=b', asItIs, form);
    expect(asForm.value).toMatchObject({ object_meta: { name: puppet.name } });
  });
});

describe('a WebSocket', () => {
  /** What it is told, and how it ends. */
  function open(path: string): Promise<{ told: unknown[]; closedWith: number }> {
    const told: unknown[] = [];
    const socket = new WebSocket(`ws://127.0.0.1:${puppet.sdkHttpPort}${path}`);
    return new Promise((resolve, reject) => {
      socket.on('message', (data: Buffer) => told.push(JSON.parse(data.toString())));
      socket.on('error', reject);
      socket.on('close', (closedWith) => {
        resolve({ told, closedWith });
      });
    });
  }

  /** Without a word of goodbye. */
  const GONE = 1006;

  it('to any path is taken, told what a request would be answered, and ended', async () => {
    expect(await open('/nothing')).toMatchObject({ told: [{ code: CODE.notFound }], closedWith: GONE });
    expect(await open('/ready')).toMatchObject({ told: [{ code: CODE.unimplemented }], closedWith: GONE });
    expect(await open('/gameserver')).toMatchObject({
      told: [{ object_meta: { name: puppet.name } }],
      closedWith: GONE,
    });
    expect(await open('/watch/gameserver?method=POST')).toMatchObject({ told: [{ code: CODE.unimplemented }] });
    expect(await open('/metadata/label?method=PUT')).toMatchObject({ told: [{ code: CODE.invalidArgument }] });
    expect(await open('/health?method=POST')).toEqual({ told: [], closedWith: GONE });
  });
});
