import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { request } from 'node:http';
import { jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { nameInPlaceOfUid } from '../../lib/join-token.ts';
import { generateKeys } from '../../lib/key-set.ts';
import { SESSION_REPORT_ANNOTATION } from '../../lib/session-report.ts';
import { DRAIN_ANNOTATION, REPORTS_PLAYERS_ANNOTATION } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { KitConfig } from './kit-config.ts';
import { until } from './test-conditions.ts';
import { newSession, TestGameServer } from './test-game-server.ts';
import type { TestPlayer } from './test-game-server.ts';

jest.setTimeout(20_000);

const otherKeys = generateKeys();
let gameServer: TestGameServer;

beforeEach(async () => {
  gameServer = new TestGameServer();
  await gameServer.sidecar.start();
});

afterEach(() => gameServer.stop());

describe('becoming Ready', () => {
  test('listens on the port of its GameServer and becomes Ready', async () => {
    const port = await freePort();
    gameServer.sidecar.ports = [
      { name: 'other', port: 1 },
      { name: 'game', port },
    ];
    await gameServer.start({ port: undefined });
    expect(gameServer.running.port).toBe(port);
    expect(gameServer.sidecar.state).toBe('Ready');
    expect((await gameServer.get('/healthz')).status).toBe(200);
  });

  test('waits for its port when it starts before Agones has written it down', async () => {
    const starting = gameServer.start({ port: undefined, stateWaitMs: 5000 });
    await until(() => gameServer.sidecar.watchers === 1, 'it is connected');
    gameServer.sidecar.ports = [{ name: 'game', port: await freePort() }];
    gameServer.sidecar.tell();
    await starting;
    expect(gameServer.running.port).toBe(gameServer.sidecar.ports[0]?.port);
  });

  test('asks again when Ready was lost with the sidecar', async () => {
    gameServer.sidecar.losesReady = true;
    const starting = gameServer.start({ stateWaitMs: 100 });
    await until(() => gameServer.sidecar.count('Ready') === 1, 'Ready is asked for');
    gameServer.sidecar.losesReady = false;
    await starting;
    expect(gameServer.sidecar.state).toBe('Ready');
  });

  test('does not ask for Ready when it is Allocated already', async () => {
    const session = newSession();
    gameServer.sidecar.allocate(session);
    await gameServer.start();
    expect(gameServer.sidecar.calls).toEqual([]);
    await (await gameServer.join(session)).seated();
  });
});

describe('refusals before the upgrade', () => {
  test.each([
    ['no token', 401, 'token_missing', async (s: SessionDescriptor) => gameServer.connect(`/session/${s.sessionId}`)],
    [
      'nonsense',
      401,
      'token_invalid',
      async (s: SessionDescriptor) => gameServer.connect(`/session/${s.sessionId}?token=abc`),
    ],
    [
      'a forged token',
      401,
      'token_invalid',
      (s: SessionDescriptor) => gameServer.join(s, { signing: otherKeys.signing }),
    ],
    ['an expired token', 401, 'token_expired', (s: SessionDescriptor) => gameServer.join(s, { lifeSeconds: -60 })],
    [
      'a token for another GameServer',
      403,
      'token_not_for_game_server',
      (s: SessionDescriptor) => gameServer.join(s, { gameServerUid: 'other' }),
    ],
    [
      'a token for a GameServer of another name',
      403,
      'token_not_for_game_server',
      (s: SessionDescriptor) =>
        gameServer.join(s, { gameServerUid: nameInPlaceOfUid({ namespace: 'default', name: 'boats-2' }) }),
    ],
    [
      'a token for a GameServer of this name in another namespace',
      403,
      'token_not_for_game_server',
      (s: SessionDescriptor) =>
        gameServer.join(s, { gameServerUid: nameInPlaceOfUid({ namespace: 'other', name: 'boats-1' }) }),
    ],
    ['a token for another session', 403, 'token_not_for_session', () => gameServer.join(newSession())],
    ['a token for another game', 403, 'token_not_for_session', () => gameServer.join(newSession({ game: 'chess' }))],
    [
      'a token for another session than the path',
      403,
      'token_not_for_session',
      async (s: SessionDescriptor) => gameServer.connect(`/session/other?token=${await gameServer.seatToken(s)}`),
    ],
    ['a path that is none', 404, 'not_found', async () => gameServer.connect('/elsewhere')],
  ])('%s', async (_, status, code, knock) => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    await until(() => gameServer.sessions.length === 1, 'the session is open');
    expect(await (await knock(session)).refused()).toEqual({ status, code });
    expect(gameServer.sessions[0]?.calls).toEqual([]);
    await (await gameServer.join(session)).seated();
  });

  test('plain HTTP gets problem documents', async () => {
    await gameServer.start();
    const asked = await gameServer.get('/session/abc');
    expect(asked).toMatchObject({ status: 426, type: 'application/problem+json' });
    expect(JSON.parse(asked.body)).toMatchObject({ code: 'upgrade_required' });
    expect((await gameServer.get('/elsewhere')).status).toBe(404);
  });

  test('more players than seats, all at once: exactly the seats are taken', async () => {
    await gameServer.start();
    const session = newSession({ seats: 8 });
    gameServer.sidecar.allocate(session);
    const players = await Promise.all(
      Array.from({ length: 20 }, (_, index) => gameServer.join(session, { playerId: `player-${index}` })),
    );
    await until(
      () => players.every(({ messages, refusal }) => messages.length > 0 || refusal !== undefined),
      'answers',
    );
    const refused = players.filter(({ refusal }) => refusal !== undefined);
    expect(players.length - refused.length).toBe(8);
    expect(refused.map(({ refusal }) => refusal)).toEqual(refused.map(() => ({ status: 409, code: 'session_full' })));
    const seats = players.flatMap(({ messages }) => messages);
    expect(seats.toSorted((a, b) => a.localeCompare(b))).toEqual(
      Array.from({ length: 8 }, (_, seat) => `seat ${seat}`),
    );
  });

  test('a handshake that is malformed takes no seat', async () => {
    await gameServer.start();
    const session = newSession({ seats: 1 });
    gameServer.sidecar.allocate(session);
    await until(() => gameServer.sessions.length === 1, 'the session is open');
    const path = `/session/${session.sessionId}?token=${await gameServer.seatToken(session, { playerId: 'bob' })}`;
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'short' };
      const call = request({ port: gameServer.running.port, host: '127.0.0.1', path, headers, agent: false });
      call.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      call.on('error', reject);
      call.end();
    });
    expect(status).toBe(400);
    await (await gameServer.join(session)).seated();
  });
});

describe('a token and what the SDK shows', () => {
  test('a token that is here before the watch event waits for it', async () => {
    await gameServer.start({ allocationWaitMs: 5000 });
    const session = newSession();
    const early = await gameServer.join(session);
    gameServer.sidecar.allocate(session);
    await early.seated();
    expect(gameServer.sessions[0]?.context.descriptor).toEqual(session);
  });

  test('a player who is here before the kit hears that it is Ready waits for it, too', async () => {
    const port = await freePort();
    // Ready is written and allocated at once, and the watch is slow to tell.
    gameServer.sidecar.losesReady = true;
    const starting = gameServer.start({ port, allocationWaitMs: 10_000, stateWaitMs: 10_000 });
    await until(() => gameServer.sidecar.count('Ready') === 1, 'Ready is asked for');
    const session = newSession();
    const early = gameServer.connect(
      `/session/${session.sessionId}?token=${await gameServer.seatToken(session)}`,
      {},
      port,
    );
    // Whoever came before this is at the door by now.
    await fetch(`http://127.0.0.1:${port}/healthz`);
    gameServer.sidecar.allocate(session);
    await starting;
    await early.seated();
    expect(gameServer.sessions.map(({ context }) => context.descriptor)).toEqual([session]);
    early.socket.send('end');
    await gameServer.running.finished;
    expect(gameServer.sidecar.calls).toEqual(['Ready', 'Shutdown']);
  });

  test('a claim takes its session from the token', async () => {
    await gameServer.start();
    gameServer.sidecar.allocate(undefined);
    const session = newSession();
    await (await gameServer.join(session)).seated();
    expect(gameServer.sessions[0]?.context.descriptor).toEqual(session);
  });

  test('a token alone does not open a session on a GameServer that is not Allocated', async () => {
    await gameServer.start();
    expect(await (await gameServer.join(newSession())).refused()).toEqual({
      status: 403,
      code: 'token_not_for_session',
    });
    expect(gameServer.sessions).toEqual([]);
  });

  test('an allocation that changes only its time and session is noticed: the older session ends', async () => {
    await gameServer.start();
    const older = newSession();
    gameServer.sidecar.allocate(older);
    const ann = await (await gameServer.join(older)).seated();
    const newer = newSession();
    gameServer.sidecar.allocate(newer);
    expect(await ann.closed()).toBe(4000);
    await (await gameServer.join(newer)).seated();
    expect(await (await gameServer.join(older)).refused()).toEqual({ status: 410, code: 'session_over' });
  });

  test('a bearer token is as good as one in the URL', async () => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    const authorization = `Bearer ${await gameServer.seatToken(session)}`;
    await gameServer.connect(`/session/${session.sessionId}`, { headers: { authorization } }).seated();
  });
});

describe('seats', () => {
  test('a token that names its GameServer, for want of a uid, is as good', async () => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    const gameServerUid = nameInPlaceOfUid({ namespace: 'default', name: 'boats-1' });
    await (await gameServer.join(session, { gameServerUid })).seated();
  });

  test('the same player again: the seat moves to the newer connection', async () => {
    await gameServer.start();
    const session = newSession({ seats: 1 });
    gameServer.sidecar.allocate(session);
    const older = await (await gameServer.join(session)).seated();
    const newer = await (await gameServer.join(session)).seated();
    expect(await older.closed()).toBe(4001);
    newer.socket.send('hello');
    await until(() => newer.messages.includes('ann: hello'), 'the newer connection plays');
    expect(gameServer.running.connectedPlayers).toBe(1);
    expect(gameServer.sessions[0]?.calls).toEqual(['join ann 0', 'join ann 0']);
  });

  test('a dropped player keeps the seat and comes back to it with the same token', async () => {
    await gameServer.start();
    const session = newSession({ seats: 1 });
    gameServer.sidecar.allocate(session);
    const first = await (await gameServer.join(session)).seated();
    first.socket.terminate();
    await until(() => gameServer.running.connectedPlayers === 0, 'the drop is noticed');
    expect(await (await gameServer.join(session, { playerId: 'bob' })).refused()).toEqual({
      status: 409,
      code: 'session_full',
    });
    await (await gameServer.join(session)).seated();
    expect(gameServer.sessions[0]?.calls).toEqual(['join ann 0', 'disconnect ann', 'join ann 0']);
  });

  test('after its grace a seat goes to the next player', async () => {
    await gameServer.start({ seatGraceMs: 50 });
    const session = newSession({ seats: 1 });
    gameServer.sidecar.allocate(session);
    const first = await (await gameServer.join(session)).seated();
    first.socket.terminate();
    await until(() => gameServer.sessions[0]?.calls.includes('leave ann') === true, 'the seat is given up');
    await (await gameServer.join(session, { playerId: 'bob' })).seated();
  });
});

describe('connections are held to bounds', () => {
  async function player(options: Partial<KitConfig> = {}): Promise<TestPlayer> {
    await gameServer.start(options);
    const session = newSession();
    gameServer.sidecar.allocate(session);
    return (await gameServer.join(session)).seated();
  }

  test('a message that is too large', async () => {
    const ann = await player();
    ann.socket.send('x'.repeat(65));
    expect(await ann.closed()).toBe(1009);
  });

  test('more nonsense than is forgiven', async () => {
    const ann = await player();
    ann.socket.send(Buffer.from([1]));
    for (let count = 0; count < 3; count += 1) ann.socket.send('nonsense');
    expect(await ann.closed()).toBe(4005);
  });

  test('messages that come too fast', async () => {
    const ann = await player({ maxMessagesPerSecond: 5 });
    for (let count = 0; count < 20; count += 1) ann.socket.send('hello');
    expect(await ann.closed()).toBe(4005);
  });

  test('a player who does not read, while others play on', async () => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    const bob = await (await gameServer.join(session, { playerId: 'bob' })).seated();
    const ann = await (await gameServer.join(session)).seated();
    ann.socket.pause();
    ann.socket.send('flood');
    await until(() => gameServer.running.connectedPlayers === 1, 'the slow player is let go');
    bob.socket.send('still here');
    await until(() => bob.messages.includes('bob: still here'), 'the other plays on');
    ann.socket.resume();
    expect([1006, 4006]).toContain(await ann.closed());
    expect(bob.closeCode).toBeUndefined();
  });

  test.each([
    ['a frame that is not masked', [0x81, 0x02, 0x68, 0x69]],
    ['an opcode that there is not', [0x83, 0x80, 0, 0, 0, 0]],
    ['text that is no UTF-8', [0x81, 0x81, 0, 0, 0, 0, 0xff]],
    ['a ping that is too long', [0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0, ...Array.from({ length: 126 }, () => 0)]],
  ])('%s: that player alone is cut', async (_, bytes) => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    const ann = await (await gameServer.join(session)).seated();
    const other = await (await gameServer.join(session, { playerId: 'bob' })).seated();
    // The raw socket under the client's: no client of ours could send this.
    (ann.socket as unknown as { _socket: Socket })._socket.write(Buffer.from(bytes));
    expect([1002, 1006, 1007]).toContain(await ann.closed());
    other.socket.send('hello');
    await until(() => other.messages.includes('bob: hello'), 'the other plays on');
    expect(gameServer.running.connectedPlayers).toBe(1);
  });

  test('no compression, though a client offers it', async () => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    const path = `/session/${session.sessionId}?token=${await gameServer.seatToken(session)}`;
    const socket = new WebSocket(`ws://127.0.0.1:${gameServer.running.port}${path}`);
    await once(socket, 'open');
    expect(socket.extensions).toBe('');
    socket.terminate();
  });

  test('a player who is gone without a word', async () => {
    const ann = await player({ pingIntervalMs: 50 });
    ann.socket.pause();
    await until(() => gameServer.running.connectedPlayers === 0, 'the dead connection is cut');
  });

  test('a game that throws ends its session, not the process', async () => {
    const ann = await player();
    ann.socket.send('throw');
    expect(await ann.closed()).toBe(4007);
    await gameServer.running.finished;
    expect(gameServer.sidecar.count('Shutdown')).toBe(1);
  });
});

describe('the end of a session', () => {
  test('the game ends it: players are sent away, Agones is told once, and then it waits for SIGTERM, but not for ever', async () => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    const ann = await (await gameServer.join(session)).seated();
    gameServer.sidecar.answerAfterMs = 50;
    ann.socket.send('end');
    expect(await ann.closed()).toBe(4000);
    expect(await (await gameServer.join(session)).refused()).toEqual({ status: 503, code: 'draining' });
    await gameServer.running.finished;
    await gameServer.running.stop();
    expect(gameServer.sidecar.count('Shutdown')).toBe(1);
  });

  test('nobody comes by the time the session says', async () => {
    await gameServer.start();
    gameServer.sidecar.allocate(newSession({ joinBy: new Date(Date.now() + 100).toISOString() }));
    await until(() => gameServer.sidecar.count('Shutdown') === 1, 'the no-show ends it');
  });

  test('everybody has gone for too long', async () => {
    await gameServer.start({ idleLimitMs: 50 });
    const session = newSession();
    gameServer.sidecar.allocate(session);
    (await (await gameServer.join(session)).seated()).socket.close();
    await until(() => gameServer.sidecar.count('Shutdown') === 1, 'the idle session ends');
  });

  test('it has gone on for too long', async () => {
    await gameServer.start({ maxSessionMs: 200 });
    const session = newSession();
    gameServer.sidecar.allocate(session);
    expect(await (await (await gameServer.join(session)).seated()).closed()).toBe(4000);
  });

  test('back to Ready, session after session: each once, and nothing grows', async () => {
    await gameServer.start({ endPolicy: 'Ready' });
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    let timersAtFirst = 0;
    for (let round = 0; round < 20; round += 1) {
      const session = newSession();
      gameServer.sidecar.allocate(session);
      const ann = await (await gameServer.join(session)).seated();
      if (round === 2) timersAtFirst = timers();
      if (round > 2) expect(timers()).toBeLessThanOrEqual(timersAtFirst + 3);
      ann.socket.send('end');
      expect(await ann.closed()).toBe(4000);
      await until(() => gameServer.running.phase === 'free', 'it is free again');
      expect(await (await gameServer.join(session)).refused()).toEqual({ status: 410, code: 'session_over' });
    }
    expect(gameServer.sessions.length).toBe(20);
    expect(gameServer.sidecar.count('Ready')).toBe(21);
    expect(gameServer.sidecar.count('Shutdown')).toBe(0);
    expect(gameServer.sidecar.watchers).toBe(1);
  });

  test('an old descriptor on a GameServer that is a claim again is not a session', async () => {
    await gameServer.start({ endPolicy: 'Ready' });
    const old = newSession();
    gameServer.sidecar.allocate(old);
    const ann = await (await gameServer.join(old)).seated();
    ann.socket.send('end');
    await until(() => gameServer.running.phase === 'free', 'it is free again');
    gameServer.sidecar.allocate(undefined);
    const next = newSession();
    await (await gameServer.join(next)).seated();
    expect(gameServer.sessions.map(({ context }) => context.descriptor.sessionId)).toEqual([
      old.sessionId,
      next.sessionId,
    ]);
  });

  test('an allocation made while the sidecar was away is noticed', async () => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.stop();
    gameServer.sidecar.allocate(session);
    await gameServer.sidecar.start();
    await until(() => gameServer.sessions.length === 1, 'the session is open');
    await (await gameServer.join(session)).seated();
  });
});

describe('a stop', () => {
  test('players are told, newcomers refused, Agones told once and last', async () => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    const ann = await (await gameServer.join(session)).seated();
    gameServer.sidecar.answerAfterMs = 100;
    const stopping = gameServer.running.stop();
    expect(await (await gameServer.join(session, { playerId: 'bob' })).refused()).toEqual({
      status: 503,
      code: 'draining',
    });
    expect(await ann.closed()).toBe(4008);
    await stopping;
    await gameServer.running.stop();
    expect(gameServer.sidecar.calls).toEqual(['Ready', 'Shutdown']);
    expect(gameServer.sidecar.state).toBe('Shutdown');
  });

  test('a game that cannot open a session ends the GameServer, not the process', async () => {
    await gameServer.start();
    gameServer.cannotOpen = true;
    const session = newSession();
    gameServer.sidecar.allocate(session);
    await until(() => gameServer.sidecar.count('Shutdown') === 1, 'the GameServer ends');
    expect(await (await gameServer.join(session)).refused()).toEqual({ status: 503, code: 'draining' });
  });

  test('a session in play is let end within the grace', async () => {
    await gameServer.start({ stopGraceMs: 10_000 });
    const session = newSession();
    gameServer.sidecar.allocate(session);
    const ann = await (await gameServer.join(session)).seated();
    const [played] = gameServer.sessions;
    if (played !== undefined) played.isBusy = true;
    const stopping = gameServer.running.stop();
    ann.socket.send('hello');
    await until(() => ann.messages.includes('ann: hello'), 'play goes on');
    ann.socket.send('end');
    expect(await ann.closed()).toBe(4000);
    await stopping;
    expect(gameServer.sidecar.count('Shutdown')).toBe(1);
  });

  test('Shutdown is repeated until a sidecar that restarts hears it', async () => {
    await gameServer.start();
    gameServer.sidecar.stop();
    const stopping = gameServer.running.stop();
    await gameServer.sidecar.start();
    await stopping;
    expect(gameServer.sidecar.state).toBe('Shutdown');
  });
});

describe('draining', () => {
  test.each(['Shutdown', 'Ready'] as const)(
    'the session goes on, is told once, and ends with the GameServer: end policy %s',
    async (endPolicy) => {
      await gameServer.start({ endPolicy });
      const session = newSession();
      gameServer.sidecar.allocate(session);
      const ann = await (await gameServer.join(session)).seated();
      gameServer.sidecar.drain();
      await until(() => gameServer.sessions[0]?.calls.includes('drain') === true, 'the game is told');
      gameServer.sidecar.tell();
      await (await gameServer.join(session, { playerId: 'bob' })).seated();
      ann.socket.send('end');
      expect(await ann.closed()).toBe(4000);
      await gameServer.running.finished;
      expect(gameServer.sidecar.calls).toEqual(['Ready', 'Shutdown']);
      expect(gameServer.sessions[0]?.calls.filter((call) => call === 'drain')).toEqual(['drain']);
    },
  );

  test('a GameServer without a session ends at once', async () => {
    await gameServer.start({ endPolicy: 'Ready' });
    gameServer.sidecar.drain();
    await gameServer.running.finished;
    expect(gameServer.sidecar.calls).toEqual(['Ready', 'Shutdown']);
    expect(gameServer.sessions).toEqual([]);
  });

  test('a session that was made before is opened, though both are seen at once', async () => {
    await gameServer.start();
    const session = newSession({ madeAt: new Date(Date.now() - 1000).toISOString() });
    gameServer.sidecar.annotations.set(DRAIN_ANNOTATION, new Date().toISOString());
    gameServer.sidecar.allocate(session);
    await (await gameServer.join(session)).seated();
    expect(gameServer.sidecar.count('Shutdown')).toBe(0);
  });

  test('a session that was made later is not opened, and the GameServer ends', async () => {
    await gameServer.start();
    gameServer.sidecar.annotations.set(DRAIN_ANNOTATION, new Date().toISOString());
    const session = newSession({ madeAt: new Date(Date.now() + 60_000).toISOString() });
    gameServer.sidecar.allocate(session);
    await until(() => gameServer.sidecar.count('Shutdown') === 1, 'the GameServer ends');
    expect(await (await gameServer.join(session)).refused()).toEqual({ status: 503, code: 'draining' });
    expect(gameServer.sessions).toEqual([]);
  });

  test('a claim waits for the session it may be bound to, and opens no later one', async () => {
    await gameServer.start();
    gameServer.sidecar.allocate(undefined);
    gameServer.sidecar.drain();
    const late = newSession({ madeAt: new Date(Date.now() + 60_000).toISOString() });
    expect(await (await gameServer.join(late)).refused()).toEqual({ status: 503, code: 'draining' });
    await (await gameServer.join(newSession({ madeAt: new Date(Date.now() - 1000).toISOString() }))).seated();
    expect(gameServer.sidecar.count('Shutdown')).toBe(0);
  });

  test('nobody walks in without a token', async () => {
    await gameServer.start({ isDirectAdmission: true });
    gameServer.sidecar.allocate(undefined);
    gameServer.sidecar.drain();
    await until(() => gameServer.sdk.gameServer.annotations.has(DRAIN_ANNOTATION), 'the kit sees it');
    expect(await gameServer.connect('/play').refused()).toEqual({ status: 503, code: 'draining' });
  });
});

describe('reports', () => {
  const reported = (session: SessionDescriptor, step: string) => `regatta-session=${session.sessionId} ${step}`;

  test('the first player of a session is told of once, where the Fleet promises it', async () => {
    gameServer.sidecar.annotations.set(REPORTS_PLAYERS_ANNOTATION, 'true');
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    await until(() => gameServer.sessions.length === 1, 'the session is open');
    expect(gameServer.sidecar.annotationCalls).toEqual([]);
    await (await gameServer.join(session)).seated();
    await (await gameServer.join(session, { playerId: 'bob' })).seated();
    await until(() => gameServer.sdk.gameServer.annotations.has(SESSION_REPORT_ANNOTATION), 'it is told');
    expect(gameServer.sidecar.annotationCalls).toEqual([reported(session, 'joined')]);
  });

  test('a session that is to be confirmed is, when it is open', async () => {
    await gameServer.start();
    const session = newSession({ confirm: true });
    gameServer.sidecar.allocate(session);
    await until(() => gameServer.sidecar.annotationCalls.length === 1, 'it is told');
    expect(gameServer.sidecar.annotationCalls).toEqual([reported(session, 'opened')]);
  });

  test('a session that cannot be opened is not confirmed', async () => {
    await gameServer.start();
    gameServer.cannotOpen = true;
    gameServer.sidecar.allocate(newSession({ confirm: true }));
    await gameServer.running.finished;
    expect(gameServer.sidecar.annotationCalls).toEqual([]);
  });

  test('nothing is told where it does not', async () => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    const ann = await (await gameServer.join(session)).seated();
    ann.socket.send('end');
    await gameServer.running.finished;
    expect(gameServer.sidecar.annotationCalls).toEqual([]);
  });

  test('a report that a gameServer.sidecar forgot is told again', async () => {
    gameServer.sidecar.annotations.set(REPORTS_PLAYERS_ANNOTATION, 'true');
    gameServer.sidecar.losesAnnotations = true;
    await gameServer.start({ stateWaitMs: 100 });
    const session = newSession();
    gameServer.sidecar.allocate(session);
    await (await gameServer.join(session)).seated();
    await until(() => gameServer.sidecar.annotationCalls.length > 1, 'it is told again');
    gameServer.sidecar.losesAnnotations = false;
    await until(() => gameServer.sdk.gameServer.annotations.has(SESSION_REPORT_ANNOTATION), 'it shows');
    expect(new Set(gameServer.sidecar.annotationCalls)).toEqual(new Set([reported(session, 'joined')]));
  });
});

describe('without an allocator', () => {
  test('a player walks in, the kit allocates, others join the same session', async () => {
    await gameServer.start({ isDirectAdmission: true });
    const [ann, bob] = [gameServer.connect('/play?player=ann'), gameServer.connect('/session/any')];
    await Promise.all([ann.seated(), bob.seated()]);
    expect(gameServer.sidecar.state).toBe('Allocated');
    expect(gameServer.sidecar.count('Allocate')).toBe(1);
    expect(gameServer.sessions.length).toBe(1);
    ann.socket.send('hello');
    await until(() => bob.messages.includes('ann: hello'), 'they play together');
  });

  test('is not to be had unless it is configured', async () => {
    await gameServer.start();
    expect(await gameServer.connect('/play').refused()).toEqual({ status: 401, code: 'token_missing' });
    expect(gameServer.sidecar.count('Allocate')).toBe(0);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
