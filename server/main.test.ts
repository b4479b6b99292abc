import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { JoinTokenIssuer } from '../lib/join-token.ts';
import { generateKeys, parseKeySet } from '../lib/key-set.ts';
import type { SessionDescriptor } from '../lib/session.ts';
import type { ServerMessage, StateMessage } from './games/boat-race/protocol.ts';
import { until } from './kit/test-conditions.ts';
import { TestSidecar } from './kit/test-sidecar.ts';

jest.setTimeout(30_000);

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const keys = generateKeys();

let sidecar: TestSidecar;
let folder: string;
let processes: Program[] = [];
let sockets: WebSocket[] = [];

/** The game server as a process of its own. */
class Program {
  readonly child: ChildProcess;
  output = '';
  exitCode: number | null | undefined;

  constructor(environment: Record<string, string>) {
    this.child = spawn(process.execPath, [main], {
      env: { PATH: process.env['PATH'], HOST: '127.0.0.1', AGONES_SDK_GRPC_PORT: String(sidecar.port), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.child.on('exit', (code) => (this.exitCode = code));
    processes.push(this);
  }

  async exited(): Promise<number | null | undefined> {
    await until(() => this.exitCode !== undefined, 'the process ends', 15_000);
    return this.exitCode;
  }
}

async function ready(environment: Record<string, string> = {}): Promise<Program> {
  const keysFile = joinPath(folder, 'keys.json');
  writeFileSync(keysFile, keys.verifying);
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  sidecar.ports = [{ name: 'game', port: typeof address === 'object' && address !== null ? address.port : 0 }];
  await new Promise((resolve) => probe.close(resolve));
  const program = new Program({ JOIN_KEYS_FILE: keysFile, BOAT_RACE_WAIT_MS: '200', ...environment });
  await until(() => sidecar.state === 'Ready' || program.exitCode !== undefined, 'it becomes Ready', 15_000);
  expect(program.exitCode).toBeUndefined();
  return program;
}

function allocate(): SessionDescriptor {
  const session: SessionDescriptor = {
    version: 1,
    sessionId: 'session0000000001',
    game: 'boat-race',
    mode: 'exclusive',
    seats: 8,
    madeAt: new Date().toISOString(),
    joinBy: new Date(Date.now() + 30_000).toISOString(),
  };
  sidecar.allocate(session);
  return session;
}

interface Sailor {
  socket: WebSocket;
  messages: ServerMessage[];
  states: StateMessage[];
  token: string;
  closeCode: number | undefined;
}

async function board(session: SessionDescriptor, playerId: string): Promise<Sailor> {
  const issuer = new JoinTokenIssuer({
    sealing: parseKeySet(keys.sealing, 'seal', 'keys'),
    signing: parseKeySet(keys.signing, 'sign', 'keys'),
  });
  const expiresAtSeconds = Math.floor(Date.now() / 1000) + 60;
  const seat = { playerId, gameServerUid: sidecar.uid, expiresAtSeconds, session };
  const { seatToken: token } = await issuer.issue(seat, { address: '127.0.0.1', port: 1 });
  const url = `ws://127.0.0.1:${sidecar.ports[0]?.port}/session/${session.sessionId}?token=${token}`;
  const socket = new WebSocket(url, { perMessageDeflate: false });
  sockets.push(socket);
  const sailor: Sailor = { socket, messages: [], states: [], token, closeCode: undefined };
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as ServerMessage;
    if (message.type === 'state') sailor.states.push(message);
    else sailor.messages.push(message);
  });
  socket.on('close', (code) => (sailor.closeCode = code));
  await until(() => sailor.messages.length > 0, 'a welcome');
  return sailor;
}

beforeEach(async () => {
  folder = mkdtempSync(joinPath(tmpdir(), 'regatta-server-'));
  sidecar = new TestSidecar();
  await sidecar.start();
});

afterEach(async () => {
  for (const socket of sockets) socket.terminate();
  for (const { child } of processes) child.kill('SIGKILL');
  for (const program of processes) await program.exited();
  sockets = [];
  processes = [];
  sidecar.stop();
  rmSync(folder, { recursive: true });
});

test('two players race: the game server on the port of its GameServer welcomes them and moves their boats', async () => {
  const program = await ready({ BOAT_RACE_COUNTDOWN_MS: '100' });
  const session = allocate();
  const ann = await board(session, 'ann');
  expect(ann.messages[0]).toMatchObject({ type: 'welcome', boat: 0, seats: 8, gameServer: 'boats-1' });
  const bob = await board(session, 'bob');
  ann.socket.send(JSON.stringify({ type: 'hello', name: 'Ann' }));
  ann.socket.send(JSON.stringify({ type: 'steer', rudder: 0.5, sheet: 0.9 }));
  await until(() => ann.states.some(({ phase, boats }) => phase === 'racing' && boats[0]?.[7] === 0.5), 'Ann steers');
  await until(() => (bob.states.at(-1)?.boats[0]?.[4] ?? 0) > 0.5, 'Bob sees her gather way');
  const roster = bob.messages.filter((message) => message.type === 'roster').at(-1);
  expect(roster?.boats).toContainEqual({ boat: 0, name: 'Ann', isComputer: false, isConnected: true });
  expect(roster?.boats.some(({ isComputer, name }) => isComputer && name === 'Mistral')).toBe(true);
  ann.socket.send(JSON.stringify({ type: 'ping', nonce: 7 }));
  await until(() => ann.messages.some(({ type }) => type === 'pong'), 'a pong');
  expect(program.output).not.toContain(ann.token);
});

test('a race that is over: result, close code, Shutdown, and exit 0 when SIGTERM does not come', async () => {
  const program = await ready({
    BOAT_RACE_COUNTDOWN_MS: '0',
    BOAT_RACE_LAPS: '1',
    BOAT_RACE_MAX_LAP_MS: '1000',
    BOAT_RACE_RESULT_MS: '100',
    TERMINATION_WAIT_MS: '100',
  });
  const ann = await board(allocate(), 'ann');
  await until(() => ann.closeCode !== undefined, 'the session ends');
  expect(ann.closeCode).toBe(4000);
  expect(ann.messages.at(-1)).toMatchObject({ type: 'result' });
  expect(await program.exited()).toBe(0);
  expect(sidecar.calls).toEqual(['Ready', 'Shutdown']);
});

test('SIGTERM: players are told, Shutdown is done before the exit, exit code 0', async () => {
  const program = await ready();
  const ann = await board(allocate(), 'ann');
  sidecar.answerAfterMs = 300;
  program.child.kill('SIGTERM');
  expect(await program.exited()).toBe(0);
  expect(ann.closeCode).toBe(4008);
  expect(sidecar.calls).toEqual(['Ready', 'Shutdown']);
  expect(sidecar.state).toBe('Shutdown');
});

test('a second signal ends it at once', async () => {
  const program = await ready();
  sidecar.isHanging = true;
  program.child.kill('SIGTERM');
  await until(() => sidecar.calls.includes('Shutdown'), 'it stops', 25_000);
  program.child.kill('SIGINT');
  expect(await program.exited()).toBe(1);
});

test('SIGTERM while it waits for its sidecar', async () => {
  sidecar.stop();
  const program = new Program({ PORT: '0' });
  await until(() => program.output.includes('waiting for the sidecar'), 'it waits', 15_000);
  program.child.kill('SIGTERM');
  expect(await program.exited()).toBe(0);
});

test('a wrong environment: every fault is named, exit code 2', async () => {
  const program = new Program({ PORT: '70000', SESSION_END: 'Never', BOAT_RACE_LAPS: 'two' });
  expect(await program.exited()).toBe(2);
  for (const name of ['PORT', 'SESSION_END', 'BOAT_RACE_LAPS']) expect(program.output).toContain(name);
});

test.each([
  ['a key file that is missing', { JOIN_KEYS_FILE: '/nowhere/keys.json', PORT: '0' }],
  ['a GameServer without a port', { STATE_WAIT_MS: '100' }],
])('%s: exit code 1', async (_, environment: Record<string, string>) => {
  expect(await new Program(environment).exited()).toBe(1);
  expect(sidecar.calls).toEqual([]);
});
