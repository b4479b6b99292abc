import type { GameServer, GameServerPort, GameServerStatus, PortProtocol } from '../../lib/agones.ts';
import type { IsPortFree, PortAllocator } from './port-allocator.ts';

/** The only range of host ports there is. From another name no port is given, as Agones does without a word. */
const DEFAULT_RANGE = 'default';

/** Whether Agones chooses the host port. */
function needsHostPort({ portPolicy = 'Dynamic', range = DEFAULT_RANGE }: GameServerPort): boolean {
  return (portPolicy === 'Dynamic' || portPolicy === 'Passthrough') && range === DEFAULT_RANGE;
}

/** The host ports that are in the GameServer's spec: chosen by hand, or given to it before. */
export function heldHostPorts(gameServer: GameServer): number[] {
  return (gameServer.spec.ports ?? []).flatMap((port) =>
    port.portPolicy === 'None' || port.hostPort === undefined || port.hostPort === 0 ? [] : [port.hostPort],
  );
}

/** How many host ports the GameServer is to be given, with the protocols they have to be free for. */
export function wantedHostPorts(gameServer: GameServer): PortProtocol[] {
  return (gameServer.spec.ports ?? []).filter(needsHostPort).map((port) => port.protocol ?? 'UDP');
}

/**
 * Takes a port for each protocol; all or none.
 *
 * @returns undefined when there are not enough
 */
export function takePorts(
  allocator: PortAllocator,
  holder: string,
  protocols: readonly PortProtocol[],
): number[] | undefined {
  const taken: number[] = [];
  for (const _ of protocols) {
    const port = allocator.take(holder);
    if (port === undefined) {
      allocator.release(holder);
      return undefined;
    }
    taken.push(port);
  }
  return taken;
}

/**
 * As `takePorts`, and leaves out what other programs of the machine listen on.
 *
 * A program that takes the port between this look and the game server's own is not noticed.
 */
export async function takeFreePorts(
  allocator: PortAllocator,
  holder: string,
  protocols: readonly PortProtocol[],
  isPortFree: IsPortFree,
): Promise<number[] | undefined> {
  const busy = new Set<number>();
  const taken: number[] = [];
  for (const protocol of protocols) {
    for (;;) {
      const port = allocator.take(holder, busy);
      if (port === undefined) {
        allocator.release(holder);
        return undefined;
      }
      if (await isPortFree(port, protocol)) {
        taken.push(port);
        break;
      }
      busy.add(port);
      allocator.releasePort(holder, port);
    }
  }
  return taken;
}

/**
 * The ports of the spec with the numbers written in: `Passthrough` listens inside on the same port as outside, and of
 * `TCPUDP` the half for UDP becomes a port of its own, behind all others.
 *
 * @param hostPorts - one for each port that wanted one, in the spec's order
 */
export function withHostPorts(ports: readonly GameServerPort[], hostPorts: readonly number[]): GameServerPort[] {
  const given = hostPorts.values();
  const numbered = ports.map((port): GameServerPort => {
    const hostPort = needsHostPort(port) ? given.next().value : undefined;
    if (hostPort === undefined) return port;
    return { ...port, hostPort, ...(port.portPolicy === 'Passthrough' ? { containerPort: hostPort } : {}) };
  });
  return splitByProtocol(numbered, needsHostPort, (port) => port);
}

/**
 * The ports with each `Static` one of `TCPUDP` split in two, which Agones does when it makes the Pod.
 *
 * Source: Agones 1.57, `pkg/gameservers/controller.go`: the half for UDP loses its range.
 */
export function withSplitStaticPorts(ports: readonly GameServerPort[]): GameServerPort[] {
  return splitByProtocol(
    ports,
    ({ portPolicy }) => portPolicy === 'Static',
    ({ range: _range, ...port }) => port,
  );
}

function splitByProtocol(
  ports: readonly GameServerPort[],
  which: (port: GameServerPort) => boolean,
  second: (port: GameServerPort) => GameServerPort,
): GameServerPort[] {
  const split = ports.filter((port) => port.protocol === 'TCPUDP' && which(port));
  return [
    ...ports.map((port): GameServerPort =>
      split.includes(port) ? { ...port, name: `${port.name}-tcp`, protocol: 'TCP' } : port,
    ),
    ...split.map((port): GameServerPort => ({ ...second(port), name: `${port.name}-udp`, protocol: 'UDP' })),
  ];
}

/** What players reach: the host port, or with policy `None` the container's. */
export function statusPorts(gameServer: GameServer): NonNullable<GameServerStatus['ports']> {
  return (gameServer.spec.ports ?? []).map((port) => ({
    name: port.name,
    port: (port.portPolicy === 'None' ? port.containerPort : port.hostPort) ?? 0,
  }));
}
