import { z } from 'zod';
import { flag, parseEnvironment, port, wholeNumber } from '../lib/config.ts';
import type { Environment } from '../lib/config.ts';
import { LOG_LEVELS } from '../lib/logger.ts';
import { clustersFile } from './clusters-file.ts';
import { isRedisUrl } from './store/redis-address.ts';

const HOUR_SECONDS = 3600;

const settings = z.object({
  PORT: port(8081),
  LISTEN_ADDRESS: z.string().default('0.0.0.0'),
  /** Prometheus metrics are served here, and nowhere without it: the gateway hands on every path of PORT. */
  METRICS_PORT: port(0).optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),

  KUBECONFIG: z.string().optional(),
  NAMESPACE: z.string().optional(),
  /** Several clusters, as YAML or JSON; without it there is the one of KUBECONFIG and NAMESPACE. */
  CLUSTERS_FILE: clustersFile.optional(),
  /** So many attempts in a row that a cluster fails keep others from it, where there are several. */
  BREAKER_FAULTS: wholeNumber(3, { min: 1, max: 1000 }),
  /** One that takes this long and then fails does so alone. */
  BREAKER_SLOW_MS: wholeNumber(2000, { min: 10, max: 60_000 }),
  BREAKER_OPEN_MS: wholeNumber(10_000, { min: 10, max: HOUR_SECONDS * 1000 }),
  KUBERNETES_TIMEOUT_MS: wholeNumber(5000, { min: 100, max: 60_000 }),
  /** Without a sign of life for this long the allocator says it is not ready. */
  STALE_AFTER_MS: wholeNumber(60_000, { min: 1000, max: HOUR_SECONDS * 1000 }),
  RELIST_MS: wholeNumber(600_000, { min: 10_000, max: 24 * HOUR_SECONDS * 1000 }),

  SEALING_KEYS_FILE: z.string(),
  SIGNING_KEYS_FILE: z.string(),
  /** Without it the service API is off. */
  SERVICE_TOKEN_FILE: z.string().optional(),
  /** Keys, certificates and the service credential are read again no sooner than this. */
  KEY_RECHECK_MS: wholeNumber(5000, { min: 0, max: HOUR_SECONDS * 1000 }),

  /** Where players reach the gateway, e.g. `https://play.example.com`. Without it, where the request came to. */
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Believe X-Forwarded-Host and X-Forwarded-Proto: only behind a proxy that sets them itself. */
  TRUST_PROXY: flag(false),
  /** Tell players their GameServer's address, for clients that connect to it themselves. */
  DIRECT_MODE: flag(false),
  /**
   * Game servers have TLS under names of this domain that are made of their addresses: `203-0-113-7.games.example.com`
   * for `games.example.com`. Absent: they have none.
   */
  DIRECT_NAME_SUFFIX: z
    .string()
    .max(200)
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/, 'is not the name of a domain')
    .optional(),
  /** The port of a GameServer where it speaks TLS, by its name in the Fleet. */
  DIRECT_PORT_NAME: z.string().min(1).max(63).default('game-tls'),
  DEFAULT_GAME: z.string().optional(),
  GAME_SERVER_ADDRESS_TYPE: z.string().default('PodIP'),
  GAME_SERVER_PORT_NAME: z.string().default('game'),
  WEB_DIR: z.string().default('web/dist'),

  DEFAULT_WAIT_SECONDS: wholeNumber(10, { min: 0, max: HOUR_SECONDS }),
  MAX_WAIT_SECONDS: wholeNumber(60, { min: 0, max: HOUR_SECONDS }),
  RETRY_AFTER_SECONDS: wholeNumber(2, { min: 1, max: HOUR_SECONDS }),
  /** Who comes back and says that the GameServer has gone waits this long until that is seen: then it is where it was. */
  LOSS_NOTICE_MS: wholeNumber(3000, { min: 0, max: 60_000 }),
  SEAT_SECONDS: wholeNumber(1800, { min: 10, max: 24 * HOUR_SECONDS }),
  JOIN_WITHIN_SECONDS: wholeNumber(60, { min: 5, max: HOUR_SECONDS }),
  MAX_CONCURRENT_ATTEMPTS: wholeNumber(50, { min: 1, max: 1000 }),
  MAX_WAITING_REQUESTS: wholeNumber(1000, { min: 1, max: 100_000 }),
  /**
   * How a GameServer is allocated: by one patch of a GameServer that is Ready, or by a GameServerAllocation, which leaves
   * the choice to Agones and waits for company there.
   */
  ALLOCATE_BY: z.enum(['Patch', 'GameServerAllocation']).default('Patch'),
  /**
   * GameServers are claimed ahead of need: `auto` where that makes answers quicker, with a shared store or by
   * GameServerAllocations.
   */
  WARM_CLAIMS: z.enum(['auto', 'on', 'off']).default('auto'),
  /** Claims of each game, at least and at most. */
  MIN_CLAIMS: wholeNumber(1, { min: 0, max: 1000 }),
  MAX_CLAIMS: wholeNumber(100, { min: 0, max: 1000 }),
  /** Claims are made for what may come within this time, at the rate of late. */
  CLAIM_AHEAD_MS: wholeNumber(1000, { min: 0, max: 60_000 }),
  /** A claim that is not renewed runs out after this. */
  CLAIM_SECONDS: wholeNumber(60, { min: 2, max: HOUR_SECONDS }),
  /** A request is answered only when its game server says that it has opened the session: the kit does. */
  CONFIRM: flag(false),
  CONFIRM_WITHIN_MS: wholeNumber(5000, { min: 100, max: 60_000 }),
  /** Sessions that one write puts on a shared GameServer. */
  SHARED_BATCH: wholeNumber(100, { min: 1, max: 1000 }),
  /** A write to a shared GameServer that takes longer than this is not waited for: other sessions go elsewhere. */
  SHARED_PATIENCE_MS: wholeNumber(250, { min: 1, max: 60_000 }),
  /** A shared GameServer without a session for this long goes back to Ready, or ends where it is of an older version. */
  SHARED_QUIET_SECONDS: wholeNumber(60, { min: 1, max: HOUR_SECONDS }),
  FIRST_PAUSE_MS: wholeNumber(50, { min: 1, max: 10_000 }),
  MAX_PAUSE_MS: wholeNumber(1000, { min: 1, max: 60_000 }),
  /** How long Agones may still carry out an allocation whose answer was lost. */
  SETTLE_MS: wholeNumber(3000, { min: 0, max: 60_000 }),
  /** How long after its deadline a request whose attempt is under way still waits for it. */
  ANSWER_GRACE_MS: wholeNumber(1000, { min: 0, max: 60_000 }),
  /** An Idempotency-Key is remembered this long. */
  KEY_KEPT_SECONDS: wholeNumber(24 * HOUR_SECONDS, { min: 60, max: 7 * 24 * HOUR_SECONDS }),
  /** Who works on a key and says nothing for this long is taken for dead. */
  KEY_LEASE_MS: wholeNumber(3000, { min: 100, max: 60_000 }),
  /** Keys that are remembered at the same time without a Redis; the oldest give way. */
  MAX_KEYS: wholeNumber(100_000, { min: 1, max: 10_000_000 }),
  MAX_ENDED_SESSIONS: wholeNumber(10_000, { min: 1, max: 1_000_000 }),

  /**
   * The Redis, or Valkey, that replicas share: `redis[s]://[user][:password]@host[:port][/database]`. Without one there is
   * one replica.
   */
  REDIS_URL: z.string().refine(isRedisUrl, 'must be redis://… or rediss://…').optional(),
  /** A file with that URL, read anew for each connection, so that a password may change. */
  REDIS_URL_FILE: z.string().optional(),
  /** Certificates in PEM that are trusted with `rediss://` instead of the system's. */
  REDIS_CA_FILE: z.string().optional(),
  /** Before every key: one for each namespace, where several share a Redis. */
  STORE_PREFIX: z.string().max(100).default('regatta:'),
  /** Each call of the store is given up after this long. */
  STORE_TIMEOUT_MS: wholeNumber(500, { min: 10, max: 10_000 }),
  /** Calls of the store under way at once; more are refused. */
  MAX_STORE_CALLS: wholeNumber(10_000, { min: 1, max: 1_000_000 }),
  /** What one replica at a time does is another's when nothing was heard from the one for this long. */
  REPLICA_LEASE_MS: wholeNumber(15_000, { min: 1000, max: 600_000 }),
  /** Who this replica is, the same after it was started anew; else host and process. */
  REPLICA_NAME: z.string().min(1).max(253).optional(),
  /** The Lease of Kubernetes by which an allocator without a Redis sees that it is not the only one. */
  ALLOCATOR_LEASE: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a name of Kubernetes')
    .default('regatta-allocator'),

  /** What is done about GameServers that nobody needs: nothing, a word about each, or their end. */
  REAPER: z.enum(['off', 'dry-run', 'on']).default('on'),
  REAP_EVERY_MS: wholeNumber(2000, { min: 50, max: 600_000 }),
  /** What looks like a leak must do so for this long, and twice. */
  REAP_GRACE_MS: wholeNumber(5000, { min: 0, max: 600_000 }),
  /** GameServers that are changed each time, at most. */
  REAP_MAX_PER_PASS: wholeNumber(20, { min: 1, max: 1000 }),
  /** A game server ends a session without players itself; this much later it is done for it. */
  NO_SHOW_MARGIN_MS: wholeNumber(15_000, { min: 0, max: 600_000 }),
  /** No session can be older: above MAX_SESSION_MS of every game server. */
  MAX_SESSION_SECONDS: wholeNumber(6 * HOUR_SECONDS, { min: 60, max: 30 * 24 * HOUR_SECONDS }),
  /** The Pod of an Allocated GameServer is looked for this often. */
  POD_CHECK_MS: wholeNumber(60_000, { min: 100, max: HOUR_SECONDS * 1000 }),
  /** GameServers with sessions are told to drain when their Fleet has a newer version. */
  DRAIN_OUTDATED: flag(true),
  /** One that drains for longer is shut down, whatever runs there; 0: never. */
  MAX_DRAIN_SECONDS: wholeNumber(0, { min: 0, max: 30 * 24 * HOUR_SECONDS }),

  MAX_BODY_BYTES: wholeNumber(16_384, { min: 1024, max: 1_048_576 }),
  MAX_SERVICE_BODY_BYTES: wholeNumber(262_144, { min: 1024, max: 16_777_216 }),
  MAX_HEADER_BYTES: wholeNumber(16_384, { min: 4096, max: 1_048_576 }),
  /** A request must have arrived whole by then. */
  REQUEST_TIMEOUT_MS: wholeNumber(15_000, { min: 100, max: 600_000 }),
  /** Longer than any proxy in front keeps an idle connection, else the proxy sends into a closed one. */
  KEEP_ALIVE_MS: wholeNumber(75_000, { min: 1000, max: 600_000 }),

  /** How long after SIGTERM new requests are still taken, until nobody sends them here any more. */
  DRAIN_DELAY_MS: wholeNumber(0, { min: 0, max: 60_000 }),
  STOP_DEADLINE_MS: wholeNumber(20_000, { min: 100, max: 600_000 }),
});

const schema = settings
  .refine(({ REDIS_URL, REDIS_URL_FILE }) => REDIS_URL === undefined || REDIS_URL_FILE === undefined, {
    path: ['REDIS_URL_FILE'],
    error: 'and REDIS_URL: set one of them',
  })
  // A hold is renewed four times in its lease, and one call may fail.
  .refine(({ STORE_TIMEOUT_MS, KEY_LEASE_MS }) => STORE_TIMEOUT_MS * 4 <= KEY_LEASE_MS, {
    path: ['STORE_TIMEOUT_MS'],
    error: 'must be at most a quarter of KEY_LEASE_MS',
  })
  // Its allocator service says nothing of what a game server has reported.
  .refine(
    ({ CONFIRM, CLUSTERS_FILE = [] }) => !CONFIRM || CLUSTERS_FILE.every((each) => each.allocator === undefined),
    {
      path: ['CONFIRM'],
      error: 'needs the Kubernetes API of every cluster: CLUSTERS_FILE has one with nothing but an allocator service',
    },
  );

/** What the allocator was told, by its variables' names; units stand in the names. */
export type AllocatorConfig = Readonly<z.output<typeof schema>>;

/** @throws ConfigError naming every fault */
export function loadConfig(environment: Environment): AllocatorConfig {
  return parseEnvironment(schema, environment);
}

/** Whether the store is one that replicas share. */
export function hasRedis({ REDIS_URL, REDIS_URL_FILE }: AllocatorConfig): boolean {
  return REDIS_URL !== undefined || REDIS_URL_FILE !== undefined;
}

/** What may be written to the log of it: no path of a key, nothing that came with a credential in it. */
export function loggableConfig(config: AllocatorConfig): object {
  const { PORT, LISTEN_ADDRESS, TRUST_PROXY, DIRECT_MODE, DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS } = config;
  const store = hasRedis(config) ? 'redis' : 'memory';
  return { PORT, LISTEN_ADDRESS, TRUST_PROXY, DIRECT_MODE, DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS, store };
}
