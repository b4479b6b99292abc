import { jest } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GameServer, GameServerAllocation } from '../lib/agones.ts';
import { eventually, runningOf } from './testing/conditions.ts';
import { LocalProgram } from './testing/local-program.ts';

// Several programs start one after the other in each of these, on machines that may be busy.
jest.setTimeout(60_000);

let compileCache: string;
let directory: string;
let stateDirectory: string;
const programs: LocalProgram[] = [];

beforeAll(() => {
  compileCache = mkdtempSync(join(tmpdir(), 'regatta-compile-cache-'));
});

afterAll(() => {
  rmSync(compileCache, { recursive: true, force: true });
});

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'regatta-local-'));
  stateDirectory = join(directory, 'state');
});

afterEach(async () => {
  for (const program of programs.splice(0)) {
    program.child.kill('SIGTERM');
    await program.exited;
  }
  rmSync(directory, { recursive: true, force: true });
});

async function start(environment: Record<string, string> = {}): Promise<LocalProgram> {
  const program = await LocalProgram.start(stateDirectory, { NODE_COMPILE_CACHE: compileCache, ...environment });
  programs.push(program);
  return program;
}

function allocate(program: LocalProgram): Promise<GameServerAllocation> {
  return program.request('POST', '/apis/allocation.agones.dev/v1/namespaces/default/gameserverallocations', {
    apiVersion: 'allocation.agones.dev/v1',
    kind: 'GameServerAllocation',
    spec: { selectors: [{ matchLabels: { 'agones.dev/fleet': 'boats' } }] },
  });
}

test('brings a Fleet to Ready, allocates of it, replaces what crashes, and ends without a trace', async () => {
  const program = await start({ LOCAL_ALLOCATION_BATCH_WAIT_MS: '5' });
  await program.createFleet('boats', 2);
  await program.ready(2);
  const kubeconfig = join(stateDirectory, 'kubeconfig');
  expect(readFileSync(kubeconfig, 'utf8')).toContain(program.url);

  const { status } = await allocate(program);
  expect(status).toMatchObject({ state: 'Allocated', address: '127.0.0.1', nodeName: 'local' });
  const log = await fetch(`${program.url}/api/v1/namespaces/default/pods/${status?.gameServerName}/log`);
  expect(await log.text()).toBe(`${status?.gameServerName} plays with gale\n`);

  const before = program.processIds();
  const names = new Set((await program.gameServers()).map(({ metadata }) => metadata.name));
  process.kill(before[0]!, 'SIGKILL');
  await eventually('another GameServer', async () => {
    const now = await program.gameServers();
    const fresh = now.filter(({ metadata }) => !names.has(metadata.name));
    return fresh.length === 1 && now.length === 2 && fresh[0]?.status?.state === 'Ready';
  });

  const running = program.processIds();
  expect(running).toHaveLength(2);
  program.child.kill('SIGINT');
  expect(await program.exited).toBe(0);
  expect(await runningOf(running)).toEqual([]);
  expect(existsSync(kubeconfig)).toBe(false);
  expect(existsSync(join(stateDirectory, 'owner.json'))).toBe(false);
});

test('a start after a crash ends what the crash left running', async () => {
  const crashed = await start();
  await crashed.createFleet('boats', 2);
  await crashed.ready(2);
  const left = crashed.processIds();
  crashed.child.kill('SIGKILL');
  await crashed.exited;
  expect(await runningOf(left)).toEqual(left);
  const next = await start();
  expect(await runningOf(left)).toEqual([]);
  expect(await next.gameServers()).toEqual([]);
});

test('ends with its GameServers when the process that started it goes', async () => {
  const program = await start();
  await program.createFleet('boats', 1);
  await program.ready(1);
  const running = program.processIds();
  program.child.disconnect();
  expect(await program.exited).toBe(0);
  expect(await runningOf(running)).toEqual([]);
});

test('a Pod that is deleted makes its GameServer Unhealthy, and the Fleet another', async () => {
  const program = await start();
  await program.createFleet('boats', 1);
  const [first] = await program.ready(1);
  await program.request('DELETE', `/api/v1/namespaces/default/pods/${first!.metadata.name}`);
  await eventually('another GameServer', async () => {
    const all: GameServer[] = await program.gameServers();
    return all.length === 1 && all[0]?.metadata.name !== first!.metadata.name && all[0]?.status?.state === 'Ready';
  });
  expect(program.processIds()).toHaveLength(1);
});

test('says which port is taken and what changes it, and ends with 2', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as AddressInfo;
  const program = LocalProgram.launch(stateDirectory, { LOCAL_PORT: String(port) });
  expect(await program.exited).toBe(2);
  expect(program.errors).toBe(`local: port ${port} is taken; LOCAL_PORT chooses another\n`);
  await new Promise((resolve) => holder.close(resolve));
});

test('does not share its folder with another, nor start with a wrong configuration', async () => {
  await start();
  const second = LocalProgram.launch(stateDirectory);
  expect(await second.exited).toBe(2);
  expect(second.errors).toMatch(/^local: process \d+ already runs with the state directory .*--state-dir/);
  const wrong = LocalProgram.launch(stateDirectory, { LOCAL_IMAGES: 'nonsense' });
  expect(await wrong.exited).toBe(2);
  expect(wrong.errors).toContain('LOCAL_IMAGES');
});
