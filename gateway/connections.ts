import type { Socket } from 'node:net';
import type { LimitFault } from './limits/address-rates.ts';

/** Who is at the other end of a connection. */
export interface ConnectionOrigin {
  /** Who opened it: a client, or a proxy for one. */
  peerAddress: string;
  /** For whom: another than the peer only where a PROXY header said so. */
  clientAddress: string;
  /** It is over a limit: its first request is to be told so, and no more. */
  refusal?: LimitFault;
}

/** A TCP connection that the gateway holds, with or without TLS on it. */
export interface Connection extends ConnectionOrigin {
  readonly socket: Socket;
  /** An upgrade was asked for on it: no longer HTTP's to end. */
  isUpgraded: boolean;
}

/** The connections that are open, to be found by either socket of one: the plain one, or the one of TLS on it. */
export class Connections {
  readonly #byEndpoints = new Map<string, Connection>();
  readonly #whenEmpty: (() => void)[] = [];

  get size(): number {
    return this.#byEndpoints.size;
  }

  /** @returns false when the peer has gone already */
  add(socket: Socket, origin: ConnectionOrigin): boolean {
    const endpoints = endpointsOf(socket);
    if (socket.destroyed || endpoints === undefined) return false;
    const connection: Connection = { ...origin, socket, isUpgraded: false };
    this.#byEndpoints.set(endpoints, connection);
    socket.once('close', () => {
      // The same endpoints may have been used again before this was heard of.
      if (this.#byEndpoints.get(endpoints) === connection) this.#byEndpoints.delete(endpoints);
      if (this.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
    });
    return true;
  }

  /** @param socket - the plain one, or that of TLS; undefined when the peer has gone */
  of(socket: Socket): Connection | undefined {
    const endpoints = endpointsOf(socket);
    return endpoints === undefined ? undefined : this.#byEndpoints.get(endpoints);
  }

  /** Resolves once none is open. */
  async empty(): Promise<void> {
    if (this.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }

  /** Cuts off those that HTTP has, or nobody yet. */
  destroyPlain(): void {
    for (const connection of this.#byEndpoints.values()) if (!connection.isUpgraded) connection.socket.destroy();
  }
}

/** What no two open connections share; both sockets of one tell the same. */
function endpointsOf(socket: Socket): string | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined) return undefined;
  return `${localAddress}|${localPort}|${remoteAddress}|${remotePort}`;
}
