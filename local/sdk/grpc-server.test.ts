import { AgonesSdk } from './testing/agones-client.ts';
import type { AgonesClient } from './testing/agones-client.ts';
import { SdkFixture } from './testing/sdk-fixture.ts';

let fixture: SdkFixture;
let sdk: AgonesClient;

async function start(spec: Parameters<typeof SdkFixture.start>[0] = {}): Promise<void> {
  fixture = await SdkFixture.start(spec);
  process.env['AGONES_SDK_GRPC_PORT'] = String(fixture.sidecar.grpcPort);
  sdk = new AgonesSdk();
  await sdk.connect();
}

afterEach(async () => {
  for (const stream of sdk.streams) stream.cancel();
  sdk.close();
  await fixture.stop();
  delete process.env['AGONES_SDK_GRPC_PORT'];
});

/** The states a watch has told, and a promise of one to come. */
function watchStates() {
  const states: string[] = [];
  let look = (): void => {};
  sdk.watchGameServer(
    ({ status }) => {
      states.push(status.state);
      look();
    },
    () => {
      // The stream is cancelled at the end of each test.
    },
  );
  const until = (state: string) =>
    new Promise<void>((resolve) => {
      look = () => {
        if (states.at(-1) === state) resolve();
      };
      look();
    });
  return { states, until };
}

test('gives a game its GameServer', async () => {
  await start();
  const { objectMeta, spec, status } = await sdk.getGameServer();
  expect(objectMeta).toMatchObject({ name: 'yacht', uid: fixture.gameServer.metadata.uid });
  expect(objectMeta.labelsMap).toContainEqual(['fleet', 'harbour']);
  expect(spec.health.periodSeconds).toBe(5);
  expect(status).toMatchObject({
    state: 'Scheduled',
    address: '127.0.0.1',
    addressesList: [{ type: 'InternalIP', address: '127.0.0.1' }],
    portsList: [{ name: 'ws', port: 7001 }],
    countersMap: [['rooms', { count: 1, capacity: 10 }]],
    listsMap: [['players', { capacity: 2, valuesList: [] }]],
  });
});

test('answers Ready when it is queued and writes RequestReady with the next interval', async () => {
  await start();
  await sdk.ready();
  expect(fixture.state).toBe('Scheduled');
  fixture.flush();
  expect(fixture.state).toBe('RequestReady');
  expect(fixture.events).toEqual(['Normal RequestReady: SDK state change']);
});

test('writes only the last of the states asked for within one interval', async () => {
  await start();
  await sdk.ready();
  await sdk.allocate();
  fixture.flush();
  expect(fixture.state).toBe('Allocated');
  expect(fixture.gameServer.metadata.annotations?.['agones.dev/last-allocated']).toBe('2026-01-01T00:00:00.500Z');
});

test('tells a watch the state at once and with every change', async () => {
  await start();
  const { states, until } = watchStates();
  await until('Scheduled');
  fixture.setState('Ready');
  await until('Ready');
  fixture.setState('Allocated');
  await until('Allocated');
  expect(states).toEqual(['Scheduled', 'Ready', 'Allocated']);
});

test('reserves for some seconds and then asks for Ready by itself', async () => {
  await start({ health: { disabled: true } });
  await sdk.reserve(30);
  fixture.flush();
  expect(fixture.state).toBe('Reserved');
  expect(fixture.gameServer.status?.reservedUntil).toBe('2026-01-01T00:00:30Z');
  expect(fixture.events).toEqual(['Normal Reserved: SDK state change, for 30s']);
  fixture.clock.advance(29_999);
  expect(fixture.state).toBe('Reserved');
  fixture.clock.advance(501);
  expect(fixture.state).toBe('RequestReady');
});

test('reserves for ever with 0, and Allocate ends a reserve', async () => {
  await start({ health: { disabled: true } });
  await sdk.reserve(5);
  fixture.flush();
  await sdk.allocate();
  fixture.flush();
  fixture.clock.advance(60_000);
  expect(fixture.state).toBe('Allocated');
  await sdk.reserve(0);
  fixture.clock.advance(3_600_000);
  expect(fixture.state).toBe('Reserved');
  expect(fixture.gameServer.status?.reservedUntil ?? null).toBeNull();
});

test('drops states, without an error, once the GameServer is Shutdown', async () => {
  await start();
  await sdk.shutdown();
  fixture.flush();
  expect(fixture.state).toBe('Shutdown');
  await sdk.ready();
  fixture.flush();
  expect(fixture.state).toBe('Shutdown');
});

test('makes a GameServer Unhealthy that sends no health, and nothing brings it back', async () => {
  await start({ health: { initialDelaySeconds: 1, periodSeconds: 1, failureThreshold: 2 } });
  fixture.clock.advance(4000);
  expect(fixture.state).toBe('Unhealthy');
  expect(fixture.events).toEqual(['Warning Unhealthy: Health check failure']);
  await sdk.ready();
  fixture.flush();
  expect(fixture.state).toBe('Unhealthy');
});

test('leaves health to the liveness probe a game brings itself', async () => {
  const container = { name: 'game', image: 'game:1', livenessProbe: { tcpSocket: { port: 1 } } };
  await start({ template: { spec: { containers: [container] } } });
  fixture.clock.advance(600_000);
  expect(fixture.state).toBe('Scheduled');
});

test('puts the prefix of the SDK before labels and annotations', async () => {
  await start();
  await sdk.setLabel('mode', 'race');
  await sdk.setAnnotation('note', 'any {text} goes');
  expect(fixture.gameServer.metadata.labels).not.toHaveProperty(['agones.dev/sdk-mode']);
  fixture.flush();
  expect(fixture.gameServer.metadata.labels).toMatchObject({ fleet: 'harbour', 'agones.dev/sdk-mode': 'race' });
  expect(fixture.gameServer.metadata.annotations).toMatchObject({ 'agones.dev/sdk-note': 'any {text} goes' });
});

test.each([
  ['a b', 'x', /^invalid label key "a b": name part must consist of/],
  ['a', 'x y!', /^invalid label value "x y!" for key "a": a valid label must be/],
  ['a'.repeat(64), 'x', /63 characters/],
  ['a/b/c', 'x', /qualified name/],
])('refuses the label %s=%s with INVALID_ARGUMENT', async (key, value, message) => {
  await start();
  await expect(sdk.setLabel(key, value)).rejects.toMatchObject({ code: 3, details: expect.stringMatching(message) });
});

test('writes no label any more once the prefix makes one of them impossible, and everything else as before', async () => {
  await start();
  await sdk.setLabel('example.com/mode', 'race');
  await sdk.setLabel('wind', 'gale');
  await sdk.setAnnotation('note', 'later');
  fixture.flush();
  fixture.flush();
  expect(fixture.gameServer.metadata.labels).toEqual({ fleet: 'harbour' });
  expect(fixture.gameServer.metadata.annotations).toMatchObject({ 'agones.dev/sdk-note': 'later' });
});

test('writes annotations again when there is room for them again', async () => {
  await start();
  await sdk.setAnnotation('log', 'x'.repeat(300_000));
  await sdk.setAnnotation('note', 'later');
  fixture.flush();
  expect(fixture.gameServer.metadata.annotations ?? {}).not.toHaveProperty(['agones.dev/sdk-note']);
  await sdk.setAnnotation('log', 'short');
  fixture.flush();
  expect(fixture.gameServer.metadata.annotations).toMatchObject({ 'agones.dev/sdk-note': 'later' });
});

test('changes Counters at once for the game, later on the GameServer, and never past capacity', async () => {
  await start();
  await sdk.beta.incrementCounter('rooms', 2);
  expect(await sdk.beta.getCounterCount('rooms')).toBe(3);
  expect(fixture.gameServer.status?.counters?.['rooms']?.count).toBe(1);
  await expect(sdk.beta.incrementCounter('rooms', 50)).rejects.toMatchObject({
    code: 2,
    details: 'out of range. Count must be within range [0,Capacity]. Found Count: 53, Capacity: 10',
  });
  await expect(sdk.beta.getCounterCount('nope')).rejects.toMatchObject({ code: 2, details: 'counter not found: nope' });
  fixture.flush();
  expect(fixture.gameServer.status?.counters?.['rooms']).toEqual({ count: 3, capacity: 10 });
  expect(fixture.events).toEqual(['Normal UpdateCounter: Counter rooms updated to Count:3 Capacity:10']);
});

test('cuts a Counter to a capacity that has shrunk since the game asked', async () => {
  await start();
  await sdk.beta.incrementCounter('rooms', 8);
  fixture.store.modify<typeof fixture.gameServer>('gameservers', 'default', 'yacht', (copy) => {
    copy.status!.counters!['rooms']!.capacity = 4;
  });
  fixture.flush();
  expect(fixture.gameServer.status?.counters?.['rooms']).toEqual({ count: 4, capacity: 4 });
});

test('adds to and removes from Lists, within their capacity', async () => {
  await start();
  await sdk.beta.appendListValue('players', 'ann');
  await sdk.beta.appendListValue('players', 'bob');
  await expect(sdk.beta.appendListValue('players', 'cat')).rejects.toMatchObject({
    details: 'out of range. No available capacity. Current Capacity: 2, List Size: 2',
  });
  await sdk.beta.deleteListValue('players', 'ann');
  await expect(sdk.beta.appendListValue('players', 'bob')).rejects.toMatchObject({
    details: 'already exists. Value: bob already in List: players',
  });
  expect(await sdk.beta.getListValues('players')).toEqual(['bob']);
  fixture.flush();
  expect(fixture.gameServer.status?.lists?.['players']).toEqual({ capacity: 2, values: ['bob'] });
  await expect(sdk.beta.setListCapacity('players', 5)).rejects.toMatchObject({ details: 'no gameservers for fleet' });
});

test('says that player tracking is off', async () => {
  await start();
  await expect(sdk.alpha.getPlayerCount()).rejects.toMatchObject({ code: 2, details: 'PlayerTracking not enabled' });
});
