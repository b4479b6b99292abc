import type { Clock } from '../../lib/clock.ts';
import type { Store, StoreObserver, StoreOperation } from '../allocation/store.ts';
import type { RedisClient } from './redis-client.ts';
import type { RedisConnection } from './redis-connection.ts';

export interface RedisStoreOptions {
  connection: RedisConnection;
  clock: Clock;
  observer: StoreObserver;
  /** Before every key, so that others may use the same Redis. */
  prefix: string;
}

/**
 * A store that replicas share: Redis from 6 on, or Valkey; one primary, no Redis Cluster.
 *
 * It relies on what Redis keeps: one that evicts keys, or fails over to a copy that lags, forgets.
 */
export class RedisStore implements Store {
  readonly isShared = true;
  readonly #options: RedisStoreOptions;

  constructor(options: RedisStoreOptions) {
    this.#options = options;
  }

  get unbrokenSinceMs(): number {
    return this.#options.connection.unbrokenSinceMs;
  }

  putIfAbsent(key: string, text: string, keptMs: number): Promise<string> {
    return this.#call('putIfAbsent', (client) => client.putIfAbsent(this.#key(key), text, wholeMs(keptMs)));
  }

  replace(key: string, expected: string, text: string, keptMs: number): Promise<boolean> {
    return this.#call('replace', (client) => client.replace(this.#key(key), expected, text, wholeMs(keptMs)));
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#call('get', (client) => client.get(this.#key(key)))) ?? undefined;
  }

  #key(key: string): string {
    return this.#options.prefix + key;
  }

  async #call<T>(operation: StoreOperation, send: (client: RedisClient) => Promise<T>): Promise<T> {
    const { connection, clock, observer } = this.#options;
    const startedAtMs = clock.nowMs();
    try {
      const answer = await connection.call(send);
      observer.called(operation, 'ok', clock.nowMs() - startedAtMs);
      return answer;
    } catch (error) {
      observer.called(operation, 'down', clock.nowMs() - startedAtMs);
      throw error;
    }
  }
}

/** Redis takes no fraction of a millisecond, and no time that is over. */
function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}
