import type { GameServerHealth } from '../../../lib/agones.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import { puppetContainer } from '../puppet/puppet.ts';
import type { Puppet, PuppetOptions } from '../puppet/puppet.ts';

const cluster = useCluster();

/** How much sooner: the SDK server runs before the game, and counts from then on. */
const SOONER_MS = 2000;
/** How much later: a kubelet asks within a period, the sidecar writes within half a second, the machine is slow. */
const LATER_MS = 6000;

async function puppetWith(health: GameServerHealth, options: PuppetOptions = { pingMs: 0 }): Promise<Puppet> {
  return cluster.puppet(options, {}, { health });
}

/** When a GameServer became Unhealthy, counted from the start of its game. */
async function unhealthyAfterMs(puppet: Puppet): Promise<number> {
  const { startedAt } = await puppet.life();
  const watch = await cluster.watch(`${PATHS.gameservers}?fieldSelector=metadata.name%3D${puppet.name}`);
  await watch.until(`${puppet.name} is Unhealthy`, ({ object }) => object.status?.state === 'Unhealthy');
  watch.stop();
  return Date.now() - startedAt;
}

async function terminationOf(name: string) {
  return cluster.eventually(`${name} has ended`, async () => {
    const status = (await cluster.pod(name))?.status;
    const terminated = status?.containerStatuses?.[0]?.state?.terminated;
    return terminated === undefined ? undefined : { phase: status.phase, ...status.containerStatuses[0] };
  });
}

/** Silent ones with the same numbers, of which one alone is checked: it shows when the time of all has come. */
const silent = {} as { checked: Puppet; disabled: Puppet; probed: Puppet; waiting: string };

beforeAll(async () => {
  const health = { initialDelaySeconds: 1, periodSeconds: 1, failureThreshold: 3 };
  const container = puppetContainer({ pingMs: 0 });
  const withOwnProbe = { ...container, livenessProbe: { exec: { command: ['true'] } } };
  const mount = { name: 'settings', mountPath: '/settings' };
  const withoutItsSettings = {
    containers: [{ ...container, volumeMounts: [mount] }],
    volumes: [{ name: 'settings', configMap: { name: 'there-is-no-such-config-map' } }],
  };
  const [disabled, probed, waiting] = await Promise.all([
    puppetWith({ ...health, disabled: true }),
    cluster.puppet({}, {}, { health, template: { spec: { containers: [withOwnProbe] } } }),
    cluster.createPuppet({}, {}, { health, template: { spec: withoutItsSettings } }),
  ]);
  await cluster.inState(waiting.metadata.name, 'Starting');
  Object.assign(silent, { disabled, probed, waiting: waiting.metadata.name, checked: await puppetWith(health) });
});

describe('the health of a GameServer', () => {
  it('has three numbers: 5 s before the first look, 5 s between looks, 3 that fail', async () => {
    const { metadata, spec } = await cluster.createDevGameServer();
    expect(spec.health).toEqual({ initialDelaySeconds: 5, periodSeconds: 5, failureThreshold: 3 });
    await cluster.request('DELETE', `${PATHS.gameservers}/${metadata.name}`);
  });

  it('is lost by silence, sooner or later by each of the three numbers', async () => {
    const numbers: Required<Omit<GameServerHealth, 'disabled'>>[] = [
      { initialDelaySeconds: 2, periodSeconds: 1, failureThreshold: 1 },
      { initialDelaySeconds: 7, periodSeconds: 1, failureThreshold: 1 },
      { initialDelaySeconds: 2, periodSeconds: 1, failureThreshold: 6 },
      { initialDelaySeconds: 1, periodSeconds: 4, failureThreshold: 2 },
    ];
    const puppets = await Promise.all(numbers.map((health) => puppetWith(health)));
    const tookMs = await Promise.all(puppets.map(unhealthyAfterMs));
    // The last one is looked at after 1 s, when it is not late yet.
    for (const [at, dueSeconds] of [2, 7, 2 + 5, 1 + 4 + 4].entries()) {
      expect(tookMs[at]).toBeGreaterThan(dueSeconds * 1000 - SOONER_MS);
      expect(tookMs[at]).toBeLessThan(dueSeconds * 1000 + LATER_MS);
    }
  });

  it('is kept by pings, forgives with each what was missed, and is lost when they end', async () => {
    const health = { initialDelaySeconds: 1, periodSeconds: 1, failureThreshold: 3 };
    const puppet = await puppetWith(health, { ready: true, pingMs: 1500 });
    await cluster.inState(puppet.name, 'Ready');
    const { startedAt } = await puppet.life();
    await cluster.eventually('many more looks failed than it may', () =>
      Date.now() - startedAt > 7000 ? true : undefined,
    );
    expect((await cluster.gameServer(puppet.name))?.status?.state).toBe('Ready');
    await puppet.ping(0);
    const silentMs = Date.now();
    await cluster.inState(puppet.name, 'Unhealthy');
    const tookMs = Date.now() - silentMs;
    expect(tookMs).toBeGreaterThan(3000 - 1500 - 500);
    expect(tookMs).toBeLessThan(3000 + 1000 + LATER_MS);
    const events = await cluster.eventually('an event', async () => {
      const seen = await cluster.eventsAbout(puppet.name, 'GameServer');
      return seen.some(({ reason }) => reason === 'Unhealthy') ? seen : undefined;
    });
    expect(events.at(-1)).toMatchObject({ type: 'Warning', reason: 'Unhealthy' });
  });

  it('that is lost ends the game, too, and starts nothing again', async () => {
    const { name } = silent.checked;
    await cluster.inState(name, 'Unhealthy');
    expect(await terminationOf(name)).toMatchObject({ restartCount: 0 });
    expect((await cluster.gameServer(name))?.status?.state).toBe('Unhealthy');
  });

  it('is never asked for where it is disabled, or the game has a livenessProbe of its own', async () => {
    await cluster.inState(silent.checked.name, 'Unhealthy');
    expect((await cluster.gameServer(silent.disabled.name))?.status?.state).toBe('Scheduled');
    expect((await cluster.gameServer(silent.probed.name))?.status?.state).toBe('Scheduled');
  });

  it('is not asked for while the game waits to start', async () => {
    await cluster.inState(silent.checked.name, 'Unhealthy');
    expect((await cluster.gameServer(silent.waiting))?.status?.state).toBe('Starting');
  });

  it.each([
    ['before Ready', false],
    ['once Ready', true],
  ])('does not matter to a game that ends well %s: that is Shutdown', async (_when, ready) => {
    const puppet = await cluster.puppet({ ready });
    await cluster.inState(puppet.name, ready ? 'Ready' : 'Scheduled');
    const watch = await cluster.watchFromNow(PATHS.gameservers);
    await puppet.exit(0);
    await cluster.gone(puppet.name);
    expect(watch.statesOf(puppet.name)).toEqual([ready ? 'Ready' : 'Scheduled', 'Shutdown'].slice(-1));
  });

  it.each([
    ['before Ready', false],
    ['once Ready', true],
  ])('is lost by a game that fails %s, and is not started again', async (_when, ready) => {
    const puppet = await cluster.puppet({ ready });
    await cluster.inState(puppet.name, ready ? 'Ready' : 'Scheduled');
    await puppet.exit(7);
    await cluster.inState(puppet.name, 'Unhealthy');
    const ended = await terminationOf(puppet.name);
    expect(ended).toMatchObject({ phase: 'Failed', restartCount: 0, state: { terminated: { exitCode: 7 } } });
  });

  it('is lost by a game that fails before it listens', async () => {
    const { metadata } = await cluster.createPuppet({ exitCode: 3 });
    await cluster.inState(metadata.name, 'Unhealthy');
    expect(await terminationOf(metadata.name)).toMatchObject({
      restartCount: 0,
      state: { terminated: { exitCode: 3, reason: 'Error' } },
    });
  });
});
