import { jest } from '@jest/globals';
import fc from 'fast-check';
import { connect } from '../../client/connection.ts';
import { newSession, TestGameServer } from '../../server/kit/test-game-server.ts';
import { TcpDoor } from '../helpers/tcp-door.ts';
import type { Cut } from '../helpers/tcp-door.ts';

jest.setTimeout(120_000);

const SEED = Number(process.env['REGATTA_SEED'] ?? '7');
const RUNS = Number(process.env['REGATTA_RUNS'] ?? '100');
const MESSAGES = 150;
const DEADLINE_MS = 20_000;

const session = newSession({ seats: 100 });
let gameServer: TestGameServer;
let door: TcpDoor;

beforeAll(async () => {
  gameServer = new TestGameServer();
  await gameServer.sidecar.start();
  await gameServer.start({ seatGraceMs: 20_000, maxReplayMessages: 200, maxConnections: 1000 });
  gameServer.sidecar.allocate(session);
  door = await TcpDoor.open([gameServer.running.port]);
});

afterAll(async () => {
  await door.close();
  await gameServer.stop();
});

/** Bytes after which a connection breaks: in the handshake, in the seat message, or anywhere later. */
const cut: fc.Arbitrary<Cut> = fc.record({
  bytesToClient: fc.integer({ min: 0, max: 1000 }),
  bytesToServer: fc.integer({ min: 0, max: 2500 }),
});
/** The first lasts until the seat message is through: before it there is nothing to come back to. */
const firstCut: fc.Arbitrary<Cut> = fc.record({
  bytesToClient: fc.integer({ min: 400, max: 1500 }),
  bytesToServer: fc.integer({ min: 1000, max: 3000 }),
});
const cuts = fc
  .tuple(firstCut, fc.array(cut, { maxLength: 8, size: 'max' }))
  .map(([first, others]) => [first, ...others]);

let players = 0;

/** A player who sends numbers, one each turn of the event loop, and gets each back from the game. */
async function play(lines: readonly Cut[]): Promise<{ heard: string[]; gaps: number; returns: number }> {
  players += 1;
  const playerId = `player-${players}`;
  const path = `/session/${session.sessionId}?token=${await gameServer.seatToken(session, { playerId })}`;
  let opened = 0;
  door.cutOf = () => lines[opened++];
  const heard: string[] = [];
  let [gaps, returns, sent] = [0, -1, 0];
  const abort = new AbortController();
  const connection = connect(`ws://127.0.0.1:${door.port}${path}`, {
    onMessage: (text) => heard.push(text),
    onOpen: () => (returns += 1),
    onGap: () => (gaps += 1),
    signal: abort.signal,
    backoff: { baseMs: 2, capMs: 10 },
    maxAttempts: 1000,
  });
  const giveUpAtMs = Date.now() + DEADLINE_MS;
  while (heard.at(-1) !== `${playerId}: ${MESSAGES}`) {
    if (Date.now() > giveUpAtMs) throw new Error(`the last that came back was ${heard.at(-1)}`);
    if (sent < MESSAGES && connection.send(String(sent + 1))) sent += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  abort.abort();
  await connection.ended;
  return { heard: heard.map((text) => text.replace(`${playerId}: `, '')), gaps, returns };
}

test('wherever the line breaks, a player hears each answer to each message once, and in order', async () => {
  let returns = 0;
  const everyNumber = Array.from({ length: MESSAGES }, (_, index) => String(index + 1));
  await fc.assert(
    fc.asyncProperty(cuts, async (lines) => {
      const played = await play(lines);
      returns += played.returns;
      expect(played.gaps).toBe(0);
      expect(played.heard[0]).toMatch(/^seat \d+$/);
      expect(played.heard.slice(1)).toEqual(everyNumber);
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  );
  expect(returns).toBeGreaterThan(RUNS / 2);
  process.stderr.write(`${RUNS} players came back ${returns} times\n`);
});
