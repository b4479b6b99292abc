import { SESSIONS_LIST } from '../../lib/session.ts';
import { ClusterView } from '../helpers/cluster-view.ts';
import { eventually } from '../helpers/conditions.ts';
import { LocalStack } from '../helpers/local-stack.ts';
import { joinSession, newGame, Sailor } from '../helpers/sailor.ts';

/** As fleets/shared says. */
const CAPACITY = 10;

let local: LocalStack;
let cluster: ClusterView;
let url: string;

beforeAll(async () => {
  local = await LocalStack.start({
    fleets: 'fleets/shared',
    buffer: 1,
    allocatorEnvironment: { SHARED_QUIET_SECONDS: '2' },
    gameServerEnvironment: {
      IDLE_LIMIT_MS: '300',
      BOAT_RACE_WAIT_MS: '100',
      BOAT_RACE_COUNTDOWN_MS: '100',
    },
  });
  ({ url } = local.stack);
  cluster = ClusterView.atUrl(local.stack.apiUrl);
}, 90_000);

afterAll(async () => {
  await local.stop();
}, 30_000);

async function sessionsOn(gameServer: string): Promise<string[]> {
  return (await cluster.gameServer(gameServer))?.status?.lists?.[SESSIONS_LIST]?.values ?? [];
}

async function startRace(player: string) {
  const game = await newGame(url, player, 30);
  const sailor = new Sailor(game.wsUrl);
  const { gameServer } = await sailor.hear('welcome');
  return { ...game, sailor, gameServer };
}

/** Steers, and sees a boat of one's own race move. */
async function sail(sailor: Sailor): Promise<void> {
  sailor.say({ type: 'steer', rudder: 0.2, sheet: 0.8 });
  const first = await sailor.hear('state', ({ phase }) => phase === 'racing');
  const positions = ({ boats }: typeof first) => JSON.stringify(boats.map(([, x, y]) => [x, y]));
  await sailor.hear('state', (state) => state.tick > first.tick + 5 && positions(state) !== positions(first));
}

describe('several sessions on one GameServer', () => {
  it('race side by side, each by itself; a session that ends frees its place and no other notices', async () => {
    const races = [];
    for (const player of ['ann', 'bob', 'cid']) races.push(await startRace(player));
    expect(new Set(races.map(({ gameServer }) => gameServer)).size).toBe(1);
    expect(new Set(races.map(({ sessionId }) => sessionId)).size).toBe(3);
    const [ann, bob, cid] = races;
    if (ann === undefined || bob === undefined || cid === undefined) throw new Error('a race is missing');
    expect(await sessionsOn(ann.gameServer)).toEqual(races.map(({ sessionId }) => sessionId));

    const guest = new Sailor((await joinSession(url, bob.sessionId, 'guest')).wsUrl);
    expect((await guest.hear('welcome')).gameServer).toBe(bob.gameServer);
    guest.say({ type: 'hello', name: 'Guest' });
    await bob.sailor.hear('roster', ({ boats }) => boats.some(({ name }) => name === 'Guest'));
    await Promise.all([ann, bob, cid].map(({ sailor }) => sail(sailor)));

    cid.sailor.leave();
    await eventually('the place of the session that ended is free', 10_000, async () =>
      (await sessionsOn(ann.gameServer)).includes(cid.sessionId) ? undefined : true,
    );
    const { status, body } = await new Sailor(cid.wsUrl).refused();
    expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([410, 'session_over']);
    await Promise.all([ann, bob].map(({ sailor }) => sail(sailor)));
    expect([ann.sailor.closeCode, bob.sailor.closeCode, guest.closeCode]).toEqual([undefined, undefined, undefined]);
    for (const sailor of [ann.sailor, bob.sailor, guest]) sailor.leave();
    await eventually('an empty GameServer is Ready again', 15_000, async () =>
      (await cluster.gameServer(ann.gameServer))?.status?.state === 'Ready' ? true : undefined,
    );
  }, 60_000);

  it('fill one GameServer before the next is used, when many are asked for at once', async () => {
    const games = await Promise.all(
      Array.from({ length: CAPACITY + 2 }, (_, each) => newGame(url, `player-${each}`, 30)),
    );
    const byGameServer = Map.groupBy(games, ({ allocation }) => allocation?.gameServer ?? '');
    expect([...byGameServer.values()].map(({ length }) => length).toSorted((a, b) => b - a)).toEqual([CAPACITY, 2]);
    for (const [gameServer, of] of byGameServer) {
      expect(new Set(await sessionsOn(gameServer))).toEqual(new Set(of.map(({ sessionId }) => sessionId)));
    }
    const sailors = games.map(({ wsUrl }) => new Sailor(wsUrl));
    await Promise.all(sailors.map((sailor) => sailor.hear('state')));
    for (const sailor of sailors) sailor.leave();
  }, 60_000);
});
