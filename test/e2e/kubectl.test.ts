import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../helpers/conditions.ts';
import { LocalStack } from '../helpers/local-stack.ts';
import { findProgram } from '../helpers/requirements.ts';

const kubectl = findProgram('kubectl');
const describeWithKubectl = kubectl === undefined ? describe.skip : describe;

describeWithKubectl('kubectl on one machine', () => {
  let local: LocalStack;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'regatta-kubectl-'));
    local = await LocalStack.start({ buffer: 2 });
    // From here on the size of the Fleet is the tests' to set.
    await run('delete', 'fleetautoscaler', 'boat-race');
  }, 90_000);

  afterAll(async () => {
    await local.stop();
    await rm(directory, { recursive: true, force: true });
  }, 30_000);

  function run(...parameters: string[]): Promise<string> {
    const env = { ...process.env, KUBECONFIG: local.stack.kubeconfigPath, HOME: directory };
    return new Promise((resolve, reject) => {
      execFile(kubectl ?? '', parameters, { env, timeout: 30_000 }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`kubectl ${parameters.join(' ')}: ${stderr}`));
      });
    });
  }

  const readyReplicas = async (): Promise<string> =>
    run('get', 'fleet', 'boat-race', '-o', 'jsonpath={.status.readyReplicas}');

  async function untilReady(count: number): Promise<void> {
    await eventually(`${count} GameServers are Ready`, 30_000, async () =>
      (await readyReplicas()) === String(count) ? true : undefined,
    );
  }

  it('gets Fleets and GameServers in the columns Agones prints', async () => {
    await untilReady(2);
    const text = await run('get', 'fleets,gs', '-o', 'wide');
    expect(text).toMatch(/NAME\s+SCHEDULING\s+DESIRED\s+CURRENT\s+ALLOCATED\s+READY\s+AGE/);
    expect(text).toMatch(/fleet\.agones\.dev\/boat-race\s+Packed\s+2\s+2\s+0\s+2/);
    expect(text).toMatch(/NAME\s+STATE\s+ADDRESS\s+PORT\s+NODE\s+AGE/);
  }, 40_000);

  it('describes a Fleet with its events', async () => {
    const text = await run('describe', 'fleet', 'boat-race');
    expect(text).toContain('Ready Replicas:');
    expect(text).toMatch(/Events:[\s\S]*CreatingGameServerSet/);
  });

  it('scales, patches, labels and edits', async () => {
    await run('scale', 'fleet', 'boat-race', '--replicas=3');
    await untilReady(3);
    await run('patch', 'fleet', 'boat-race', '--type=merge', '-p', '{"spec":{"replicas":2}}');
    await untilReady(2);
    await run('label', 'fleet', 'boat-race', 'season=winter');
    const editor = join(directory, 'edit.mjs');
    await writeFile(
      editor,
      `import { readFileSync, writeFileSync } from 'node:fs';
const file = process.argv[2];
writeFileSync(file, readFileSync(file, 'utf8').replace('season: winter', 'season: summer'));\n`,
    );
    await new Promise<void>((resolve, reject) => {
      const env = {
        ...process.env,
        KUBECONFIG: local.stack.kubeconfigPath,
        HOME: directory,
        KUBE_EDITOR: `${process.execPath} ${editor}`,
      };
      execFile(kubectl ?? '', ['edit', 'fleet', 'boat-race'], { env, timeout: 30_000 }, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
    expect(await run('get', 'fleet', 'boat-race', '-o', 'jsonpath={.metadata.labels.season}')).toBe('summer');
  }, 60_000);

  it('applies, client-side and server-side, again and again', async () => {
    const file = join(directory, 'fleet.yaml');
    const manifest = (await readFile('fleets/base/fleet.yaml', 'utf8')).replaceAll('name: boat-race', 'name: second');
    await writeFile(file, manifest);
    expect(await run('apply', '-f', file)).toContain('created');
    expect(await run('apply', '-f', file)).toContain('unchanged');
    expect(await run('apply', '--server-side', '--force-conflicts', '-f', file)).toContain('serverside-applied');
    expect(await run('delete', 'fleet', 'second')).toContain('deleted');
  }, 40_000);

  it('allocates with a GameServerAllocation, without flags', async () => {
    const file = join(directory, 'allocation.yaml');
    await writeFile(
      file,
      `apiVersion: allocation.agones.dev/v1
kind: GameServerAllocation
spec:
  selectors:
    - matchLabels: { regatta.dev/game: boat-race }\n`,
    );
    expect(await run('create', '-f', file, '-o', 'yaml')).toMatch(/state: Allocated/);
  }, 40_000);

  it('watches GameServers come and go, and shows what one prints', async () => {
    const env = { ...process.env, KUBECONFIG: local.stack.kubeconfigPath, HOME: directory };
    const watch = spawn(kubectl ?? '', ['get', 'gs', '--watch'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    let seen = '';
    watch.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    try {
      await eventually('the watch has begun', 10_000, () => (seen.includes('Ready') ? true : undefined));
      // One of them is Allocated since the test before.
      await run('scale', 'fleet', 'boat-race', '--replicas=4');
      await untilReady(3);
      await eventually('a GameServer on its way', 10_000, () =>
        /Scheduled|Starting|RequestReady/.test(seen) ? true : undefined,
      );
    } finally {
      watch.kill();
    }
    const pod = (await run('get', 'pods', '-o', 'jsonpath={.items[0].metadata.name}')).trim();
    expect(await run('logs', pod)).toContain('"program":"game-server"');
  }, 60_000);

  it('deletes a GameServer, which the Fleet replaces, and the Fleet, which takes its GameServers with it', async () => {
    const name = (await run('get', 'gs', '-o', 'jsonpath={.items[0].metadata.name}')).trim();
    await run('delete', 'gs', name);
    await eventually('it is replaced', 30_000, async () =>
      (await readyReplicas()) !== '' && !(await run('get', 'gs', '-o', 'name')).includes(name) ? true : undefined,
    );
    await run('delete', 'fleet', 'boat-race');
    await eventually('no GameServer is left', 30_000, async () =>
      (await run('get', 'gs', '-o', 'name')).trim() === '' ? true : undefined,
    );
  }, 90_000);
});
