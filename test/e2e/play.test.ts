import { SESSION_REPORT_ANNOTATION } from '../../lib/session-report.ts';
import { processIdOf } from '../helpers/game-server-process.ts';
import { ClusterView } from '../helpers/cluster-view.ts';
import { eventually } from '../helpers/conditions.ts';
import { playThrough } from '../helpers/journey.ts';
import { LocalStack } from '../helpers/local-stack.ts';
import { joinSession, newGame, Sailor } from '../helpers/sailor.ts';

/** How many games are asked for during the rolling update; REGATTA_NEW_GAMES makes it longer. */
const NEW_GAMES = Number(process.env['REGATTA_NEW_GAMES'] ?? '12');

let local: LocalStack;
let cluster: ClusterView;
let url: string;

beforeAll(async () => {
  local = await LocalStack.start({
    buffer: 3,
    gameServerEnvironment: {
      IDLE_LIMIT_MS: '500',
      BOAT_RACE_WAIT_MS: '300',
      BOAT_RACE_COUNTDOWN_MS: '300',
    },
  });
  ({ url } = local.stack);
  cluster = ClusterView.atUrl(local.stack.apiUrl);
}, 90_000);

afterAll(async () => {
  await local.stop();
}, 30_000);

async function sailInto(wsUrl: string): Promise<{ sailor: Sailor; gameServer: string }> {
  const sailor = new Sailor(wsUrl);
  const { gameServer } = await sailor.hear('welcome');
  return { sailor, gameServer };
}

describe('one click on one machine', () => {
  it('answers a plain POST with a URL on which a plain WebSocket client plays', async () => {
    const answer = await fetch(`${url}/api/new-game`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"playerId":"user123"}',
    });
    expect(answer.status).toBe(201);
    const { sessionId, wsUrl } = (await answer.json()) as { sessionId: string; wsUrl: string };
    expect(wsUrl).toMatch(new RegExp(`^ws://localhost:\\d+/session/${sessionId}\\?token=`));
    const { sailor, gameServer } = await sailInto(wsUrl);
    await sailor.hear('state');
    await eventually('the GameServer tells that its player came', 20_000, async () => {
      const report = (await cluster.gameServer(gameServer))?.metadata.annotations?.[SESSION_REPORT_ANNOTATION];
      return report === `${sessionId} joined` ? true : undefined;
    });
    sailor.leave();
  });

  it('says wss to a client that came by TLS', async () => {
    const answer = await fetch(`${local.stack.allocatorUrl}/api/new-game`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-forwarded-host': 'play.example.com',
        'x-forwarded-proto': 'https',
      },
      body: '{"playerId":"user123"}',
    });
    expect(answer.status).toBe(201);
    expect(((await answer.json()) as { wsUrl: string }).wsUrl).toMatch(/^wss:\/\/play\.example\.com\/session\//);
  });

  it('allocates, plays, ends by Shutdown when everybody has left, and the Fleet replaces the GameServer', async () => {
    const { ticksSeen } = await playThrough(url, cluster, 30_000);
    expect(ticksSeen).toBeGreaterThanOrEqual(20);
  }, 60_000);

  it('seats two players in one race by invitation', async () => {
    const game = await newGame(url, 'host');
    const host = await sailInto(game.wsUrl);
    const invitation = await joinSession(url, game.sessionId, 'guest');
    const guest = await sailInto(invitation.wsUrl);
    expect(guest.gameServer).toBe(host.gameServer);
    guest.sailor.say({ type: 'hello', name: 'Guest' });
    await host.sailor.hear('roster', ({ boats }) => boats.some(({ name }) => name === 'Guest'));
    host.sailor.leave();
    guest.sailor.leave();
  });

  it('moves a seat to the newer connection and tells the older one', async () => {
    const { wsUrl } = await newGame(url, 'user123');
    const first = await sailInto(wsUrl);
    const second = await sailInto(wsUrl);
    expect(await first.sailor.closed()).toBe(4001);
    await second.sailor.hear('state');
    second.sailor.leave();
  });

  it('refuses a forged token, a token of another session and an upgrade without one, before any game sees them', async () => {
    const { wsUrl } = await newGame(url, 'user123');
    const other = await newGame(url, 'user456');
    const forged = new URL(wsUrl);
    const token = forged.searchParams.get('token') ?? '';
    forged.searchParams.set('token', `${token.slice(0, -4)}AAAA`);
    const swapped = new URL(wsUrl);
    swapped.searchParams.set('token', new URL(other.wsUrl).searchParams.get('token') ?? '');
    const bare = new URL(wsUrl);
    bare.search = '';
    const codes = await Promise.all(
      [forged, swapped, bare].map(async (address) => {
        const { status, body } = await new Sailor(address.href).refused();
        return [status, (JSON.parse(body) as { code: string }).code];
      }),
    );
    expect(codes).toEqual([
      [401, 'token_invalid'],
      [403, 'token_not_for_session'],
      [401, 'token_missing'],
    ]);
  });

  it('names the fault of a bad request and allocates nothing', async () => {
    const allocated = async (): Promise<number> =>
      (await cluster.gameServers()).filter(({ status }) => status?.state === 'Allocated').length;
    const before = await allocated();
    const ask = async (body: string, type = 'application/json'): Promise<[number, string]> => {
      const answer = await fetch(`${url}/api/new-game`, { method: 'POST', headers: { 'content-type': type }, body });
      return [answer.status, ((await answer.json()) as { code: string }).code];
    };
    expect(await ask('')).toEqual([400, 'invalid_request']);
    expect(await ask('{')).toEqual([400, 'invalid_json']);
    expect(await ask('{"playerId":7}')).toEqual([400, 'invalid_request']);
    expect(await ask(JSON.stringify({ playerId: 'x'.repeat(500) }))).toEqual([400, 'invalid_request']);
    expect(await ask('{"playerId":"a","game":"chess"}')).toEqual([404, 'unknown_game']);
    expect(await ask(JSON.stringify({ playerId: 'x'.repeat(100_000) }))).toEqual([413, 'body_too_large']);
    expect(await ask('playerId=a', 'text/plain')).toEqual([415, 'unsupported_media_type']);
    expect((await fetch(`${url}/api/new-game`)).status).toBe(405);
    // Sessions of the tests before may end meanwhile; none may have been added.
    expect(await allocated()).toBeLessThanOrEqual(before);
  });
});

describe('when things break', () => {
  it('tells the players of a game server that was killed, replaces it, and no other session notices', async () => {
    const doomed = await newGame(url, 'doomed');
    const unharmed = await newGame(url, 'unharmed');
    const { sailor, gameServer } = await sailInto(doomed.wsUrl);
    const neighbour = await sailInto(unharmed.wsUrl);
    await neighbour.sailor.hear('state');

    process.kill(processIdOf(local.stateDirectory, gameServer), 'SIGKILL');
    expect(await sailor.closed(2000)).toBe(4007);
    await eventually('the killed GameServer is replaced', 5000, async () => {
      const gameServers = await cluster.gameServers();
      const isGone = gameServers.every(({ metadata }) => metadata.name !== gameServer);
      return isGone && gameServers.some(({ status }) => status?.state === 'Ready') ? true : undefined;
    });

    const again = await sailInto((await newGame(url, 'doomed')).wsUrl);
    await again.sailor.hear('state');
    const { tick } = await neighbour.sailor.hear('state');
    await neighbour.sailor.hear('state', (state) => state.tick > tick);
    expect(neighbour.sailor.closeCode).toBeUndefined();
    again.sailor.leave();
    neighbour.sailor.leave();
  }, 30_000);

  it(
    `rolls out a new version while races run and ${NEW_GAMES} games are asked for, and none fails`,
    async () => {
      const running = await sailInto((await newGame(url, 'runner')).wsUrl);
      const versionOf = async (name: string): Promise<string | undefined> =>
        (await cluster.gameServer(name))?.metadata.labels?.['version'];
      const fleetUrl = `${local.stack.apiUrl}/apis/agones.dev/v1/namespaces/default/fleets/boat-race`;
      const patched = await fetch(fleetUrl, {
        method: 'PATCH',
        headers: { 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify({ spec: { template: { metadata: { labels: { version: 'two' } } } } }),
      });
      expect(patched.status).toBe(200);

      const versions: (string | undefined)[] = [];
      for (let count = 0; count < NEW_GAMES; count += 1) {
        const { sailor, gameServer } = await sailInto((await newGame(url, `player-${count}`, 30)).wsUrl);
        versions.push(await versionOf(gameServer));
        sailor.leave();
      }
      expect(versions).toHaveLength(NEW_GAMES);
      expect(versions.at(-1)).toBe('two');
      // The race that ran before the update goes on, on the old version.
      expect(await versionOf(running.gameServer)).toBeUndefined();
      const seen = await running.sailor.hear('state');
      await running.sailor.hear('state', ({ tick }) => tick > seen.tick + 20);
      expect(running.sailor.closeCode).toBeUndefined();
      running.sailor.leave();
    },
    60_000 + NEW_GAMES * 5_000,
  );
});
