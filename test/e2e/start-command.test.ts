import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { ClusterView } from '../helpers/cluster-view.ts';
import { eventually } from '../helpers/conditions.ts';

const REGATTA_START = [process.execPath, 'bin/regatta.js', 'start'];
const NPM_START = ['npm', 'start', '--'];

interface Started {
  child: ChildProcess;
  ports: { port: number; allocator: number; api: number; health: number };
  output: () => string;
  exited: Promise<number | null>;
}

let directory: string;
let started: Started[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'regatta-start-'));
  started = [];
});

afterEach(async () => {
  for (const { child, exited } of started) {
    child.kill('SIGKILL');
    await exited;
  }
  // The last program may still be writing what it compiled.
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** @param command - how a user starts it, without its options */
async function start(command: string[], port?: number): Promise<Started> {
  const [program = '', ...words] = command;
  const ports = {
    port: port ?? (await chooseFreePort()),
    allocator: await chooseFreePort(),
    api: await chooseFreePort(),
    health: await chooseFreePort(),
  };
  const child = spawn(
    program,
    [
      ...words,
      '--port',
      String(ports.port),
      '--allocator-port',
      String(ports.allocator),
      '--api-port',
      String(ports.api),
      '--health-port',
      String(ports.health),
      '--game-ports',
      '17000-17100',
      '--state-dir',
      directory,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => {
      resolve(code);
    });
  });
  const running = { child, ports, output: () => output, exited };
  started.push(running);
  return running;
}

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

async function readyGamePorts(apiPort: number): Promise<number[]> {
  const gameServers = await ClusterView.atUrl(`http://127.0.0.1:${apiPort}`).gameServers();
  return gameServers
    .filter(({ status }) => status?.state === 'Ready')
    .flatMap(({ status }) => (status?.ports ?? []).map(({ port }) => port));
}

async function untilReady({ ports }: Started): Promise<number[]> {
  return eventually('GameServers are Ready', 60_000, async () => {
    const gamePorts = await readyGamePorts(ports.api).catch(() => []);
    return gamePorts.length > 0 ? gamePorts : undefined;
  });
}

async function untilSilent(ports: number[]): Promise<void> {
  await eventually('every port is free again', 15_000, async () =>
    (await Promise.all(ports.map(answers))).includes(true) ? undefined : true,
  );
}

describe('regatta start', () => {
  it('prints one URL that serves the page, and leaves nothing behind on an interrupt', async () => {
    const running = await start(REGATTA_START);
    const gamePorts = await untilReady(running);
    const url = await eventually('the URL', 10_000, () => /Play:\s+(\S+)/.exec(running.output())?.[1]);
    expect(url).toBe(`http://localhost:${running.ports.port}`);
    expect(await (await fetch(`http://127.0.0.1:${running.ports.port}/`)).text()).toContain('<title>');

    running.child.kill('SIGINT');
    expect(await running.exited).toBe(0);
    await untilSilent([...Object.values(running.ports), ...gamePorts]);
  }, 120_000);

  it('leaves no program behind when it is killed outright', async () => {
    const running = await start(REGATTA_START);
    const gamePorts = await untilReady(running);
    running.child.kill('SIGKILL');
    await untilSilent([...Object.values(running.ports), ...gamePorts]);
  }, 120_000);

  it('names a taken port and the option that changes it, and starts nothing', async () => {
    const occupied = await chooseFreePort();
    const occupant: Server = createServer();
    await new Promise<void>((resolve) => occupant.listen(occupied, resolve));
    try {
      const running = await start(NPM_START, occupied);
      expect(await running.exited).toBe(2);
      expect(running.output()).toContain(`port ${occupied}`);
      expect(running.output()).toContain('--port');
    } finally {
      occupant.close();
    }
  }, 30_000);
});
