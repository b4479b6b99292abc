import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Fleet, GameServer } from '../../lib/agones.ts';
import { eventually } from './conditions.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const GAME = fileURLToPath(new URL('game/main.ts', import.meta.url));

/** What it says once it is ready. */
interface ReadyMessage {
  url: string;
  allocatorService?: { grpcPort?: number };
}

/** `local` as a process of its own, as whoever starts it has it. */
export class LocalProgram {
  readonly child: ChildProcess;
  readonly stateDirectory: string;
  /** Its exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  errors = '';
  url = '';
  /** Where its allocator service listens, if it was told to have one. */
  allocatorServicePort: number | undefined;

  private constructor(child: ChildProcess, stateDirectory: string) {
    this.child = child;
    this.stateDirectory = stateDirectory;
    this.exited = once(child, 'exit').then(([code]) => code as number | null);
    child.stderr?.on('data', (chunk: Buffer) => {
      this.errors += chunk.toString();
    });
    child.stdout?.resume();
  }

  /** Starts it without waiting for anything. */
  static launch(
    stateDirectory: string,
    environment: Record<string, string> = {},
    execArgv: string[] = [],
  ): LocalProgram {
    const child = fork(MAIN, {
      execArgv,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        LOCAL_STATE_DIR: stateDirectory,
        LOCAL_PORT: '0',
        LOCAL_MIN_GAME_PORT: '28000',
        LOCAL_MAX_GAME_PORT: '28500',
        LOCAL_SDK_WRITE_INTERVAL_MS: '20',
        LOCAL_STOP_GRACE_MS: '2000',
        LOCAL_IMAGES: JSON.stringify({ 'game:1': { command: ['node', GAME] } }),
        ...environment,
      },
    });
    return new LocalProgram(child, stateDirectory);
  }

  /** Starts it and waits until it says that it is ready. */
  static async start(
    stateDirectory: string,
    environment: Record<string, string> = {},
    execArgv: string[] = [],
  ): Promise<LocalProgram> {
    const program = LocalProgram.launch(stateDirectory, environment, execArgv);
    const ended = program.exited.then((code) => {
      throw new Error(`local ended with ${code}: ${program.errors}`);
    });
    const [message] = (await Promise.race([once(program.child, 'message'), ended])) as [ReadyMessage];
    program.url = message.url;
    program.allocatorServicePort = message.allocatorService?.grpcPort;
    ended.catch(() => {
      // It ends some day; that is an error only before it was ready.
    });
    return program;
  }

  async request<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      ...(body === undefined
        ? {}
        : {
            body: JSON.stringify(body),
            headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
          }),
    });
    return (await response.json()) as T;
  }

  async createFleet(name: string, replicas: number): Promise<void> {
    await this.request<Fleet>('POST', '/apis/agones.dev/v1/namespaces/default/fleets', {
      apiVersion: 'agones.dev/v1',
      kind: 'Fleet',
      metadata: { name },
      spec: {
        replicas,
        template: {
          spec: {
            ports: [{ name: 'ws', portPolicy: 'Passthrough', protocol: 'TCP' }],
            template: {
              spec: {
                containers: [
                  { name: 'game', image: 'game:1', args: ['$(WIND)'], env: [{ name: 'WIND', value: 'gale' }] },
                ],
              },
            },
          },
        },
      },
    });
  }

  async gameServers(): Promise<GameServer[]> {
    return (await this.request<{ items: GameServer[] }>('GET', '/apis/agones.dev/v1/namespaces/default/gameservers'))
      .items;
  }

  /** Waits for so many Ready ones, and no other. */
  ready(count: number): Promise<GameServer[]> {
    return eventually(`${count} Ready GameServers`, async () => {
      const all = await this.gameServers();
      const good = all.filter(({ status }) => status?.state === 'Ready');
      return good.length === count && all.length === count ? good : undefined;
    });
  }

  /** Process ids of the GameServers, from what the program notes for its next start. */
  processIds(): number[] {
    const directory = join(this.stateDirectory, 'processes');
    return readdirSync(directory).map(
      (file) => (JSON.parse(readFileSync(join(directory, file), 'utf8')) as { pid: number }).pid,
    );
  }
}
