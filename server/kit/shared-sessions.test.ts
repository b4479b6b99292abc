import { jest } from '@jest/globals';
import type { SessionDescriptor } from '../../lib/session.ts';
import { until } from './test-conditions.ts';
import { newSession, TestGameServer } from './test-game-server.ts';

jest.setTimeout(20_000);

let gameServer: TestGameServer;

beforeEach(async () => {
  gameServer = new TestGameServer();
  gameServer.sidecar.lists.set('sessions', { capacity: 3, values: [] });
  gameServer.sidecar.annotations.set('regatta.dev/seats', '2');
  await gameServer.sidecar.start();
});

afterEach(() => gameServer.stop());

const shared = (): SessionDescriptor => newSession({ mode: 'shared', seats: 2 });
const put = (...sessions: SessionDescriptor[]): void => {
  gameServer.sidecar.setSessions(sessions.map(({ sessionId }) => sessionId));
};
const listed = () => gameServer.sidecar.lists.get('sessions')?.values ?? [];
const opened = () => gameServer.sessions.map(({ context }) => context.descriptor.sessionId);

async function play(session: SessionDescriptor, playerId = 'ann') {
  return (await gameServer.join(session, { playerId })).seated();
}

describe('a GameServer with the List', () => {
  test('runs the sessions that are in it side by side, and players hear only their own', async () => {
    await gameServer.start();
    const [one, two] = [shared(), shared()];
    put(one, two);
    const [ann, bob] = [await play(one, 'ann'), await play(two, 'bob')];
    ann.socket.send('hello');
    bob.socket.send('ahoy');
    await until(() => ann.messages.includes('ann: hello') && bob.messages.includes('bob: ahoy'), 'they play');
    expect([...ann.messages, ...bob.messages]).toEqual(['seat 0', 'ann: hello', 'seat 0', 'bob: ahoy']);
    expect(gameServer.running.connectedPlayers).toBe(2);
    expect(gameServer.running.phase).toBe('playing');
  });

  test('takes a player who comes back to their own session, and to no other with its secret', async () => {
    await gameServer.start();
    const [one, two] = [shared(), shared()];
    put(one, two);
    const ann = await gameServer.joinResumable(one);
    const { resume } = await ann.seat();
    await ann.seated();
    ann.socket.terminate();
    await until(() => gameServer.running.connectedPlayers === 0, 'the drop is noticed');
    const expired = { resume, after: 1, lifeSeconds: -60 };
    expect(await (await gameServer.joinResumable(two, expired)).closed()).toBe(4002);
    expect(await (await gameServer.joinResumable(one, expired)).seat()).toMatchObject({ resume });
  });

  test('opens a session when it is in the List, with the seats of its Fleet; one of its players more is refused', async () => {
    await gameServer.start();
    const session = shared();
    put(session);
    await until(() => opened().includes(session.sessionId), 'it is open before anybody comes');
    await play(session, 'ann');
    await play(session, 'bob');
    expect(await (await gameServer.join(session, { playerId: 'cid' })).refused()).toEqual({
      status: 409,
      code: 'session_full',
    });
  });

  test('waits for the List when a token is ahead of it', async () => {
    await gameServer.start({ allocationWaitMs: 5000 });
    const session = shared();
    const early = await gameServer.join(session);
    put(session);
    await early.seated();
  });

  test('refuses a token whose session is not in the List', async () => {
    await gameServer.start();
    put(shared());
    expect(await (await gameServer.join(shared())).refused()).toEqual({ status: 403, code: 'token_not_for_session' });
  });

  test('lets what is no session take a place and opens nothing for it', async () => {
    await gameServer.start();
    const session = shared();
    gameServer.sidecar.setSessions(['Not A Session!', session.sessionId]);
    await play(session);
    expect(opened()).toEqual([session.sessionId]);
  });

  test('goes on with the sessions that its predecessor in the Pod had', async () => {
    const session = shared();
    put(session);
    await gameServer.start();
    expect(gameServer.sidecar.calls).toEqual([]);
    await play(session);
  });
});

describe('the end of a shared session', () => {
  test('takes its id off the List, and neither the GameServer nor another session ends', async () => {
    await gameServer.start();
    const [one, two] = [shared(), shared()];
    put(one, two);
    const [ann, bob] = [await play(one, 'ann'), await play(two, 'bob')];
    ann.socket.send('end');
    expect(await ann.closed()).toBe(4000);
    await until(() => listed().length === 1, 'its place is free');
    expect(listed()).toEqual([two.sessionId]);
    expect(await (await gameServer.join(one)).refused()).toEqual({ status: 410, code: 'session_over' });
    bob.socket.send('ahoy');
    await until(() => bob.messages.includes('bob: ahoy'), 'the other goes on');
    expect(gameServer.sidecar.count('Shutdown')).toBe(0);
    expect(gameServer.sidecar.state).toBe('Allocated');
  });

  test.each([
    ['nobody comes', { directJoinMs: 100 }],
    ['it has gone on for too long', { maxSessionMs: 100 }],
  ])('comes when %s', async (_why, limits) => {
    await gameServer.start(limits);
    put(shared());
    await until(() => gameServer.sessions.length === 1 && listed().length === 0, 'its place is free');
  });

  test('comes when somebody takes its id off the List', async () => {
    await gameServer.start();
    const [one, two] = [shared(), shared()];
    put(one, two);
    const [ann, bob] = [await play(one, 'ann'), await play(two, 'bob')];
    put(two);
    expect(await ann.closed()).toBe(4000);
    expect(bob.closeCode).toBeUndefined();
    expect(gameServer.sidecar.count('RemoveListValue')).toBe(0);
  });

  test('is for good, though its id comes back', async () => {
    await gameServer.start();
    const session = shared();
    put(session);
    const ann = await play(session);
    ann.socket.send('end');
    await until(() => listed().length === 0, 'its place is free');
    put(session);
    await until(() => listed().length === 0, 'its place is free again');
    expect(opened()).toEqual([session.sessionId]);
  });

  test('is told again and again until the List shows it', async () => {
    await gameServer.start({ stateWaitMs: 100 });
    const session = shared();
    put(session);
    const ann = await play(session);
    gameServer.sidecar.losesListChanges = true;
    ann.socket.send('end');
    await until(() => gameServer.sidecar.count('RemoveListValue') === 2, 'it was lost twice');
    gameServer.sidecar.stop();
    gameServer.sidecar.losesListChanges = false;
    await gameServer.sidecar.start();
    await until(() => listed().length === 0, 'its place is free');
  });

  test('by a game that throws ends the GameServer only when it was alone', async () => {
    await gameServer.start();
    const [one, two] = [shared(), shared()];
    put(one, two);
    const [ann, bob] = [await play(one, 'ann'), await play(two, 'bob')];
    ann.socket.send('throw');
    expect(await ann.closed()).toBe(4007);
    await until(() => listed().length === 1, 'its place is free');
    bob.socket.send('throw');
    expect(await bob.closed()).toBe(4007);
    await gameServer.running.finished;
    expect(gameServer.sidecar.count('Shutdown')).toBe(1);
  });

  test('comes three hundred times in one process: each once, and nothing grows', async () => {
    await gameServer.start();
    gameServer.sidecar.writeListsAfterMs = 0;
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    let timersAtFirst = 0;
    for (let round = 0; round < 100; round += 1) {
      put(shared(), shared(), shared());
      await until(() => gameServer.sessions.length === 3 * (round + 1), 'they are open');
      for (const { context } of gameServer.sessions.slice(-3)) context.end();
      await until(() => listed().length === 0 && gameServer.running.phase === 'free', 'all are over');
      if (round === 2) timersAtFirst = timers();
      if (round > 2) await until(() => timers() <= timersAtFirst + 3, 'their timers are gone');
    }
    expect(new Set(opened()).size).toBe(300);
    expect(gameServer.sidecar.watchers).toBe(1);
  });
});

describe('a shared GameServer that stops', () => {
  test('lets every session that is in play end within the grace, and tells all players', async () => {
    await gameServer.start({ stopGraceMs: 10_000 });
    const [one, two] = [shared(), shared()];
    put(one, two);
    const [ann, bob] = [await play(one, 'ann'), await play(two, 'bob')];
    for (const session of gameServer.sessions) session.isBusy = true;
    const stopping = gameServer.running.stop();
    ann.socket.send('end');
    expect(await ann.closed()).toBe(4000);
    bob.socket.send('hello');
    await until(() => bob.messages.includes('bob: hello'), 'the other goes on');
    expect(await (await gameServer.join(two)).refused()).toEqual({ status: 503, code: 'draining' });
    for (const session of gameServer.sessions) session.isBusy = false;
    expect(await bob.closed()).toBe(4008);
    await stopping;
    expect(gameServer.sidecar.state).toBe('Shutdown');
  });

  test('takes sessions again after the allocator made it Ready and somebody had it once more', async () => {
    await gameServer.start();
    const first = shared();
    put(first);
    const ann = await play(first);
    ann.socket.send('end');
    await until(() => listed().length === 0, 'its place is free');
    gameServer.sidecar.setSessions([], 'Ready');
    const second = shared();
    put(second);
    await play(second);
    expect(gameServer.sidecar.count('Ready')).toBe(1);
  });
});

describe('without an allocator', () => {
  test('a player walks in, the kit puts a session into the List, others join the same', async () => {
    await gameServer.start({ isDirectAdmission: true });
    const [ann, bob, cid] = ['ann', 'bob', 'cid'].map((name) => gameServer.connect(`/play?player=${name}`));
    await Promise.all([ann?.seated(), bob?.seated(), cid?.seated()]);
    expect(gameServer.sessions).toHaveLength(1);
    expect(listed()).toEqual(opened());
    expect(gameServer.sidecar.state).toBe('Allocated');
    ann?.socket.send('end');
    expect(await bob?.closed()).toBe(4000);
    await until(() => listed().length === 0, 'its place is free');
    await gameServer.connect('/play?player=ann').seated();
    expect(gameServer.sessions).toHaveLength(2);
  });
});

describe('draining a GameServer with the List', () => {
  test('tells each session once, and ends with the last of them', async () => {
    await gameServer.start();
    const [one, two] = [shared(), shared()];
    put(one, two);
    const [ann, bob] = [await play(one, 'ann'), await play(two, 'bob')];
    gameServer.sidecar.drain();
    await until(() => gameServer.sessions.every(({ calls }) => calls.includes('drain')), 'both are told');
    ann.socket.send('end');
    expect(await ann.closed()).toBe(4000);
    expect(gameServer.sidecar.count('Shutdown')).toBe(0);
    bob.socket.send('end');
    await gameServer.running.finished;
    expect(gameServer.sidecar.count('Shutdown')).toBe(1);
    const drains = gameServer.sessions.flatMap(({ calls }) => calls.filter((call) => call === 'drain'));
    expect(drains).toEqual(['drain', 'drain']);
  });

  test('without a session it ends at once', async () => {
    await gameServer.start();
    gameServer.sidecar.drain();
    await gameServer.running.finished;
    expect(gameServer.sessions).toEqual([]);
  });
});
