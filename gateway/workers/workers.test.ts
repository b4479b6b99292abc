import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { WebSocket } from 'ws';
import type { GeneratedKeys } from '../../lib/key-set.ts';
import { hasProcessFiles } from '../../test/helpers/requirements.ts';
import {
  closeAll,
  exchange,
  openGameServer,
  openWebSocket,
  refusalOf,
  tokenSource,
  waitFor,
} from '../testing/front-door.ts';
import type { GameServerStandIn } from '../testing/front-door.ts';
import {
  childrenOf,
  directoryWithKeys,
  metricOf,
  runGateway,
  startGatewayProgram,
} from '../testing/gateway-program.ts';

jest.setTimeout(60_000);

const WORKERS = 3;

let directory: string;
let keys: GeneratedKeys;
let gameServer: GameServerStandIn;

beforeEach(async () => {
  ({ directory, keys } = directoryWithKeys());
  gameServer = await openGameServer();
});

afterEach(closeAll);

async function start(environment: Record<string, string> = {}) {
  const program = await startGatewayProgram(directory, { WORKERS: String(WORKERS), ...environment });
  const { path } = await tokenSource(keys).issue(gameServer.port);
  return { program, sessionUrl: `${program.url}${path}`, path };
}

function openPlayers(sessionUrl: string, count: number): Promise<WebSocket[]> {
  return Promise.all(Array.from({ length: count }, () => openWebSocket(sessionUrl)));
}

const isOpen = (webSocket: WebSocket): boolean => webSocket.readyState === webSocket.OPEN;

async function isPlaying(webSocket: WebSocket): Promise<boolean> {
  webSocket.send('still here?');
  const [data] = (await once(webSocket, 'message')) as [Buffer];
  return data.toString() === 'still here?';
}

const isAlive = (processId: number): boolean => {
  try {
    return process.kill(processId, 0);
  } catch {
    return false;
  }
};

(hasProcessFiles() ? describe : describe.skip)('a gateway of several processes', () => {
  it('spreads its players evenly; one process that dies takes its own along, no other, and is replaced', async () => {
    const { program, sessionUrl } = await start();
    const players = await openPlayers(sessionUrl, 10 * WORKERS);
    const [victim = 0, ...others] = childrenOf(program);
    expect(others).toHaveLength(WORKERS - 1);
    process.kill(victim, 'SIGKILL');
    await waitFor(() => players.filter((player) => !isOpen(player)).length === 10);
    for (const player of players.filter(isOpen)) await expect(isPlaying(player)).resolves.toBe(true);
    expect((await fetch(`${program.healthUrl}/readyz`)).status).toBe(200);
    for (const player of await openPlayers(sessionUrl, 5)) await expect(isPlaying(player)).resolves.toBe(true);

    await waitFor(async () => (await metricOf(program, 'regatta_gateway_workers')) === WORKERS);
    expect(await metricOf(program, 'regatta_gateway_worker_restarts_total')).toBe(1);
    // The new one has the fewest, and gets the next.
    for (const player of await openPlayers(sessionUrl, 12)) await expect(isPlaying(player)).resolves.toBe(true);
    for (const processId of others) expect(isAlive(processId)).toBe(true);
    expect(players.filter(isOpen)).toHaveLength(20);
  });

  it('is not ready while none of them lives, and serves again', async () => {
    const { program, sessionUrl } = await start();
    for (const processId of childrenOf(program)) process.kill(processId, 'SIGKILL');
    await waitFor(async () => (await fetch(`${program.healthUrl}/readyz`)).status === 503);
    await waitFor(async () => (await fetch(`${program.healthUrl}/readyz`)).status === 200);
    await expect(isPlaying(await openWebSocket(sessionUrl))).resolves.toBe(true);
    expect(program.child.exitCode).toBeNull();
  });

  it('tells of all of them together', async () => {
    const { program, sessionUrl } = await start();
    const players = await openPlayers(sessionUrl, 7);
    for (const player of players) await isPlaying(player);
    for (let turn = 0; turn < 4; turn += 1) await refusalOf(`${program.url}/session/abcdefghijklmnop`);
    await waitFor(async () => (await metricOf(program, 'regatta_gateway_sessions')) === 7);
    const refused = 'regatta_gateway_refusals_total{code="token_missing"}';
    await waitFor(async () => (await metricOf(program, refused)) === 4);
    // Eleven characters, and two bytes of header.
    await waitFor(async () => (await metricOf(program, 'regatta_gateway_bytes_total{to="client"}')) === 7 * 13);
  });

  it('holds its limits for all of them together', async () => {
    const { program, sessionUrl } = await start({
      MAX_CONNECTIONS_PER_ADDRESS: '7',
      UNLIMITED_NETWORKS: '192.0.2.0/24',
    });
    const players = await openPlayers(sessionUrl, 7);
    await expect(refusalOf(sessionUrl)).resolves.toMatchObject({
      status: 429,
      problem: { code: 'too_many_connections' },
      headers: { 'retry-after': '10' },
    });
    players[3]?.terminate();
    await waitFor(async () => {
      const answer = await exchange(program.port, 'GET /session/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      return answer.startsWith('HTTP/1.1 401');
    });
    // What a process held that dies is given back too.
    process.kill(childrenOf(program)[0] ?? 0, 'SIGKILL');
    await waitFor(() => players.filter(isOpen).length < 6);
    await waitFor(async () => {
      const webSocket = await openWebSocket(sessionUrl).catch(() => undefined);
      return webSocket !== undefined && (await isPlaying(webSocket));
    });
  });

  it('on SIGTERM is not ready, closes its port, tells every player 1012, and exits with 0', async () => {
    const { program, sessionUrl } = await start({ DRAIN_DELAY_MS: '300', DRAIN_SPREAD_MS: '500' });
    const players = await openPlayers(sessionUrl, 20);
    const closed = Promise.all(players.map(async (player) => (await once(player, 'close'))[0] as number));
    program.child.kill('SIGTERM');
    await waitFor(async () => (await fetch(`${program.healthUrl}/readyz`)).status === 503);
    expect(new Set(await closed)).toEqual(new Set([1012]));
    await expect(program.exited).resolves.toEqual([0, null]);
    const [error] = (await once(connect(program.port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('leaves nobody behind when the process that has the port is killed: players are told, and all end', async () => {
    const { program, sessionUrl } = await start();
    const players = await openPlayers(sessionUrl, 6);
    const closed = Promise.all(players.map(async (player) => (await once(player, 'close'))[0] as number));
    const workers = childrenOf(program);
    program.child.kill('SIGKILL');
    expect(new Set(await closed)).toEqual(new Set([1012]));
    await waitFor(() => !workers.some(isAlive));
  });

  it('does not start, and says why once or more, with the exit code of a process that cannot', async () => {
    writeFileSync(join(directory, 'sealing.json'), 'no keys');
    const program = runGateway(directory, { WORKERS: '2' });
    await expect(program.exited).resolves.toEqual([2, null]);
    expect(program.output()).toContain('sealing.json: is not JSON');
  });
});
