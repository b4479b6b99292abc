import type { Clock } from '../../lib/clock.ts';
import type { Lifecycle } from '../../lib/lifecycle.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Store, StoreObserver } from '../allocation/store.ts';
import { hasRedis } from '../config.ts';
import type { AllocatorConfig } from '../config.ts';
import { MemoryStore } from './memory-store.ts';
import { redisAddress } from './redis-address.ts';

export interface OpenStore {
  store: Store;
  isUp: () => boolean;
}

/**
 * The store that the configuration names, closed when the program stops.
 *
 * @throws Error when a file of the address cannot be read
 */
export async function openStore(
  config: AllocatorConfig,
  parts: { clock: Clock; logger: Logger; random: () => number; observer: StoreObserver; lifecycle: Lifecycle },
): Promise<OpenStore> {
  const { clock, logger, random, observer, lifecycle } = parts;
  if (!hasRedis(config)) {
    return { store: new MemoryStore({ clock, maxEntries: config.MAX_KEYS }), isUp: () => true };
  }
  const { REDIS_URL: url, REDIS_URL_FILE: urlFile, REDIS_CA_FILE: caFile } = config;
  const readAddress = redisAddress({ url, urlFile, caFile });
  // Only who uses it pays for the library.
  const [{ RedisConnection }, { RedisStore }] = await Promise.all([
    import('./redis-connection.ts'),
    import('./redis-store.ts'),
  ]);
  const connection = new RedisConnection({
    readAddress,
    clock,
    logger,
    random,
    timeoutMs: config.STORE_TIMEOUT_MS,
    maxCalls: config.MAX_STORE_CALLS,
  });
  connection.start();
  lifecycle.onStop('store', () => connection.stop());
  return {
    store: new RedisStore({ connection, clock, observer, prefix: config.STORE_PREFIX }),
    isUp: () => connection.isUp,
  };
}
