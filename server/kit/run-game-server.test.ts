import { createServer } from 'node:net';
import { request } from 'node:http';
import { jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { systemClock } from '../../lib/clock.ts';
import { JoinTokenIssuer, SeatVerifier } from '../../lib/join-token.ts';
import { generateKeys, parseKeySet } from '../../lib/key-set.ts';
import { silentLogger } from '../../lib/logger.ts';
import { SESSION_REPORT_ANNOTATION } from '../../lib/session-report.ts';
import { DRAIN_ANNOTATION, REPORTS_PLAYERS_ANNOTATION } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { AgonesSdk } from './agones-sdk.ts';
import type { Game, GameSession, Player, SessionContext } from './game.ts';
import type { KitConfig } from './kit-config.ts';
import { runGameServer } from './run-game-server.ts';
import type { RunningGameServer } from './run-game-server.ts';
import { until } from './test-conditions.ts';
import { TestSidecar } from './test-sidecar.ts';

jest.setTimeout(20_000);

/** Repeats what it is told, and notes what the kit calls. */
class EchoSession implements GameSession {
  readonly calls: string[] = [];
  isBusy = false;
  readonly context: SessionContext;

  constructor(context: SessionContext) {
    this.context = context;
  }

  join(player: Player): void {
    this.calls.push(`join ${player.playerId} ${player.seat}`);
    player.send(`seat ${player.seat}`);
  }

  disconnect({ playerId }: Player): void {
    this.calls.push(`disconnect ${playerId}`);
  }

  leave({ playerId }: Player): void {
    this.calls.push(`leave ${playerId}`);
  }

  message(player: Player, text: string): boolean {
    if (text === 'nonsense') return false;
    if (text === 'throw') throw new Error('the game is broken');
    if (text === 'end') this.context.end();
    else if (text === 'flood') for (let index = 0; index < 2000; index += 1) player.send('x'.repeat(10_000));
    else this.context.broadcast(`${player.playerId}: ${text}`);
    return true;
  }

  isInPlay(): boolean {
    return this.isBusy;
  }

  drain(): void {
    this.calls.push('drain');
  }
}

const keys = generateKeys();
const otherKeys = generateKeys();
const baseConfig: KitConfig = {
  port: 0,
  portName: 'game',
  host: '127.0.0.1',
  endPolicy: 'Shutdown',
  isDirectAdmission: false,
  directSeats: 4,
  allocationWaitMs: 200,
  stateWaitMs: 1000,
  seatGraceMs: 5000,
  idleLimitMs: 5000,
  directJoinMs: 5000,
  maxSessionMs: 60_000,
  stopGraceMs: 0,
  terminationWaitMs: 50,
  closeWaitMs: 500,
  pingIntervalMs: 5000,
  maxQueuedBytes: 100_000,
  maxMessagesPerSecond: 1000,
  maxBadMessages: 3,
  maxConnections: 100,
};

let sidecar: TestSidecar;
let sdk: AgonesSdk;
let gameServer: RunningGameServer;
let sessions: EchoSession[];
let clients: Client[];
let sessionNumber = 0;
let cannotOpen = false;

function newSession(options: Partial<SessionDescriptor> = {}): SessionDescriptor {
  sessionNumber += 1;
  return {
    version: 1,
    sessionId: `session${String(sessionNumber).padStart(12, '0')}`,
    game: 'echo',
    mode: 'exclusive',
    seats: 8,
    madeAt: new Date(Date.now() + sessionNumber).toISOString(),
    joinBy: new Date(Date.now() + 30_000).toISOString(),
    ...options,
  };
}

async function start(options: Partial<KitConfig> = {}): Promise<void> {
  sdk = await AgonesSdk.connect({
    grpcPort: sidecar.port,
    connectBudgetMs: 5000,
    callDeadlineMs: 1000,
    minBackoffMs: 20,
    maxBackoffMs: 100,
    healthStreamMaxAgeMs: 60_000,
    clock: systemClock,
    logger: silentLogger,
  });
  const game: Game = {
    name: 'echo',
    maxSeats: 100,
    maxMessageBytes: 64,
    open(context) {
      if (cannotOpen) throw new Error('the game cannot open');
      const session = new EchoSession(context);
      sessions.push(session);
      return session;
    },
  };
  gameServer = await runGameServer({
    game,
    sdk,
    seatCheck: new SeatVerifier(parseKeySet(keys.verifying, 'verify', 'keys')),
    config: { ...baseConfig, ...options },
    logger: silentLogger,
    clock: systemClock,
  });
}

interface TokenOptions {
  playerId?: string;
  gameServerUid?: string;
  lifeSeconds?: number;
  signing?: string;
}

async function seatToken(session: SessionDescriptor, options: TokenOptions = {}): Promise<string> {
  const { playerId = 'ann', gameServerUid = sidecar.uid, lifeSeconds = 60, signing = keys.signing } = options;
  const issuer = new JoinTokenIssuer({
    sealing: parseKeySet(keys.sealing, 'seal', 'keys'),
    signing: parseKeySet(signing, 'sign', 'keys'),
  });
  const expiresAtSeconds = Math.floor(Date.now() / 1000) + lifeSeconds;
  const tokens = await issuer.issue({ playerId, gameServerUid, expiresAtSeconds, session }, { address: '', port: 1 });
  return tokens.seatToken;
}

/** A player's end of a connection, or the refusal it met. */
class Client {
  readonly messages: string[] = [];
  closeCode: number | undefined;
  refusal: { status: number; code: string } | undefined;
  readonly socket: WebSocket;

  constructor(path: string, headers: Record<string, string> = {}, port = gameServer.port) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers, perMessageDeflate: false });
    this.socket.on('message', (data: Buffer) => this.messages.push(data.toString()));
    this.socket.on('close', (code) => (this.closeCode = code));
    this.socket.on('error', () => {});
    this.socket.on('unexpected-response', (_, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        const { code } = JSON.parse(body) as { code: string };
        this.refusal = { status: response.statusCode ?? 0, code };
      });
    });
    clients.push(this);
  }

  async seated(): Promise<this> {
    await until(() => this.messages.length > 0 || this.refusal !== undefined, 'a seat or a refusal');
    expect(this.refusal).toBeUndefined();
    return this;
  }

  async refused(): Promise<{ status: number; code: string }> {
    await until(() => this.refusal !== undefined || this.messages.length > 0, 'a refusal');
    return this.refusal ?? { status: 101, code: '' };
  }

  async closed(): Promise<number | undefined> {
    await until(() => this.closeCode !== undefined, 'the connection is closed');
    return this.closeCode;
  }
}

async function join(session: SessionDescriptor, options: TokenOptions = {}): Promise<Client> {
  return new Client(`/session/${session.sessionId}?token=${await seatToken(session, options)}`);
}

async function get(path: string): Promise<{ status: number; body: string; type: string | undefined }> {
  return new Promise((resolve, reject) => {
    const call = request({ port: gameServer.port, host: '127.0.0.1', path, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body, type: response.headers['content-type'] });
      });
    });
    call.on('error', reject);
    call.end();
  });
}

beforeEach(async () => {
  sidecar = new TestSidecar();
  sessions = [];
  cannotOpen = false;
  clients = [];
  await sidecar.start();
});

afterEach(async () => {
  for (const client of clients) client.socket.terminate();
  await gameServer.stop();
  sdk.close();
  sidecar.stop();
});

describe('becoming Ready', () => {
  test('listens on the port of its GameServer and becomes Ready', async () => {
    const port = await freePort();
    sidecar.ports = [
      { name: 'other', port: 1 },
      { name: 'game', port },
    ];
    await start({ port: undefined });
    expect(gameServer.port).toBe(port);
    expect(sidecar.state).toBe('Ready');
    expect((await get('/healthz')).status).toBe(200);
  });

  test('waits for its port when it starts before Agones has written it down', async () => {
    const starting = start({ port: undefined, stateWaitMs: 5000 });
    await until(() => sidecar.watchers === 1, 'it is connected');
    sidecar.ports = [{ name: 'game', port: await freePort() }];
    sidecar.tell();
    await starting;
    expect(gameServer.port).toBe(sidecar.ports[0]?.port);
  });

  test('asks again when Ready was lost with the sidecar', async () => {
    sidecar.losesReady = true;
    const starting = start({ stateWaitMs: 100 });
    await until(() => sidecar.count('Ready') === 1, 'Ready is asked for');
    sidecar.losesReady = false;
    await starting;
    expect(sidecar.state).toBe('Ready');
  });

  test('does not ask for Ready when it is Allocated already', async () => {
    const session = newSession();
    sidecar.allocate(session);
    await start();
    expect(sidecar.calls).toEqual([]);
    await (await join(session)).seated();
  });
});

describe('refusals before the upgrade', () => {
  test.each([
    ['no token', 401, 'token_missing', async (s: SessionDescriptor) => new Client(`/session/${s.sessionId}`)],
    ['nonsense', 401, 'token_invalid', async (s: SessionDescriptor) => new Client(`/session/${s.sessionId}?token=abc`)],
    ['a forged token', 401, 'token_invalid', (s: SessionDescriptor) => join(s, { signing: otherKeys.signing })],
    ['an expired token', 401, 'token_expired', (s: SessionDescriptor) => join(s, { lifeSeconds: -60 })],
    [
      'a token for another GameServer',
      403,
      'token_not_for_game_server',
      (s: SessionDescriptor) => join(s, { gameServerUid: 'other' }),
    ],
    ['a token for another session', 403, 'token_not_for_session', () => join(newSession())],
    ['a token for another game', 403, 'token_not_for_session', () => join(newSession({ game: 'chess' }))],
    [
      'a token for another session than the path',
      403,
      'token_not_for_session',
      async (s: SessionDescriptor) => new Client(`/session/other?token=${await seatToken(s)}`),
    ],
    ['a path that is none', 404, 'not_found', async () => new Client('/elsewhere')],
  ])('%s', async (_, status, code, knock) => {
    await start();
    const session = newSession();
    sidecar.allocate(session);
    await until(() => sessions.length === 1, 'the session is open');
    expect(await (await knock(session)).refused()).toEqual({ status, code });
    expect(sessions[0]?.calls).toEqual([]);
    await (await join(session)).seated();
  });

  test('plain HTTP gets problem documents', async () => {
    await start();
    const asked = await get('/session/abc');
    expect(asked).toMatchObject({ status: 426, type: 'application/problem+json' });
    expect(JSON.parse(asked.body)).toMatchObject({ code: 'upgrade_required' });
    expect((await get('/elsewhere')).status).toBe(404);
  });

  test('more players than seats, all at once: exactly the seats are taken', async () => {
    await start();
    const session = newSession({ seats: 8 });
    sidecar.allocate(session);
    const players = await Promise.all(
      Array.from({ length: 20 }, (_, index) => join(session, { playerId: `player-${index}` })),
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
    await start();
    const session = newSession({ seats: 1 });
    sidecar.allocate(session);
    await until(() => sessions.length === 1, 'the session is open');
    const path = `/session/${session.sessionId}?token=${await seatToken(session, { playerId: 'bob' })}`;
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'short' };
      const call = request({ port: gameServer.port, host: '127.0.0.1', path, headers, agent: false });
      call.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      call.on('error', reject);
      call.end();
    });
    expect(status).toBe(400);
    await (await join(session)).seated();
  });
});

describe('a token and what the SDK shows', () => {
  test('a token that is here before the watch event waits for it', async () => {
    await start({ allocationWaitMs: 5000 });
    const session = newSession();
    const early = await join(session);
    sidecar.allocate(session);
    await early.seated();
    expect(sessions[0]?.context.descriptor).toEqual(session);
  });

  test('a player who is here before the kit hears that it is Ready waits for it, too', async () => {
    const port = await freePort();
    // Ready is written and allocated at once, and the watch is slow to tell.
    sidecar.losesReady = true;
    const starting = start({ port, allocationWaitMs: 10_000, stateWaitMs: 10_000 });
    await until(() => sidecar.count('Ready') === 1, 'Ready is asked for');
    const session = newSession();
    const early = new Client(`/session/${session.sessionId}?token=${await seatToken(session)}`, {}, port);
    // Whoever came before this is at the door by now.
    await fetch(`http://127.0.0.1:${port}/healthz`);
    sidecar.allocate(session);
    await starting;
    await early.seated();
    expect(sessions.map(({ context }) => context.descriptor)).toEqual([session]);
    early.socket.send('end');
    await gameServer.finished;
    expect(sidecar.calls).toEqual(['Ready', 'Shutdown']);
  });

  test('a claim takes its session from the token', async () => {
    await start();
    sidecar.allocate(undefined);
    const session = newSession();
    await (await join(session)).seated();
    expect(sessions[0]?.context.descriptor).toEqual(session);
  });

  test('a token alone does not open a session on a GameServer that is not Allocated', async () => {
    await start();
    expect(await (await join(newSession())).refused()).toEqual({ status: 403, code: 'token_not_for_session' });
    expect(sessions).toEqual([]);
  });

  test('an allocation that changes only its time and session is noticed: the older session ends', async () => {
    await start();
    const older = newSession();
    sidecar.allocate(older);
    const ann = await (await join(older)).seated();
    const newer = newSession();
    sidecar.allocate(newer);
    expect(await ann.closed()).toBe(4000);
    await (await join(newer)).seated();
    expect(await (await join(older)).refused()).toEqual({ status: 410, code: 'session_over' });
  });

  test('a bearer token is as good as one in the URL', async () => {
    await start();
    const session = newSession();
    sidecar.allocate(session);
    const authorization = `Bearer ${await seatToken(session)}`;
    await new Client(`/session/${session.sessionId}`, { authorization }).seated();
  });
});

describe('seats', () => {
  test('the same player again: the seat moves to the newer connection', async () => {
    await start();
    const session = newSession({ seats: 1 });
    sidecar.allocate(session);
    const older = await (await join(session)).seated();
    const newer = await (await join(session)).seated();
    expect(await older.closed()).toBe(4001);
    newer.socket.send('hello');
    await until(() => newer.messages.includes('ann: hello'), 'the newer connection plays');
    expect(gameServer.connectedPlayers).toBe(1);
    expect(sessions[0]?.calls).toEqual(['join ann 0', 'join ann 0']);
  });

  test('a dropped player keeps the seat and comes back to it with the same token', async () => {
    await start();
    const session = newSession({ seats: 1 });
    sidecar.allocate(session);
    const first = await (await join(session)).seated();
    first.socket.terminate();
    await until(() => gameServer.connectedPlayers === 0, 'the drop is noticed');
    expect(await (await join(session, { playerId: 'bob' })).refused()).toEqual({ status: 409, code: 'session_full' });
    await (await join(session)).seated();
    expect(sessions[0]?.calls).toEqual(['join ann 0', 'disconnect ann', 'join ann 0']);
  });

  test('after its grace a seat goes to the next player', async () => {
    await start({ seatGraceMs: 50 });
    const session = newSession({ seats: 1 });
    sidecar.allocate(session);
    const first = await (await join(session)).seated();
    first.socket.terminate();
    await until(() => sessions[0]?.calls.includes('leave ann') === true, 'the seat is given up');
    await (await join(session, { playerId: 'bob' })).seated();
  });
});

describe('connections are held to bounds', () => {
  async function player(options: Partial<KitConfig> = {}): Promise<Client> {
    await start(options);
    const session = newSession();
    sidecar.allocate(session);
    return (await join(session)).seated();
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

  test('a player who does not read', async () => {
    const ann = await player();
    ann.socket.pause();
    ann.socket.send('flood');
    await until(() => gameServer.connectedPlayers === 0, 'the slow player is let go');
    ann.socket.resume();
    expect([1006, 4006]).toContain(await ann.closed());
  });

  test('a player who is gone without a word', async () => {
    const ann = await player({ pingIntervalMs: 50 });
    ann.socket.pause();
    await until(() => gameServer.connectedPlayers === 0, 'the dead connection is cut');
  });

  test('a game that throws ends its session, not the process', async () => {
    const ann = await player();
    ann.socket.send('throw');
    expect(await ann.closed()).toBe(4007);
    await gameServer.finished;
    expect(sidecar.count('Shutdown')).toBe(1);
  });
});

describe('the end of a session', () => {
  test('the game ends it: players are sent away, Agones is told once, and then it waits for SIGTERM, but not for ever', async () => {
    await start();
    const session = newSession();
    sidecar.allocate(session);
    const ann = await (await join(session)).seated();
    sidecar.answerAfterMs = 50;
    ann.socket.send('end');
    expect(await ann.closed()).toBe(4000);
    expect(await (await join(session)).refused()).toEqual({ status: 503, code: 'draining' });
    await gameServer.finished;
    await gameServer.stop();
    expect(sidecar.count('Shutdown')).toBe(1);
  });

  test('nobody comes by the time the session says', async () => {
    await start();
    sidecar.allocate(newSession({ joinBy: new Date(Date.now() + 100).toISOString() }));
    await until(() => sidecar.count('Shutdown') === 1, 'the no-show ends it');
  });

  test('everybody has gone for too long', async () => {
    await start({ idleLimitMs: 50 });
    const session = newSession();
    sidecar.allocate(session);
    (await (await join(session)).seated()).socket.close();
    await until(() => sidecar.count('Shutdown') === 1, 'the idle session ends');
  });

  test('it has gone on for too long', async () => {
    await start({ maxSessionMs: 200 });
    const session = newSession();
    sidecar.allocate(session);
    expect(await (await (await join(session)).seated()).closed()).toBe(4000);
  });

  test('back to Ready, session after session: each once, and nothing grows', async () => {
    await start({ endPolicy: 'Ready' });
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    let timersAtFirst = 0;
    for (let round = 0; round < 20; round += 1) {
      const session = newSession();
      sidecar.allocate(session);
      const ann = await (await join(session)).seated();
      if (round === 2) timersAtFirst = timers();
      if (round > 2) expect(timers()).toBeLessThanOrEqual(timersAtFirst + 3);
      ann.socket.send('end');
      expect(await ann.closed()).toBe(4000);
      await until(() => gameServer.phase === 'free', 'it is free again');
      expect(await (await join(session)).refused()).toEqual({ status: 410, code: 'session_over' });
    }
    expect(sessions.length).toBe(20);
    expect(sidecar.count('Ready')).toBe(21);
    expect(sidecar.count('Shutdown')).toBe(0);
    expect(sidecar.watchers).toBe(1);
  });

  test('an old descriptor on a GameServer that is a claim again is not a session', async () => {
    await start({ endPolicy: 'Ready' });
    const old = newSession();
    sidecar.allocate(old);
    const ann = await (await join(old)).seated();
    ann.socket.send('end');
    await until(() => gameServer.phase === 'free', 'it is free again');
    sidecar.allocate(undefined);
    const next = newSession();
    await (await join(next)).seated();
    expect(sessions.map(({ context }) => context.descriptor.sessionId)).toEqual([old.sessionId, next.sessionId]);
  });

  test('an allocation made while the sidecar was away is noticed', async () => {
    await start();
    const session = newSession();
    sidecar.stop();
    sidecar.allocate(session);
    await sidecar.start();
    await until(() => sessions.length === 1, 'the session is open');
    await (await join(session)).seated();
  });
});

describe('a stop', () => {
  test('players are told, newcomers refused, Agones told once and last', async () => {
    await start();
    const session = newSession();
    sidecar.allocate(session);
    const ann = await (await join(session)).seated();
    sidecar.answerAfterMs = 100;
    const stopping = gameServer.stop();
    expect(await (await join(session, { playerId: 'bob' })).refused()).toEqual({ status: 503, code: 'draining' });
    expect(await ann.closed()).toBe(4008);
    await stopping;
    await gameServer.stop();
    expect(sidecar.calls).toEqual(['Ready', 'Shutdown']);
    expect(sidecar.state).toBe('Shutdown');
  });

  test('a game that cannot open a session ends the GameServer, not the process', async () => {
    await start();
    cannotOpen = true;
    const session = newSession();
    sidecar.allocate(session);
    await until(() => sidecar.count('Shutdown') === 1, 'the GameServer ends');
    expect(await (await join(session)).refused()).toEqual({ status: 503, code: 'draining' });
  });

  test('a session in play is let end within the grace', async () => {
    await start({ stopGraceMs: 10_000 });
    const session = newSession();
    sidecar.allocate(session);
    const ann = await (await join(session)).seated();
    const [played] = sessions;
    if (played !== undefined) played.isBusy = true;
    const stopping = gameServer.stop();
    ann.socket.send('hello');
    await until(() => ann.messages.includes('ann: hello'), 'play goes on');
    ann.socket.send('end');
    expect(await ann.closed()).toBe(4000);
    await stopping;
    expect(sidecar.count('Shutdown')).toBe(1);
  });

  test('Shutdown is repeated until a sidecar that restarts hears it', async () => {
    await start();
    sidecar.stop();
    const stopping = gameServer.stop();
    await sidecar.start();
    await stopping;
    expect(sidecar.state).toBe('Shutdown');
  });
});

describe('draining', () => {
  test.each(['Shutdown', 'Ready'] as const)(
    'the session goes on, is told once, and ends with the GameServer: end policy %s',
    async (endPolicy) => {
      await start({ endPolicy });
      const session = newSession();
      sidecar.allocate(session);
      const ann = await (await join(session)).seated();
      sidecar.drain();
      await until(() => sessions[0]?.calls.includes('drain') === true, 'the game is told');
      sidecar.tell();
      await (await join(session, { playerId: 'bob' })).seated();
      ann.socket.send('end');
      expect(await ann.closed()).toBe(4000);
      await gameServer.finished;
      expect(sidecar.calls).toEqual(['Ready', 'Shutdown']);
      expect(sessions[0]?.calls.filter((call) => call === 'drain')).toEqual(['drain']);
    },
  );

  test('a GameServer without a session ends at once', async () => {
    await start({ endPolicy: 'Ready' });
    sidecar.drain();
    await gameServer.finished;
    expect(sidecar.calls).toEqual(['Ready', 'Shutdown']);
    expect(sessions).toEqual([]);
  });

  test('a session that was made before is opened, though both are seen at once', async () => {
    await start();
    const session = newSession({ madeAt: new Date(Date.now() - 1000).toISOString() });
    sidecar.annotations.set(DRAIN_ANNOTATION, new Date().toISOString());
    sidecar.allocate(session);
    await (await join(session)).seated();
    expect(sidecar.count('Shutdown')).toBe(0);
  });

  test('a session that was made later is not opened, and the GameServer ends', async () => {
    await start();
    sidecar.annotations.set(DRAIN_ANNOTATION, new Date().toISOString());
    const session = newSession({ madeAt: new Date(Date.now() + 60_000).toISOString() });
    sidecar.allocate(session);
    await until(() => sidecar.count('Shutdown') === 1, 'the GameServer ends');
    expect(await (await join(session)).refused()).toEqual({ status: 503, code: 'draining' });
    expect(sessions).toEqual([]);
  });

  test('a claim waits for the session it may be bound to, and opens no later one', async () => {
    await start();
    sidecar.allocate(undefined);
    sidecar.drain();
    const late = newSession({ madeAt: new Date(Date.now() + 60_000).toISOString() });
    expect(await (await join(late)).refused()).toEqual({ status: 503, code: 'draining' });
    await (await join(newSession({ madeAt: new Date(Date.now() - 1000).toISOString() }))).seated();
    expect(sidecar.count('Shutdown')).toBe(0);
  });

  test('nobody walks in without a token', async () => {
    await start({ isDirectAdmission: true });
    sidecar.allocate(undefined);
    sidecar.drain();
    await until(() => sdk.gameServer.annotations.has(DRAIN_ANNOTATION), 'the kit sees it');
    expect(await new Client('/play').refused()).toEqual({ status: 503, code: 'draining' });
  });
});

describe('reports', () => {
  const reported = (session: SessionDescriptor, step: string) => `regatta-session=${session.sessionId} ${step}`;

  test('the first player of a session is told of once, where the Fleet promises it', async () => {
    sidecar.annotations.set(REPORTS_PLAYERS_ANNOTATION, 'true');
    await start();
    const session = newSession();
    sidecar.allocate(session);
    await until(() => sessions.length === 1, 'the session is open');
    expect(sidecar.annotationCalls).toEqual([]);
    await (await join(session)).seated();
    await (await join(session, { playerId: 'bob' })).seated();
    await until(() => sdk.gameServer.annotations.has(SESSION_REPORT_ANNOTATION), 'it is told');
    expect(sidecar.annotationCalls).toEqual([reported(session, 'joined')]);
  });

  test('a session that is to be confirmed is, when it is open', async () => {
    await start();
    const session = newSession({ confirm: true });
    sidecar.allocate(session);
    await until(() => sidecar.annotationCalls.length === 1, 'it is told');
    expect(sidecar.annotationCalls).toEqual([reported(session, 'opened')]);
  });

  test('a session that cannot be opened is not confirmed', async () => {
    await start();
    cannotOpen = true;
    sidecar.allocate(newSession({ confirm: true }));
    await gameServer.finished;
    expect(sidecar.annotationCalls).toEqual([]);
  });

  test('nothing is told where it does not', async () => {
    await start();
    const session = newSession();
    sidecar.allocate(session);
    const ann = await (await join(session)).seated();
    ann.socket.send('end');
    await gameServer.finished;
    expect(sidecar.annotationCalls).toEqual([]);
  });

  test('a report that a sidecar forgot is told again', async () => {
    sidecar.annotations.set(REPORTS_PLAYERS_ANNOTATION, 'true');
    sidecar.losesAnnotations = true;
    await start({ stateWaitMs: 100 });
    const session = newSession();
    sidecar.allocate(session);
    await (await join(session)).seated();
    await until(() => sidecar.annotationCalls.length > 1, 'it is told again');
    sidecar.losesAnnotations = false;
    await until(() => sdk.gameServer.annotations.has(SESSION_REPORT_ANNOTATION), 'it shows');
    expect(new Set(sidecar.annotationCalls)).toEqual(new Set([reported(session, 'joined')]));
  });
});

describe('without an allocator', () => {
  test('a player walks in, the kit allocates, others join the same session', async () => {
    await start({ isDirectAdmission: true });
    const [ann, bob] = [new Client('/play?player=ann'), new Client('/session/any')];
    await Promise.all([ann.seated(), bob.seated()]);
    expect(sidecar.state).toBe('Allocated');
    expect(sidecar.count('Allocate')).toBe(1);
    expect(sessions.length).toBe(1);
    ann.socket.send('hello');
    await until(() => bob.messages.includes('ann: hello'), 'they play together');
  });

  test('is not to be had unless it is configured', async () => {
    await start();
    expect(await new Client('/play').refused()).toEqual({ status: 401, code: 'token_missing' });
    expect(sidecar.count('Allocate')).toBe(0);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
