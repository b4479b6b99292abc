import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { runningOf } from '../../local/testing/conditions.ts';
import { allocate } from '../helpers/allocate.ts';
import { ClusterView } from '../helpers/cluster-view.ts';
import { eventually } from '../helpers/conditions.ts';
import { processIds } from '../helpers/game-server-process.ts';
import { REGATTA, RegattaCommand } from '../helpers/regatta-command.ts';

const GAME = `
const call = (path) => fetch('http://127.0.0.1:' + process.env.AGONES_SDK_HTTP_PORT + path, { method: 'POST', body: '{}' });
await call('/ready');
console.log('plays', process.argv[2], process.env.WIND, process.cwd());
setInterval(() => call('/health').catch(() => process.exit()), 300);
`;

let directory: string;
let commands: RegattaCommand[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'regatta-loop-'));
  commands = [];
  await writeFile(join(directory, 'game.mjs'), GAME);
});

afterEach(async () => {
  for (const command of commands) await command.end();
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

async function local(
  parameters: string[],
  options: { port?: number; environment?: Record<string, string> } = {},
): Promise<{ command: RegattaCommand; cluster: ClusterView; port: number; url: string }> {
  const port = options.port ?? (await chooseFreePort());
  const { environment = {} } = options;
  const command = RegattaCommand.start([...REGATTA, 'local', '--api-port', String(port), ...parameters], {
    directory,
    environment,
  });
  commands.push(command);
  const url = `http://127.0.0.1:${port}`;
  return { command, cluster: ClusterView.atUrl(url), port, url };
}

function gameServer(name: string, image: string, spec: object = {}): object {
  return {
    apiVersion: 'agones.dev/v1',
    kind: 'GameServer',
    metadata: { name },
    spec: { ...spec, template: { spec: { containers: [{ name: 'game', image }] } } },
  };
}

function fleet(name: string, image: string, replicas: number): object {
  const template = { spec: { template: { spec: { containers: [{ name: 'game', image }] } } } };
  return { apiVersion: 'agones.dev/v1', kind: 'Fleet', metadata: { name }, spec: { replicas, template } };
}

/** YAML reads JSON. */
async function manifest(name: string, ...objects: object[]): Promise<string> {
  await writeFile(join(directory, name), objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  return name;
}

const OF_THE_FLEET = { selectors: [{ matchLabels: { 'agones.dev/fleet': 'boats' } }] };
const NODE_GAME = `game:1=WIND='a gale' "${process.execPath}" game.mjs "north east"`;

describe('regatta local', () => {
  it('runs a program of one’s own for the Fleets of a file, and leaves nothing running', async () => {
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'director' } };
    const file = await manifest('fleet.yaml', fleet('boats', 'game:1', 2), deployment);
    const { command } = await local(['-f', file, '--command', NODE_GAME]);
    await command.printed(/^boats-\S+ plays north east a gale .*regatta-loop-\w+$/m);
    await command.printed(/2 GameServers are Ready/);
    await command.printed(/applied fleet.yaml: Fleet boats/);
    expect(command.output).toMatch(/passed over.*\n {2}Deployment director \(fleet.yaml\)/);
    expect(command.output).not.toContain('\u001B');

    const processes = processIds(join(directory, '.regatta'));
    expect(processes).toHaveLength(2);
    expect(await command.interrupt()).toBe(0);
    expect(await runningOf(processes)).toEqual([]);
  }, 120_000);

  it('says nothing of what GameServers print when asked not to', async () => {
    const file = await manifest('fleet.yaml', fleet('boats', 'game:1', 1));
    const { command } = await local(['-f', file, '--command', NODE_GAME, '--no-logs']);
    await command.printed(/1 GameServer is Ready/);
    expect(await command.interrupt()).toBe(0);
    expect(command.output).not.toContain('north east');
  }, 120_000);

  it('tells file, kind and name of what the API refuses, in its words, and ends with 2', async () => {
    const wrong = gameServer('wrong', 'game:1', { ports: [{ name: 'p', portPolicy: 'Dynamic' }] });
    const file = await manifest('wrong.yaml', gameServer('Capital', 'game:1'), wrong);
    const { command } = await local(['-f', file, '--command', NODE_GAME]);
    expect(await command.exited).toBe(2);
    expect(command.output).toMatch(/regatta local: wrong.yaml: GameServer Capital was refused: .*metadata\.name/);
    expect(command.output).toMatch(/wrong.yaml: GameServer wrong was refused: .*spec\.ports\[0\]\.containerPort/);
  }, 120_000);

  it.each([
    ['-f', 'nowhere.yaml', 'no such file or folder'],
    ['--command', 'game:1', 'not IMAGE=PROGRAM'],
    ['--command', 'game:1=WIND=gale', 'no program is named'],
    ['--command', 'game:1=node "game.mjs', 'a quote (") does not end'],
    ['--watch', 'nowhere', 'no such file or folder'],
    ['--game-ports', '7000', 'not a range'],
  ])('refuses %s %s before it starts anything', async (option, value, why) => {
    const { command } = await local([option, value]);
    expect(await command.exited).toBe(2);
    expect(command.output).toContain(value);
    expect(command.output).toContain(why);
    expect(command.output).not.toContain('Agones is up');
  });

  it('names the option for an image that no program stands for', async () => {
    const file = await manifest('unnamed.yaml', gameServer('lone', 'unheard-of:1'));
    const { command } = await local(['-f', file]);
    await command.printed(/! lone: no program stands for image unheard-of:1 .*--command 'unheard-of:1=PROGRAM/);
  }, 120_000);

  it('tells of a program that is not there', async () => {
    const file = await manifest('missing.yaml', gameServer('lone', 'game:1'));
    const { command } = await local(['-f', file, '--command', 'game:1=nothing-of-this-name --fast']);
    await command.printed(/! lone: cannot run nothing-of-this-name --fast in .*: there is no such program/);
  }, 120_000);

  it('tells of a program that ends before it is Ready: image, command, last lines', async () => {
    const file = await manifest('crash.yaml', gameServer('crash', 'game:1'));
    const script = 'console.log("no map");process.exit(3)';
    const { command } = await local(['-f', file, '--command', `game:1=node -e '${script}'`]);
    const [notice] = await command.printed(/! crash: the program ended with exit code 3 [\s\S]*no map/);
    expect(notice).toContain('before it was Ready');
    expect(notice).toMatch(/image +game:1/);
    expect(notice).toContain(`-e ${script}`);
  }, 120_000);

  it('says what to do about a port that a game finds taken', async () => {
    const file = await manifest('taken.yaml', gameServer('taken', 'game:1'));
    const holder = createServer();
    const port = await chooseFreePort();
    await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve));
    const script = `require("net").createServer().listen(${port}, "127.0.0.1")`;
    const { command } = await local(['-f', file, '--command', `game:1=node -e '${script}'`]);
    await command.printed(/! taken: the program ended [\s\S]*a port it listens on is taken[\s\S]*EADDRINUSE/);
    await new Promise((resolve) => holder.close(resolve));
  }, 120_000);

  it('tells of a game that calls neither Ready nor Health', async () => {
    const health = { initialDelaySeconds: 1, periodSeconds: 1, failureThreshold: 2 };
    const file = await manifest('silent.yaml', gameServer('silent', 'game:1', { health }));
    const { command } = await local(['-f', file, '--command', `game:1=node -e 'setTimeout(() => {}, 60_000)'`], {
      environment: { LOCAL_READY_NOTICE_MS: '300' },
    });
    await command.printed(/! silent: has run for 0.3 s and not called Ready\(\)/);
    await command.printed(/! silent: becomes Unhealthy: its program never called Health\(\)/);
  }, 120_000);

  it('starts GameServers anew when a file of their program is replaced, but for Allocated ones', async () => {
    const file = await manifest('fleet.yaml', fleet('boats', 'game:1', 2), gameServer('lone', 'game:1'));
    const { command, cluster, url } = await local(['-f', file, '--command', NODE_GAME, '--watch', 'game.mjs']);
    await command.printed(/3 GameServers are Ready/);
    const { gameServerName: allocated } = await allocate(url, OF_THE_FLEET);

    await writeFile(join(directory, 'game.mjs.new'), GAME.replace("'plays'", "'plays anew'"));
    await rename(join(directory, 'game.mjs.new'), join(directory, 'game.mjs'));
    await command.printed(
      /! game.mjs changed: GameServers of game:1 start anew \(2; Allocated and left to play on: 1\)/,
    );
    await command.printed(/^boats-\S+ plays anew/m);
    await command.printed(/^lone plays anew/m);
    await eventually('one of the Fleet and the lone one are Ready again', 30_000, async () => {
      const all = await cluster.gameServers();
      const ready = all.filter(({ status }) => status?.state === 'Ready');
      return all.length === 3 && ready.length === 2 ? true : undefined;
    });
    expect(command.output).not.toMatch(new RegExp(`^${allocated} plays anew`, 'm'));
  }, 120_000);

  it('ends Allocated GameServers too when files change, when asked to', async () => {
    const file = await manifest('fleet.yaml', fleet('boats', 'game:1', 1));
    const { command, cluster, url } = await local(
      ['-f', file, '--command', NODE_GAME].concat('--watch', `game:1=${directory}`, '--restart-allocated'),
    );
    await command.printed(/1 GameServer is Ready/);
    const { gameServerName: allocated } = await allocate(url, OF_THE_FLEET);
    await writeFile(join(directory, 'map.txt'), 'an island');
    await command.printed(/map.txt changed: GameServers of game:1 start anew \(1\)/);
    await eventually('another GameServer is Ready', 30_000, async () => {
      const all = await cluster.gameServers();
      return all.length === 1 && all[0]?.metadata.name !== allocated && all[0]?.status?.state === 'Ready'
        ? true
        : undefined;
    });
  }, 120_000);

  it('runs several side by side, each with ports and a folder of its own', async () => {
    const file = await manifest('fleet.yaml', fleet('boats', 'game:1', 2));
    const region = (name: string, ports: string) =>
      local(['-f', file, '--command', NODE_GAME, '--state-dir', name, '--game-ports', ports]);
    const east = await region('east', '18000-18099');
    const west = await region('west', '18100-18199');
    await Promise.all([east, west].map(({ command }) => command.printed(/2 GameServers are Ready/)));
    const [first] = await east.cluster.gameServers();
    await allocate(east.url, OF_THE_FLEET);
    expect((await west.cluster.gameServers()).map(({ status }) => status?.state)).toEqual(['Ready', 'Ready']);
    expect((await west.cluster.gameServers()).map(({ metadata }) => metadata.name)).not.toContain(first?.metadata.name);

    const samePort = await local(['--state-dir', 'north'], { port: east.port });
    expect(await samePort.command.exited).toBe(2);
    expect(samePort.command.output).toContain(`port ${east.port} (the Kubernetes API) is taken`);
    expect(samePort.command.output).toContain('--api-port');
    const sameFolder = await local(['--state-dir', 'east']);
    expect(await sameFolder.command.exited).toBe(2);
    expect(sameFolder.command.output).toMatch(/process \d+ already runs with .*--state-dir/);

    expect(await east.command.interrupt()).toBe(0);
    expect(await west.cluster.gameServers()).toHaveLength(2);
  }, 120_000);
});
