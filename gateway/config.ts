import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { flag, parseEnvironment, port, wholeNumber } from '../lib/config.ts';
import type { Environment } from '../lib/config.ts';
import { LOG_LEVELS } from '../lib/logger.ts';
import { parseNetworks, PRIVATE_NETWORKS } from './networks.ts';

const MINUTE_MS = 60_000;
const MAX_WORKERS = 256;
const MEBIBYTE = 1_048_576;

/** A list of networks in CIDR notation. */
const networks = z
  .string()
  .default(PRIVATE_NETWORKS)
  .transform((text, context) => {
    try {
      return parseNetworks(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'not a list of networks' });
      return z.NEVER;
    }
  });

const schema = z
  .object({
    /** The public port. */
    PORT: port(8080),
    /** Where both ports listen. Absent: on every address. */
    LISTEN_ADDRESS: z.string().optional(),
    /** Probes, away from the public port so that the allocator's own paths stay reachable there. */
    HEALTH_PORT: port(9080),
    /** Where a stock proxy asks for the way to a session; not public. Absent: nobody can. */
    AUTHORITY_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
    /** JWK set that opens sealed tokens; the same file as the allocator's. */
    SEALING_KEYS_FILE: z.string(),
    ALLOCATOR_URL: z.url({ protocol: /^http$/ }),
    TLS_CERT_FILE: z.string().optional(),
    TLS_KEY_FILE: z.string().optional(),
    /** Keys and certificates are looked at again this often. */
    KEY_RECHECK_MS: wholeNumber(5000, { min: 10, max: 60 * MINUTE_MS }),
    /** Processes that serve. With one there is no other; with more, one besides that takes connections and hands them on. */
    WORKERS: wholeNumber(Math.min(availableParallelism(), MAX_WORKERS), { min: 1, max: MAX_WORKERS }),
    /** Networks a route may point to, in CIDR notation. Nodes with public addresses need theirs here. */
    ALLOWED_NETWORKS: networks,
    /** The gateway stands behind a proxy whose X-Forwarded-* headers tell the truth. */
    TRUST_PROXY: flag(false),
    /** The gateway stands behind a proxy that begins each connection with a PROXY header, version 1 or 2. */
    TRUST_PROXY_PROTOCOL: flag(false),
    /** Where such proxies are. What comes from elsewhere is taken as a client's own. */
    TRUSTED_PROXIES: networks,
    LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),

    MAX_CONNECTIONS: wholeNumber(20_000, { min: 1, max: 1_000_000 }),
    MAX_CONNECTIONS_PER_ADDRESS: wholeNumber(256, { min: 1, max: 1_000_000 }),
    /** New connections, and requests for sessions: each may be so many a second, and a burst of some seconds' worth. */
    HANDSHAKES_PER_SECOND: wholeNumber(2000, { min: 1, max: 1_000_000 }),
    HANDSHAKES_PER_SECOND_PER_ADDRESS: wholeNumber(20, { min: 1, max: 1_000_000 }),
    HANDSHAKE_BURST_SECONDS: wholeNumber(5, { min: 1, max: 600 }),
    /** Of so many addresses it is remembered how often they came. */
    MAX_TRACKED_ADDRESSES: wholeNumber(100_000, { min: 1, max: 10_000_000 }),
    /** Whose addresses stand for many clients, or for ourselves: limits per address and per second are not theirs. */
    UNLIMITED_NETWORKS: networks,
    /** What one connection may bring from a client, and from a GameServer. */
    CLIENT_BYTES_PER_SECOND: wholeNumber(8 * MEBIBYTE, { min: 16_384, max: 1024 * MEBIBYTE }),
    GAME_SERVER_BYTES_PER_SECOND: wholeNumber(16 * MEBIBYTE, { min: 16_384, max: 1024 * MEBIBYTE }),
    MAX_HANDSHAKES: wholeNumber(2000, { min: 1, max: 100_000 }),
    MAX_HEADER_BYTES: wholeNumber(16_384, { min: 8192, max: 262_144 }),
    MAX_BODY_BYTES: wholeNumber(1_048_576, { min: 1, max: 1_073_741_824 }),
    MAX_PROXIED_REQUESTS: wholeNumber(1024, { min: 1, max: 100_000 }),

    /** From the first byte of a request to the end of its headers. */
    HEADERS_TIMEOUT_MS: wholeNumber(10_000, { min: 100, max: 10 * MINUTE_MS }),
    /** From the first byte of a request to its last. */
    REQUEST_TIMEOUT_MS: wholeNumber(30_000, { min: 100, max: 10 * MINUTE_MS }),
    HANDSHAKE_TIMEOUT_MS: wholeNumber(10_000, { min: 100, max: 10 * MINUTE_MS }),
    CONNECT_TIMEOUT_MS: wholeNumber(2000, { min: 10, max: MINUTE_MS }),
    CONNECT_RETRY_MS: wholeNumber(3000, { min: 0, max: MINUTE_MS }),
    /** Silence of the allocator. Longer than the longest wait it grants. */
    PROXY_IDLE_TIMEOUT_MS: wholeNumber(2 * MINUTE_MS, { min: 100, max: 60 * MINUTE_MS }),
    STALL_TIMEOUT_MS: wholeNumber(30_000, { min: 100, max: 60 * MINUTE_MS }),
    LINGER_MS: wholeNumber(5000, { min: 10, max: MINUTE_MS }),

    /** Between "not ready" and the end of the listener: the time load balancers need to notice. */
    DRAIN_DELAY_MS: wholeNumber(0, { min: 0, max: 10 * MINUTE_MS }),
    /** Over how long the clients are told to go: of those of one gateway no more than an eighth return in a second. */
    DRAIN_SPREAD_MS: wholeNumber(8000, { min: 0, max: 60 * MINUTE_MS }),
    /** Requests under way have this long to end; long polls are cut then. */
    DRAIN_REQUESTS_MS: wholeNumber(5000, { min: 0, max: 10 * MINUTE_MS }),
    STOP_DEADLINE_MS: wholeNumber(20_000, { min: 100, max: 60 * MINUTE_MS }),
  })
  .refine((config) => (config.TLS_CERT_FILE === undefined) === (config.TLS_KEY_FILE === undefined), {
    path: ['TLS_CERT_FILE'],
    message: 'TLS_CERT_FILE and TLS_KEY_FILE go together',
  })
  .refine((config) => config.STOP_DEADLINE_MS > longestDrainMs(config), {
    path: ['STOP_DEADLINE_MS'],
    message: 'must be longer than DRAIN_DELAY_MS and the longer of DRAIN_REQUESTS_MS and DRAIN_SPREAD_MS + LINGER_MS',
  });

interface DrainTimes {
  DRAIN_DELAY_MS: number;
  DRAIN_REQUESTS_MS: number;
  DRAIN_SPREAD_MS: number;
  LINGER_MS: number;
}

function longestDrainMs(times: DrainTimes): number {
  return times.DRAIN_DELAY_MS + Math.max(times.DRAIN_REQUESTS_MS, times.DRAIN_SPREAD_MS + times.LINGER_MS);
}

/** The gateway's configuration. */
export type GatewayConfig = Readonly<z.output<typeof schema>>;

/**
 * Reads the configuration from environment variables; those not given have the defaults above.
 *
 * @throws ConfigError naming every fault
 */
export function loadConfig(environment: Environment): GatewayConfig {
  return parseEnvironment(schema, environment);
}
