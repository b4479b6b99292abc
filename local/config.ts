import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { flag, parseEnvironment, port, wholeNumber } from '../lib/config.ts';
import type { Environment } from '../lib/config.ts';
import { LOG_LEVELS } from '../lib/logger.ts';
import { allocatorServiceConfig, allocatorServiceSettings } from './allocator-service/config.ts';

const imageProgram = z.strictObject({
  command: z.array(z.string().min(1)).min(1),
  cwd: z.string().exactOptional(),
  env: z.record(z.string(), z.string()).exactOptional(),
  watch: z.array(z.string().min(1)).exactOptional(),
});
const imagePrograms = z.record(z.string().min(1), imageProgram);
type Images = z.output<typeof imagePrograms>;

function parseImages(text: string, context: z.RefinementCtx): Images {
  let parsed: unknown;
  try {
    parsed = parseYaml(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `cannot be read: ${String(error)}` });
    return z.NEVER;
  }
  const images = imagePrograms.safeParse(parsed ?? {});
  if (images.success) return images.data;
  for (const issue of images.error.issues) context.addIssue({ ...issue, code: 'custom' });
  return z.NEVER;
}

function readImagesFile(path: string, context: z.RefinementCtx): Images {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    context.addIssue({ code: 'custom', message: `cannot be read: ${String(error)}` });
    return z.NEVER;
  }
  const besideFile = (cwd = '.'): string => resolve(dirname(path), cwd);
  const images = Object.entries(parseImages(text, context));
  return Object.fromEntries(images.map(([image, program]) => [image, { ...program, cwd: besideFile(program.cwd) }]));
}

const serviceAddresses = z.record(
  z.string().regex(/^[^/]+\/[^/]+$/, 'is not NAMESPACE/NAME'),
  z.string().regex(/^\S+:\d{1,5}$/, 'is not HOST:PORT'),
);

function parseServices(text: string, context: z.RefinementCtx): ReadonlyMap<string, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `cannot be read: ${String(error)}` });
    return z.NEVER;
  }
  const services = serviceAddresses.safeParse(parsed);
  if (services.success) return new Map(Object.entries(services.data));
  for (const issue of services.error.issues) context.addIssue({ ...issue, code: 'custom' });
  return z.NEVER;
}

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
    /** JSON: image name to `{command, cwd, env, watch}`. */
    LOCAL_IMAGES: z.string().default('{}').transform(parseImages),
    /** The same as a YAML file, whose `cwd`s are relative to it. An image in both is that of LOCAL_IMAGES. */
    LOCAL_IMAGES_FILE: z.string().transform(readImagesFile).optional(),
    /** Ends Allocated GameServers too when files of their program change. */
    LOCAL_RESTART_ALLOCATED: flag(false),
    /** A game that runs for so long without a call of Ready is told of. */
    LOCAL_READY_NOTICE_MS: wholeNumber(10_000, { min: 1, max: 3_600_000 }),
    /** Sends what GameServers print to the process that started this one. */
    LOCAL_SEND_LOG_LINES: flag(false),
    /** JSON: where Services that autoscaler webhooks name are on this machine, `namespace/name` to `host:port`. */
    LOCAL_SERVICES: z.string().default('{}').transform(parseServices),
    /** The address of this machine that GameServers get. */
    LOCAL_ADDRESS: z.string().default('127.0.0.1'),
    /** Pods, each with its processes, at the same time. */
    LOCAL_MAX_PODS: wholeNumber(200, { min: 1, max: 10_000 }),
    /** Pods of the image `regatta.dev/fake`, which need no process. */
    LOCAL_MAX_FAKE_PODS: wholeNumber(20_000, { min: 0, max: 50_000 }),
    /** From when a fake Pod is scheduled until it runs. */
    LOCAL_FAKE_START_MS: wholeNumber(0, { min: 0, max: 3_600_000 }),
    /** From then until its game says Ready. */
    LOCAL_FAKE_READY_MS: wholeNumber(500, { min: 0, max: 3_600_000 }),
    /** From Allocated until it says Shutdown; never unless set. */
    LOCAL_FAKE_SESSION_MS: wholeNumber(0, { min: 1, max: 86_400_000 }).unwrap().optional(),
    /** What GameServers get to end themselves when `local` ends. */
    LOCAL_STOP_GRACE_MS: wholeNumber(5000, { min: 0, max: 600_000 }),
    /** How many changes of each resource a watch can start from. */
    LOCAL_WATCH_HISTORY: wholeNumber(8192, { min: 16, max: 1_000_000 }),
    LOCAL_LOG_LINES_PER_POD: wholeNumber(2000, { min: 1, max: 100_000 }),
    LOCAL_LOG_FILE_BYTES: wholeNumber(10_485_760, { min: 1024, max: 1_073_741_824 }),
    LOCAL_LOGS_OF_ENDED_PODS: wholeNumber(100, { min: 0, max: 10_000 }),
    /** Of a fault on demand that does not say for how long. */
    LOCAL_FAULT_DEFAULT_DURATION_MS: wholeNumber(30_000, { min: 1, max: 86_400_000 }),
    LOCAL_FAULT_MAX_DURATION_MS: wholeNumber(600_000, { min: 1, max: 86_400_000 }),
    /** Faults on demand that are active at the same time. */
    LOCAL_MAX_FAULTS: wholeNumber(100, { min: 1, max: 1000 }),
    ...allocatorServiceSettings,
    LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  })
  .refine((config) => config.LOCAL_MIN_GAME_PORT <= config.LOCAL_MAX_GAME_PORT, {
    path: ['LOCAL_MAX_GAME_PORT'],
    message: 'is below LOCAL_MIN_GAME_PORT',
  })
  .refine((config) => config.LOCAL_FAULT_DEFAULT_DURATION_MS <= config.LOCAL_FAULT_MAX_DURATION_MS, {
    path: ['LOCAL_FAULT_MAX_DURATION_MS'],
    message: 'is below LOCAL_FAULT_DEFAULT_DURATION_MS',
  });

export type LocalConfig = ReturnType<typeof loadConfig>;

/**
 * What `local` was told by its environment.
 *
 * @throws ConfigError naming every fault
 */
export function loadConfig(environment: Environment) {
  const parsed = parseEnvironment(schema, environment);
  const listenAddress = parsed.LOCAL_LISTEN_ADDRESS;
  const stateDirectory = resolve(parsed.LOCAL_STATE_DIR);
  return {
    port: parsed.LOCAL_PORT,
    listenAddress,
    stateDirectory,
    minGamePort: parsed.LOCAL_MIN_GAME_PORT,
    maxGamePort: parsed.LOCAL_MAX_GAME_PORT,
    allocationBatchWaitMs: parsed.LOCAL_ALLOCATION_BATCH_WAIT_MS,
    sdkWriteIntervalMs: parsed.LOCAL_SDK_WRITE_INTERVAL_MS,
    images: new Map(
      Object.entries({ ...parsed.LOCAL_IMAGES_FILE, ...parsed.LOCAL_IMAGES }).map(
        ([image, program]) => [image, withWholePaths(program)] as const,
      ),
    ),
    restartAllocated: parsed.LOCAL_RESTART_ALLOCATED,
    readyNoticeMs: parsed.LOCAL_READY_NOTICE_MS,
    sendLogLines: parsed.LOCAL_SEND_LOG_LINES,
    services: parsed.LOCAL_SERVICES,
    address: parsed.LOCAL_ADDRESS,
    maxPods: parsed.LOCAL_MAX_PODS,
    fakes: {
      maxPods: parsed.LOCAL_MAX_FAKE_PODS,
      startMs: parsed.LOCAL_FAKE_START_MS,
      readyMs: parsed.LOCAL_FAKE_READY_MS,
      sessionMs: parsed.LOCAL_FAKE_SESSION_MS,
    },
    stopGraceMs: parsed.LOCAL_STOP_GRACE_MS,
    watchHistory: parsed.LOCAL_WATCH_HISTORY,
    logLinesPerPod: parsed.LOCAL_LOG_LINES_PER_POD,
    logFileBytes: parsed.LOCAL_LOG_FILE_BYTES,
    logsOfEndedPods: parsed.LOCAL_LOGS_OF_ENDED_PODS,
    faults: {
      defaultDurationMs: parsed.LOCAL_FAULT_DEFAULT_DURATION_MS,
      maxDurationMs: parsed.LOCAL_FAULT_MAX_DURATION_MS,
      maxActive: parsed.LOCAL_MAX_FAULTS,
    },
    allocatorService: allocatorServiceConfig(parsed, { listenAddress, stateDirectory }),
    remoteAllocationTimeoutMs: parsed.LOCAL_REMOTE_ALLOCATION_TIMEOUT_MS,
    totalRemoteAllocationTimeoutMs: parsed.LOCAL_TOTAL_REMOTE_ALLOCATION_TIMEOUT_MS,
    logLevel: parsed.LOG_LEVEL,
    baseEnvironment: baseEnvironment(environment),
  };
}

function withWholePaths({ watch, ...program }: Images[string]): Images[string] {
  return watch === undefined ? program : { ...program, watch: watch.map((path) => resolve(program.cwd ?? '.', path)) };
}

/** What a program needs of this machine to run at all; everything else a GameServer gets comes from its Pod. */
const BASE_VARIABLES = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'USERPROFILE',
  'APPDATA',
  'NODE_COMPILE_CACHE',
];

function baseEnvironment(environment: Environment): Record<string, string> {
  return Object.fromEntries(
    BASE_VARIABLES.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
