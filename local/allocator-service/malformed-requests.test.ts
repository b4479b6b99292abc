import { status } from '@grpc/grpc-js';
import type { Client } from '@grpc/grpc-js';
import fc from 'fast-check';
import { ALLOCATE_METHOD, AllocationRequestType } from '../../lib/allocation-protocol/allocate-method.ts';
import { emptyMessage } from '../../lib/allocation-protocol/protobuf-messages.ts';
import { fromJson } from './protocol/proto-json.ts';
import type { AllocationRequest } from '../../lib/allocation-protocol/messages.ts';
import { callRaw, ServiceFixture } from './testing/service-fixture.ts';

const SEED = 20_261_124;
const RUNS = 1000;

let fixture: ServiceFixture;
let client: Client;

// One service for all: what one request did to it would show in the next.
beforeAll(async () => {
  fixture = await ServiceFixture.start();
  fixture.createReady('untouched', { mode: 'race' });
  client = fixture.grpcClient();
});

afterAll(async () => {
  client.close();
  await fixture.stop();
});

/** A request with everything, for a namespace without GameServers: what a change makes of it may well be valid. */
const WHOLE: Record<string, unknown> = {
  namespace: 'empty',
  gameServerSelectors: [
    {
      matchLabels: { mode: 'none' },
      gameServerState: 'READY',
      counters: { rooms: { minCount: '1', maxCount: 5 } },
      lists: { players: { containsValue: 'zed', minAvailable: 1 } },
    },
  ],
  preferredGameServerSelectors: [{ matchLabels: { mode: 'none' } }],
  scheduling: 'Distributed',
  priorities: [{ type: 'List', key: 'players', order: 'Descending' }],
  metadata: { labels: { a: 'b' }, annotations: { c: 'd' } },
  counters: { rooms: { action: 'Increment', amount: 1, capacity: '12' } },
  lists: { players: { addValues: ['bea'], deleteValues: [], capacity: 5 } },
};

/** Values that are likely to be taken wrong. */
const oddValue = fc.oneof(
  fc.constantFrom<unknown>(null, true, '', 'constructor', '__proto__', -1, 1e300, 1.5, '9223372036854775807', [], {}),
  fc.constantFrom<unknown>({ constructor: { capacity: 7 } }, JSON.parse('{"__proto__":{"capacity":7}}'), [[]], [null]),
  fc.string(),
  fc.jsonValue(),
);

/** The request with one to three of its values replaced, at any depth. */
const mutatedJson = fc
  .array(fc.tuple(fc.nat(), oddValue), { minLength: 1, maxLength: 3 })
  .map((changes) => changes.reduce((json, [at, value]) => replaceAt(json, at, value), structuredClone(WHOLE)));

function replaceAt(json: Record<string, unknown>, at: number, value: unknown): Record<string, unknown> {
  const places: [Record<string, unknown>, string][] = [];
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, key]);
      collect(Reflect.get(node, key));
    }
  };
  collect(json);
  const place = places[at % places.length];
  // A copy: the same value may be put in twice, and one within itself would be no JSON.
  if (place !== undefined) place[0][place[1]] = JSON.parse(JSON.stringify(value));
  return json;
}

const VALID = ALLOCATE_METHOD.requestSerialize(fromJson(AllocationRequestType, WHOLE) as unknown as AllocationRequest);

/** The message with some of its bytes changed, taken out or put in. */
const mutatedBytes = fc
  .array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('set', 'cut', 'insert')), {
    minLength: 1,
    maxLength: 6,
  })
  .map((changes) => {
    let bytes = Buffer.from(VALID);
    for (const [place, byte, how] of changes) {
      const at = place % Math.max(1, bytes.length);
      const rest = bytes.subarray(how === 'insert' ? at : at + 1);
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(how === 'cut' ? [] : [byte]), rest]);
    }
    return bytes;
  });

async function codeOfRaw(bytes: Buffer): Promise<number> {
  try {
    const { gameServerName } = await callRaw(client, bytes);
    throw new Error(`${gameServerName} was given out`);
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'number') return error.code;
    throw error;
  }
}

function expectUntouched(): void {
  const gameServer = fixture.cluster.gameServer('untouched');
  expect(gameServer?.status).toMatchObject({
    state: 'Ready',
    counters: { rooms: { count: 1, capacity: 10 } },
    lists: { players: { values: ['ada'], capacity: 3 } },
  });
  expect(Reflect.get({}, 'capacity')).toBeUndefined();
  expect(Reflect.get(Object, 'capacity')).toBeUndefined();
}

describe('malformed requests', () => {
  it('by REST get 400, 422 in a 500, or 429, and change nothing', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(mutatedJson, async (body) => {
        const answer = await fixture.post(body);
        seen.add(`${answer.status} ${answer.body.code}`);
        expect(['400 3', '429 8', '500 422', '500 2']).toContain(`${answer.status} ${answer.body.code}`);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    expect([...seen]).toEqual(expect.arrayContaining(['400 3', '429 8', '500 422']));
    expectUntouched();
  }, 60_000);

  it('that are no JSON at all get 400', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        const body = Buffer.from(bytes);
        fc.pre(body.toString().trim() !== '');
        expect((await fixture.post(body)).status).toBe(400);
      }),
      { seed: SEED, numRuns: 300 },
    );
  }, 60_000);

  it('by gRPC get INTERNAL where they cannot be read, 422, or RESOURCE_EXHAUSTED, and change nothing', async () => {
    const allowed = [status.INTERNAL, status.RESOURCE_EXHAUSTED, 422, status.UNKNOWN];
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutatedBytes, fc.uint8Array({ minLength: 1, maxLength: 300 })), async (bytes) => {
        const code = await codeOfRaw(Buffer.from(bytes));
        seen.add(code);
        expect(allowed).toContain(code);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    expect([...seen]).toEqual(expect.arrayContaining([status.INTERNAL, status.RESOURCE_EXHAUSTED]));
    expectUntouched();
  }, 60_000);

  it('that name what every object inherits find no Counter, List or label of that name', async () => {
    const inherited = JSON.parse('{"__proto__": {"capacity": 7}, "constructor": {"capacity": 7}}') as object;
    const lists = JSON.parse('{"__proto__": {"addValues": ["x"]}, "constructor": {"addValues": ["x"]}}') as object;
    const selecting = [{ counters: { constructor: {} } }, { lists: JSON.parse('{"__proto__": {}}') as object }];
    for (const selector of selecting) {
      const { status: httpStatus } = await fixture.post({ namespace: 'default', gameServerSelectors: [selector] });
      expect(httpStatus).toBe(429);
    }
    fixture.createReady('named', { own: 'yes' });
    const selectors = [{ matchLabels: { own: 'yes' } }];
    const request = { namespace: 'default', gameServerSelectors: selectors, counters: inherited, lists };
    const { body } = await fixture.post(request);
    expect(body).toMatchObject({ gameServerName: 'named', counters: { rooms: { count: '1', capacity: '10' } } });
    expect(Object.keys(body.counters)).toEqual(['rooms']);
    expectUntouched();
  });

  it('leave the service as it was', async () => {
    await expect(codeOfRaw(VALID)).resolves.toBe(status.RESOURCE_EXHAUSTED);
    const request = { ...emptyMessage(AllocationRequestType), namespace: 'default' } as unknown as AllocationRequest;
    expect((await callRaw(client, ALLOCATE_METHOD.requestSerialize(request))).gameServerName).toBe('untouched');
  });
});
