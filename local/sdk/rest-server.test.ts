import { WebSocket } from 'ws';
import { SdkFixture } from './testing/sdk-fixture.ts';

let fixture: SdkFixture;

beforeEach(async () => {
  fixture = await SdkFixture.start();
});

afterEach(async () => {
  await fixture.stop();
});

function url(path: string): string {
  return `http://127.0.0.1:${fixture.sidecar.httpPort}${path}`;
}

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(url(path), {
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? '' : (JSON.parse(text) as Record<string, unknown>) };
}

function refusal(code: number, message: string) {
  return { code, message, details: [] };
}

test('gives the GameServer with the field names of the protocol and 64-bit numbers as text', async () => {
  const { status, body } = await call('GET', '/gameserver');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    object_meta: {
      name: 'yacht',
      namespace: 'default',
      creation_timestamp: String(Date.UTC(2026, 0, 1) / 1000),
      deletion_timestamp: '0',
      labels: { fleet: 'harbour' },
    },
    spec: { health: { disabled: false, period_seconds: 5, failure_threshold: 3, initial_delay_seconds: 5 } },
    status: {
      state: 'Scheduled',
      address: '127.0.0.1',
      ports: [{ name: 'ws', port: 7001 }],
      players: null,
      counters: { rooms: { count: '1', capacity: '10' } },
      lists: { players: { capacity: '2', values: [] } },
    },
  });
});

test.each([
  ['/ready', 'RequestReady'],
  ['/allocate', 'Allocated'],
  ['/shutdown', 'Shutdown'],
])('POST %s queues %s, with or without a body', async (path, state) => {
  expect(await call('POST', path)).toEqual({ status: 200, body: {} });
  expect(await call('POST', path, {})).toEqual({ status: 200, body: {} });
  expect(fixture.state).toBe('Scheduled');
  fixture.flush();
  expect(fixture.state).toBe(state);
});

test('a body makes a ping, and without one it is refused bare', async () => {
  expect(await call('POST', '/health', {})).toEqual({ status: 200, body: {} });
  expect(await call('POST', '/health')).toEqual({ status: 400, body: '' });
  expect(await call('GET', '/health')).toEqual({ status: 400, body: '' });
});

test('reserves with seconds as a number or as text', async () => {
  expect(await call('POST', '/reserve', { seconds: '2' })).toEqual({ status: 200, body: {} });
  fixture.flush();
  expect(fixture.state).toBe('Reserved');
  fixture.clock.advance(2600);
  expect(fixture.state).toBe('RequestReady');
  expect(await call('POST', '/reserve', { seconds: 'x' })).toEqual({
    status: 400,
    body: refusal(3, 'proto: invalid value for int64 field seconds: "x"'),
  });
});

test.each([
  ['GET', '/nothing', undefined, 404, refusal(5, 'Not Found')],
  ['GET', '/ready', undefined, 501, refusal(12, 'Method Not Allowed')],
  ['POST', '/metadata/label', { key: 'a', value: 'b' }, 501, refusal(12, 'Method Not Allowed')],
  ['PUT', '/metadata/label', '{', 400, refusal(3, 'unexpected EOF')],
  ['GET', '/v1beta1/counters/nope', undefined, 500, refusal(2, 'counter not found: nope')],
  ['PATCH', '/v1beta1/counters/nope', { countDiff: '1' }, 500, refusal(2, 'counter not found: nope')],
  [
    'PATCH',
    '/v1beta1/counters/rooms',
    { countDiff: '0' },
    500,
    refusal(2, 'invalid argument. Malformed CounterUpdateRequest: name:"rooms"'),
  ],
  [
    'PATCH',
    '/v1beta1/counters/rooms',
    { capacity: '-1' },
    500,
    refusal(2, 'out of range. Capacity must be greater than or equal to 0. Found Capacity: -1'),
  ],
  ['PATCH', '/v1beta1/lists/players', { capacity: '5' }, 500, refusal(2, 'no gameservers for fleet')],
  [
    'POST',
    '/v1beta1/lists/players:removeValue',
    { value: 'zoe' },
    500,
    refusal(2, 'not found: value zoe not in list players'),
  ],
  ['GET', '/v1beta1/lists/nope', undefined, 500, refusal(2, 'list not found: nope')],
  ['GET', '/alpha/player/connected/a', undefined, 500, refusal(2, 'PlayerTracking not enabled')],
  ['PUT', '/alpha/player/capacity', { count: '5' }, 500, refusal(2, 'PlayerTracking not enabled')],
])('%s %s with %j is answered %i', async (method, path, body, status, expected) => {
  expect(await call(method, path, body)).toEqual({ status, body: expected });
});

test('ignores fields it does not know', async () => {
  expect(await call('PUT', '/metadata/label', { key: 'k', value: 'v', more: 1 })).toEqual({ status: 200, body: {} });
  fixture.flush();
  expect(fixture.gameServer.metadata.labels).toMatchObject({ 'agones.dev/sdk-k': 'v' });
});

test('changes Counters and Lists and answers what they are then', async () => {
  expect(await call('PATCH', '/v1beta1/counters/rooms', { count: '4' })).toEqual({
    status: 200,
    body: { name: 'rooms', count: '4', capacity: '10' },
  });
  expect(await call('PATCH', '/v1beta1/counters/rooms', { capacity: 20, countDiff: 3 })).toEqual({
    status: 200,
    body: { name: 'rooms', count: '7', capacity: '20' },
  });
  expect(await call('POST', '/v1beta1/lists/players:addValue', { value: 'ann' })).toEqual({
    status: 200,
    body: { name: 'players', capacity: '2', values: ['ann'] },
  });
  fixture.flush();
  expect(fixture.gameServer.status).toMatchObject({
    counters: { rooms: { count: 7, capacity: 20 } },
    lists: { players: { values: ['ann'] } },
  });
});

test('refuses a body beyond 4 MiB, and hears it out so that its sender hears the answer', async () => {
  const { status, body } = await call('PUT', '/metadata/annotation', { key: 'k', value: 'x'.repeat(5_000_000) });
  expect(status).toBe(429);
  expect(body).toMatchObject({ code: 8 });
  fixture.flush();
  expect(fixture.gameServer.metadata.annotations).not.toHaveProperty(['agones.dev/sdk-k']);
});

test.each([
  ['{"key":"k","value":"v"} what follows', 200],
  ['{"key":"k","value":"v"}{', 200],
  ['{"key":"k","value":"v","more":{"key":"j","more":[1]},"more":2}', 200],
  ['{"key":"k","\\u006bey":"k","value":"v"}', 400],
  ['{"key":"k","value":"\\"', 400],
  ['{"key":"k"', 400],
  ['{"key":"k"]', 400],
  ['[{"key":"k"}]', 400],
  ['null', 400],
  ['{"key":["k"]}', 400],
])('of the body %s it reads the first value, by the rules of the protocol: %i', async (body, status) => {
  expect((await call('PUT', '/metadata/label', body)).status).toBe(status);
});

test('keeps 64-bit numbers within their bounds, though their last digits are lost', async () => {
  const { status, body } = await call('PATCH', '/v1beta1/counters/rooms', { capacity: '9223372036854775807' });
  expect(status).toBe(200);
  const capacity = BigInt(String((body as { capacity: string }).capacity));
  expect(capacity).toBeGreaterThan(2n ** 63n - 2048n);
  expect(capacity).toBeLessThan(2n ** 63n);
  expect((await call('PATCH', '/v1beta1/counters/rooms', { capacity: '9223372036854775808' })).status).toBe(400);
});

test('a watch is lines of JSON: the state at once, then every change', async () => {
  const response = await fetch(url('/watch/gameserver'));
  const lines = linesOf(response);
  expect(await lines.next()).toBe('Scheduled');
  fixture.setState('Ready');
  expect(await lines.next()).toBe('Ready');
  await lines.end();
});

test('the same watch is a WebSocket with a message for each line', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${fixture.sidecar.httpPort}/watch/gameserver`);
  const next = () =>
    new Promise<string>((resolve) => {
      socket.once('message', (data: Buffer) => {
        resolve(stateIn(data.toString()));
      });
    });
  expect(await next()).toBe('Scheduled');
  const changed = next();
  fixture.setState('Allocated');
  expect(await changed).toBe('Allocated');
  socket.terminate();
});

test('an end of the sidecar ends its watches and frees its ports', async () => {
  const response = await fetch(url('/watch/gameserver'));
  const lines = linesOf(response);
  await lines.next();
  const { httpPort } = fixture.sidecar;
  await fixture.stop();
  await expect(lines.next()).rejects.toThrow();
  await expect(fetch(`http://127.0.0.1:${httpPort}/gameserver`)).rejects.toThrow();
});

function stateIn(line: string): string {
  return (JSON.parse(line) as { result: { status: { state: string } } }).result.status.state;
}

function linesOf(response: Response) {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let unread = '';
  return {
    async next(): Promise<string> {
      while (!unread.includes('\n')) {
        const { done, value } = await reader.read();
        if (done) throw new Error('the watch has ended');
        unread += value;
      }
      const end = unread.indexOf('\n');
      const line = unread.slice(0, end);
      unread = unread.slice(end + 1);
      return stateIn(line);
    },
    end: () => reader.cancel(),
  };
}
