import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPage } from '../web/build.ts';
import { applyManifests } from './apply-manifests.ts';
import type { Manifest } from './apply-manifests.ts';
import { ChildProgram } from './child-program.ts';
import type { ChildReport } from './child-program.ts';
import { KEY_FILES, writeKeys } from './keys.ts';
import { boatRaceImage, localEnvironment } from './local-options.ts';
import type { LocalSettings } from './local-options.ts';

export interface StackOptions extends Pick<LocalSettings, 'stateDirectory' | 'apiPort' | 'gamePorts'> {
  /** The front door. */
  port: number;
  /** Where the front door listens. @default localhost: nobody but this machine */
  listenAddress?: string;
  allocatorPort: number;
  gatewayHealthPort: number;
  /** Fleets and FleetAutoscalers to apply. */
  manifests: Manifest[];
  /** Which programs stand for images. @default the boat race's */
  images?: LocalSettings['images'];
  restartAllocated?: boolean;
  /** Has what GameServers print reported. */
  sendLogLines?: boolean;
  /** Added to the environment of local, allocator and gateway, and of the boat race's GameServers. */
  environment?: {
    local?: Record<string, string>;
    allocator?: Record<string, string>;
    gateway?: Record<string, string>;
  };
  gameServerEnvironment?: Record<string, string>;
  /** Called before each step, for a line of progress. */
  onStep?: (step: string) => void;
  /** Called with manifests of kinds that local does not serve. */
  onPassedOver?: (manifests: Manifest[]) => void;
  /** Called with what local has to say of its GameServers. */
  onReport?: (report: ChildReport) => void;
}

const READY_DEADLINE_MS = 30_000;

/**
 * Of the gateway, here and in its image. Each wave of players leaves garbage, for which V8's nursery would grow to 48 MB and
 * never shrink: 6 to 9 KB for each of 5,000 idle connections.
 */
export const GATEWAY_NODE_OPTIONS = ['--max-semi-space-size=4'];

/** Local, allocator and gateway, running as children of this process. */
export class Stack {
  readonly url: string;
  readonly apiUrl: string;
  readonly allocatorUrl: string;
  readonly kubeconfigPath: string;
  readonly #programs: ChildProgram[];

  private constructor(
    programs: ChildProgram[],
    addresses: { url: string; apiUrl: string; allocatorUrl: string },
    kubeconfigPath: string,
  ) {
    this.#programs = programs;
    this.url = addresses.url;
    this.apiUrl = addresses.apiUrl;
    this.allocatorUrl = addresses.allocatorUrl;
    this.kubeconfigPath = kubeconfigPath;
  }

  /** @throws ChildProgramError, UsageError; what had started by then is stopped again */
  static async start(options: StackOptions): Promise<Stack> {
    const programs: ChildProgram[] = [];
    try {
      return await Stack.#startInOrder(options, programs);
    } catch (error) {
      await stopInReverse(programs);
      throw error;
    }
  }

  static async #startInOrder(options: StackOptions, programs: ChildProgram[]): Promise<Stack> {
    const { stateDirectory, environment = {}, onStep = () => {} } = options;
    const keysDirectory = join(stateDirectory, 'keys');
    const pageDirectory = join(stateDirectory, 'page');
    const logsDirectory = join(stateDirectory, 'logs');
    mkdirSync(stateDirectory, { recursive: true });
    writeKeys(keysDirectory);
    const start = async (
      name: string,
      main: string,
      env: Record<string, string>,
      nodeOptions: readonly string[] = [],
    ): Promise<ChildProgram> => {
      const program = await ChildProgram.start({
        name,
        main,
        env: { NODE_COMPILE_CACHE: join(stateDirectory, 'compile-cache'), ...env },
        nodeOptions,
        logFile: join(logsDirectory, `${name}.log`),
        readyDeadlineMs: READY_DEADLINE_MS,
        ...(options.onReport === undefined ? {} : { onReport: options.onReport }),
      });
      programs.push(program);
      return program;
    };

    onStep('starting Agones on this machine');
    const pageBuilt = buildPage({ outDir: pageDirectory, minify: true });
    const local = await start('local', 'local/main.ts', {
      ...localEnvironment({
        ...options,
        images: options.images ?? boatRaceImage(stateDirectory, options.gameServerEnvironment),
      }),
      LOCAL_SEND_LOG_LINES: String(options.sendLogLines ?? false),
      ...environment.local,
    });
    const apiUrl = local.ready.url ?? `http://127.0.0.1:${options.apiPort}`;
    const kubeconfigPath = local.ready.kubeconfig ?? join(stateDirectory, 'local', 'kubeconfig');

    onStep('applying the Fleet');
    const { passedOver } = await applyManifests(apiUrl, [joinKeysConfigMap(keysDirectory), ...options.manifests]);
    options.onPassedOver?.(passedOver);

    const allocatorUrl = `http://127.0.0.1:${options.allocatorPort}`;

    onStep('starting the allocator and the gateway');
    await pageBuilt;
    const allocator = start('allocator', 'allocator/main.ts', {
      KUBECONFIG: kubeconfigPath,
      PORT: String(options.allocatorPort),
      LISTEN_ADDRESS: '127.0.0.1',
      NAMESPACE: 'default',
      SEALING_KEYS_FILE: join(keysDirectory, KEY_FILES.sealing),
      SIGNING_KEYS_FILE: join(keysDirectory, KEY_FILES.signing),
      WEB_DIR: pageDirectory,
      TRUST_PROXY: 'true',
      ...environment.allocator,
    });
    const gateway = start(
      'gateway',
      'gateway/main.ts',
      {
        PORT: String(options.port),
        LISTEN_ADDRESS: options.listenAddress ?? 'localhost',
        HEALTH_PORT: String(options.gatewayHealthPort),
        ALLOCATOR_URL: allocatorUrl,
        SEALING_KEYS_FILE: join(keysDirectory, KEY_FILES.sealing),
        // One machine's players: no process but this one, and nobody to keep from coming back at once.
        WORKERS: '1',
        DRAIN_SPREAD_MS: '0',
        ...environment.gateway,
      },
      GATEWAY_NODE_OPTIONS,
    );
    const outcomes = await Promise.allSettled([allocator, gateway]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    return new Stack(programs, { url: `http://localhost:${options.port}`, apiUrl, allocatorUrl }, kubeconfigPath);
  }

  /** Resolves with the name of the first program that ends. */
  firstExit(): Promise<string> {
    return Promise.race(this.#programs.map((program) => program.exited.then(() => program.name)));
  }

  /** The process of a program, for tests that kill it. */
  processIdOf(name: 'local' | 'allocator' | 'gateway'): number | undefined {
    return this.#programs.find((program) => program.name === name)?.processId;
  }

  async stop(): Promise<void> {
    await stopInReverse(this.#programs);
  }
}

function joinKeysConfigMap(keysDirectory: string): Manifest {
  const file = join(keysDirectory, KEY_FILES.verifying);
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'regatta-join-keys' },
    data: { [KEY_FILES.verifying]: existsSync(file) ? readFileSync(file, 'utf8') : '' },
  };
  return { file, object };
}

async function stopInReverse(programs: ChildProgram[]): Promise<void> {
  for (const program of programs.toReversed()) await program.stop();
}
