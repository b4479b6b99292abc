import type { GameServer, GameServerPort } from '../../../lib/agones.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import { puppetContainer } from '../puppet/puppet.ts';

const cluster = useCluster();

/** Each case has numbers of its own: two Pods of one node cannot have the same host port. */
let lastStaticPort = 21_000 + Math.floor(Math.random() * 5000);

function staticPort(): number {
  lastStaticPort += 1;
  return lastStaticPort;
}

type Port = Partial<GameServerPort>;

/** A GameServer of these ports, and nothing that waits for its game. */
function create(ports: Port[], spec: object = {}): Promise<GameServer> {
  return cluster.createPuppet(
    { pingMs: 0 },
    { name: cluster.name('ports') },
    {
      ports,
      health: { disabled: true },
      ...spec,
    },
  );
}

async function scheduled(ports: Port[], spec?: object): Promise<GameServer> {
  const { metadata } = await create(ports, spec);
  return cluster.inState(metadata.name, 'Scheduled');
}

/** A template whose Pod Kubernetes refuses: the GameServer gets its ports, and ends in Error without a Pod. */
const WITHOUT_POD = {
  template: {
    spec: { containers: [{ ...puppetContainer(), volumeMounts: [{ name: 'missing', mountPath: '/missing' }] }] },
  },
};

function hostPorts({ spec }: GameServer): number[] {
  return (spec.ports ?? []).map(({ hostPort }) => hostPort ?? 0);
}

async function containerPorts(name: string, container = 'puppet') {
  const pod = await cluster.pod(name);
  const containers: { name: string; ports?: object[] }[] = [
    ...(pod?.spec.containers ?? []),
    ...(pod?.spec.initContainers ?? []),
  ];
  return containers.find((one) => one.name === container)?.ports;
}

describe('the ports of a GameServer', () => {
  it('are Dynamic, UDP and of the game container where nothing is said', async () => {
    const { spec, status } = await create([{ containerPort: 5000 }]);
    expect(spec.ports).toEqual([
      { containerPort: 5000, portPolicy: 'Dynamic', protocol: 'UDP', range: 'default', container: 'puppet' },
    ]);
    expect(status).toMatchObject({ state: 'PortAllocation', ports: null });
  });

  it('of policy Dynamic get a host port, which leads to the container port', async () => {
    const { metadata, spec, status } = await scheduled([{ name: 'game', containerPort: 5000, protocol: 'TCP' }]);
    const hostPort = spec.ports?.[0]?.hostPort;
    expect(hostPort).toBeGreaterThan(0);
    expect(spec.ports).toMatchObject([{ name: 'game', containerPort: 5000, portPolicy: 'Dynamic' }]);
    expect(status?.ports).toEqual([{ name: 'game', port: hostPort }]);
    expect(await containerPorts(metadata.name)).toEqual([{ hostPort, containerPort: 5000, protocol: 'TCP' }]);
  });

  it('of policy Static have the host port that was asked for', async () => {
    const hostPort = staticPort();
    const { metadata, spec, status } = await scheduled([
      { name: 'game', portPolicy: 'Static', hostPort, containerPort: 5000, protocol: 'TCP' },
    ]);
    expect(spec.ports).toMatchObject([{ hostPort, containerPort: 5000 }]);
    expect(status?.ports).toEqual([{ name: 'game', port: hostPort }]);
    expect(await containerPorts(metadata.name)).toEqual([{ hostPort, containerPort: 5000, protocol: 'TCP' }]);
  });

  it('of policy Passthrough have one number inside and outside, and the Pod says which they are', async () => {
    const { metadata, spec, status } = await scheduled([
      { name: 'game', portPolicy: 'Passthrough' },
      { name: 'query', containerPort: 5000 },
      { name: 'voice', portPolicy: 'Passthrough' },
    ]);
    const [game, query, voice] = hostPorts({ metadata, spec } as GameServer);
    expect(spec.ports).toMatchObject([
      { containerPort: game, hostPort: game },
      { containerPort: 5000, hostPort: query },
      { containerPort: voice, hostPort: voice },
    ]);
    expect(status?.ports).toEqual([
      { name: 'game', port: game },
      { name: 'query', port: query },
      { name: 'voice', port: voice },
    ]);
    const pod = await cluster.pod(metadata.name);
    expect(pod?.metadata.annotations).toMatchObject({
      'agones.dev/container-passthrough-port-assignment': '{"puppet":[0,2]}',
    });
  });

  it('of policy None have no host port, and are known by that of the container', async () => {
    const { metadata, spec, status } = await scheduled([
      { name: 'game', portPolicy: 'None', containerPort: 5000, hostPort: 5001 },
    ]);
    expect(spec.ports).toMatchObject([{ portPolicy: 'None', containerPort: 5000, hostPort: 5001 }]);
    expect(status?.ports).toEqual([{ name: 'game', port: 5000 }]);
    expect(await containerPorts(metadata.name)).toEqual([{ containerPort: 5000, protocol: 'UDP' }]);
  });

  it('may be none at all', async () => {
    const { metadata, status } = await scheduled([]);
    expect(status?.ports).toEqual([]);
    expect(await containerPorts(metadata.name)).toBeUndefined();
  });

  it('of TCPUDP become two of one number, of which the one for UDP comes last', async () => {
    const { metadata, spec, status } = await scheduled([
      { name: 'game', containerPort: 5000, protocol: 'TCPUDP' },
      { name: 'query', containerPort: 5001, protocol: 'TCP' },
    ]);
    const [game, query] = hostPorts({ metadata, spec } as GameServer);
    expect(spec.ports).toMatchObject([
      { name: 'game-tcp', protocol: 'TCP', hostPort: game, containerPort: 5000 },
      { name: 'query', protocol: 'TCP', hostPort: query, containerPort: 5001 },
      { name: 'game-udp', protocol: 'UDP', hostPort: game, containerPort: 5000 },
    ]);
    expect(status?.ports).toEqual([
      { name: 'game-tcp', port: game },
      { name: 'query', port: query },
      { name: 'game-udp', port: game },
    ]);
    expect(await containerPorts(metadata.name)).toEqual([
      { hostPort: game, containerPort: 5000, protocol: 'TCP' },
      { hostPort: query, containerPort: 5001, protocol: 'TCP' },
      { hostPort: game, containerPort: 5000, protocol: 'UDP' },
    ]);
  });

  it('of TCPUDP are split whatever their policy, Static ones when the Pod is made', async () => {
    const hostPort = staticPort();
    const fixed: Port = { portPolicy: 'Static', hostPort, containerPort: hostPort, protocol: 'TCPUDP' };
    const { spec, status } = await scheduled([
      { name: 'game', portPolicy: 'Passthrough', protocol: 'TCPUDP' },
      { name: 'fixed', ...fixed },
    ]);
    const [game] = hostPorts({ spec } as GameServer);
    const passthrough = { portPolicy: 'Passthrough', hostPort: game, containerPort: game, range: 'default' };
    expect(spec.ports).toEqual([
      { ...passthrough, name: 'game-tcp', protocol: 'TCP', container: 'puppet' },
      { ...fixed, name: 'fixed-tcp', protocol: 'TCP', container: 'puppet', range: 'default' },
      { ...passthrough, name: 'game-udp', protocol: 'UDP', container: 'puppet' },
      { ...fixed, name: 'fixed-udp', protocol: 'UDP', container: 'puppet' },
    ]);
    expect(status?.ports?.map(({ name }) => name)).toEqual(['game-tcp', 'fixed-tcp', 'game-udp', 'fixed-udp']);
  });

  it('of TCPUDP and policy None make no Pod', async () => {
    const { metadata } = await create([{ name: 'game', portPolicy: 'None', containerPort: 5000, protocol: 'TCPUDP' }]);
    const { status } = await cluster.inState(metadata.name, 'Error');
    expect(status?.ports).toBeNull();
  });

  it('need no name, and may have one twice', async () => {
    const { spec, status } = await scheduled([
      { containerPort: 5000 },
      { name: 'same', containerPort: 5001 },
      { name: 'same', containerPort: 5002 },
    ]);
    const [unnamed, one, other] = hostPorts({ spec } as GameServer);
    expect(status?.ports).toEqual([{ port: unnamed }, { name: 'same', port: one }, { name: 'same', port: other }]);
  });

  it('of a range that is not there are given no number', async () => {
    const { metadata, spec, status } = await scheduled([
      { name: 'game', containerPort: 5000, range: 'elsewhere' },
      { name: 'query', containerPort: 5001, range: 'default' },
    ]);
    expect(spec.ports?.[0]).not.toHaveProperty('hostPort');
    const query = spec.ports?.[1]?.hostPort;
    expect(query).toBeGreaterThan(0);
    expect(status?.ports).toEqual([
      { name: 'game', port: 0 },
      { name: 'query', port: query },
    ]);
    expect(await containerPorts(metadata.name)).toEqual([
      { containerPort: 5000, protocol: 'UDP' },
      { containerPort: 5001, hostPort: query, protocol: 'UDP' },
    ]);
  });

  it('may be those of another container, or of one that runs beside', async () => {
    const container = puppetContainer({ pingMs: 0 });
    const idle = { ...container, command: ['node', '-e', 'setInterval(() => {}, 1000)'] };
    const { metadata, spec } = await scheduled(
      [
        { name: 'game', portPolicy: 'Passthrough', protocol: 'TCP' },
        { name: 'other', containerPort: 5000, container: 'other' },
        { name: 'beside', portPolicy: 'Passthrough', container: 'beside' },
      ],
      {
        container: 'puppet',
        template: {
          spec: {
            terminationGracePeriodSeconds: 1,
            initContainers: [{ ...idle, name: 'beside', restartPolicy: 'Always' }],
            containers: [container, { ...idle, name: 'other', ports: [{ containerPort: 4000 }] }],
          },
        },
      },
    );
    const [game, other, beside] = hostPorts({ spec } as GameServer);
    expect(await containerPorts(metadata.name)).toEqual([{ hostPort: game, containerPort: game, protocol: 'TCP' }]);
    expect(await containerPorts(metadata.name, 'other')).toEqual([
      { containerPort: 4000, protocol: 'TCP' },
      { hostPort: other, containerPort: 5000, protocol: 'UDP' },
    ]);
    expect(await containerPorts(metadata.name, 'beside')).toEqual([
      { hostPort: beside, containerPort: beside, protocol: 'UDP' },
    ]);
    const pod = await cluster.pod(metadata.name);
    expect(pod?.metadata.annotations).toMatchObject({
      'agones.dev/container-passthrough-port-assignment': '{"beside":[0],"puppet":[0]}',
    });
  });

  it('make no Pod when two Static ones of one protocol are the same', async () => {
    const twice: Port = { portPolicy: 'Static', hostPort: staticPort(), protocol: 'UDP' };
    const { metadata } = await create([
      { ...twice, name: 'one', containerPort: 5000 },
      { ...twice, name: 'other', containerPort: 5001 },
    ]);
    await cluster.inState(metadata.name, 'Error');
  });

  it('are never given twice, to however many at once', async () => {
    const ports = Array.from({ length: 4 }, (_, at): Port => ({ name: `port-${at}`, containerPort: 5000 + at }));
    const made = await Promise.all(Array.from({ length: 25 }, () => create(ports, WITHOUT_POD)));
    const given = await Promise.all(
      made.map(async ({ metadata }) => hostPorts(await cluster.inState(metadata.name, 'Error'))),
    );
    expect(new Set(given.flat()).size).toBe(100);
    await Promise.all(made.map(({ metadata }) => cluster.request('DELETE', `${PATHS.gameservers}/${metadata.name}`)));
  });

  it('are free again when their GameServers are gone', async () => {
    const ports = Array.from({ length: 50 }, (_, at): Port => ({ name: `port-${at}`, containerPort: 5000 + at }));
    // All of them together want more than any range here has.
    for (let round = 0; round < 12; round += 1) {
      const { metadata } = await create([...ports, ...ports], WITHOUT_POD);
      const { spec } = await cluster.inState(metadata.name, 'Error');
      expect(new Set(hostPorts({ spec } as GameServer)).size).toBe(100);
      await cluster.request('DELETE', `${PATHS.gameservers}/${metadata.name}`);
      await cluster.gone(metadata.name);
    }
  });
});
