import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { transform } from 'esbuild';
import { PACKAGES } from '../../packages/build.ts';
import type { BuiltPackage } from '../../packages/build.ts';
import { LocalStack } from '../helpers/local-stack.ts';
import { Consumer, examplesOf } from './consumer.ts';

const MAX_CLIENT_BYTES = 8192;
const IMAGE = 'example.com/my-game:1';

let consumer: Consumer;
let client: BuiltPackage;
let kit: BuiltPackage;

beforeAll(async () => {
  consumer = await Consumer.start();
  client = await consumer.install(PACKAGES.client);
  kit = await consumer.installWithDependencies(PACKAGES.kit);
}, 60_000);

afterAll(() => consumer.remove());

const manifestOf = async ({ directory }: BuiltPackage): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));

async function filesIn(name: string): Promise<string[]> {
  const directory = join(consumer.directory, 'node_modules', name);
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted();
}

describe('a package', () => {
  it.each(Object.values(PACKAGES))(
    'of $folder holds JavaScript, its declarations and nothing else',
    async ({ name }) => {
      const files = await filesIn(name);
      const others = files.filter((file) => !file.startsWith('types/') || !file.endsWith('.d.ts'));
      expect(others).toEqual(['LICENSE', 'README.md', 'index.js', 'index.js.map', 'package.json']);
      for (const file of files.filter((each) => each.endsWith('.d.ts'))) {
        const text = await readFile(join(consumer.directory, 'node_modules', name, file), 'utf8');
        expect([file, text.match(/from '\.[^']*(?<!\.js)'/)]).toEqual([file, null]);
      }
    },
  );

  it('is of our version and on no registry', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    for (const built of [client, kit]) expect(await manifestOf(built)).toMatchObject({ version, private: true });
  });

  it('depends on nothing where it is the client, on what we have where it is the kit', async () => {
    expect(await manifestOf(client)).not.toHaveProperty('dependencies');
    const { dependencies, devDependencies } = JSON.parse(await readFile('package.json', 'utf8')) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    const pinned = (await manifestOf(kit))['dependencies'] as Record<string, string>;
    expect({ ...dependencies, ...devDependencies }).toMatchObject(pinned);
    const imported = (await readFile(join(kit.directory, 'index.js'), 'utf8')).matchAll(
      /^import .* from "([^.n][^"]*)"/gm,
    );
    for (const [, name = ''] of imported) expect(Object.keys(pinned)).toContain(name);
  });

  it('is small where browsers load it', async () => {
    const text = await readFile(join(client.directory, 'index.js'), 'utf8');
    const { code } = await transform(text, { minify: true, format: 'esm' });
    expect(gzipSync(code).length).toBeLessThan(MAX_CLIENT_BYTES);
  });
});

describe('somebody who uses the packages', () => {
  beforeAll(async () => {
    const [game = ''] = await examplesOf('server/kit/README.md');
    await consumer.write('game.ts', game);
    const [play = '', comeBack = '', regions = ''] = await examplesOf('client/README.md');
    await consumer.write('play.ts', play);
    const prelude = [
      "import { connect, keepAsking, measureRegions, newGame, resumeSession } from 'regatta-client';",
      "import type { ConnectionEnd, Seat } from 'regatta-client';",
      'export async function main(end: ConnectionEnd, seat: Seat, signal: AbortSignal, onMessage: (text: string) => void) {',
      "const playerId = 'user123';",
    ];
    await consumer.write('come-back.ts', [...prelude, comeBack, regions, '}', ''].join('\n'));
    await consumer.write('use-session.ts', await readFile('client/examples/use-session.ts', 'utf8'));
    await consumer.link('@types/node');
    await consumer.link('preact');
  });

  it.each(['nodenext', 'bundler'] as const)(
    'type-checks under %s, by the READMEs alone',
    async (resolution) => {
      expect(await consumer.typeCheck(['play.ts', 'come-back.ts'], resolution)).toBe('');
      expect(await consumer.typeCheck(['game.ts'], resolution, { types: ['node'] })).toBe('');
    },
    60_000,
  );

  it('has a React hook to copy that type-checks', async () => {
    // Whose types for the same functions are here already.
    const paths = { react: ['./node_modules/preact/compat/src/index.d.ts'] };
    expect(await consumer.typeCheck(['use-session.ts'], 'bundler', { paths, skipLibCheck: true })).toBe('');
  }, 60_000);

  it('plays by the client on a game server by the kit, on plain Node', async () => {
    await consumer.write('player.mjs', PLAYER);
    await consumer.write('fleet.json', JSON.stringify(fleet()));
    const local = await LocalStack.start({
      buffer: 1,
      fleets: join(consumer.directory, 'fleet.json'),
      images: {
        [IMAGE]: {
          command: [process.execPath, resolve(consumer.directory, 'game.ts')],
          cwd: consumer.directory,
          env: { HOST: '127.0.0.1' },
        },
      },
    });
    try {
      const told = JSON.parse(await consumer.run('player.mjs', local.stack.url)) as object;
      expect(told).toEqual({
        heard: ['{"type":"welcome"}', 'ahoy'],
        isSameSession: true,
        regions: [],
        latencies: {},
        refusal: 'session_not_found',
        end: 'aborted',
      });
    } finally {
      await local.stop();
    }
  }, 120_000);
});

const PLAYER = `
import { connect, joinSession, listRegions, measureRegions, newGame, resumeSession } from 'regatta-client';

const baseUrl = process.argv[2];
const player = new AbortController();
const { signal } = player;
const seat = await newGame({ baseUrl, playerId: 'ann', game: 'my-game', waitSeconds: 20, signal });
const heard = [];
const gotAll = Promise.withResolvers();
const connection = connect(seat.wsUrl, {
  signal,
  onOpen: () => connection.send('ahoy'),
  onMessage: (text) => {
    heard.push(text);
    if (heard.length === 2) gotAll.resolve();
  },
});
await gotAll.promise;
const again = await resumeSession(seat.sessionId, { baseUrl, wsUrl: seat.wsUrl, signal });
const refusal = await joinSession('none', { baseUrl, playerId: 'bob' }).catch((error) => error);
const told = {
  heard,
  isSameSession: again.sessionId === seat.sessionId,
  regions: await listRegions({ baseUrl }),
  latencies: await measureRegions({ baseUrl, signal }),
  refusal: refusal.code,
};
player.abort();
console.log(JSON.stringify({ ...told, end: (await connection.ended).kind }));
`;

function fleet(): object {
  return {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name: 'my-game' },
    spec: {
      replicas: 1,
      template: {
        metadata: { labels: { 'regatta.dev/game': 'my-game' }, annotations: { 'regatta.dev/seats': '4' } },
        spec: {
          ports: [{ name: 'game', portPolicy: 'Passthrough', protocol: 'TCP' }],
          template: {
            spec: {
              containers: [
                {
                  name: 'my-game',
                  image: IMAGE,
                  env: [{ name: 'JOIN_KEYS_FILE', value: '/etc/regatta/keys/join-keys.json' }],
                  volumeMounts: [{ name: 'join-keys', mountPath: '/etc/regatta/keys' }],
                },
              ],
              volumes: [{ name: 'join-keys', configMap: { name: 'regatta-join-keys' } }],
            },
          },
        },
      },
    },
  };
}
