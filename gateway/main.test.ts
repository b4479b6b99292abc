import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeys } from '../lib/key-set.ts';
import type { GeneratedKeys } from '../lib/key-set.ts';
import {
  closeAll,
  openGameServer,
  openTcpServer,
  openWebSocket,
  refusalOf,
  tokenSource,
  unusedPort,
  waitFor,
} from './testing/front-door.ts';
import { directoryWithKeys, metricOf, runGateway, startGatewayProgram } from './testing/gateway-program.ts';

let directory: string;
let keys: GeneratedKeys;

beforeEach(() => {
  ({ directory, keys } = directoryWithKeys());
});

afterEach(closeAll);

describe('the gateway as a program', () => {
  it('writes no token and no address of a GameServer, whatever happens', async () => {
    const gameServer = await openGameServer();
    const program = await startGatewayProgram(directory, { CONNECT_RETRY_MS: '0' });
    const { url } = program;
    const source = tokenSource(keys);
    const tokens = await Promise.all([
      source.issue(gameServer.port),
      source.issue(await unusedPort(), { address: '127.0.0.2' }),
      source.issue(80, { address: '203.0.113.99' }),
      source.issue(80, { address: 'no-such-host.invalid' }),
      source.issue(await openTcpServer((socket) => socket.destroy())),
      source.issue(gameServer.port, { livesSeconds: -60 }),
      tokenSource(generateKeys()).issue(gameServer.port),
    ]);
    const [good, ...bad] = tokens;
    const webSocket = await openWebSocket(`${url}${good?.path}`);
    for (const { path } of bad) await refusalOf(`${url}${path}`);
    for (const { path } of tokens) await fetch(`${url}${path}`);
    await fetch(`${url}/api/new-game?token=${good?.sealed}`, { method: 'POST' });
    for (const socket of gameServer.sockets) socket.resetAndDestroy();
    await once(webSocket, 'close');
    program.child.kill('SIGTERM');
    await expect(program.exited).resolves.toEqual([0, null]);
    expect(program.output()).toContain('no way to a GameServer');
    for (const { sealed, seatToken } of tokens) {
      for (const part of [...sealed.split('.'), ...seatToken.split('.')].filter((text) => text.length > 40)) {
        expect(program.output()).not.toContain(part);
      }
    }
    for (const address of ['127.0.0.2', '203.0.113.99', 'no-such-host'])
      expect(program.output()).not.toContain(address);
  });

  it('is ready until SIGTERM, then tells its clients 1012 and exits with 0', async () => {
    const gameServer = await openGameServer();
    const program = await startGatewayProgram(directory, { DRAIN_DELAY_MS: '400' });
    const { url, healthUrl } = program;
    expect((await fetch(`${healthUrl}/healthz`)).status).toBe(200);
    expect((await fetch(`${healthUrl}/readyz`)).status).toBe(200);
    const { path } = await tokenSource(keys).issue(gameServer.port);
    const webSocket = await openWebSocket(`${url}${path}`);
    const closed = once(webSocket, 'close');
    program.child.kill('SIGTERM');
    await waitFor(() => program.output().includes('stopping'));
    const notReady = await fetch(`${healthUrl}/readyz`);
    expect([notReady.status, await notReady.json()]).toMatchObject([503, { code: 'draining' }]);
    expect((await closed)[0]).toBe(1012);
    await expect(program.exited).resolves.toEqual([0, null]);
  });

  it.each(['PORT', 'HEALTH_PORT'])('names %s when that port is taken, and exits with 2', async (variable) => {
    const taken = await openTcpServer(() => {});
    const program = runGateway(directory, { [variable]: String(taken) });
    await expect(program.exited).resolves.toEqual([2, null]);
    expect(program.output()).toContain(`port ${taken} is taken by another program: set ${variable} to another one`);
  });

  it('names every fault of its configuration at once, and exits with 2', async () => {
    const program = runGateway(directory, { PORT: 'x', ALLOCATOR_URL: 'nonsense', ALLOWED_NETWORKS: '10.0.0.0/99' });
    await expect(program.exited).resolves.toEqual([2, null]);
    for (const name of ['PORT', 'ALLOCATOR_URL', 'ALLOWED_NETWORKS']) expect(program.output()).toContain(name);
  });

  it('rotates its sealing keys under live and new connections', async () => {
    const gameServer = await openGameServer();
    const { url } = await startGatewayProgram(directory, { KEY_RECHECK_MS: '10' });
    const before = tokenSource(keys);
    const live = await openWebSocket(`${url}${(await before.issue(gameServer.port)).path}`);
    const fresh = generateKeys();
    const keysOf = (text: string): unknown[] => (JSON.parse(text) as { keys: unknown[] }).keys;
    const after = tokenSource(fresh);
    const codeFor = async (source: typeof before): Promise<string> => {
      const answer = await fetch(`${url}${(await source.issue(gameServer.port)).path}`);
      return ((await answer.json()) as { code: string }).code;
    };
    await expect(codeFor(after)).resolves.toBe('token_invalid');

    writeFileSync(
      join(directory, 'sealing.json'),
      JSON.stringify({ keys: [...keysOf(fresh.sealing), ...keysOf(keys.sealing)] }),
    );
    await waitFor(async () => (await codeFor(after)) === 'upgrade_required');
    await openWebSocket(`${url}${(await after.issue(gameServer.port)).path}`);
    await openWebSocket(`${url}${(await before.issue(gameServer.port)).path}`);

    writeFileSync(join(directory, 'sealing.json'), fresh.sealing);
    await waitFor(async () => (await codeFor(before)) === 'token_invalid');
    await openWebSocket(`${url}${(await after.issue(gameServer.port)).path}`);
    live.send('still here');
    const [data] = (await once(live, 'message')) as [Buffer];
    expect(data.toString()).toBe('still here');
  });

  it('tells Prometheus what it holds and did, on the health port', async () => {
    const gameServer = await openGameServer();
    const program = await startGatewayProgram(directory);
    const { path } = await tokenSource(keys).issue(gameServer.port);
    const webSocket = await openWebSocket(`${program.url}${path}`);
    webSocket.send('hello');
    await once(webSocket, 'message');
    await refusalOf(`${program.url}/session/abcdefghijklmnop`);
    await expect(metricOf(program, 'regatta_gateway_sessions')).resolves.toBe(1);
    await expect(metricOf(program, 'regatta_gateway_sessions_total')).resolves.toBe(1);
    await expect(metricOf(program, 'regatta_gateway_refusals_total{code="token_missing"}')).resolves.toBe(1);
    // Five bytes, a header of two, and the mask key of four that only clients have.
    await expect(metricOf(program, 'regatta_gateway_bytes_total{to="client"}')).resolves.toBe(7);
    await expect(metricOf(program, 'regatta_gateway_bytes_total{to="game_server"}')).resolves.toBe(11);
    webSocket.close();
    await waitFor(async () => (await metricOf(program, 'regatta_gateway_sessions')) === 0);
    await expect(metricOf(program, 'regatta_gateway_bytes_total{to="client"}')).resolves.toBeGreaterThan(7);
  });

  it('ends when the process that started it goes', async () => {
    const program = await startGatewayProgram(directory);
    program.child.disconnect();
    await expect(program.exited).resolves.toEqual([0, null]);
  });
});
