import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readManifests } from '../../bin/apply-manifests.ts';
import { chooseFreePort } from '../../bin/free-ports.ts';
import type { ImagePrograms } from '../../bin/local-options.ts';
import { Stack } from '../../bin/stack.ts';
import { waitForReadyGameServers } from '../../bin/wait-for-ready.ts';

/** A game port range of its own for each stack, so that test files may run side by side. */
const GAME_PORTS_PER_STACK = 100;
const FIRST_GAME_PORT = 20_000;

export interface LocalStackOptions {
  /** Environment of the boat race's GameServers, e.g. a shorter race. */
  gameServerEnvironment?: Record<string, string>;
  /** Ready GameServers to keep, and to wait for. */
  buffer: number;
  /** Folder of the manifests. @default fleets/base */
  fleets?: string;
  /** Which programs stand for images. @default the boat race's */
  images?: ImagePrograms;
  /** Ports for GameServers. @default 100 */
  gamePorts?: number;
  allocatorEnvironment?: Record<string, string>;
  gatewayEnvironment?: Record<string, string>;
}

/** The whole of Regatta on this machine, for one test file, on free ports and in a folder of its own. */
export class LocalStack {
  readonly stack: Stack;
  readonly stateDirectory: string;

  private constructor(stack: Stack, stateDirectory: string) {
    this.stack = stack;
    this.stateDirectory = stateDirectory;
  }

  static async start(options: LocalStackOptions): Promise<LocalStack> {
    const stateDirectory = await mkdtemp(join(tmpdir(), 'regatta-test-'));
    const port = await chooseFreePort();
    const firstGamePort = FIRST_GAME_PORT + (port % 100) * GAME_PORTS_PER_STACK;
    const stack = await Stack.start({
      stateDirectory,
      port,
      allocatorPort: await chooseFreePort(),
      apiPort: await chooseFreePort(),
      gatewayHealthPort: await chooseFreePort(),
      gamePorts: { first: firstGamePort, last: firstGamePort + (options.gamePorts ?? GAME_PORTS_PER_STACK) - 1 },
      manifests: readManifests(resolve(options.fleets ?? 'fleets/base')).map(({ file, object }) => ({
        file,
        object: withBuffer(object, options.buffer),
      })),
      ...(options.images === undefined ? {} : { images: options.images }),
      environment: { allocator: options.allocatorEnvironment ?? {}, gateway: options.gatewayEnvironment ?? {} },
      ...(options.gameServerEnvironment === undefined ? {} : { gameServerEnvironment: options.gameServerEnvironment }),
    });
    await waitForReadyGameServers(stack.apiUrl, options.buffer, 60_000);
    return new LocalStack(stack, stateDirectory);
  }

  async stop(): Promise<void> {
    await this.stack.stop();
    await rm(this.stateDirectory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

function withBuffer<T extends { kind: string }>(manifest: T, buffer: number): T {
  const { kind, spec } = manifest as { kind: string; spec?: { policy?: { buffer?: object } } };
  if (kind !== 'FleetAutoscaler') return manifest;
  return {
    ...manifest,
    spec: { ...spec, policy: { type: 'Buffer', buffer: { bufferSize: buffer, minReplicas: buffer, maxReplicas: 40 } } },
  };
}
