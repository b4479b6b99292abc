import type { SessionDescriptor } from '../../lib/session.ts';
import { until } from './test-conditions.ts';
import { newSession, TestGameServer } from './test-game-server.ts';

let gameServer: TestGameServer;
beforeEach(async () => {
  gameServer = new TestGameServer();
  await gameServer.sidecar.start();
});
afterEach(() => gameServer.stop());

const stopped = ({ sessionId }: SessionDescriptor): string => `regatta-session=${sessionId} stopped`;

/** What Agones was told of sessions by the time it was told Shutdown. */
async function toldBeforeShutdown(): Promise<string[]> {
  let told: string[] = [];
  await until(() => {
    told = [...gameServer.sidecar.annotationCalls];
    return gameServer.sidecar.count('Shutdown') === 1;
  }, 'Agones is told Shutdown');
  return told;
}

describe('a session that is cut short', () => {
  test('by a stop is told of before Shutdown, and its players hear that the GameServer is shut down', async () => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    const ann = await (await gameServer.join(session)).seated();
    void gameServer.running.stop();
    expect(await toldBeforeShutdown()).toEqual([stopped(session)]);
    expect(await ann.closed()).toBe(4008);
  });

  test('by a fault of its game is told of too, and its players hear that it was lost', async () => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    const ann = await (await gameServer.join(session)).seated();
    ann.socket.send('throw');
    expect(await toldBeforeShutdown()).toEqual([stopped(session)]);
    expect(await ann.closed()).toBe(4007);
  });

  test('is nothing to tell of when nobody was in it', async () => {
    await gameServer.start();
    gameServer.sidecar.allocate(newSession());
    await until(() => gameServer.sessions.length === 1, 'the session is open');
    void gameServer.running.stop();
    expect(await toldBeforeShutdown()).toEqual([]);
  });

  test('is not one that its game ended', async () => {
    await gameServer.start();
    const session = newSession();
    gameServer.sidecar.allocate(session);
    const ann = await (await gameServer.join(session)).seated();
    ann.socket.send('end');
    expect(await toldBeforeShutdown()).toEqual([]);
    expect(await ann.closed()).toBe(4000);
  });
});
