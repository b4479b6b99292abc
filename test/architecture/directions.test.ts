import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const OXLINT = resolve('node_modules/.bin/oxlint');

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'regatta-lint-'));
  await cp('.oxlintrc.json', join(directory, '.oxlintrc.json'));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** What the project's own lint rules say of one file at a path, type information left aside. */
async function lint(path: string, text: string): Promise<string> {
  const file = join(directory, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return new Promise((done) => {
    execFile(OXLINT, ['--disable-nested-config', path], { cwd: directory }, (_error, stdout, stderr) => {
      done(stdout + stderr);
    });
  });
}

describe('the directions between rooms', () => {
  it.each([
    ['allocator/allocation/x.ts', "import 'express';", 'Domain code is pure'],
    ['allocator/allocation/x.ts', "import '@kubernetes/client-node';", 'Domain code is pure'],
    ['allocator/allocation/x.ts', "import '../agones/x.ts';", 'Domain code knows its ports'],
    ['allocator/routes/x.ts', "import '../agones/x.ts';", 'Adapters are imported by main alone'],
    ['allocator/app.ts', "import '@kubernetes/client-node';", 'what talks to Kubernetes is an adapter'],
    ['allocator/agones/x.ts', "import '../../gateway/x.ts';", 'Programs never import each other'],
    ['gateway/x.ts', "import '../allocator/x.ts';", 'Programs never import each other'],
    ['gateway/x.ts', "import '@kubernetes/client-node';", 'The gateway holds keys only'],
    ['server/kit/x.ts', "import '@google-cloud/agones-sdk';", 'The Agones SDK is imported by'],
    ['server/games/boat-race/x.ts', "import 'ws';", 'A game knows the kit and itself'],
    ['local/controllers/x.ts', "import '../../server/kit/x.ts';", 'Programs never import each other'],
    ['lib/x.ts', "import '../allocator/x.ts';", 'lib imports nothing of ours'],
    ['client/x.ts', "import 'node:fs';", 'The client has no dependencies'],
    ['lib/x.ts', 'process.exit(1);', 'Only main.ts exits'],
    ['allocator/x.ts', "process.env['A'];", 'Only main.ts and config.ts read the environment'],
    ['server/x.ts', "process.on('SIGTERM', () => {});", 'Only main.ts installs signal handlers'],
  ])('refuses in %s: %s', async (path, text, message) => {
    expect(await lint(path, text)).toContain(message);
  });

  it.each([
    ['allocator/main.ts', "import './agones/x.ts';\nprocess.exit(0);"],
    ['allocator/allocation/x.ts', "import '../../lib/clock.ts';"],
    ['server/kit/agones-sdk.ts', "import '@google-cloud/agones-sdk';"],
    ['local/sdk/x.ts', "import '@google-cloud/agones-sdk/lib/sdk_pb.js';"],
    ['web/x.ts', "import '../server/games/boat-race/protocol.ts';"],
  ])('allows in %s: %s', async (path, text) => {
    const said = await lint(path, text);
    expect(said).not.toMatch(/no-restricted/);
    expect(said).toContain('Finished');
  });
});
