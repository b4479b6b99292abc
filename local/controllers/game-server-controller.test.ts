import type { GameServer } from '../../lib/agones.ts';
import type { Pod } from './pods.ts';
import { TestCluster } from './testing/test-cluster.ts';

let cluster: TestCluster;
beforeEach(() => {
  cluster = new TestCluster();
});
afterEach(() => {
  cluster.stop();
});

function statesSeen(name: string): string[] {
  const seen: string[] = [];
  cluster.store.subscribe<GameServer>('gameservers', ({ type, object }) => {
    if (object.metadata.name !== name) return;
    seen.push(type === 'DELETED' ? 'gone' : (object.status?.state ?? ''));
  });
  return seen;
}

const WS = { name: 'ws', containerPort: 8000, protocol: 'TCP' } as const;

describe('a GameServer', () => {
  it('goes through the states one by one and tells of each in an event', () => {
    const seen = statesSeen('one');
    cluster.createGameServer('one', { ports: [WS] });
    cluster.settle();
    expect(seen).toEqual(['PortAllocation', 'Creating', 'Starting', 'Scheduled', 'RequestReady', 'Ready']);
    expect(cluster.eventsAbout('one')).toEqual(['PortAllocation', 'Creating', 'Scheduled', 'Ready']);
  });

  it('has the address of its Node, its Pod in the addresses, and its ports', () => {
    cluster.createGameServer('one', { ports: [WS] });
    cluster.settle();
    const gameServer = cluster.gameServer('one');
    const hostPort = gameServer?.spec.ports?.[0]?.hostPort ?? 0;
    expect(hostPort).toBeGreaterThanOrEqual(7000);
    expect(hostPort).toBeLessThanOrEqual(8000);
    expect(gameServer?.status).toMatchObject({
      address: '10.0.0.1',
      addresses: [
        { type: 'InternalIP', address: '10.0.0.1' },
        { type: 'Hostname', address: 'node-1' },
        { type: 'PodIP', address: '10.1.0.1' },
      ],
      nodeName: 'node-1',
      ports: [{ name: 'ws', port: hostPort }],
    });
  });

  it('has a Pod of its name, which it owns and which knows the SDK', () => {
    cluster.createGameServer('one', { ports: [WS] });
    cluster.settle();
    const pod = cluster.store.get<Pod>('pods', 'default', 'one');
    expect(pod.metadata.labels).toMatchObject({ 'agones.dev/role': 'gameserver', 'agones.dev/gameserver': 'one' });
    expect(pod.metadata.ownerReferences).toMatchObject([{ kind: 'GameServer', name: 'one', controller: true }]);
    expect(pod.spec['restartPolicy']).toBe('Never');
    expect(pod.spec.containers[0]).toMatchObject({
      name: 'game',
      image: 'game:1',
      ports: [{ containerPort: 8000, protocol: 'TCP' }],
      env: [
        { name: 'AGONES_SDK_GRPC_PORT', value: '9357' },
        { name: 'AGONES_SDK_HTTP_PORT', value: '9358' },
      ],
    });
  });

  it('waits in Starting until its Pod is on a Node', () => {
    cluster.createGameServer('one', { ports: [WS] });
    cluster.settleControllers();
    expect(cluster.gameServer('one')?.status?.state).toBe('Starting');
  });

  it('goes only when its Pod is gone, after Shutdown', () => {
    cluster.createGameServer('one', { ports: [WS] });
    cluster.settle();
    const seen = statesSeen('one');
    cluster.setState('one', 'Shutdown');
    cluster.settleControllers();
    expect(cluster.gameServer('one')?.metadata.deletionTimestamp).toBeDefined();
    expect(cluster.store.get<Pod>('pods', 'default', 'one').metadata.deletionTimestamp).toBeDefined();
    cluster.settle();
    expect(seen).toEqual(['Shutdown', 'Shutdown', 'gone']);
    expect(cluster.store.list('pods')).toEqual([]);
  });

  it.each([
    { phase: 'Failed', state: 'Unhealthy' },
    { phase: 'Succeeded', state: undefined },
  ] as const)('whose Pod has $phase becomes $state', ({ phase, state }) => {
    cluster.createGameServer('one', { ports: [WS] });
    cluster.settle();
    cluster.exit('one', phase);
    cluster.settle();
    expect(cluster.gameServer('one')?.status?.state).toBe(state);
  });

  it('whose Pod was deleted is Unhealthy, and stays when no set replaces it', () => {
    cluster.createGameServer('one', { ports: [WS] });
    cluster.settle();
    cluster.setState('one', 'Allocated');
    cluster.store.delete('pods', 'default', 'one');
    cluster.settle();
    expect(cluster.gameServer('one')?.status?.state).toBe('Unhealthy');
  });

  it('whose Pod cannot be made is in Error, with the time', () => {
    cluster.store.create<Pod>('pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'one', namespace: 'default' },
      spec: { containers: [{ name: 'other', image: 'other:1' }], nodeName: 'node-1' },
    });
    cluster.createGameServer('one', { ports: [WS] });
    cluster.settle();
    const gameServer = cluster.gameServer('one');
    expect(gameServer?.status?.state).toBe('Error');
    expect(gameServer?.metadata.annotations?.['agones.dev/errored-at']).toBe('2026-01-01T00:00:00Z');
  });

  it('with a development address is Ready at once, without a Pod, and Ready again after RequestReady', () => {
    const annotations = { 'agones.dev/dev-address': '127.0.0.1' };
    const ports = [{ ...WS, portPolicy: 'Static', hostPort: 21_000 } as const];
    cluster.createGameServer('dev', { ports }, { annotations });
    cluster.settle();
    expect(cluster.gameServer('dev')?.status).toMatchObject({
      state: 'Ready',
      address: '127.0.0.1',
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      nodeName: '127.0.0.1',
      ports: [{ name: 'ws', port: 21_000 }],
    });
    expect(cluster.store.list('pods')).toEqual([]);
    cluster.setState('dev', 'RequestReady');
    cluster.settle();
    expect(cluster.gameServer('dev')?.status?.state).toBe('Ready');
    cluster.setState('dev', 'Shutdown');
    cluster.settle();
    expect(cluster.gameServer('dev')).toBeUndefined();
  });
});

describe('ports', () => {
  it('with policy Passthrough are the same inside and outside', () => {
    cluster.createGameServer('one', { ports: [{ name: 'ws', portPolicy: 'Passthrough' }] });
    cluster.settle();
    const [port] = cluster.gameServer('one')?.spec.ports ?? [];
    expect(port?.hostPort).toBeGreaterThanOrEqual(7000);
    expect(port?.containerPort).toBe(port?.hostPort);
  });

  it('with policy None are the container ports', () => {
    cluster.createGameServer('one', { ports: [{ name: 'ws', portPolicy: 'None', containerPort: 8000 }] });
    cluster.settle();
    expect(cluster.gameServer('one')?.status?.ports).toEqual([{ name: 'ws', port: 8000 }]);
    expect(cluster.gameServer('one')?.spec.ports?.[0]?.hostPort).toBeUndefined();
  });

  it('of TCPUDP become two of one number', () => {
    cluster.createGameServer('one', { ports: [{ ...WS, protocol: 'TCPUDP' }] });
    cluster.settle();
    const { spec, status } = cluster.gameServer('one') ?? {};
    const number = spec?.ports?.[0]?.hostPort;
    expect(spec?.ports).toMatchObject([
      { name: 'ws-tcp', protocol: 'TCP', hostPort: number },
      { name: 'ws-udp', protocol: 'UDP', hostPort: number },
    ]);
    expect(status?.ports).toEqual([
      { name: 'ws-tcp', port: number },
      { name: 'ws-udp', port: number },
    ]);
  });

  it('are waited for when all are taken, and go to the next when one is let go of', () => {
    cluster.stop();
    cluster = new TestCluster({ minPort: 7000, maxPort: 7001 });
    for (const name of ['a', 'b', 'c']) cluster.createGameServer(name, { ports: [WS] });
    cluster.settle();
    const states = () => cluster.gameServers().map(({ status }) => status?.state ?? '');
    expect(new Set(states())).toEqual(new Set(['PortAllocation', 'Ready']));
    const ready = cluster.gameServers().find(({ status }) => status?.state === 'Ready');
    cluster.setState(ready?.metadata.name ?? '', 'Shutdown');
    cluster.settle();
    expect(states()).toEqual(['Ready', 'Ready']);
  });

  it('chosen by hand are not given to others', () => {
    cluster.stop();
    cluster = new TestCluster({ minPort: 7000, maxPort: 7001 });
    cluster.createGameServer('fixed', { ports: [{ ...WS, portPolicy: 'Static', hostPort: 7000 }] });
    cluster.settle();
    cluster.createGameServer('one', { ports: [WS] });
    cluster.settle();
    expect(cluster.gameServer('one')?.status?.ports).toEqual([{ name: 'ws', port: 7001 }]);
  });

  it('that other programs use are left out', async () => {
    cluster.stop();
    const checked: number[] = [];
    cluster = new TestCluster({
      minPort: 7000,
      maxPort: 7009,
      isPortFree: (port) => {
        checked.push(port);
        return Promise.resolve(port === 7004);
      },
    });
    cluster.createGameServer('one', { ports: [WS] });
    cluster.settle();
    await new Promise(setImmediate);
    cluster.settle();
    expect(cluster.gameServer('one')?.status).toMatchObject({ state: 'Ready', ports: [{ port: 7004 }] });
    expect(new Set(checked).size).toBe(checked.length);
  });
});
