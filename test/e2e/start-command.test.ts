import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { ClusterView } from '../helpers/cluster-view.ts';
import { eventually, listens } from '../helpers/conditions.ts';
import { REGATTA, RegattaCommand } from '../helpers/regatta-command.ts';

const REGATTA_START = [...REGATTA, 'start'];
const NPM_START = ['npm', 'start', '--'];

interface Started {
  command: RegattaCommand;
  ports: { port: number; allocator: number; api: number; health: number };
}

let directory: string;
let started: Started[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'regatta-start-'));
  started = [];
});

afterEach(async () => {
  for (const { command } of started) await command.end();
  // The last program may still be writing what it compiled.
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** @param words - how a user starts it, without its options */
async function start(words: string[], options: { port?: number; more?: string[] } = {}): Promise<Started> {
  const ports = {
    port: options.port ?? (await chooseFreePort()),
    allocator: await chooseFreePort(),
    api: await chooseFreePort(),
    health: await chooseFreePort(),
  };
  const command = RegattaCommand.start([
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
    ...(options.more ?? []),
  ]);
  const running = { command, ports };
  started.push(running);
  return running;
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
    (await Promise.all(ports.map(listens))).includes(true) ? undefined : true,
  );
}

describe('regatta start', () => {
  it("runs a Fleet and a program of one's own, with their lines, when asked to", async () => {
    const fleet = join(directory, 'fleet.yaml');
    await writeFile(
      fleet,
      JSON.stringify({
        apiVersion: 'agones.dev/v1',
        kind: 'Fleet',
        metadata: { name: 'own' },
        spec: {
          replicas: 1,
          template: { spec: { template: { spec: { containers: [{ name: 'game', image: 'own:1' }] } } } },
        },
      }),
    );
    const running = await start(REGATTA_START, {
      more: ['-f', fleet, '--logs', '--command', `own:1=${process.execPath} -e 'console.log("all aboard")'`],
    });
    await running.command.printed(/^own-\S+ all aboard$/m);
    await running.command.printed(/! own-\S+: the program ended with exit code 0 .* before it was Ready/);
    expect(await running.command.interrupt()).toBe(0);
  }, 120_000);

  it('prints one URL that serves the page, and leaves nothing behind on an interrupt', async () => {
    const running = await start(REGATTA_START);
    const gamePorts = await untilReady(running);
    const [, url] = await running.command.printed(/Play:\s+(\S+)/);
    expect(url).toBe(`http://localhost:${running.ports.port}`);
    expect(await (await fetch(`http://127.0.0.1:${running.ports.port}/`)).text()).toContain('<title>');

    expect(await running.command.interrupt()).toBe(0);
    await untilSilent([...Object.values(running.ports), ...gamePorts]);
  }, 120_000);

  it('leaves no program behind when it is killed outright', async () => {
    const running = await start(REGATTA_START);
    const gamePorts = await untilReady(running);
    await running.command.kill();
    await untilSilent([...Object.values(running.ports), ...gamePorts]);
  }, 120_000);

  it('names a taken port and the option that changes it, and starts nothing', async () => {
    const occupied = await chooseFreePort();
    const occupant: Server = createServer();
    await new Promise<void>((resolve) => occupant.listen(occupied, resolve));
    try {
      const running = await start(NPM_START, { port: occupied });
      expect(await running.command.exited).toBe(2);
      expect(running.command.output).toContain(`port ${occupied}`);
      expect(running.command.output).toContain('--port');
    } finally {
      occupant.close();
    }
  }, 30_000);
});
