import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface InnerPortOptions {
  port: number;
  /** Undefined: on every address. */
  listenAddress: string | undefined;
  answer: RequestListener;
}

/** A request must have come whole by then. */
const TIMEOUT_MS = 5000;
/** Stock proxies keep their connections to us for about a minute. */
const KEEP_ALIVE_MS = 75_000;

/** A port for the platform and for proxies in front, never for the public. */
export class InnerPort {
  readonly #options: InnerPortOptions;
  readonly #server: Server;

  constructor(options: InnerPortOptions) {
    this.#options = options;
    this.#server = createServer(
      { headersTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true },
      options.answer,
    );
  }

  /**
   * Starts to listen.
   *
   * @returns the port
   * @throws Error of the system, with its code, when the port cannot be had
   */
  async listen(): Promise<number> {
    const { port, listenAddress: host } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no more connections, and ends those there are: `gently` after the answers that are under way. */
  async close({ gently }: { gently: boolean }): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      if (gently) this.#server.closeIdleConnections();
      else this.#server.closeAllConnections();
    });
  }
}
