import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Connections } from './connections.ts';
import type { NetworkCheck } from './networks.ts';

/** From whom a request is, as far as it can be known. */
export interface ClientOrigin {
  /** IP address of the client. */
  address: string;
  /** It was told by `X-Forwarded-For`: the connection is a proxy's, and has requests of others too. */
  isForwarded: boolean;
  /** Who opened the connection, or for whom a PROXY header said it is: the next entry of `X-Forwarded-For`. */
  connectionAddress: string;
  /** Whether what the request says of itself in headers of proxies counts. */
  isFromTrustedProxy: boolean;
}

export interface ClientOriginsOptions {
  connections: Connections;
  /** There are proxies in front whose forwarding headers tell the truth. */
  trustProxy: boolean;
  isTrustedProxy: NetworkCheck;
}

/** Finds out from whom requests are. */
export class ClientOrigins {
  readonly #options: ClientOriginsOptions;

  constructor(options: ClientOriginsOptions) {
    this.#options = options;
  }

  of(request: IncomingMessage): ClientOrigin {
    const { connections, trustProxy, isTrustedProxy } = this.#options;
    const connection = connections.of(request.socket);
    const connectionAddress = connection?.clientAddress ?? 'unknown';
    const isFromTrustedProxy = trustProxy && isTrustedProxy(connectionAddress);
    const told = isFromTrustedProxy ? this.#forwardedFor(request) : undefined;
    return {
      address: told ?? connectionAddress,
      isForwarded: told !== undefined,
      connectionAddress,
      isFromTrustedProxy,
    };
  }

  /** The last entry that no proxy of ours stands for: what stands before it anybody can have written. */
  #forwardedFor(request: IncomingMessage): string | undefined {
    const entries = (request.headers['x-forwarded-for']?.toString() ?? '').split(',').map(addressOf);
    let nearest: string | undefined;
    for (const address of entries.toReversed()) {
      if (address === undefined) break;
      nearest = address;
      if (!this.#options.isTrustedProxy(address)) break;
    }
    return nearest;
  }
}

/** The address of an entry, some of which come with a port: `192.0.2.1:443`, `[2001:db8::1]:443`. */
function addressOf(entry: string): string | undefined {
  const text = entry.trim();
  const bare = /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 ? undefined : bare;
}
