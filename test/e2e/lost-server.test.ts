import { Play } from '../../web/play.ts';
import { ClusterView } from '../helpers/cluster-view.ts';
import { eventually } from '../helpers/conditions.ts';
import { processIdOf } from '../helpers/game-server-process.ts';
import { LocalStack } from '../helpers/local-stack.ts';

const DEADLINE_MS = 30_000;

let local: LocalStack;
let cluster: ClusterView;
let pages: Play[] = [];

beforeAll(async () => {
  local = await LocalStack.start({
    buffer: 3,
    gameServerEnvironment: { BOAT_RACE_WAIT_MS: '600000', STOP_GRACE_MS: '0' },
  });
  cluster = ClusterView.atUrl(local.stack.apiUrl);
}, 90_000);

afterAll(async () => {
  await local.stop();
}, 30_000);

afterEach(() => {
  for (const page of pages) page.goHome();
  pages = [];
});

/** A page without its pixels. */
function openPage(playerId: string): Play {
  const page = new Play({
    baseUrl: local.stack.url,
    playerId,
    name: () => playerId,
    nowMs: () => performance.now(),
    newKey: () => `${playerId}-${pages.length}-${Math.random()}`,
  });
  pages.push(page);
  return page;
}

/** Waits until the page shows a race in another session than this one. */
async function sailing(page: Play, notIn?: string): Promise<{ sessionId: string; gameServer: string }> {
  return eventually('a race on the screen', DEADLINE_MS, () => {
    const { state, sessionId, facts } = page;
    if (state.kind === 'problem') throw new Error(`the page says: ${state.words.title}`);
    const isThere = state.kind === 'playing' && sessionId !== undefined && sessionId !== notIn;
    return isThere && facts.gameServer !== undefined ? { sessionId, gameServer: facts.gameServer } : undefined;
  });
}

describe('two players whose game server', () => {
  it.each([
    [
      'is killed',
      async (gameServer: string) => {
        process.kill(processIdOf(local.stateDirectory, gameServer), 'SIGKILL');
      },
    ],
    [
      'has to stop, as when its node is drained',
      async (gameServer: string) => {
        const url = `${local.stack.apiUrl}/api/v1/namespaces/default/pods/${gameServer}`;
        expect((await fetch(url, { method: 'DELETE' })).status).toBe(200);
      },
    ],
  ])(
    '%s, meet again in one new session, without a click',
    async (_what, end) => {
      const [host, guest] = [openPage('host'), openPage('guest')];
      host.newGame();
      const before = await sailing(host);
      guest.join(before.sessionId);
      await sailing(guest);

      await end(before.gameServer);
      const [hosts, guests] = await Promise.all([sailing(host, before.sessionId), sailing(guest, before.sessionId)]);
      expect(guests).toEqual(hosts);
      expect(hosts.gameServer).not.toBe(before.gameServer);
      const holding = (await cluster.gameServers()).filter(
        ({ metadata, status }) =>
          metadata.labels?.['regatta.dev/session'] === hosts.sessionId && status?.state === 'Allocated',
      );
      expect(holding.map(({ metadata }) => metadata.name)).toEqual([hosts.gameServer]);
    },
    60_000,
  );
});
