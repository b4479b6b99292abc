import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** How many connections the system keeps for a listener that nobody took yet. */
const BACKLOG = 1024;

export interface ListenerOptions {
  port: number;
  /** Undefined: on every address. */
  address: string | undefined;
  /** Nothing is read from new connections: they go to another process. */
  handsOn: boolean;
  onConnection: (socket: Socket) => void;
}

/** The public port. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: options.handsOn });
    this.#server.on('connection', options.onConnection);
  }

  /**
   * Starts to listen.
   *
   * @returns host and port under which this machine reaches it
   * @throws Error of the system, with its code, when the port cannot be had
   */
  async listen(): Promise<string> {
    const { port, address: host } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.removeListener('error', reject);
        resolve();
      });
    });
    const { port: boundPort } = this.#server.address() as AddressInfo;
    return `${urlHost(host)}:${boundPort}`;
  }

  /** Takes no more connections; those there are live on. */
  close(): void {
    this.#server.close();
  }
}

function urlHost(listenAddress: string | undefined): string {
  if (listenAddress === undefined || listenAddress === '0.0.0.0' || listenAddress === '::') return 'localhost';
  return listenAddress.includes(':') ? `[${listenAddress}]` : listenAddress;
}
