import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { GameServer } from '../../lib/agones.ts';
import { LocalProgram } from '../../local/testing/local-program.ts';
import { PATHS, TestCluster } from '../conformance/harness/test-cluster.ts';
import { findProgram } from '../helpers/requirements.ts';

const BUILD_DEADLINE_MS = 900_000;
const LIFE_DEADLINE_MS = 120_000;
/** More than a GameServer of these numbers lives without pings. */
const LONG_MS = 8000;
const HEALTH = { initialDelaySeconds: 2, periodSeconds: 2, failureThreshold: 2 };

/** A game server in some language: see README.md. */
interface Client {
  /** What it needs on this machine, or undefined where that is not there. */
  toolchain: string | undefined;
  /** Gives the command that runs it. */
  build(toolchain: string): Promise<string[]>;
  /** What a code of gRPC looks like in what it prints. */
  code(number: 2 | 3): string;
}

const CLIENTS: Record<string, Client> = {
  rust: {
    toolchain: findProgram('cargo'),
    build: buildRust,
    code: (number) => (number === 2 ? 'Unknown' : 'InvalidArgument'),
  },
  python: {
    toolchain: findProgram('python'),
    build: (python) => Promise.resolve([python, resolve('test/clients/python/game_server.py')]),
    code: String,
  },
};

/** The build of the crate `agones` runs protoc, which another crate brings. */
async function buildRust(cargo: string): Promise<string[]> {
  const target = resolve('.regatta/clients/rust');
  const run = async (parameters: string[], environment: Record<string, string> = {}) => {
    const env = { ...process.env, CARGO_TARGET_DIR: target, ...environment };
    return promisify(execFile)(cargo, parameters, { cwd: 'test/clients/rust', env, timeout: BUILD_DEADLINE_MS });
  };
  const { stdout } = await run(['run', '--quiet', '--locked', '--package', 'protoc']);
  await run(['build', '--locked', '--package', 'rust-game-server'], { PROTOC: stdout.trim() });
  return [join(target, 'debug', 'rust-game-server')];
}

/** What a game server prints, line by line, until it ends. */
async function readLog(cluster: TestCluster, name: string): Promise<string[]> {
  const { response } = await cluster.client.open('GET', `${PATHS.pods}/${name}/log?follow=true`);
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text.trimEnd().split('\n');
}

async function startLocal(image: string, command: string[]) {
  const directory = await mkdtemp(join(tmpdir(), 'regatta-clients-'));
  const local = await LocalProgram.start(directory, {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '',
    LOCAL_IMAGES: JSON.stringify({ [image]: { command } }),
    LOCAL_SDK_WRITE_INTERVAL_MS: '500',
    LOCAL_ALLOCATION_BATCH_WAIT_MS: '1',
  });
  const cluster = new TestCluster({ kind: 'local', kubeconfigPath: join(directory, 'kubeconfig') });
  return {
    cluster,
    async stop() {
      cluster.close();
      local.child.kill('SIGTERM');
      await local.exited;
      await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

for (const [language, client] of Object.entries(CLIENTS)) {
  const describeWithToolchain = client.toolchain === undefined ? describe.skip : describe;

  describeWithToolchain(`a game server in ${language}`, () => {
    let command: string[];

    beforeAll(async () => {
      command = await client.build(client.toolchain ?? '');
    }, BUILD_DEADLINE_MS);

    it(
      'lives: Ready, allocated from outside, Counters, Lists, labels, health, Shutdown',
      async () => {
        const { cluster, stop } = await startLocal(`${language}-game-server`, command);
        try {
          const name = cluster.name(language);
          await cluster.created<GameServer>(PATHS.gameservers, {
            apiVersion: 'agones.dev/v1',
            kind: 'GameServer',
            metadata: { name, labels: { berth: name } },
            spec: {
              ports: [{ name: 'game', portPolicy: 'Passthrough', protocol: 'TCP' }],
              health: HEALTH,
              counters: { rooms: { count: 1, capacity: 10 } },
              lists: { crew: { capacity: 3, values: ['ann'] } },
              template: { spec: { containers: [{ name: 'game', image: `${language}-game-server` }] } },
            },
          });
          await cluster.inState(name, 'Ready');
          const startedMs = Date.now();
          const log = readLog(cluster, name);

          const { gameServerName } = await cluster.allocated({
            selectors: [{ matchLabels: { berth: name } }],
            metadata: { labels: { mode: 'race' } },
          });
          expect(gameServerName).toBe(name);
          const played = await cluster.eventually('what it set', async () => {
            const gameServer = await cluster.gameServer(name);
            const { labels, annotations } = gameServer?.metadata ?? {};
            const { counters, lists } = gameServer?.status ?? {};
            return labels?.['agones.dev/sdk-client'] === language &&
              annotations?.['agones.dev/sdk-note'] !== undefined &&
              counters?.['rooms']?.count === 3 &&
              lists?.['crew']?.values?.includes('bob') === true
              ? gameServer
              : undefined;
          });
          expect(played?.metadata.annotations).toMatchObject({ 'agones.dev/sdk-note': 'any {text} goes' });
          expect(played?.status).toMatchObject({
            state: 'Allocated',
            counters: { rooms: { count: 3, capacity: 10 } },
            lists: { crew: { capacity: 3, values: ['bob'] } },
          });

          await cluster.eventually('long enough', () => (Date.now() - startedMs > LONG_MS ? true : undefined));
          expect((await cluster.gameServer(name))?.status?.state).toBe('Allocated');

          await cluster.patched(`${PATHS.gameservers}/${name}`, { metadata: { labels: { race: 'over' } } });
          await cluster.gone(name);
          const lines = await log;
          console.log(`${language}:\n  ${lines.join('\n  ')}`);
          const unknown = client.code(2);
          // Of some states a game learns only if it is quick: before they are over, or before it is ended itself.
          expect(lines.filter((line) => !/^watch: (Scheduled|RequestReady|Shutdown)$/.test(line))).toEqual([
            `connected to the SDK server of ${name}`,
            'asked for Ready',
            'watch: Ready',
            'watch: Allocated',
            'allocated for mode race',
            'rooms: 3 of 10',
            `refused rooms: ${unknown}: out of range`,
            `refused no such counter: ${unknown}: counter not found`,
            'crew: bob',
            `refused crew: ${unknown}: already exists`,
            `refused capacity of crew: ${unknown}: no gameservers for fleet`,
            `refused players: ${unknown}: PlayerTracking not enabled`,
            `refused label: ${client.code(3)}: invalid label key "not a key"`,
            'set its label',
            'asked for Shutdown',
          ]);
        } finally {
          await stop();
        }
      },
      LIFE_DEADLINE_MS,
    );
  });
}
