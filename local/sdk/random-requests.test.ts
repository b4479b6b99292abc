import { Client, credentials } from '@grpc/grpc-js';
import fc from 'fast-check';
import { ALPHA_SERVICE, BETA_SERVICE, SDK_SERVICE } from './sdk-protocol.ts';
import { SdkFixture } from './testing/sdk-fixture.ts';

let fixture: SdkFixture;

beforeEach(async () => {
  fixture = await SdkFixture.start({ health: { disabled: true } });
});

afterEach(async () => {
  await fixture.stop();
});

const RUNS = { numRuns: 300, seed: 20_261_125 };
const DEADLINE_MS = 60_000;

/** What the SDK server says of a fault of its own. */
const OWN_FAULT = 'the SDK server failed';

/** Names and values, those that count among them. */
const word = fc.oneof(
  fc.constantFrom(
    'rooms',
    'players',
    'ann',
    'constructor',
    '__proto__',
    '',
    'a:b',
    'a/b',
    '%zz',
    '9223372036854775807',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
);

const path = fc
  .tuple(
    fc.constantFrom(
      '/ready',
      '/reserve',
      '/health',
      '/gameserver',
      '/metadata/label',
      '/metadata/annotation',
      '/v1beta1/counters/NAME',
      '/v1beta1/lists/NAME',
      '/v1beta1/lists/NAME:addValue',
      '/v1beta1/lists/NAME:removeValue',
      '/alpha/player/capacity',
      '/alpha/player/connected/NAME',
      '/NAME',
    ),
    word,
    fc.boolean(),
  )
  .map(([template, name, encoded]) => {
    const written = encoded ? encodeURIComponent(name.toWellFormed()) : name.replaceAll(/[^!-~]|[?#\\]/g, '%');
    return template.replace('NAME', () => written);
  });

const field = fc.constantFrom(
  'key',
  'value',
  'seconds',
  'count',
  'capacity',
  'countDiff',
  'values',
  'name',
  '__proto__',
);
const fieldValue = fc.oneof(
  word,
  fc.double(),
  fc.bigInt(),
  fc.jsonValue({ maxDepth: 2 }),
  fc.array(word, { maxLength: 3 }),
);
const message = fc
  .dictionary(field, fieldValue, { maxKeys: 4 })
  .map((fields) =>
    JSON.stringify(fields, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  );

/** A message, or one with a piece of it cut out, doubled or replaced. */
const body = fc.oneof(
  message,
  fc.tuple(message, fc.nat(60), fc.nat(8), fc.string({ maxLength: 4 })).map(([text, at, length, piece]) => {
    return text.slice(0, at) + piece + text.slice(at + length);
  }),
  fc.tuple(message, message).map(([first, second]) => first + second),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

async function expectWhole(): Promise<void> {
  // Whatever was queued is written, or tried.
  fixture.flush();
  const response = await fetch(`http://127.0.0.1:${fixture.sidecar.httpPort}/gameserver`);
  expect(response.status).toBe(200);
  const { counters, lists } = fixture.gameServer.status ?? {};
  const { count = 0, capacity = 0 } = counters?.['rooms'] ?? {};
  expect(count).toBeGreaterThanOrEqual(0);
  expect(count).toBeLessThanOrEqual(capacity);
  expect(lists?.['players']?.values?.length).toBeLessThanOrEqual(lists?.['players']?.capacity ?? 0);
}

test(
  'no REST request is a fault of the SDK server, and none leaves it or the GameServer broken',
  async () => {
    const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE');
    await fc.assert(
      fc.asyncProperty(method, path, body, async (asked, where, sent) => {
        const response = await fetch(`http://127.0.0.1:${fixture.sidecar.httpPort}${where}`, {
          method: asked,
          ...(asked === 'GET' ? {} : { body: sent }),
        });
        expect([200, 400, 404, 500, 501]).toContain(response.status);
        expect(await response.text()).not.toContain(OWN_FAULT);
        await expectWhole();
      }),
      RUNS,
    );
  },
  DEADLINE_MS,
);

test(
  'no gRPC message is a fault of the SDK server, and none leaves it or the GameServer broken',
  async () => {
    const client = new Client(`127.0.0.1:${fixture.sidecar.grpcPort}`, credentials.createInsecure());
    const methods = [SDK_SERVICE, BETA_SERVICE, ALPHA_SERVICE]
      .flatMap((service) => Object.values(service))
      .filter(({ requestStream, responseStream }) => !requestStream && !responseStream);
    // Fields with numbers that messages of the SDK have, or bytes of any kind.
    const part = fc.oneof(
      fc.tuple(fc.integer({ min: 1, max: 4 }), word).map(([number, text]) => {
        const bytes = Buffer.from(text);
        return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
      }),
      fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat(127)).map((pair) => Buffer.from([pair[0] * 8, pair[1]])),
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
    );
    const asTheyAre = (bytes: Buffer): Buffer => bytes;
    const call = (where: string, bytes: Buffer): Promise<string> =>
      new Promise((resolve) => {
        client.makeUnaryRequest(where, asTheyAre, asTheyAre, bytes, { deadline: Date.now() + 20_000 }, (error) => {
          resolve(error === null ? 'ok' : `${error.code} ${error.details}`);
        });
      });
    try {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...methods), fc.array(part, { maxLength: 4 }), async (method, parts) => {
          const answer = await call(method.path, Buffer.concat(parts));
          expect(answer).toMatch(/^(ok|2 |3 |13 )/);
          expect(answer).not.toContain(OWN_FAULT);
          await expectWhole();
        }),
        RUNS,
      );
    } finally {
      client.close();
    }
  },
  DEADLINE_MS,
);
