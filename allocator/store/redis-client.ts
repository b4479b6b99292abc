import { createClient, defineScript } from 'redis';
import type { CommandParser } from 'redis';
import type { RedisAddress } from './redis-address.ts';

/*
 * Scripts, for Redis 6 has no `SET … NX GET` (7 has), and compare-and-set was never a command. Each is one step for all who
 * look on. The library sends a script's hash, and its text only where Redis does not know it.
 */

const putIfAbsent = defineScript({
  NUMBER_OF_KEYS: 1,
  SCRIPT: `
    local there = redis.call('GET', KEYS[1])
    if there then return there end
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return ARGV[1]`,
  parseCommand(parser: CommandParser, key: string, text: string, keptMs: number) {
    parser.pushKey(key);
    parser.push(text, String(keptMs));
  },
  transformReply: asText,
});

const replace = defineScript({
  NUMBER_OF_KEYS: 1,
  SCRIPT: `
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1`,
  parseCommand(parser: CommandParser, key: string, expected: string, text: string, keptMs: number) {
    parser.pushKey(key);
    parser.push(expected, text, String(keptMs));
  },
  transformReply: (reply: unknown) => reply === 1,
});

function asText(reply: unknown): string {
  if (typeof reply !== 'string') throw new Error('a script answered with something else than text');
  return reply;
}

export interface RedisClientLimits {
  connectTimeoutMs: number;
  /** Calls under way at once; more are refused. */
  maxCalls: number;
}

/** A client for one connection: it queues nothing while it is not connected and does not connect again. */
export function makeRedisClient({ url, ca }: RedisAddress, { connectTimeoutMs, maxCalls }: RedisClientLimits) {
  return createClient({
    url,
    scripts: { putIfAbsent, replace },
    disableOfflineQueue: true,
    commandsQueueMaxLength: maxCalls,
    // Some hosted services refuse to be told of the client.
    disableClientInfo: true,
    maintNotifications: 'disabled',
    socket: {
      connectTimeout: connectTimeoutMs,
      reconnectStrategy: false,
      ...(ca === undefined || !url.startsWith('rediss:') ? {} : { tls: true, ca }),
    },
  });
}

export type RedisClient = ReturnType<typeof makeRedisClient>;
