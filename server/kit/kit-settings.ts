import { z } from 'zod';
import type { CertificatePairFiles } from '../../lib/certificate-files.ts';
import { flag, parseEnvironment, wholeNumber } from '../../lib/config.ts';
import type { Environment } from '../../lib/config.ts';
import { LOG_LEVELS } from '../../lib/logger.ts';
import { MAX_SEATS } from '../../lib/session.ts';
import type { AgonesSdkOptions } from './agones-sdk.ts';
import type { KitConfig } from './kit-config.ts';

const MINUTE_MS = 60_000;

/** What the kit is told by the environment of a game server; units stand in the names. */
export const KIT_VARIABLES = {
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  // 0 lets the system choose; absent takes the GameServer's own.
  PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  PORT_NAME: z.string().max(63).default('game'),
  HOST: z.string().max(255).default('0.0.0.0'),
  // For clients that connect without the gateway: TLS on a port of its own.
  TLS_CERT_FILE: z.string().optional(),
  TLS_KEY_FILE: z.string().optional(),
  TLS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  TLS_PORT_NAME: z.string().max(63).default('game-tls'),
  JOIN_KEYS_FILE: z.string().optional(),
  JOIN_KEYS_RECHECK_MS: wholeNumber(5000, { min: 0, max: 10 * MINUTE_MS }),
  DIRECT_ADMISSION: flag(false),
  DIRECT_SEATS: wholeNumber(8, { min: 1, max: MAX_SEATS }),
  DIRECT_JOIN_MS: wholeNumber(MINUTE_MS, { min: 100, max: 60 * MINUTE_MS }),
  SESSION_END: z.enum(['Shutdown', 'Ready']).default('Shutdown'),
  AGONES_SDK_GRPC_PORT: wholeNumber(9357, { min: 1, max: 65_535 }),
  SDK_CONNECT_BUDGET_MS: wholeNumber(2 * MINUTE_MS, { min: 0, max: 30 * MINUTE_MS }),
  SDK_CALL_DEADLINE_MS: wholeNumber(3000, { min: 50, max: MINUTE_MS }),
  SDK_MIN_BACKOFF_MS: wholeNumber(100, { min: 10, max: MINUTE_MS }),
  SDK_MAX_BACKOFF_MS: wholeNumber(2000, { min: 10, max: MINUTE_MS }),
  SDK_HEALTH_STREAM_MAX_AGE_MS: wholeNumber(10 * MINUTE_MS, { min: 1000, max: 24 * 60 * MINUTE_MS }),
  ALLOCATION_WAIT_MS: wholeNumber(3000, { min: 0, max: MINUTE_MS }),
  STATE_WAIT_MS: wholeNumber(10_000, { min: 100, max: 5 * MINUTE_MS }),
  SEAT_GRACE_MS: wholeNumber(30_000, { min: 0, max: 60 * MINUTE_MS }),
  IDLE_LIMIT_MS: wholeNumber(45_000, { min: 0, max: 24 * 60 * MINUTE_MS }),
  MAX_SESSION_MS: wholeNumber(60 * MINUTE_MS, { min: 1000, max: 7 * 24 * 60 * MINUTE_MS }),
  STOP_GRACE_MS: wholeNumber(0, { min: 0, max: 60 * MINUTE_MS }),
  STOP_DEADLINE_MS: wholeNumber(25_000, { min: 1000, max: 2 * 60 * MINUTE_MS }),
  TERMINATION_WAIT_MS: wholeNumber(20_000, { min: 0, max: 10 * MINUTE_MS }),
  CLOSE_WAIT_MS: wholeNumber(2000, { min: 100, max: MINUTE_MS }),
  PING_INTERVAL_MS: wholeNumber(10_000, { min: 100, max: 10 * MINUTE_MS }),
  MAX_QUEUED_BYTES: wholeNumber(256 * 1024, { min: 1024, max: 64 * 1024 * 1024 }),
  MAX_REPLAY_MESSAGES: wholeNumber(512, { min: 0, max: 10_000 }),
  // Absent: as much as the queue allows.
  MAX_REPLAY_BYTES: z.coerce.number().int().min(0).optional(),
  MAX_MESSAGES_PER_SECOND: wholeNumber(60, { min: 1, max: 10_000 }),
  MAX_BAD_MESSAGES: wholeNumber(20, { min: 0, max: 100_000 }),
  MAX_CONNECTIONS: wholeNumber(256, { min: 1, max: 100_000 }),
};

/** What a stop needs after the grace: goodbyes, and a Shutdown that may have to be repeated. */
const STOP_MARGIN_MS = 1000;

/** Who comes back gets all of their replay at once: the other half of the queue is for what follows. */
const REPLAY_SHARE_OF_QUEUE = 0.5;

/** Holds what one variable alone cannot say. For a schema that has these variables, and others beside them. */
export function withKitRules<Schema extends z.ZodType<KitVariables>>(schema: Schema): Schema {
  return schema
    .refine((env) => env.STOP_GRACE_MS + STOP_MARGIN_MS <= env.STOP_DEADLINE_MS, {
      path: ['STOP_GRACE_MS'],
      message: `must be at least ${STOP_MARGIN_MS} ms below STOP_DEADLINE_MS`,
    })
    .refine((env) => (env.MAX_REPLAY_BYTES ?? 0) <= env.MAX_QUEUED_BYTES * REPLAY_SHARE_OF_QUEUE, {
      path: ['MAX_REPLAY_BYTES'],
      message: 'must be at most half of MAX_QUEUED_BYTES',
    })
    .refine((env) => (env.TLS_CERT_FILE === undefined) === (env.TLS_KEY_FILE === undefined), {
      path: ['TLS_CERT_FILE'],
      message: 'TLS_CERT_FILE and TLS_KEY_FILE go together',
    });
}

type KitVariables = z.output<z.ZodObject<typeof KIT_VARIABLES>>;

/** The same, sorted by who needs it. */
export interface KitSettings {
  logLevel: (typeof LOG_LEVELS)[number];
  /** A JWK set of public keys, read again when it changes. */
  joinKeys: { file: string | undefined; recheckMs: number };
  /** What it shows where it speaks TLS, read again when it changes; undefined where it does not. */
  certificateFiles: CertificatePairFiles | undefined;
  sdk: Omit<AgonesSdkOptions, 'clock' | 'logger' | 'signal'>;
  /** All of a stop, the grace of a race included. Below the Pod's terminationGracePeriodSeconds. */
  stopDeadlineMs: number;
  kit: KitConfig;
}

/**
 * For a game server whose game is told nothing by its environment.
 *
 * @throws ConfigError naming every fault
 */
export function loadKitSettings(environment: Environment): KitSettings {
  return kitSettingsOf(parseEnvironment(withKitRules(z.object(KIT_VARIABLES)), environment));
}

export function kitSettingsOf(env: KitVariables): KitSettings {
  return {
    logLevel: env.LOG_LEVEL,
    joinKeys: { file: env.JOIN_KEYS_FILE, recheckMs: env.JOIN_KEYS_RECHECK_MS },
    certificateFiles:
      env.TLS_CERT_FILE === undefined || env.TLS_KEY_FILE === undefined
        ? undefined
        : { certFile: env.TLS_CERT_FILE, keyFile: env.TLS_KEY_FILE },
    sdk: {
      grpcPort: env.AGONES_SDK_GRPC_PORT,
      connectBudgetMs: env.SDK_CONNECT_BUDGET_MS,
      callDeadlineMs: env.SDK_CALL_DEADLINE_MS,
      minBackoffMs: env.SDK_MIN_BACKOFF_MS,
      maxBackoffMs: env.SDK_MAX_BACKOFF_MS,
      healthStreamMaxAgeMs: env.SDK_HEALTH_STREAM_MAX_AGE_MS,
    },
    stopDeadlineMs: env.STOP_DEADLINE_MS,
    kit: {
      port: env.PORT,
      portName: env.PORT_NAME,
      tlsPort: env.TLS_PORT,
      tlsPortName: env.TLS_PORT_NAME,
      host: env.HOST,
      endPolicy: env.SESSION_END,
      isDirectAdmission: env.DIRECT_ADMISSION,
      directSeats: env.DIRECT_SEATS,
      directJoinMs: env.DIRECT_JOIN_MS,
      allocationWaitMs: env.ALLOCATION_WAIT_MS,
      stateWaitMs: env.STATE_WAIT_MS,
      seatGraceMs: env.SEAT_GRACE_MS,
      idleLimitMs: env.IDLE_LIMIT_MS,
      maxSessionMs: env.MAX_SESSION_MS,
      stopGraceMs: env.STOP_GRACE_MS,
      terminationWaitMs: env.TERMINATION_WAIT_MS,
      closeWaitMs: env.CLOSE_WAIT_MS,
      pingIntervalMs: env.PING_INTERVAL_MS,
      maxQueuedBytes: env.MAX_QUEUED_BYTES,
      maxReplayMessages: env.MAX_REPLAY_MESSAGES,
      maxReplayBytes: env.MAX_REPLAY_BYTES ?? Math.floor(env.MAX_QUEUED_BYTES * REPLAY_SHARE_OF_QUEUE),
      maxMessagesPerSecond: env.MAX_MESSAGES_PER_SECOND,
      maxBadMessages: env.MAX_BAD_MESSAGES,
      maxConnections: env.MAX_CONNECTIONS,
    },
  };
}
