import { jest } from '@jest/globals';
import { RESUME_SUBPROTOCOL } from '../../lib/resume-protocol.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { KitConfig } from './kit-config.ts';
import { until } from './test-conditions.ts';
import { newSession, TestGameServer } from './test-game-server.ts';
import type { EchoSession, TestPlayer } from './test-game-server.ts';

jest.setTimeout(20_000);

const OTHER_SECRET = 'a'.repeat(32);

let gameServer: TestGameServer;
let session: SessionDescriptor;

beforeEach(async () => {
  gameServer = new TestGameServer();
  await gameServer.sidecar.start();
});

afterEach(() => gameServer.stop());

async function open(options: Partial<KitConfig> = {}, seats = 4): Promise<void> {
  await gameServer.start(options);
  session = newSession({ seats });
  gameServer.sidecar.allocate(session);
}

function game(): EchoSession {
  const [only] = gameServer.sessions;
  if (only === undefined) throw new Error('there is no session');
  return only;
}

/** Breaks a player's connection without a word, until the kit has noticed. */
async function lose(player: TestPlayer): Promise<void> {
  player.socket.terminate();
  await until(() => gameServer.running.connectedPlayers === 0, 'the drop is noticed');
}

describe('a client that can come back', () => {
  test('is told first where it stands, and then gets messages as ever', async () => {
    await open();
    const ann = await gameServer.joinResumable(session);
    const seat = await ann.seat();
    expect(seat).toEqual({
      type: 'seat',
      resume: expect.stringMatching(/^[\w-]{32}$/) as string,
      received: 0,
      missed: 0,
      silenceMs: 12_500,
    });
    expect(ann.socket.protocol).toBe(RESUME_SUBPROTOCOL);
    ann.socket.send('hello');
    await until(() => ann.messages.length === 2, 'the echo');
    expect(ann.messages).toEqual(['seat 0', 'ann: hello']);
    expect(ann.controls).toHaveLength(1);
  });

  test('gets what it missed, in order and once, and need not send again what arrived', async () => {
    await open();
    const first = await gameServer.joinResumable(session);
    const { resume } = await first.seat();
    first.socket.send('one');
    first.socket.send('nonsense');
    await until(() => first.messages.includes('ann: one'), 'the echo');
    await lose(first);
    game().context.broadcast('two');
    game().context.broadcast('three');

    const again = await gameServer.joinResumable(session, { resume, after: 2 });
    again.socket.on('open', () => again.socket.send('four'));
    await until(() => again.messages.includes('ann: four'), 'the echo');
    expect(await again.seat()).toMatchObject({ resume, received: 2, missed: 0 });
    expect(again.messages).toEqual(['two', 'three', 'ann: four']);
    expect(game().calls).toEqual(['join ann 0', 'disconnect ann', 'resume ann']);
  });

  test('that lost the answer to its last return gets the same again', async () => {
    await open();
    const first = await gameServer.joinResumable(session);
    const { resume } = await first.seat();
    await first.seated();
    await lose(first);
    game().context.broadcast('one');
    const second = await gameServer.joinResumable(session, { resume, after: 1 });
    await until(() => second.messages.length === 1, 'the replay');
    await lose(second);
    const third = await gameServer.joinResumable(session, { resume, after: 1 });
    await until(() => third.messages.length === 1, 'the replay');
    expect(third.messages).toEqual(['one']);
  });

  test.each([
    ['count', { maxReplayMessages: 2 }],
    ['bytes', { maxReplayBytes: 10 }],
  ])(
    'is told how many are lost when more was sent than is kept, by %s, and the game begins anew',
    async (_, bounds) => {
      await open(bounds);
      const first = await gameServer.joinResumable(session);
      const { resume } = await first.seat();
      await first.seated();
      await lose(first);
      for (const text of ['lost1', 'lost2', 'kept1', 'kept2']) game().context.broadcast(text);
      const again = await gameServer.joinResumable(session, { resume, after: 1 });
      await until(() => again.messages.includes('seat 0'), 'the game says hello');
      expect(await again.seat()).toMatchObject({ missed: 2 });
      expect(again.messages).toEqual(['kept1', 'kept2', 'seat 0']);
      expect(game().calls).toEqual(['join ann 0', 'disconnect ann', 'join ann 0']);
    },
  );

  test('joins again where the game does not tell the two apart', async () => {
    await open();
    const first = await gameServer.joinResumable(session);
    const { resume } = await first.seat();
    delete game().resume;
    await first.seated();
    await lose(first);
    await (await gameServer.joinResumable(session, { resume, after: 1 })).seated();
    expect(game().calls).toEqual(['join ann 0', 'disconnect ann', 'join ann 0']);
  });

  test('takes the seat from its own older connection, which is half open', async () => {
    await open({}, 1);
    const older = await gameServer.joinResumable(session);
    const { resume } = await older.seat();
    await older.seated();
    const newer = await gameServer.joinResumable(session, { resume, after: 1 });
    expect(await older.closed()).toBe(4001);
    newer.socket.send('hello');
    await until(() => newer.messages.length === 1, 'the echo');
    expect(newer.messages).toEqual(['ann: hello']);
    expect(game().calls).toEqual(['join ann 0', 'resume ann']);
    expect(gameServer.running.connectedPlayers).toBe(1);
  });

  test('may send at once what it could not send while it was away', async () => {
    await open({ maxMessagesPerSecond: 10, maxBadMessages: 0 });
    const first = await gameServer.joinResumable(session);
    const { resume } = await first.seat();
    await first.seated();
    const lostAtMs = Date.now();
    await lose(first);
    await until(() => Date.now() - lostAtMs > 1500, 'some time has passed');
    const again = await gameServer.joinResumable(session, { resume, after: 1 });
    await again.seat();
    for (let count = 0; count < 25; count += 1) again.socket.send('late');
    await until(() => again.messages.length === 25, 'all of it is taken');
    for (let count = 0; count < 25; count += 1) again.socket.send('too fast');
    expect(await again.closed()).toBe(4005);
  });

  test('comes back without a token where players are let in by their name', async () => {
    await gameServer.start({ isDirectAdmission: true });
    const first = gameServer.connect('/play?player=ann', { protocols: [RESUME_SUBPROTOCOL] });
    const { resume } = await first.seat();
    await first.seated();
    await lose(first);
    const path = `/play?player=ann&resume=${resume}&after=1`;
    const again = gameServer.connect(path, { protocols: [RESUME_SUBPROTOCOL] });
    expect(await again.seat()).toMatchObject({ resume, received: 0, missed: 0 });
  });
});

test('hears of the kit though nothing is played', async () => {
  await open({ pingIntervalMs: 20 });
  const ann = await gameServer.joinResumable(session);
  await until(() => ann.controls.length >= 4, 'some signs of life');
  expect(ann.controls.slice(1)).toContainEqual({ type: 'alive' });
  expect(ann.messages).toEqual(['seat 0']);
});

describe('the seat token of a player who comes back', () => {
  test('may have expired where the secret is that of the seat, and not otherwise', async () => {
    await open();
    const ann = await gameServer.joinResumable(session);
    const bob = await gameServer.joinResumable(session, { playerId: 'bob' });
    const [{ resume }, bobs] = [await ann.seat(), await bob.seat()];
    await ann.seated();
    const expired = { lifeSeconds: -60, after: 1 };
    for (const secret of [OTHER_SECRET, bobs.resume]) {
      const refused = await gameServer.joinResumable(session, { ...expired, resume: secret });
      expect(await refused.closed()).toBe(4002);
      expect(refused.controls).toEqual([]);
    }
    const plain = await gameServer.join(session, { lifeSeconds: -60 });
    expect(await plain.refused()).toEqual({ status: 401, code: 'token_expired' });
    const again = await gameServer.joinResumable(session, { ...expired, resume });
    expect(await again.seat()).toMatchObject({ resume });
    expect(game().calls).toEqual(['join ann 0', 'join bob 1', 'resume ann']);
  });

  test('is no good once the seat was given up, unless it is good for a newcomer: then all begins anew', async () => {
    await open({ seatGraceMs: 20 });
    const first = await gameServer.joinResumable(session);
    const { resume } = await first.seat();
    await first.seated();
    first.socket.terminate();
    await until(() => game().calls.includes('leave ann'), 'the seat is given up');
    const expired = await gameServer.joinResumable(session, { resume, after: 1, lifeSeconds: -60 });
    expect(await expired.closed()).toBe(4002);
    const again = await gameServer.joinResumable(session, { resume, after: 1 });
    const seat = await again.seat();
    expect(seat).toMatchObject({ received: 0, missed: 0 });
    expect(seat.resume).not.toBe(resume);
    await again.seated();
    expect(again.messages).toEqual(['seat 0']);
  });

  test('leads nowhere with the secret of a stream that was begun anew elsewhere', async () => {
    await open();
    const { resume } = await (await gameServer.joinResumable(session)).seat();
    const elsewhere = await gameServer.joinResumable(session);
    await elsewhere.seat();
    const late = await gameServer.joinResumable(session, { resume, after: 0, lifeSeconds: -60 });
    expect(await late.closed()).toBe(4002);
    expect(elsewhere.closeCode).toBeUndefined();
  });

  test.each([
    ['resume', 'resume=short&after=0'],
    ['after', `resume=${OTHER_SECRET}`],
    ['after', `resume=${OTHER_SECRET}&after=-1`],
  ])('with nonsense in %s is refused', async (_, query) => {
    await open();
    const path = `/session/${session.sessionId}?token=${await gameServer.seatToken(session)}&${query}`;
    const player = gameServer.connect(path, { protocols: [RESUME_SUBPROTOCOL] });
    expect(await player.refused()).toEqual({ status: 400, code: 'invalid_request' });
  });

  test('with more messages than were sent is refused, and the connection stays', async () => {
    await open();
    const ann = await gameServer.joinResumable(session);
    const { resume } = await ann.seat();
    await ann.seated();
    const liar = await gameServer.joinResumable(session, { resume, after: 2 });
    expect(await liar.refused()).toEqual({ status: 400, code: 'invalid_request' });
    expect(ann.closeCode).toBeUndefined();
  });
});

describe('refusals that a browser can see', () => {
  test('a session that is full, and one that is over', async () => {
    await open({ endPolicy: 'Ready' }, 1);
    const ann = await gameServer.joinResumable(session);
    await ann.seat();
    const bob = await gameServer.joinResumable(session, { playerId: 'bob' });
    expect(await bob.closed()).toBe(4003);
    ann.socket.send('end');
    expect(await ann.closed()).toBe(4000);
    expect(await (await gameServer.joinResumable(session)).closed()).toBe(4000);
  });
});

test('a player comes back while the GameServer takes nobody else any more', async () => {
  await open({ stopGraceMs: 5000 });
  const ann = await gameServer.joinResumable(session);
  const { resume } = await ann.seat();
  const bob = await gameServer.joinResumable(session, { playerId: 'bob' });
  await Promise.all([ann.seated(), bob.seated()]);
  game().isBusy = true;
  const stopped = gameServer.running.stop();
  ann.socket.terminate();
  await until(() => game().calls.includes('disconnect ann'), 'the drop is noticed');
  const newcomer = await gameServer.joinResumable(session, { playerId: 'cid' });
  expect(await newcomer.refused()).toEqual({ status: 503, code: 'draining' });
  const again = await gameServer.joinResumable(session, { resume, after: 1 });
  expect(await again.seat()).toMatchObject({ resume });
  game().isBusy = false;
  expect(await again.closed()).toBe(4008);
  await stopped;
});
