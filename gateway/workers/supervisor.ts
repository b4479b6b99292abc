import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { GatewayConfig } from '../config.ts';
import { ConnectionIntake } from '../connection-intake.ts';
import { connectionLimitsOf } from '../limits/limits-of-config.ts';
import { Listener } from '../listener.ts';
import { addTallies, Tally } from '../tally.ts';
import type { TallySnapshot } from '../tally.ts';
import { WorkerPool } from './worker-pool.ts';

export interface SupervisorOptions {
  config: GatewayConfig;
  clock: Clock;
  logger: Logger;
  fork: (number: number) => ChildProcess;
}

/**
 * Has the public port, looks who comes, and hands connections on to workers. It reads nothing from them: what is over a
 * limit costs no worker anything, and who dies takes only its own connections along.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #tally = new Tally();
  readonly #intake: ConnectionIntake;
  readonly #listener: Listener;
  readonly pool: WorkerPool;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { config, clock, logger, fork } = options;
    this.pool = new WorkerPool({ count: config.WORKERS, clock, logger, fork });
    const limits = connectionLimitsOf(config, clock, 1);
    this.#intake = new ConnectionIntake({
      clock,
      limits,
      speaksProxyProtocol: () => false,
      headerTimeoutMs: config.HEADERS_TIMEOUT_MS,
      onTaken: (socket, origin, release) => {
        this.pool.give(socket, origin, release);
      },
      onDropped: (reason) => {
        this.#tally.dropped(reason);
      },
    });
    this.#listener = new Listener({
      port: config.PORT,
      address: config.LISTEN_ADDRESS,
      handsOn: true,
      onConnection: (socket) => {
        const isProxy = config.TRUST_PROXY_PROTOCOL && config.TRUSTED_PROXIES(socket.remoteAddress ?? '');
        // A worker reads who it is from, and counts its share.
        if (isProxy) this.pool.give(socket, undefined, () => {});
        else this.#intake.take(socket);
      },
    });
  }

  /**
   * Starts the workers, and then to listen.
   *
   * @returns host and port under which this machine reaches the gateway
   * @throws WorkerStartError
   * @throws Error of the system, with its code, when the port cannot be had
   */
  async start(): Promise<string> {
    await this.pool.start();
    return this.#listener.listen();
  }

  /** What the gateway has done since the start, and holds, as of a second ago. */
  tally(): TallySnapshot {
    const nothing = { openConnections: 0, openSessions: 0, handshakesUnderWay: 0, bytesToClients: 0 };
    return addTallies([this.#tally.snapshot({ ...nothing, bytesToGameServers: 0 }), this.pool.tally()]);
  }

  /** Waits for load balancers, listens no more, and lets each worker tell its clients. */
  async drain(): Promise<void> {
    const { DRAIN_DELAY_MS: delayMs } = this.#options.config;
    // A terminal's Ctrl-C is heard by the workers too, which may end before they are told.
    this.pool.replaceNoMore();
    if (delayMs > 0) await delay(delayMs);
    this.#listener.close();
    await this.pool.drain();
  }
}
