import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { closeFrameForClient } from './close-frame.ts';
import { CLOSE_CODES } from '../lib/close-codes.ts';
import { closeAll, openFrontDoor } from './testing/front-door.ts';
import type { FrontDoor } from './testing/front-door.ts';
import { openRawGameServer, openRawSession } from './testing/raw-session.ts';
import type { RawEnd, RawGameServer } from './testing/raw-session.ts';

const SEED = 20_261_125;
const NOTHING = Buffer.alloc(0);
const CONTINUATION = 0x0;
const TEXT = 0x1;
const BINARY = 0x2;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;

interface Frame {
  opcode: number;
  final: boolean;
  payload: Buffer;
}

function encode({ opcode, final, payload }: Frame, maskKey: Buffer | undefined): Buffer {
  const { length } = payload;
  const maskBit = maskKey === undefined ? 0 : 0x80;
  const header = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  header[0] = (final ? 0x80 : 0) | opcode;
  header[1] = maskBit | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (header.length === 4) header.writeUInt16BE(length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(length), 2);
  if (maskKey === undefined) return Buffer.concat([header, payload]);
  return Buffer.concat([header, maskKey, payload.map((byte, index) => byte ^ (maskKey[index % 4] ?? 0))]);
}

const MASK_KEY = Buffer.from([0x88, 0x01, 0xfe, 0x88]);
const asClient = (frames: Frame[]): Buffer[] => frames.map((frame) => encode(frame, MASK_KEY));
const asGameServer = (frames: Frame[]): Buffer[] => frames.map((frame) => encode(frame, undefined));

const payloadArbitrary = fc
  .oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 200 }) },
    { weight: 3, arbitrary: fc.constantFrom(0, 125, 126, 127, 65_535, 65_536) },
    { weight: 1, arbitrary: fc.integer({ min: 200_000, max: 1_000_000 }) },
  )
  // Bytes that look like the header of a Close frame, to whoever loses a boundary.
  .map((length) => Buffer.alloc(length, 0x88));

const controlArbitrary: fc.Arbitrary<Frame> = fc.record({
  opcode: fc.constantFrom(PING, PONG),
  final: fc.constant(true),
  payload: fc.integer({ min: 0, max: 125 }).map((length) => Buffer.alloc(length, 0x81)),
});

/** A message in one to four fragments, with control frames between them. */
const messageArbitrary: fc.Arbitrary<Frame[]> = fc
  .tuple(
    fc.constantFrom(TEXT, BINARY),
    fc.array(fc.tuple(payloadArbitrary, fc.array(controlArbitrary, { maxLength: 2 })), { minLength: 1, maxLength: 4 }),
  )
  .map(([opcode, fragments]) =>
    fragments.flatMap(([payload, controls], index) => [
      ...controls,
      { opcode: index === 0 ? opcode : CONTINUATION, final: index === fragments.length - 1, payload },
    ]),
  );

const closeArbitrary: fc.Arbitrary<Frame[]> = fc
  .constantFrom(NOTHING, Buffer.from([0x03, 0xe8]), Buffer.from([0x0f, 0xa0, 0x62, 0x79, 0x65]))
  .map((payload) => [{ opcode: CLOSE, final: true, payload }]);

const framesArbitrary = fc.array(messageArbitrary, { maxLength: 4 }).map((messages) => messages.flat());
const cutsArbitrary = fc.array(fc.nat(), { maxLength: 6 });

function cutUp(stream: Buffer, cuts: number[]): Buffer[] {
  const offsets = [0, ...cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b), stream.length];
  return offsets.slice(1).map((end, index) => stream.subarray(offsets[index], end));
}

/** Each piece is on the other side before the next is sent: the gateway sees the stream cut at these points. */
async function send(from: RawEnd, to: RawEnd, pieces: Buffer[], sentBytes: number): Promise<void> {
  let bytes = sentBytes;
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    from.socket.write(piece);
    bytes += piece.length;
    await to.receivedBytes(bytes);
  }
}

interface Exchange {
  fromClient: Buffer[];
  fromGameServer: Buffer[];
  /** Whether the first piece of each comes in one with the handshake. */
  isGlued: boolean;
  /** This end sends no more first; the other goes on with its stream until it has sent all, and ends then. */
  firstToEnd: 'client' | 'gameServer';
}

/** @returns what came out on either side */
async function exchange(door: FrontDoor, gameServer: RawGameServer, plan: Exchange) {
  const glue = (pieces: Buffer[]): Buffer => (plan.isGlued ? (pieces[0] ?? NOTHING) : NOTHING);
  const glued = { client: glue(plan.fromClient), gameServer: glue(plan.fromGameServer) };
  const { client, gameServerEnd } = await openRawSession(door, gameServer, glued);
  const skipped = plan.isGlued ? 1 : 0;
  const rest = {
    client: () => send(client, gameServerEnd, plan.fromClient.slice(skipped), glued.client.length),
    gameServer: () => send(gameServerEnd, client, plan.fromGameServer.slice(skipped), glued.gameServer.length),
  };
  if (plan.firstToEnd === 'client') {
    await rest.client();
    client.socket.end();
    await gameServerEnd.ended();
    await rest.gameServer();
    gameServerEnd.socket.end();
  } else {
    await rest.gameServer();
    gameServerEnd.socket.end();
    await client.ended();
    await rest.client();
    client.socket.end();
  }
  await Promise.all([client.ended(), gameServerEnd.ended()]);
  const came = { atClient: client.received, atGameServer: gameServerEnd.received };
  client.socket.destroy();
  gameServerEnd.socket.destroy();
  return came;
}

describe('what goes into a splice', () => {
  let door: FrontDoor;
  let gameServer: RawGameServer;

  beforeAll(async () => {
    const bytesPerSecond = String(1024 ** 3);
    door = await openFrontDoor({
      LINGER_MS: '60000',
      STOP_DEADLINE_MS: '120000',
      CLIENT_BYTES_PER_SECOND: bytesPerSecond,
      GAME_SERVER_BYTES_PER_SECOND: bytesPerSecond,
    });
    gameServer = await openRawGameServer();
  });

  afterAll(closeAll);

  it('comes out as it was, both ways: fragments, control frames between them, any size, any cut, any end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          client: fc.tuple(framesArbitrary, closeArbitrary, cutsArbitrary),
          gameServer: fc.tuple(framesArbitrary, closeArbitrary, cutsArbitrary),
          isGlued: fc.boolean(),
          firstToEnd: fc.constantFrom('client' as const, 'gameServer' as const),
        }),
        async ({ client, gameServer: served, isGlued, firstToEnd }) => {
          const up = Buffer.concat(asClient([...client[0], ...client[1]]));
          const down = Buffer.concat(asGameServer([...served[0], ...served[1]]));
          const came = await exchange(door, gameServer, {
            fromClient: cutUp(up, client[2]),
            fromGameServer: cutUp(down, served[2]),
            isGlued,
            firstToEnd,
          });
          expect(came.atGameServer.equals(up)).toBe(true);
          expect(came.atClient.equals(down)).toBe(true);
        },
      ),
      { seed: SEED, numRuns: 100 },
    );
  }, 120_000);

  it('comes out as it was when it is cut at any one point of a stream, and in both at once', async () => {
    const frames: Frame[] = [
      { opcode: TEXT, final: false, payload: Buffer.from('one') },
      { opcode: PING, final: true, payload: Buffer.from('?') },
      { opcode: CONTINUATION, final: false, payload: NOTHING },
      { opcode: PONG, final: true, payload: NOTHING },
      { opcode: CONTINUATION, final: true, payload: Buffer.alloc(130, 0x88) },
      { opcode: BINARY, final: true, payload: NOTHING },
      { opcode: CLOSE, final: true, payload: Buffer.from([0x03, 0xe8]) },
    ];
    const up = Buffer.concat(asClient(frames));
    const down = Buffer.concat(asGameServer(frames));
    for (let cut = 0; cut <= up.length; cut += 1) {
      const came = await exchange(door, gameServer, {
        fromClient: cutUp(up, [cut]),
        fromGameServer: cutUp(down, [cut]),
        isGlued: false,
        firstToEnd: cut % 2 === 0 ? 'client' : 'gameServer',
      });
      expect([cut, came.atGameServer.equals(up), came.atClient.equals(down)]).toEqual([cut, true, true]);
    }
  }, 120_000);

  it('may be a message of 16 MB, both ways at once', async () => {
    const payload = randomBytes(16 * 1024 * 1024);
    const close = { opcode: CLOSE, final: true, payload: NOTHING };
    const up = Buffer.concat(asClient([{ opcode: BINARY, final: true, payload }, close]));
    const down = Buffer.concat(asGameServer([{ opcode: BINARY, final: true, payload }, close]));
    const { client, gameServerEnd } = await openRawSession(door, gameServer, { client: NOTHING, gameServer: NOTHING });
    client.socket.end(up);
    gameServerEnd.socket.end(down);
    await Promise.all([client.ended(), gameServerEnd.ended()]);
    expect(gameServerEnd.received.equals(up)).toBe(true);
    expect(client.received.equals(down)).toBe(true);
  }, 60_000);

  it('has one frame more when the GameServer goes without a word: 4007, and never inside a frame', async () => {
    const lost = closeFrameForClient(CLOSE_CODES.game_server_lost);
    await fc.assert(
      fc.asyncProperty(framesArbitrary, fc.nat(), async (frames, cut) => {
        const encoded = asGameServer(frames);
        const stream = Buffer.concat(encoded);
        const sent = stream.subarray(0, cut % (stream.length + 1));
        const { client, gameServerEnd } = await openRawSession(door, gameServer, {
          client: NOTHING,
          gameServer: NOTHING,
        });
        await send(gameServerEnd, client, [sent], 0);
        gameServerEnd.socket.end();
        await client.ended();
        const isWhole = boundaryFrom(encoded, sent.length) === sent.length;
        expect(client.received.equals(isWhole ? Buffer.concat([sent, lost]) : sent)).toBe(true);
        client.socket.destroy();
        gameServerEnd.socket.destroy();
      }),
      { seed: SEED, numRuns: 60 },
    );
  }, 120_000);
});

/** The end of the frame that an offset is in, or the offset itself where it is between two. */
function boundaryFrom(frames: Buffer[], offset: number): number {
  let end = 0;
  for (const frame of frames) {
    if (end >= offset) break;
    end += frame.length;
  }
  return end;
}

describe('a gateway that drains', () => {
  afterEach(closeAll);

  it('puts 1012 between two frames, wherever either stream is, and passes on nothing behind it', async () => {
    const direction = fc.tuple(framesArbitrary, fc.nat());
    await fc.assert(
      fc.asyncProperty(direction, direction, async ([clientFrames, clientCut], [servedFrames, servedCut]) => {
        const door = await openFrontDoor({ DRAIN_SPREAD_MS: '0', LINGER_MS: '60000', STOP_DEADLINE_MS: '120000' });
        const gameServer = await openRawGameServer();
        const { client, gameServerEnd } = await openRawSession(door, gameServer, {
          client: NOTHING,
          gameServer: NOTHING,
        });
        const up = planOf(asClient(clientFrames), clientCut);
        const down = planOf(asGameServer(servedFrames), servedCut);
        await Promise.all([send(client, gameServerEnd, [up.before], 0), send(gameServerEnd, client, [down.before], 0)]);
        // The gateway leaves in the order in which it was come to: once this one is told, the other is on the way out.
        const witness = await openRawSession(door, gameServer, { client: NOTHING, gameServer: NOTHING });
        const drained = door.gateway.drain();
        await witness.client.ended();
        witness.client.socket.end();
        witness.gameServerEnd.socket.end();
        client.socket.write(up.after);
        gameServerEnd.socket.write(down.after);
        await Promise.all([client.ended(), gameServerEnd.ended()]);
        client.socket.end();
        gameServerEnd.socket.end();
        await drained;
        expect(client.received.subarray(0, down.boundary).equals(down.whole)).toBe(true);
        expect(client.received.subarray(down.boundary).equals(RESTART)).toBe(true);
        expect(gameServerEnd.received.subarray(0, up.boundary).equals(up.whole)).toBe(true);
        // Its mask is random; the code and the reason below it are not.
        expect(unmasked(gameServerEnd.received.subarray(up.boundary)).equals(RESTART)).toBe(true);
        await closeAll();
      }),
      { seed: SEED, numRuns: 60 },
    );
  }, 120_000);
});

const RESTART = closeFrameForClient(CLOSE_CODES.gateway_restart);

function planOf(frames: Buffer[], cut: number) {
  const stream = Buffer.concat(frames);
  const offset = cut % (stream.length + 1);
  const boundary = boundaryFrom(frames, offset);
  return {
    before: stream.subarray(0, offset),
    after: stream.subarray(offset),
    boundary,
    whole: stream.subarray(0, boundary),
  };
}

/** A short masked frame as if it had no mask. */
function unmasked(frame: Buffer): Buffer {
  const maskKey = frame.subarray(2, 6);
  const payload = frame.subarray(6).map((byte, index) => byte ^ (maskKey[index % 4] ?? 0));
  return Buffer.concat([Buffer.from([frame[0] ?? 0, (frame[1] ?? 0) & 0x7f]), payload]);
}
