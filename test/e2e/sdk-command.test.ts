import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { AgonesSdk } from '../../local/sdk/testing/agones-client.ts';
import type { AgonesClient } from '../../local/sdk/testing/agones-client.ts';
import { allocate } from '../helpers/allocate.ts';
import { ClusterView } from '../helpers/cluster-view.ts';
import { eventually } from '../helpers/conditions.ts';
import { REGATTA, RegattaCommand } from '../helpers/regatta-command.ts';

interface SeenGameServer {
  object_meta: { name: string; uid: string; labels: Record<string, string>; annotations: Record<string, string> };
  spec: { health: object };
  status: {
    state: string;
    address: string;
    ports: object[];
    players: object | null;
    counters: Record<string, object>;
    lists: Record<string, { capacity: string; values: string[] }>;
  };
}

interface Running {
  command: RegattaCommand;
  apiUrl: string;
  grpcPort: number;
  rest<T = object>(method: string, path: string, body?: object): Promise<T>;
  gameServer(): Promise<SeenGameServer>;
}

let directory: string;
let commands: RegattaCommand[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'regatta-sdk-'));
  commands = [];
});

afterEach(async () => {
  for (const command of commands) await command.end();
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

async function sdk(parameters: string[] = []): Promise<Running> {
  const [grpcPort, httpPort, apiPort] = [await chooseFreePort(), await chooseFreePort(), await chooseFreePort()];
  const ports = ['--grpc-port', String(grpcPort), '--http-port', String(httpPort), '--api-port', String(apiPort)];
  const command = RegattaCommand.start([...REGATTA, 'sdk', ...ports, ...parameters], { directory });
  commands.push(command);
  const rest = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    return (await (await fetch(`http://127.0.0.1:${httpPort}${path}`, init)).json()) as T;
  };
  const gameServer = (): Promise<SeenGameServer> => rest<SeenGameServer>('GET', '/gameserver');
  return { command, apiUrl: `http://127.0.0.1:${apiPort}`, grpcPort, rest, gameServer };
}

async function up(parameters: string[] = []): Promise<Running> {
  const running = await sdk(parameters);
  await running.command.printed(/the SDK is up/);
  return running;
}

/** Everything that comes to an SDK client's watch. */
async function watch({
  grpcPort,
}: Running): Promise<{ client: AgonesClient; seen: { state: string; text: string }[] }> {
  process.env['AGONES_SDK_GRPC_PORT'] = String(grpcPort);
  const client = new AgonesSdk();
  await client.connect();
  const seen: { state: string; text: string }[] = [];
  client.watchGameServer(
    (gameServer) => seen.push({ state: gameServer.status.state, text: JSON.stringify(gameServer) }),
    () => {
      // It ends with the command.
    },
  );
  await eventually('the first event', 20_000, () => seen[0]);
  return { client, seen };
}

const YACHT = {
  apiVersion: 'agones.dev/v1',
  kind: 'GameServer',
  metadata: { name: 'yacht', labels: { map: 'island' } },
  spec: {
    ports: [{ name: 'game', portPolicy: 'Dynamic', containerPort: 7654 }],
    counters: { sessions: { count: 2, capacity: 5 } },
    lists: { crew: { capacity: 3, values: ['ann'] } },
  },
};

/** As editors save: a new file takes the place of the old. */
async function save(content: object | string): Promise<string> {
  const file = join(directory, 'gameserver.yaml');
  await writeFile(`${file}.new`, typeof content === 'string' ? content : JSON.stringify(content));
  await rename(`${file}.new`, file);
  return file;
}

describe('regatta sdk', () => {
  it('serves the GameServer of Agones’ local mode without a file, Ready before anybody asks for it', async () => {
    const running = await up(['--local', '--graceful-termination=false']);
    const { object_meta: metadata, spec, status } = await running.gameServer();
    expect(metadata).toMatchObject({ name: 'local', namespace: 'default', labels: { islocal: 'true' } });
    expect(metadata.annotations).toMatchObject({ annotation: 'true' });
    expect(spec.health).toMatchObject({ period_seconds: 3, failure_threshold: 5, initial_delay_seconds: 10 });
    expect(status).toMatchObject({
      state: 'Ready',
      address: '127.0.0.1',
      ports: [{ name: 'default', port: 7777 }],
      counters: { rooms: { count: '1', capacity: '10' } },
      lists: { players: { capacity: '100', values: ['test0', 'test1', 'test2'] } },
    });
    expect(await running.command.interrupt()).toBe(0);
  }, 60_000);

  it('can be allocated from, and the game sees it', async () => {
    const running = await up();
    const { client, seen } = await watch(running);
    const status = await allocate(running.apiUrl, { metadata: { labels: { mode: 'duel' } } });
    expect(status).toMatchObject({ state: 'Allocated', gameServerName: 'local', ports: [{ port: 7777 }] });
    const event = await eventually('Allocated', 20_000, () => seen.find(({ state }) => state === 'Allocated'));
    expect(event.text).toContain('duel');
    expect((await allocate(running.apiUrl)).state).toBe('UnAllocated');
    await client.ready();
    await eventually('Ready again', 20_000, () => (seen.at(-1)?.state === 'Ready' ? true : undefined));
    client.close();
  }, 60_000);

  it('tells watchers of Counters and of Lists of any name', async () => {
    const running = await up(['-f', await save(YACHT)]);
    const { client, seen } = await watch(running);
    await running.rest('PATCH', '/v1beta1/counters/sessions', { countDiff: '2' });
    await running.rest('POST', '/v1beta1/lists/crew:addValue', { value: 'bob' });
    expect(await running.rest('PATCH', '/v1beta1/lists/crew', { capacity: '200' })).toEqual({
      name: 'crew',
      capacity: '200',
      values: ['ann', 'bob'],
    });
    await eventually('a watch event with all of it', 20_000, () =>
      seen.find(({ text }) => text.includes('"count":4') && text.includes('bob') && text.includes('"capacity":200')),
    );
    client.close();
  }, 60_000);

  it('takes spec of the file, sees a save by renaming, and keeps what the game has set', async () => {
    const running = await up(['-f', await save(YACHT)]);
    const first = await running.gameServer();
    expect(first.status).toMatchObject({
      state: 'Ready',
      ports: [{ name: 'game', port: 7654 }],
      counters: { sessions: { count: '2', capacity: '5' } },
      lists: { crew: { capacity: '3', values: ['ann'] } },
    });
    await running.rest('PUT', '/metadata/label', { key: 'mode', value: 'race' });
    await running.rest('PATCH', '/v1beta1/counters/sessions', { countDiff: '1' });
    await running.rest('POST', '/allocate', {});

    const counters = { sessions: { count: 2, capacity: 9 } };
    await save({ ...YACHT, metadata: { name: 'yacht', labels: { map: 'reef' } }, spec: { ...YACHT.spec, counters } });
    const next = await eventually('the change', 20_000, async () => {
      const seen = await running.gameServer();
      return seen.object_meta.labels['map'] === 'reef' ? seen : undefined;
    });
    expect(next.object_meta.uid).toBe(first.object_meta.uid);
    expect(next.object_meta.labels).toMatchObject({ 'agones.dev/sdk-mode': 'race' });
    expect(next.status).toMatchObject({ state: 'Allocated', counters: { sessions: { count: '3', capacity: '9' } } });

    await save('kind: [');
    await running.command.printed(/! .*gameserver.yaml: [\s\S]*the GameServer stays as it is/);
    expect((await running.gameServer()).object_meta.labels['map']).toBe('reef');
  }, 60_000);

  it('stays Shutdown until the game asks for a state again, and is a new one of the file then', async () => {
    const running = await up(['-f', await save(YACHT)]);
    const before = await running.gameServer();
    await running.rest('POST', '/v1beta1/lists/crew:addValue', { value: 'bob' });
    await running.rest('POST', '/shutdown', {});
    await eventually('Shutdown', 20_000, async () =>
      (await running.gameServer()).status.state === 'Shutdown' ? true : undefined,
    );
    expect((await allocate(running.apiUrl)).state).toBe('UnAllocated');

    await running.rest('POST', '/reserve', { seconds: '0' });
    const after = await eventually('Reserved', 20_000, async () => {
      const seen = await running.gameServer();
      return seen.status.state === 'Reserved' ? seen : undefined;
    });
    expect(after.object_meta.uid).not.toBe(before.object_meta.uid);
    expect(after.status.lists['crew']?.values).toEqual(['ann']);

    const url = `${running.apiUrl}/apis/agones.dev/v1/namespaces/default/gameservers/yacht`;
    await fetch(url, { method: 'DELETE' });
    await eventually('another one', 20_000, async () => {
      const [found] = await ClusterView.atUrl(running.apiUrl).gameServers();
      return found?.status?.state === 'Ready' && found.metadata.uid !== after.object_meta.uid ? true : undefined;
    });
  }, 60_000);

  it('tracks players when its feature gate is on, and refuses as Agones does when it is off', async () => {
    const on = await up(['--feature-gates', 'PlayerTracking=true']);
    await on.rest('PUT', '/alpha/player/capacity', { count: '1' });
    expect(await on.rest('POST', '/alpha/player/connect', { playerID: 'ann' })).toEqual({ bool: true });
    expect(await on.rest('POST', '/alpha/player/connect', { playerID: 'ann' })).toEqual({ bool: false });
    expect(await on.rest('POST', '/alpha/player/connect', { playerID: 'bob' })).toMatchObject({ code: 2 });
    expect(await on.rest('GET', '/alpha/player/connected')).toEqual({ list: ['ann'] });
    expect((await on.gameServer()).status.players).toEqual({ count: '1', capacity: '1', ids: ['ann'] });
    const { client } = await watch(on);
    expect(await client.alpha.isPlayerConnected('ann')).toBe(true);
    expect(await client.alpha.playerDisconnect('ann')).toBe(true);
    expect(await client.alpha.getPlayerCount()).toBe(0);
    client.close();

    const off = await up(['--state-dir', 'off']);
    expect(await off.rest('GET', '/alpha/player/count')).toMatchObject({ message: 'PlayerTracking not enabled' });
  }, 60_000);

  it('ends by itself after a time, and begins after another', async () => {
    const running = await up(['--timeout=1', '--delay=1']);
    expect(await running.command.exited).toBe(0);
  }, 60_000);

  it('says what it cannot use', async () => {
    const wrong = await save({ ...YACHT, metadata: { name: 'Capital' } });
    const refused = await sdk(['-f', wrong]);
    expect(await refused.command.exited).toBe(2);
    expect(refused.command.output).toMatch(/gameserver.yaml was refused: .*Capital/);

    const holder = createServer();
    const taken = await chooseFreePort();
    await new Promise<void>((resolve) => holder.listen(taken, '127.0.0.1', resolve));
    const late = await sdk(['--http-port', String(taken)]);
    expect(await late.command.exited).toBe(2);
    expect(late.command.output).toContain(`port ${taken} (the SDK over HTTP) is taken`);
    await new Promise((resolve) => holder.close(resolve));

    const gate = await sdk(['--feature-gates', 'Unheard=true']);
    expect(await gate.command.exited).toBe(2);
    expect(gate.command.output).toContain('--feature-gates Unheard=true');
  }, 60_000);
});
