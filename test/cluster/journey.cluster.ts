import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { ClusterView } from '../helpers/cluster-view.ts';
import { eventually } from '../helpers/conditions.ts';
import { playThrough } from '../helpers/journey.ts';
import { newGame, Sailor } from '../helpers/sailor.ts';

/**
 * The path of a click on whatever cluster KUBECONFIG names, after `kubectl apply -k fleets/overlays/…`.
 *
 * REGATTA_URL is the front door; without it a port is forwarded to Service regatta-gateway.
 */
const DEADLINE_MS = 120_000;
const cluster = ClusterView.byKubectl('kubectl');
let url: string;
let forward: ChildProcess | undefined;

beforeAll(async () => {
  url = process.env['REGATTA_URL'] ?? (await forwardToGateway());
  await eventually('a Ready GameServer', DEADLINE_MS, async () =>
    (await cluster.gameServers()).some(({ status }) => status?.state === 'Ready') ? true : undefined,
  );
  await eventually('the page', DEADLINE_MS, async () =>
    (await fetch(url).catch(() => undefined))?.ok ? true : undefined,
  );
}, 2 * DEADLINE_MS);

afterAll(() => {
  forward?.kill();
});

async function forwardToGateway(): Promise<string> {
  const port = await chooseFreePort();
  forward = spawn('kubectl', ['port-forward', 'service/regatta-gateway', `${port}:80`], { stdio: 'ignore' });
  return `http://localhost:${port}`;
}

describe('a click on the cluster', () => {
  it(
    'allocates, connects through the gateway, plays, ends by Shutdown, and is replaced',
    async () => {
      const { ticksSeen } = await playThrough(url, cluster, DEADLINE_MS);
      expect(ticksSeen).toBeGreaterThanOrEqual(20);
    },
    3 * DEADLINE_MS,
  );

  it(
    'gives different players different GameServers',
    async () => {
      const games = await Promise.all(['a', 'b', 'c'].map((playerId) => newGame(url, playerId, 60)));
      const sailors = games.map(({ wsUrl }) => new Sailor(wsUrl));
      const welcomes = await Promise.all(sailors.map((sailor) => sailor.hear('welcome')));
      for (const sailor of sailors) sailor.leave();
      expect(new Set(welcomes.map(({ gameServer }) => gameServer)).size).toBe(3);
    },
    DEADLINE_MS,
  );

  it(
    'tells a player of a GameServer that was deleted under a race',
    async () => {
      const { wsUrl } = await newGame(url, 'user123', 60);
      const sailor = new Sailor(wsUrl);
      const { gameServer } = await sailor.hear('welcome');
      const deletion = spawn('kubectl', ['delete', 'gameserver', gameServer, '--wait=false'], { stdio: 'ignore' });
      await new Promise((resolve) => deletion.once('exit', resolve));
      // 4008 when the game server had its say, 4007 when the gateway had to.
      expect([4007, 4008]).toContain(await sailor.closed(60_000));
    },
    DEADLINE_MS,
  );
});
