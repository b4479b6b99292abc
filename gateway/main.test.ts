import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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

let directory: string;
let keys: GeneratedKeys;
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'regatta-gateway-'));
  keys = generateKeys();
  writeFileSync(join(directory, 'sealing.json'), keys.sealing);
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await closeAll();
  rmSync(directory, { recursive: true });
});

function run(environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url))], {
    env: {
      PORT: '0',
      HEALTH_PORT: '0',
      LISTEN_ADDRESS: '127.0.0.1',
      ALLOCATOR_URL: 'http://127.0.0.1:1',
      SEALING_KEYS_FILE: join(directory, 'sealing.json'),
      LOG_LEVEL: 'debug',
      WORKERS: '1',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  children.push(child);
  const program = { child, output: '', exited: once(child, 'exit') as Promise<[number | null, string | null]> };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (program.output += chunk.toString()));
  }
  return program;
}

async function start(environment: Record<string, string> = {}) {
  const program = run(environment);
  const [message] = (await Promise.race([once(program.child, 'message'), program.exited])) as [
    { url: string; healthPort: number },
  ];
  return { ...program, program, url: message.url, healthUrl: `http://127.0.0.1:${message.healthPort}` };
}

describe('the gateway as a program', () => {
  it('writes no token and no address of a GameServer, whatever happens', async () => {
    const gameServer = await openGameServer();
    const { url, program } = await start({ CONNECT_RETRY_MS: '0' });
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
    expect(program.output).toContain('no way to a GameServer');
    for (const { sealed, seatToken } of tokens) {
      for (const part of [...sealed.split('.'), ...seatToken.split('.')].filter((text) => text.length > 40)) {
        expect(program.output).not.toContain(part);
      }
    }
    for (const address of ['127.0.0.2', '203.0.113.99', 'no-such-host']) expect(program.output).not.toContain(address);
  });

  it('is ready until SIGTERM, then tells its clients 1012 and exits with 0', async () => {
    const gameServer = await openGameServer();
    const { url, healthUrl, program } = await start({ DRAIN_DELAY_MS: '400' });
    expect((await fetch(`${healthUrl}/healthz`)).status).toBe(200);
    expect((await fetch(`${healthUrl}/readyz`)).status).toBe(200);
    const { path } = await tokenSource(keys).issue(gameServer.port);
    const webSocket = await openWebSocket(`${url}${path}`);
    const closed = once(webSocket, 'close');
    program.child.kill('SIGTERM');
    await waitFor(() => program.output.includes('stopping'));
    const notReady = await fetch(`${healthUrl}/readyz`);
    expect([notReady.status, await notReady.json()]).toMatchObject([503, { code: 'draining' }]);
    expect((await closed)[0]).toBe(1012);
    await expect(program.exited).resolves.toEqual([0, null]);
  });

  it.each(['PORT', 'HEALTH_PORT'])('names %s when that port is taken, and exits with 2', async (variable) => {
    const taken = await openTcpServer(() => {});
    const program = run({ [variable]: String(taken) });
    await expect(program.exited).resolves.toEqual([2, null]);
    expect(program.output).toContain(`port ${taken} is taken by another program: set ${variable} to another one`);
  });

  it('names every fault of its configuration at once, and exits with 2', async () => {
    const program = run({ PORT: 'x', ALLOCATOR_URL: 'nonsense', ALLOWED_NETWORKS: '10.0.0.0/99' });
    await expect(program.exited).resolves.toEqual([2, null]);
    for (const name of ['PORT', 'ALLOCATOR_URL', 'ALLOWED_NETWORKS']) expect(program.output).toContain(name);
  });

  it('ends when the process that started it goes', async () => {
    const { program } = await start();
    program.child.disconnect();
    await expect(program.exited).resolves.toEqual([0, null]);
  });
});
