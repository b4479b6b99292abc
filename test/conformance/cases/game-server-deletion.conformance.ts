import type { GameServer } from '../../../lib/agones.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import { puppetContainer } from '../puppet/puppet.ts';
import type { Puppet } from '../puppet/puppet.ts';

const cluster = useCluster();

const CONTROLLER = 'agones.dev/controller';
const pathOf = (name: string) => `${PATHS.gameservers}/${name}`;
const remove = (name: string, options?: object) => cluster.request('DELETE', pathOf(name), options);

/** A puppet that has so long after SIGTERM. */
function puppetWithGrace(terminationGracePeriodSeconds: number): Promise<Puppet> {
  const template = { spec: { terminationGracePeriodSeconds, containers: [puppetContainer()] } };
  return cluster.puppet({}, {}, { template });
}

/** Waits until the game was told to end; it must be on hold. */
function heardSigterm(puppet: Puppet): Promise<true> {
  return cluster.eventually(`${puppet.name} hears SIGTERM`, async () =>
    (await puppet.life()).signals.includes('SIGTERM') ? true : undefined,
  );
}

/** A Pod of this template waits for what is not there, and with it the GameServer in Starting. */
const WAITING = {
  ports: [{ name: 'game', containerPort: 5000 }],
  template: {
    spec: {
      terminationGracePeriodSeconds: 5,
      containers: [{ ...puppetContainer(), volumeMounts: [{ name: 'settings', mountPath: '/settings' }] }],
      volumes: [{ name: 'settings', configMap: { name: 'there-is-no-such-config-map' } }],
    },
  },
};

describe('the deletion of a GameServer', () => {
  it('waits, by a finalizer, for the Pod; the game hears SIGTERM and gets its grace', async () => {
    const puppet = await puppetWithGrace(4);
    await puppet.hold();
    const before = await cluster.gameServer(puppet.name);
    expect(before?.metadata.finalizers).toEqual([CONTROLLER]);

    const startMs = performance.now();
    const { status, body } = await remove(puppet.name);
    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: 'GameServer', metadata: { finalizers: [CONTROLLER] } });
    await heardSigterm(puppet);
    const during = await cluster.gameServer(puppet.name);
    expect(during?.metadata.deletionTimestamp).toBeDefined();
    expect(during?.metadata.finalizers).toEqual([CONTROLLER]);
    expect(during?.status?.state).toBe('Scheduled');
    expect((await cluster.pod(puppet.name))?.metadata.deletionTimestamp).toBeDefined();

    await cluster.gone(puppet.name);
    const tookMs = performance.now() - startMs;
    expect(tookMs).toBeGreaterThan(3500);
    expect(tookMs).toBeLessThan(15_000);
  });

  it('is over as soon as the game has ended, however long its grace', async () => {
    const puppet = await puppetWithGrace(60);
    const startMs = performance.now();
    await remove(puppet.name);
    await cluster.gone(puppet.name);
    expect(performance.now() - startMs).toBeLessThan(30_000);
  });

  it('removes the Pod first and then the object', async () => {
    const puppet = await cluster.puppet();
    const [pods, gameServers] = await Promise.all([
      cluster.watchFromNow(PATHS.pods),
      cluster.watchFromNow(PATHS.gameservers),
    ]);
    await remove(puppet.name);
    const [pod, gameServer] = await Promise.all(
      [pods, gameServers].map((watch) =>
        watch.until('gone', ({ type, object }) => type === 'DELETED' && object.metadata.name === puppet.name),
      ),
    );
    expect(BigInt(pod?.object.metadata.resourceVersion)).toBeLessThan(
      BigInt(gameServer?.object.metadata.resourceVersion),
    );
    const states = gameServers.events
      .filter(({ object }) => object.metadata.name === puppet.name)
      .map(({ object }) => object.status.state);
    // A deletion does not change the state.
    expect(new Set(states)).toEqual(new Set(['Scheduled']));
  });

  it('tells in an event that the Pod goes', async () => {
    const puppet = await cluster.puppet();
    await remove(puppet.name);
    await cluster.gone(puppet.name);
    const events = await cluster.eventually('an event about the Pod', async () => {
      const seen = await cluster.eventsAbout(puppet.name, 'GameServer');
      return seen.some(({ message }) => message.includes('Deleting Pod')) ? seen : undefined;
    });
    expect(events.at(-1)).toMatchObject({ type: 'Normal', reason: 'Scheduled' });
  });

  it('asked for again changes nothing', async () => {
    const puppet = await puppetWithGrace(4);
    await puppet.hold();
    const first = await remove(puppet.name);
    await heardSigterm(puppet);
    const second = await remove(puppet.name);
    expect(second.status).toBe(200);
    expect(second.body.metadata.deletionTimestamp).toBe(first.body.metadata.deletionTimestamp);
    await cluster.gone(puppet.name);
    expect((await remove(puppet.name)).status).toBe(404);
  });

  it('works while the Pod still waits to start', async () => {
    const { metadata } = await cluster.createPuppet({}, {}, WAITING);
    await cluster.inState(metadata.name, 'Starting');
    await cluster.eventually('the Pod is there', () => cluster.pod(metadata.name));
    await remove(metadata.name);
    await cluster.gone(metadata.name);
    expect(await cluster.pod(metadata.name)).toBeUndefined();
  });

  it('works at once after the creation', async () => {
    const { metadata } = await cluster.createPuppet();
    await remove(metadata.name);
    await cluster.gone(metadata.name);
    await cluster.eventually('no Pod is left', async () =>
      (await cluster.pod(metadata.name)) === undefined ? true : undefined,
    );
  });

  it('takes the Pod of one that is Unhealthy', async () => {
    const puppet = await cluster.puppet();
    await cluster.patched(pathOf(puppet.name), { status: { state: 'Unhealthy' } });
    expect(await cluster.pod(puppet.name)).toBeDefined();
    await remove(puppet.name);
    await cluster.gone(puppet.name);
    expect(await cluster.pod(puppet.name)).toBeUndefined();
  });

  it('is at once for a game that runs elsewhere', async () => {
    const { metadata } = await cluster.readyDevGameServer();
    expect(metadata.finalizers).toEqual([CONTROLLER]);
    await remove(metadata.name);
    await cluster.gone(metadata.name);
  });

  it('waits for finalizers of others, after the Pod has gone', async () => {
    const puppet = await cluster.puppet();
    const kept = 'regatta.dev/kept';
    await cluster.patched(pathOf(puppet.name), { metadata: { finalizers: [CONTROLLER, kept] } });
    await remove(puppet.name);
    const left = await cluster.eventually('its own finalizer is gone', async () => {
      const gameServer = await cluster.gameServer(puppet.name);
      return gameServer?.metadata.finalizers?.includes(CONTROLLER) === false ? gameServer : undefined;
    });
    expect(left.metadata.finalizers).toEqual([kept]);
    expect(await cluster.pod(puppet.name)).toBeUndefined();
    await cluster.patched<GameServer>(pathOf(puppet.name), { metadata: { finalizers: null } });
    await cluster.gone(puppet.name);
  });

  it.each(['Background', 'Foreground'])('of propagation %s takes the Pod', async (propagationPolicy) => {
    const puppet = await cluster.puppet();
    await remove(puppet.name, { propagationPolicy });
    await cluster.gone(puppet.name);
    expect(await cluster.pod(puppet.name)).toBeUndefined();
  });

  it('drops what the game asks for meanwhile', async () => {
    const puppet = await puppetWithGrace(4);
    await puppet.hold();
    const watch = await cluster.watchFromNow(PATHS.gameservers);
    await remove(puppet.name);
    await heardSigterm(puppet);
    expect((await puppet.sdk('POST', '/ready', {})).status).toBe(200);
    await cluster.gone(puppet.name);
    expect(watch.statesOf(puppet.name)).toEqual(['Scheduled']);
  });

  it('frees the name for another', async () => {
    const name = cluster.name('again');
    const first = await cluster.createPuppet({}, { name });
    await cluster.inState(name, 'Scheduled');
    await remove(name);
    await cluster.gone(name);
    const second = await cluster.createPuppet({}, { name });
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
    await cluster.inState(name, 'Scheduled');
    const pod = await cluster.pod(name);
    expect(pod?.metadata.ownerReferences).toMatchObject([{ uid: second.metadata.uid }]);
  });
});
