import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { pause } from '../../lib/pause.ts';
import { backoffMs } from '../allocation/backoff.ts';
import { StoreDown } from '../allocation/store.ts';
import type { RedisAddress } from './redis-address.ts';
import { makeRedisClient } from './redis-client.ts';
import type { RedisClient } from './redis-client.ts';

export interface RedisConnectionOptions {
  /** Asked before each attempt to connect, so that a password may change. */
  readAddress: () => RedisAddress;
  clock: Clock;
  logger: Logger;
  /** 0 ≤ n < 1. */
  random: () => number;
  /** Each call is given up after this long, and so is each attempt to connect. */
  timeoutMs: number;
  /** Calls under way at once; more are refused. */
  maxCalls: number;
}

/** The longest must be well below a lease: who holds something has to say so again soon after Redis is back. */
const PAUSES = { firstMs: 50, maxMs: 1000 };
/** How often Redis is asked whether it is there, whatever else is asked. */
const HEARTBEAT_MS = 1000;

/**
 * A connection to Redis, made again whenever it is lost, for ever, with pauses that grow.
 *
 * While there is none, calls fail at once. The library's own timeout ends when a command has been sent, and its own
 * reconnection keeps a URL: neither is used.
 */
export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #client: RedisClient | undefined;
  #unbrokenSinceMs = Number.POSITIVE_INFINITY;
  #answers = 0;

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
  }

  /** Begins; does not wait for the first connection. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the connection, and all calls under way with it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  get isUp(): boolean {
    return this.#client !== undefined;
  }

  /** Since when there has been this connection; infinite while there is none. */
  get unbrokenSinceMs(): number {
    return this.#unbrokenSinceMs;
  }

  /** @throws StoreDown on every fault, and when the answer does not come in time */
  async call<T>(send: (client: RedisClient) => Promise<T>): Promise<T> {
    const client = this.#client;
    if (client === undefined) throw new StoreDown('not connected');
    const { clock, timeoutMs } = this.#options;
    const late = Promise.withResolvers<never>();
    const answersBefore = this.#answers;
    const cancel = clock.after(timeoutMs, () => {
      late.reject(new StoreDown(`no answer in ${timeoutMs} ms`));
      // Once may be a stall, here or there. Nothing at all for as long again is a connection that leads nowhere.
      clock.after(timeoutMs, () => {
        if (this.#answers === answersBefore) client.destroy();
      });
    });
    try {
      const answer = await Promise.race([send(client), late.promise]);
      this.#answers += 1;
      return answer;
    } catch (error) {
      throw error instanceof StoreDown ? error : new StoreDown(faultOf(error));
    } finally {
      cancel();
    }
  }

  async #run(): Promise<void> {
    const { clock, logger, random } = this.#options;
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      const startedAtMs = clock.nowMs();
      try {
        await this.#connection(() => {
          logger.info({ failures }, 'connected to the store');
        });
        // One that is ended as soon as it is there is a failure too: without a pause it would be a storm.
        failures = clock.nowMs() - startedAtMs < PAUSES.maxMs ? failures + 1 : 1;
        if (!signal.aborted) logger.warn({}, 'lost the store');
      } catch (error) {
        failures += 1;
        // Once for each outage: what follows is the same.
        const level = failures === 1 ? 'warn' : 'debug';
        if (!signal.aborted) logger[level]({ fault: faultOf(error), failures }, 'cannot reach the store');
      }
      await pause(clock, backoffMs(failures - 1, PAUSES, random()), signal);
    }
  }

  /** One connection, from its opening to its end. Rejects when it could not be opened. */
  async #connection(onOpen: () => void): Promise<void> {
    const { readAddress, clock, timeoutMs, maxCalls } = this.#options;
    const client = makeRedisClient(readAddress(), { connectTimeoutMs: timeoutMs, maxCalls });
    const ended = Promise.withResolvers<void>();
    client.on('error', () => {
      // Whatever it is, the connection ends or a call fails with it.
    });
    client.on('terminated', () => {
      ended.resolve();
    });
    client.on('end', () => {
      ended.resolve();
    });
    const late = Promise.withResolvers<never>();
    const cancel = clock.after(timeoutMs, () => {
      late.reject(new StoreDown(`not connected in ${timeoutMs} ms`));
    });
    const giveUp = (): void => {
      late.reject(new StoreDown('stopping'));
    };
    this.#stopping.signal.addEventListener('abort', giveUp, { once: true });
    try {
      // `connect` itself may never settle when the connection ends meanwhile.
      await Promise.race([client.connect(), late.promise]);
      cancel();
      this.#client = client;
      this.#unbrokenSinceMs = clock.nowMs();
      onOpen();
      void this.#beat(client);
      await Promise.race([ended.promise, late.promise]);
    } finally {
      cancel();
      this.#stopping.signal.removeEventListener('abort', giveUp);
      this.#client = undefined;
      this.#unbrokenSinceMs = Number.POSITIVE_INFINITY;
      client.destroy();
    }
  }

  async #beat(client: RedisClient): Promise<void> {
    const { clock } = this.#options;
    while (this.#client === client) {
      await this.call(() => client.ping()).catch(() => {
        // The call itself sees to it that a silent connection is ended.
      });
      await pause(clock, HEARTBEAT_MS, this.#stopping.signal);
    }
  }
}

/** What went wrong, in a word: a code of the system's or of Redis'. The text of an error may hold what was sent, passwords too. */
function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (error instanceof StoreDown) return error.message;
  if ('code' in error && typeof error.code === 'string') return error.code;
  const [word] = /^[A-Z]{2,}\b/.exec(error.message) ?? [];
  return word ?? error.constructor.name;
}
