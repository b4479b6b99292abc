import type { Fleet, GameServer } from '../../../lib/agones.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

const ERRORED_AT = 'agones.dev/errored-at';

async function gameServersOf(fleet: Fleet): Promise<GameServer[]> {
  return cluster.gameServersOf(fleet.metadata.name);
}

/** A Fleet of two, with the names of both. */
async function fleetOfTwo(): Promise<[fleet: Fleet, first: string, second: string]> {
  const fleet = await cluster.readyDevFleet({ replicas: 2 });
  const [first, second] = (await gameServersOf(fleet)).map(({ metadata }) => metadata.name);
  return [fleet, first!, second!];
}

/** Waits until the Fleet has two Ready GameServers, the first not being one of them. */
async function replaced(fleet: Fleet, first: string): Promise<string[]> {
  return cluster.eventually(`${first} replaced`, async () => {
    const found = await gameServersOf(fleet);
    const names = found.map(({ metadata }) => metadata.name);
    const isDone =
      found.length === 2 && found.every(({ status }) => status?.state === 'Ready') && !names.includes(first);
    return isDone ? names : undefined;
  });
}

describe('a Fleet replaces', () => {
  it('a GameServer that is Unhealthy, and shuts it down', async () => {
    const [fleet, first, second] = await fleetOfTwo();
    const watch = await cluster.watchFromNow(PATHS.gameservers);
    await cluster.patched(`${PATHS.gameservers}/${first}`, { status: { state: 'Unhealthy' } });
    expect(await replaced(fleet, first)).toContain(second);
    expect(watch.statesOf(first)).toEqual(['Unhealthy', 'Shutdown']);
  });

  it('a GameServer that is Unhealthy even when it was Allocated before', async () => {
    const [fleet, first] = await fleetOfTwo();
    await cluster.patched(`${PATHS.gameservers}/${first}`, { status: { state: 'Allocated' } });
    await cluster.patched(`${PATHS.gameservers}/${first}`, { status: { state: 'Unhealthy' } });
    await replaced(fleet, first);
  });

  it('a GameServer that somebody deletes, Allocated or not', async () => {
    const [fleet, first, second] = await fleetOfTwo();
    await cluster.request('DELETE', `${PATHS.gameservers}/${first}`);
    const [third] = (await replaced(fleet, first)).filter((name) => name !== second);
    await cluster.patched(`${PATHS.gameservers}/${third}`, { status: { state: 'Allocated' } });
    await cluster.request('DELETE', `${PATHS.gameservers}/${third}`);
    await replaced(fleet, third!);
  });

  it('a GameServer that shuts down', async () => {
    const [fleet, first, second] = await fleetOfTwo();
    await cluster.patched(`${PATHS.gameservers}/${first}`, { status: { state: 'Shutdown' } });
    expect(await replaced(fleet, first)).toContain(second);
  });

  it('a GameServer whose program ends, however it ends', async () => {
    const name = cluster.name('fleet');
    await cluster.createFleet(name, { replicas: 1, template: cluster.puppetTemplate({ ready: true }) });
    const fleet = await cluster.fleetSettled(name, 1);
    for (const [code, state] of [
      [0, 'Shutdown'],
      [1, 'Unhealthy'],
    ] as const) {
      const [running] = await gameServersOf(fleet);
      const watch = await cluster.watchFromNow(PATHS.gameservers);
      await (await cluster.reach(running!.metadata.name)).exit(code);
      await cluster.gone(running!.metadata.name);
      expect(watch.statesOf(running!.metadata.name)).toContain(state);
      await cluster.eventually('another one Ready', async () => {
        const found = await gameServersOf(fleet);
        return found.length === 1 && found[0]?.status?.state === 'Ready' ? true : undefined;
      });
    }
  });

  it('a GameServer in Error 30 s after it got there, and counts it until then', async () => {
    const [fleet, first, second] = await fleetOfTwo();
    const erroredAtMs = Date.now();
    const erroredAt = new Date(erroredAtMs).toISOString().replace(/\.\d+Z$/, 'Z');
    await cluster.patched(`${PATHS.gameservers}/${first}`, {
      metadata: { annotations: { [ERRORED_AT]: erroredAt } },
      status: { state: 'Error' },
    });
    await cluster.eventually('it counted', async () => {
      const { status } = await cluster.fleet(fleet.metadata.name);
      return status?.replicas === 2 && status.readyReplicas === 1 ? true : undefined;
    });
    // Agones looks again when something happens to the Fleet, or every 30 s.
    const isLeft = async () => (await cluster.gameServer(first))?.status?.state === 'Error';
    await cluster.eventually('its shutdown', async () => ((await isLeft()) ? undefined : true), 90_000);
    // The time is written in whole seconds.
    expect(Date.now() - erroredAtMs).toBeGreaterThan(28_500);
    expect(await replaced(fleet, first)).toContain(second);
  });

  it.each([
    ['does not say since when', {}],
    ['says so in no words of a clock', { [ERRORED_AT]: 'just now' }],
    ['has been there for long', { [ERRORED_AT]: '2020-01-01T00:00:00Z' }],
  ])('a GameServer in Error at once when it %s', async (_what, annotations) => {
    const [fleet, first] = await fleetOfTwo();
    await cluster.patched(`${PATHS.gameservers}/${first}`, { metadata: { annotations }, status: { state: 'Error' } });
    await replaced(fleet, first);
  });
});
