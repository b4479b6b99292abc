import type { Clock } from '../../lib/clock.ts';
import { serveGrpc } from './grpc-server.ts';
import type { Listening } from './grpc-server.ts';
import { serveRest } from './rest-server.ts';
import type { Sidecar } from './sidecar.ts';

/** Where an SDK server listens; with port 0 the system chooses. */
export interface ListenAddress {
  host: string;
  grpcPort: number;
  httpPort: number;
}

export interface SdkServerOptions {
  clock: Clock;
  listen: ListenAddress;
  /**
   * Makes its sidecar.
   *
   * @param isRestarted - whether it had one before that crashed
   * @throws StatusError when there is no such GameServer
   */
  startSidecar(isRestarted: boolean): Sidecar;
  /** The sidecar has ended, or crashed. */
  onDown(sidecar: Sidecar): void;
  /** It is closed for good. */
  onClose(server: SdkServer): void;
}

/** What listens for one sidecar. */
interface Listeners {
  grpc: Listening;
  rest: Listening;
}

/** Something else may have taken a port while nothing listened there: it is asked for again after so long. */
const LISTEN_AGAIN_MS = 100;

/** The SDK server of one GameServer, on ports of its own. It can crash, and come back on the same ports. */
export class SdkServer {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly #options: SdkServerOptions;
  #sidecar: Sidecar;
  #listeners: Listeners | undefined;
  /** How many want it down. */
  #crashes = 0;
  #closed = false;
  /** Opening and closing of listeners, one after the other. */
  #work: Promise<void> = Promise.resolve();

  private constructor(options: SdkServerOptions, sidecar: Sidecar, listeners: Listeners) {
    this.#options = options;
    this.#sidecar = sidecar;
    this.#listeners = listeners;
    this.grpcPort = listeners.grpc.port;
    this.httpPort = listeners.rest.port;
  }

  /** @throws StatusError when there is no such GameServer */
  static async start(options: SdkServerOptions): Promise<SdkServer> {
    const sidecar = options.startSidecar(false);
    try {
      return new SdkServer(options, sidecar, await openListeners(sidecar, options.listen));
    } catch (error) {
      sidecar.stop();
      options.onDown(sidecar);
      throw error;
    }
  }

  /** Whether its game ever sent a ping, since the last crash. */
  get everPinged(): boolean {
    return this.#sidecar.everPinged;
  }

  /**
   * Connections break, ports refuse; what was queued is not written, and the game's liveness probe fails.
   *
   * @returns has it come back on the same ports, once nobody else wants it down
   */
  crash(): () => void {
    this.#crashes += 1;
    if (this.#crashes === 1 && !this.#closed) {
      this.#sidecar.crash();
      this.#options.onDown(this.#sidecar);
      this.#settle();
    }
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#crashes -= 1;
      this.#settle();
    };
  }

  /** Ends it for good. Resolves when nothing listens any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#sidecar.stop();
    this.#options.onDown(this.#sidecar);
    this.#options.onClose(this);
    this.#settle();
    await this.#work;
  }

  get #isWanted(): boolean {
    return !this.#closed && this.#crashes === 0;
  }

  #settle(): void {
    this.#work = this.#work.then(async () => {
      if (this.#isWanted && this.#listeners === undefined) await this.#comeBack();
      if (!this.#isWanted && this.#listeners !== undefined) await this.#goDown(this.#listeners);
    });
  }

  async #goDown(listeners: Listeners): Promise<void> {
    this.#listeners = undefined;
    await closeAll(listeners);
  }

  async #comeBack(): Promise<void> {
    const { clock, startSidecar, listen } = this.#options;
    const { grpcPort, httpPort } = this;
    while (this.#isWanted) {
      let sidecar: Sidecar;
      try {
        sidecar = startSidecar(true);
      } catch {
        // The GameServer is gone, and so will this be.
        return;
      }
      try {
        this.#listeners = await openListeners(sidecar, { host: listen.host, grpcPort, httpPort });
      } catch {
        sidecar.stop();
        this.#options.onDown(sidecar);
        await new Promise<void>((resolve) => clock.after(LISTEN_AGAIN_MS, resolve));
        continue;
      }
      this.#sidecar.stop();
      this.#sidecar = sidecar;
      if (!this.#isWanted) this.#endAgain(sidecar);
      return;
    }
  }

  /** It was to go down again while it came back. */
  #endAgain(sidecar: Sidecar): void {
    if (this.#closed) sidecar.stop();
    else sidecar.crash();
    this.#options.onDown(sidecar);
  }
}

async function openListeners(sidecar: Sidecar, { host, grpcPort, httpPort }: ListenAddress): Promise<Listeners> {
  const [grpc, rest] = await Promise.allSettled([
    serveGrpc(sidecar, host, grpcPort),
    serveRest(sidecar, host, httpPort),
  ]);
  if (grpc.status === 'fulfilled' && rest.status === 'fulfilled') return { grpc: grpc.value, rest: rest.value };
  let failure: unknown;
  for (const one of [grpc, rest]) {
    if (one.status === 'fulfilled') await one.value.close();
    else failure = one.reason;
  }
  throw failure;
}

async function closeAll({ grpc, rest }: Listeners): Promise<void> {
  await Promise.all([grpc.close(), rest.close()]);
}
