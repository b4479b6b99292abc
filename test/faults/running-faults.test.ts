import { jest } from '@jest/globals';
import { connect } from 'node:net';
import { identifyProcess } from '../../local/node/process-identity.ts';
import { readFileSync } from 'node:fs';
import { hasProcessFiles } from '../helpers/requirements.ts';
import { FaultyLocal, SHORT_HEALTH, until } from './faulty-local.ts';

jest.setTimeout(60_000);

let local: FaultyLocal;
let made = 0;
const describeHung = hasProcessFiles() ? describe : describe.skip;

beforeAll(async () => {
  local = await FaultyLocal.start();
});

afterEach(() => local.request('DELETE', '/regatta.dev/v1/faults'));
afterAll(() => local.stop());

/** A GameServer of its own for a test, Ready. */
async function readyGameServer(gameServer: object = {}): Promise<string> {
  made += 1;
  const name = `boat-${made}`;
  await local.createGameServer(name, gameServer);
  await local.becomes(name, 'Ready');
  return name;
}

function processOf(name: string): number {
  const pid = local.processIdOf(name);
  if (pid === undefined) throw new Error(`${name} has no process`);
  return pid;
}

/** Whether a process stands still, by what Linux tells of it. */
function standsStill(name: string): boolean {
  const stat = readFileSync(`/proc/${processOf(name)}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}

const isRunning = async (pid: number): Promise<boolean> => (await identifyProcess(pid)) !== undefined;

describe('a game server that crashed', () => {
  test('is told as killed by its Pod, and is Unhealthy', async () => {
    const name = await readyGameServer();
    const pid = processOf(name);
    const { id } = await local.fault({ kind: 'game-server-crashed', target: { name } });
    await local.becomes(name, 'Unhealthy');
    expect(await isRunning(pid)).toBe(false);
    expect(local.pod(name)?.status.phase).toBe('Failed');
    expect(local.pod(name)?.status.containerStatuses?.[0]?.state.terminated).toMatchObject({
      exitCode: 137,
      signal: 9,
    });
    expect(await local.report(id)).toMatchObject({ struck: 1, endedBecause: 'spent' });
  });

  test('exits with the code that was asked for', async () => {
    const name = await readyGameServer();
    await local.fault({ kind: 'game-server-crashed', target: { name }, exitCode: 3 });
    await local.becomes(name, 'Unhealthy');
    const { terminated } = local.pod(name)?.status.containerStatuses?.[0]?.state ?? {};
    expect(terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect(terminated).not.toHaveProperty('signal');
  });

  test('with code 0 has shut itself down, and is gone', async () => {
    const name = await readyGameServer();
    await local.fault({ kind: 'game-server-crashed', target: { name }, exitCode: 0 });
    await until(`${name} gone`, () => local.gameServer(name) === undefined);
  });

  test('is replaced by its Fleet, at once however young it was', async () => {
    await local.createFleet('yachts', 3);
    await local.inState(3, 'Ready');
    for (let round = 0; round < 4; round += 1) {
      const before = new Set(local.gameServers().map(({ metadata }) => metadata.name));
      await local.fault({
        kind: 'game-server-crashed',
        count: 3,
        forMs: 1000,
        target: { labelSelector: 'agones.dev/fleet=yachts', states: ['Ready'] },
      });
      await until('three others', () => {
        const ready = local.gameServers().filter(({ status }) => status?.state === 'Ready');
        return ready.length === 3 && ready.every(({ metadata }) => !before.has(metadata.name));
      });
    }
    expect(local.gameServers().flatMap(({ metadata }) => local.eventsOf(metadata.name))).not.toContain('BackOff');
    await local.request('DELETE', '/apis/agones.dev/v1/namespaces/default/fleets/yachts');
    await local.inState(0, 'Ready');
  });

  test('can be the next that is Allocated', async () => {
    const [one, other] = [await readyGameServer(), await readyGameServer()];
    const { id } = await local.fault({ kind: 'game-server-crashed', target: { states: ['Allocated'] } });
    expect((await local.report(id)).considered).toBe(0);
    await local.setState(one, 'Allocated');
    await local.becomes(one, 'Unhealthy');
    expect(local.gameServer(other)?.status?.state).toBe('Ready');
    await local.deleteGameServer(other);
  });
});

describeHung('a game server that hangs', () => {
  test('stands still until the end, and goes on', async () => {
    const name = await readyGameServer();
    const { id } = await local.fault({ kind: 'game-server-hung', target: { name } });
    await until('it to stand still', () => standsStill(name));
    await local.endFault(id);
    await until('it to go on', () => !standsStill(name));
    expect(local.gameServer(name)?.status?.state).toBe('Ready');
  });

  test('stands still for as long as one of two faults wants it', async () => {
    const name = await readyGameServer();
    const [first, second] = [
      await local.fault({ kind: 'game-server-hung', target: { name } }),
      await local.fault({ kind: 'game-server-hung', target: { name } }),
    ];
    await until('it to stand still', () => standsStill(name));
    await local.endFault(first.id);
    expect(standsStill(name)).toBe(true);
    await local.endFault(second.id);
    await until('it to go on', () => !standsStill(name));
  });

  test('misses its health checks, and is killed after its grace', async () => {
    const name = await readyGameServer(SHORT_HEALTH);
    const pid = processOf(name);
    await local.fault({ kind: 'game-server-hung', target: { name } });
    await local.becomes(name, 'Unhealthy');
    await until('its end', async () => !(await isRunning(pid)));
    expect(local.pod(name)?.status.phase).toBe('Failed');
  });

  test('is deleted all the same, once its grace is over', async () => {
    const name = await readyGameServer();
    const pid = processOf(name);
    await local.fault({ kind: 'game-server-hung', target: { name } });
    await local.deleteGameServer(name);
    expect(await isRunning(pid)).toBe(false);
  });

  test('is chosen among others by the seed', async () => {
    await local.createFleet('dinghies', 5);
    const labelSelector = 'agones.dev/fleet=dinghies';
    const fleet = (): string[] =>
      local
        .gameServers()
        .filter(({ metadata, status }) => metadata.labels?.['agones.dev/fleet'] && status?.state === 'Ready')
        .map(({ metadata }) => metadata.name);
    await until('the Fleet', () => fleet().length === 5);
    const struckBy = async (seed: number): Promise<string[]> => {
      const { id } = await local.fault({ kind: 'game-server-hung', count: 2, seed, target: { labelSelector } });
      await until('two to stand still', () => fleet().filter(standsStill).length === 2);
      const struck = fleet().filter(standsStill);
      await local.endFault(id);
      await until('both to go on', () => !fleet().some(standsStill));
      return struck;
    };
    const first = await struckBy(1);
    expect(await struckBy(1)).toEqual(first);
    const others = [await struckBy(2), await struckBy(3), await struckBy(4)];
    expect(others).not.toEqual([first, first, first]);
  });
});

describe('a sidecar that was killed', () => {
  async function sdkPortOf(name: string): Promise<number> {
    const { body } = await local.request('GET', `/api/v1/namespaces/default/pods/${name}/log`);
    return Number(/SDK at (\d+)/.exec(String(body))?.[1]);
  }

  /** The state the SDK tells, or why it cannot be asked. */
  async function askSdk(port: number): Promise<string> {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/gameserver`);
      return ((await answer.json()) as { status: { state: string } }).status.state;
    } catch (error) {
      return ((error as Error).cause as NodeJS.ErrnoException).code ?? String(error);
    }
  }

  test('breaks connections, refuses others, and serves on the same port again', async () => {
    const name = await readyGameServer();
    const port = await sdkPortOf(name);
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const broken = new Promise((resolve) => socket.once('close', resolve));
    const { id } = await local.fault({ kind: 'sidecar-killed', target: { name } });
    await broken;
    expect(await askSdk(port)).toBe('ECONNREFUSED');
    await local.endFault(id);
    await until('the SDK to answer', async () => (await askSdk(port)) === 'Ready');
  });

  test('leaves the GameServer as it is when it is back in time, and knows its new states', async () => {
    const name = await readyGameServer(SHORT_HEALTH);
    const port = await sdkPortOf(name);
    await local.fault({ kind: 'sidecar-killed', forMs: 900, target: { name } });
    await local.setState(name, 'Allocated');
    await until('the SDK to answer', async () => (await askSdk(port)) === 'Allocated');
    expect(local.gameServer(name)?.status?.state).toBe('Allocated');
    expect(local.pod(name)?.status.phase).toBe('Running');
  });

  test('has the game killed by its liveness probe when it stays away', async () => {
    const name = await readyGameServer(SHORT_HEALTH);
    const pid = processOf(name);
    await local.fault({ kind: 'sidecar-killed', target: { name } });
    await until('the end of the game', async () => !(await isRunning(pid)));
    expect(local.eventsOf(name)).toContain('Killing');
    // The game ended itself when it was asked to, with 0.
    await until(`${name} gone`, () => local.gameServer(name) === undefined);
  });

  test('loses what was queued, and keeps the end of a reserve', async () => {
    const name = await readyGameServer();
    const port = await sdkPortOf(name);
    const reserve = { method: 'POST', body: JSON.stringify({ seconds: '2' }) };
    await fetch(`http://127.0.0.1:${port}/reserve`, reserve);
    await local.becomes(name, 'Reserved');
    const { id } = await local.fault({ kind: 'sidecar-killed', target: { name } });
    await local.endFault(id);
    await local.becomes(name, 'Ready');
  });
});
