import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** After how many bytes a connection breaks; undefined: never by itself. */
export interface Cut {
  bytesToClient: number;
  bytesToServer: number;
}

/**
 * A port before one or several servers, that breaks as a network does.
 *
 * A connection goes to the server with the fewest, or to the next where that one refuses, as behind a load balancer.
 */
export class TcpDoor {
  /** Called with the number of each connection, from 1. */
  cutOf: (number: number) => Cut | undefined = () => undefined;
  readonly #server: Server;
  readonly #connections = new Map<number, Set<Socket>>();
  #isShut = false;
  #count = 0;

  private constructor(ports: readonly number[]) {
    for (const port of ports) this.#connections.set(port, new Set());
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (client) => {
      client.on('error', () => client.destroy());
      if (this.#isShut) client.destroy();
      else void this.#lead(client);
    });
  }

  /** Listens on a port that the system chooses, of loopback. */
  static async open(ports: readonly number[]): Promise<TcpDoor> {
    const door = new TcpDoor(ports);
    door.#server.listen(0, '127.0.0.1');
    await once(door.#server, 'listening');
    return door;
  }

  get port(): number {
    // A server that listens on TCP has an address of this kind.
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks all connections, and takes none until `unshut`. */
  shut(): void {
    this.#isShut = true;
    this.breakAll();
  }

  unshut(): void {
    this.#isShut = false;
  }

  /** Breaks all connections without a word. */
  breakAll(): void {
    for (const clients of this.#connections.values()) for (const client of clients) client.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.shut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #lead(client: Socket): Promise<void> {
    this.#count += 1;
    const cut = this.cutOf(this.#count);
    const fewestFirst = [...this.#connections].toSorted(([, one], [, other]) => one.size - other.size);
    for (const [port, clients] of fewestFirst) {
      clients.add(client);
      client.once('close', () => clients.delete(client));
      const server = await connectTo(port);
      if (server !== undefined) {
        pass(client, server, cut);
        return;
      }
      clients.delete(client);
    }
    client.destroy();
  }
}

function connectTo(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => {
      resolve(socket);
    });
    socket.on('error', () => {
      socket.destroy();
      resolve(undefined);
    });
  });
}

function pass(client: Socket, server: Socket, cut: Cut | undefined): void {
  const breakBoth = (): void => {
    client.destroy();
    server.destroy();
  };
  forward(server, client, cut?.bytesToClient, breakBoth);
  forward(client, server, cut?.bytesToServer, breakBoth);
  if (client.destroyed) server.destroy();
  client.resume();
}

function forward(from: Socket, to: Socket, breakAfterBytes = Infinity, breakBoth: () => void): void {
  let leftBytes = breakAfterBytes;
  from.on('data', (chunk: Buffer) => {
    const isLast = chunk.length > leftBytes;
    if (!to.write(isLast ? chunk.subarray(0, leftBytes) : chunk)) from.pause();
    leftBytes -= chunk.length;
    if (isLast) breakBoth();
  });
  to.on('drain', () => from.resume());
  from.once('end', () => to.end());
  from.once('close', () => to.destroy());
}
