import { resolve } from 'node:path';
import { z } from 'zod';
import { parseEnvironment, port, wholeNumber } from '../lib/config.ts';
import type { Environment } from '../lib/config.ts';
import { LOG_LEVELS } from '../lib/logger.ts';

const imageProgram = z.object({
  command: z.array(z.string().min(1)).min(1),
  cwd: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
});

const schema = z
  .object({
    /** The Kubernetes API. */
    LOCAL_PORT: port(8090),
    LOCAL_LISTEN_ADDRESS: z.string().default('127.0.0.1'),
    /** Kubeconfig, logs, projected volumes. */
    LOCAL_STATE_DIR: z.string().default('.regatta/local'),
    LOCAL_MIN_GAME_PORT: wholeNumber(7000, { min: 1, max: 65_535 }),
    LOCAL_MAX_GAME_PORT: wholeNumber(8000, { min: 1, max: 65_535 }),
    /** How long a lone GameServerAllocation may wait for company, as in Agones. */
    LOCAL_ALLOCATION_BATCH_WAIT_MS: wholeNumber(500, { min: 0, max: 60_000 }),
    /** How long the sidecar gathers changes before it writes them, as in Agones. */
    LOCAL_SDK_WRITE_INTERVAL_MS: wholeNumber(500, { min: 0, max: 60_000 }),
    /** JSON: image name to `{command, cwd, env}`. */
    LOCAL_IMAGES: z
      .string()
      .default('{}')
      .transform((text, context): unknown => {
        try {
          return JSON.parse(text);
        } catch {
          context.addIssue({ code: 'custom', message: 'is not JSON' });
          return z.NEVER;
        }
      })
      .pipe(z.record(z.string(), imageProgram)),
    /** How many changes of each resource a watch can start from. */
    LOCAL_WATCH_HISTORY: wholeNumber(8192, { min: 16, max: 1_000_000 }),
    LOCAL_LOG_LINES_PER_POD: wholeNumber(2000, { min: 1, max: 100_000 }),
    LOCAL_LOG_FILE_BYTES: wholeNumber(10_485_760, { min: 1024, max: 1_073_741_824 }),
    LOCAL_LOGS_OF_ENDED_PODS: wholeNumber(100, { min: 0, max: 10_000 }),
    LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  })
  .refine((config) => config.LOCAL_MIN_GAME_PORT <= config.LOCAL_MAX_GAME_PORT, {
    path: ['LOCAL_MAX_GAME_PORT'],
    message: 'is below LOCAL_MIN_GAME_PORT',
  });

export type LocalConfig = ReturnType<typeof loadConfig>;

/**
 * What `local` was told by its environment.
 *
 * @throws ConfigError naming every fault
 */
export function loadConfig(environment: Environment) {
  const parsed = parseEnvironment(schema, environment);
  return {
    port: parsed.LOCAL_PORT,
    listenAddress: parsed.LOCAL_LISTEN_ADDRESS,
    stateDirectory: resolve(parsed.LOCAL_STATE_DIR),
    minGamePort: parsed.LOCAL_MIN_GAME_PORT,
    maxGamePort: parsed.LOCAL_MAX_GAME_PORT,
    allocationBatchWaitMs: parsed.LOCAL_ALLOCATION_BATCH_WAIT_MS,
    sdkWriteIntervalMs: parsed.LOCAL_SDK_WRITE_INTERVAL_MS,
    images: new Map(
      Object.entries(parsed.LOCAL_IMAGES).map(([image, { command, cwd, env }]) => [
        image,
        { command, ...(cwd === undefined ? {} : { cwd }), ...(env === undefined ? {} : { env }) },
      ]),
    ),
    watchHistory: parsed.LOCAL_WATCH_HISTORY,
    logLinesPerPod: parsed.LOCAL_LOG_LINES_PER_POD,
    logFileBytes: parsed.LOCAL_LOG_FILE_BYTES,
    logsOfEndedPods: parsed.LOCAL_LOGS_OF_ENDED_PODS,
    logLevel: parsed.LOG_LEVEL,
    baseEnvironment: baseEnvironment(environment),
  };
}

/** What a program needs of this machine to run at all; everything else a GameServer gets comes from its Pod. */
const BASE_VARIABLES = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'LANG', 'SystemRoot', 'USERPROFILE', 'APPDATA'];

function baseEnvironment(environment: Environment): Record<string, string> {
  return Object.fromEntries(
    BASE_VARIABLES.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
