import { jest } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { eventually } from '../../helpers/conditions.ts';
import { LocalStack } from '../../helpers/local-stack.ts';
import { describeWithKubectl, Kubectl } from './kubectl.ts';

// Each command is a program of its own.
jest.setTimeout(60_000);

describeWithKubectl('kubectl with the Fleets of Regatta', () => {
  let local: LocalStack;
  let kubectl: Kubectl;

  beforeAll(async () => {
    local = await LocalStack.start({ buffer: 2 });
    kubectl = await Kubectl.forKubeconfig(local.stack.kubeconfigPath);
    // From here on the size of the Fleet is the tests' to set.
    await run('delete', 'fleetautoscaler', 'boat-race');
  }, 90_000);

  afterAll(async () => {
    await local.stop();
    await kubectl.remove();
  }, 30_000);

  const run = (...parameters: string[]): Promise<string> => kubectl.run(...parameters);

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
    expect((await kubectl.edit('fleet', 'boat-race', 'season: winter', 'season: summer')).code).toBe(0);
    expect(await run('get', 'fleet', 'boat-race', '-o', 'jsonpath={.metadata.labels.season}')).toBe('summer');
  }, 60_000);

  it('applies, client-side and server-side, again and again', async () => {
    const manifest = (await readFile('fleets/base/fleet.yaml', 'utf8')).replaceAll('name: boat-race', 'name: second');
    const file = await kubectl.file('fleet.yaml', manifest);
    expect(await run('apply', '-f', file)).toContain('created');
    expect(await run('apply', '-f', file)).toContain('unchanged');
    expect(await run('apply', '--server-side', '--force-conflicts', '-f', file)).toContain('serverside-applied');
    expect(await run('delete', 'fleet', 'second')).toContain('deleted');
  }, 40_000);

  it('allocates with a GameServerAllocation, without flags', async () => {
    const file = await kubectl.file(
      'allocation.yaml',
      `apiVersion: allocation.agones.dev/v1
kind: GameServerAllocation
spec:
  selectors:
    - matchLabels: { regatta.dev/game: boat-race }\n`,
    );
    expect(await run('create', '-f', file, '-o', 'yaml')).toMatch(/state: Allocated/);
  }, 40_000);

  it('watches GameServers come and go, and shows what one prints', async () => {
    const watch = kubectl.follow('get', 'gs', '--watch');
    try {
      await eventually('the watch has begun', 10_000, () => (watch.seen().includes('Ready') ? true : undefined));
      // One of them is Allocated since the test before.
      await run('scale', 'fleet', 'boat-race', '--replicas=4');
      await untilReady(3);
      await eventually('a GameServer on its way', 10_000, () =>
        /Scheduled|Starting|RequestReady/.test(watch.seen()) ? true : undefined,
      );
    } finally {
      watch.stop();
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
