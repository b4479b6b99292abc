import type { GameServer } from '../../../lib/agones.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import { puppetContainer } from '../puppet/puppet.ts';

const cluster = useCluster();

const pathOf = (name: string) => `${PATHS.gameservers}/${name}`;

/** What a case sees of a GameServer from its making on. */
async function statesUntil(last: string, create: () => Promise<GameServer>): Promise<string[]> {
  const watch = await cluster.watchFromNow(PATHS.gameservers);
  const { metadata } = await create();
  await watch.until(
    `${metadata.name} in ${last}`,
    ({ object }) => object.metadata.name === metadata.name && object.status?.state === last,
  );
  return watch.statesOf(metadata.name);
}

function reasonsOf(name: string, last: string) {
  return cluster.eventually(`an event ${last} about ${name}`, async () => {
    const events = await cluster.eventsAbout(name, 'GameServer');
    return events.some(({ reason, message }) => `${reason} ${message}`.includes(last))
      ? events.map(({ type, reason }) => `${type} ${reason}`)
      : undefined;
  });
}

/** Kubernetes refuses the Pod of this template: it mounts what is not there. */
const IMPOSSIBLE = {
  ports: [{ name: 'game', containerPort: 5000 }],
  template: {
    spec: { containers: [{ ...puppetContainer(), volumeMounts: [{ name: 'missing', mountPath: '/missing' }] }] },
  },
};

/** A case needs some 30 s of what it makes: it is made before all others. */
const impossible = { fleet: '', first: '', alone: '', erroredAtMs: 0 };

beforeAll(async () => {
  impossible.fleet = cluster.name('impossible');
  await cluster.createFleet(impossible.fleet, { replicas: 1, template: cluster.puppetTemplate({}, {}, IMPOSSIBLE) });
  impossible.alone = (await cluster.createPuppet({}, { name: cluster.name('impossible') }, IMPOSSIBLE)).metadata.name;
  const first = await cluster.eventually('one in Error', async () =>
    (await cluster.gameServersOf(impossible.fleet)).find(({ status }) => status?.state === 'Error'),
  );
  impossible.first = first.metadata.name;
  impossible.erroredAtMs = Date.now();
});

describe('the states of a GameServer', () => {
  it('come in order from PortAllocation to Ready', async () => {
    expect(await statesUntil('Ready', () => cluster.createPuppet({ ready: true }))).toEqual([
      'PortAllocation',
      'Creating',
      'Starting',
      'Scheduled',
      'RequestReady',
      'Ready',
    ]);
  });

  it('start at Creating where no port has to be found', async () => {
    const hostPort = 20_000 + Math.floor(Math.random() * 900);
    const ports = [
      { name: 'game', portPolicy: 'Static', protocol: 'TCP', hostPort, containerPort: hostPort },
      { name: 'query', portPolicy: 'None', containerPort: 5000 },
    ];
    expect(await statesUntil('Ready', () => cluster.createPuppet({ ready: true }, {}, { ports }))).toEqual([
      'Creating',
      'Starting',
      'Scheduled',
      'RequestReady',
      'Ready',
    ]);
  });

  it('are Creating and Ready, without a Pod or an event, where the game runs elsewhere', async () => {
    let name = '';
    const states = await statesUntil('Ready', async () => {
      const made = await cluster.createDevGameServer();
      name = made.metadata.name;
      return made;
    });
    expect(states).toEqual(['Creating', 'Ready']);
    expect((await cluster.gameServer(name))?.status).toMatchObject({
      address: '127.0.0.1',
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      nodeName: '127.0.0.1',
      ports: [{ name: 'game', port: 7777 }],
    });
    expect(await cluster.pod(name)).toBeUndefined();
    expect(await cluster.eventsAbout(name)).toEqual([]);
  });

  it('stay at Scheduled until the game server says Ready, with the address known', async () => {
    const puppet = await cluster.puppet();
    const { status, spec } = (await cluster.gameServer(puppet.name)) ?? {};
    expect(status).toMatchObject({
      state: 'Scheduled',
      address: expect.stringMatching(/./),
      nodeName: expect.stringMatching(/./),
      ports: [{ name: 'strings', port: spec?.ports?.[0]?.hostPort }],
      reservedUntil: null,
    });
    await puppet.sdk('POST', '/ready', {});
    const ready = await cluster.inState(puppet.name, 'Ready');
    expect(ready.status).toMatchObject({ address: status?.address, nodeName: status?.nodeName, ports: status?.ports });
  });

  it('follow the game: Allocated, Ready again, Reserved for a time, and Shutdown', async () => {
    const puppet = await cluster.puppet({ ready: true });
    await cluster.inState(puppet.name, 'Ready');
    const watch = await cluster.watchFromNow(PATHS.gameservers);

    await puppet.sdk('POST', '/allocate', {});
    const allocated = await cluster.inState(puppet.name, 'Allocated');
    const lastAllocated = allocated.metadata.annotations?.['agones.dev/last-allocated'] ?? '';
    expect(Math.abs(Date.now() - Date.parse(lastAllocated))).toBeLessThan(30_000);

    await puppet.sdk('POST', '/ready', {});
    const ready = await cluster.inState(puppet.name, 'Ready');
    expect(ready.metadata.annotations?.['agones.dev/last-allocated']).toBe(lastAllocated);

    await puppet.sdk('POST', '/reserve', { seconds: '2' });
    const reserved = await cluster.inState(puppet.name, 'Reserved');
    const reservedForMs = Date.parse(reserved.status?.reservedUntil ?? '') - Date.now();
    // The time is written in whole seconds.
    expect(reservedForMs).toBeGreaterThan(-500);
    expect(reservedForMs).toBeLessThanOrEqual(2000);
    const readyAgain = await cluster.inState(puppet.name, 'Ready');
    expect(readyAgain.status?.reservedUntil).toBeNull();

    await puppet.sdk('POST', '/shutdown', {});
    await cluster.gone(puppet.name);
    expect(watch.statesOf(puppet.name)).toEqual([
      'Allocated',
      'RequestReady',
      'Ready',
      'Reserved',
      'RequestReady',
      'Ready',
      'Shutdown',
    ]);
    expect(await reasonsOf(puppet.name, 'Deleting Pod')).toEqual([
      'Normal PortAllocation',
      'Normal Creating',
      'Normal Scheduled',
      'Normal RequestReady',
      'Normal Ready',
      'Normal Allocated',
      'Normal Reserved',
      'Normal Shutdown',
      'Normal Shutdown',
      'Normal Shutdown',
    ]);
  });

  it('follow whoever writes the state: RequestReady becomes Ready, Allocated and Ready stay', async () => {
    const { metadata } = await cluster.createPuppet({ pingMs: 1000 }, {}, { health: { disabled: true } });
    await cluster.inState(metadata.name, 'Scheduled');
    const write = (state: string) => cluster.patched<GameServer>(pathOf(metadata.name), { status: { state } });
    await write('RequestReady');
    await cluster.inState(metadata.name, 'Ready');
    expect((await write('Allocated')).status?.state).toBe('Allocated');
    expect((await write('Ready')).status?.state).toBe('Ready');
    expect((await write('Reserved')).status?.state).toBe('Reserved');
  });

  it('are those of Agones: another one cannot be written', async () => {
    const { metadata } = await cluster.readyDevGameServer();
    const { status, body } = await cluster.request('PATCH', pathOf(metadata.name), { status: { state: 'Afloat' } });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      reason: 'Invalid',
      details: { causes: [{ reason: 'FieldValueNotSupported', field: 'status.state' }] },
    });
    expect((await cluster.gameServer(metadata.name))?.status?.state).toBe('Ready');
  });

  it('end when somebody writes Shutdown: the Pod goes and then the object', async () => {
    const puppet = await cluster.puppet({ ready: true });
    await cluster.inState(puppet.name, 'Ready');
    await cluster.patched(pathOf(puppet.name), { status: { state: 'Shutdown' } });
    await cluster.gone(puppet.name);
    expect(await cluster.pod(puppet.name)).toBeUndefined();
  });

  it('end with Shutdown for a game that runs elsewhere, too', async () => {
    const { metadata } = await cluster.readyDevGameServer();
    await cluster.patched(pathOf(metadata.name), { status: { state: 'RequestReady' } });
    await cluster.inState(metadata.name, 'Ready');
    await cluster.patched(pathOf(metadata.name), { status: { state: 'Shutdown' } });
    await cluster.gone(metadata.name);
  });

  it('stay Unhealthy alone, whatever the game asks for', async () => {
    const puppet = await cluster.puppet({ ready: true });
    await cluster.inState(puppet.name, 'Ready');
    await cluster.patched(pathOf(puppet.name), { status: { state: 'Unhealthy' } });
    expect((await puppet.sdk('POST', '/ready', {})).status).toBe(200);
    // A label goes the same way, and is written in spite of it: so the state was dropped, and is not about to come.
    await puppet.sdk('PUT', '/metadata/label', { key: 'later', value: 'yes' });
    const labelled = await cluster.eventually('the label', async () => {
      const gameServer = await cluster.gameServer(puppet.name);
      return gameServer?.metadata.labels?.['agones.dev/sdk-later'] === 'yes' ? gameServer : undefined;
    });
    expect(labelled.status?.state).toBe('Unhealthy');
    expect(labelled.metadata.deletionTimestamp).toBeUndefined();
  });

  it('are Unhealthy but for a moment within a Fleet, which makes another', async () => {
    const fleet = cluster.name('fleet');
    await cluster.createFleet(fleet, { replicas: 1, template: cluster.puppetTemplate({ ready: true }) });
    await cluster.fleetSettled(fleet, 1);
    const [first] = await cluster.gameServersOf(fleet);
    const name = first?.metadata.name ?? '';
    const watch = await cluster.watchFromNow(PATHS.gameservers);
    await (await cluster.reach(name)).exit(3);
    await cluster.gone(name);
    expect(watch.statesOf(name)).toContain('Unhealthy');
    await cluster.fleetSettled(fleet, 1);
    const [second] = await cluster.gameServersOf(fleet);
    expect(second?.metadata.uid).not.toBe(first?.metadata.uid);
  });

  it('end in Error when Kubernetes refuses the Pod, and say since when', async () => {
    const { metadata, status } = await cluster.inState(impossible.alone, 'Error');
    const erroredAt = metadata.annotations?.['agones.dev/errored-at'] ?? '';
    expect(erroredAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Math.abs(Date.parse(erroredAt) - impossible.erroredAtMs)).toBeLessThan(30_000);
    expect(status).toMatchObject({ address: '', ports: null, nodeName: '' });
    expect(await cluster.pod(metadata.name)).toBeUndefined();
    expect(await reasonsOf(metadata.name, 'Error')).toEqual(['Normal PortAllocation', 'Warning Error']);
  });

  it('stay at Error alone, while a Fleet removes what is in Error after 30 s and tries again', async () => {
    await cluster.gone(impossible.first);
    const tookMs = Date.now() - impossible.erroredAtMs;
    expect(tookMs).toBeGreaterThan(27_000);
    expect(tookMs).toBeLessThan(60_000);
    const [next] = await cluster.eventually('another', async () => {
      const found = await cluster.gameServersOf(impossible.fleet);
      return found.length > 0 ? found : undefined;
    });
    expect(next?.metadata.name).not.toBe(impossible.first);
    const alone = await cluster.inState(impossible.alone, 'Error');
    expect(alone.metadata.deletionTimestamp).toBeUndefined();
  });
});
