import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildProgram } from '../../../bin/child-program.ts';
import { eventually } from '../../helpers/conditions.ts';
import { findProgram } from '../../helpers/requirements.ts';

const program = findProgram('kubectl');
export const describeWithKubectl = program === undefined ? describe.skip : describe;

const COMMAND_DEADLINE_MS = 30_000;

/** What a command came to. */
export interface CommandOutcome {
  code: number;
  output: string;
  /** What a user sees of errors and warnings. */
  errors: string;
}

/** kubectl as a user has it, without flags: a kubeconfig and a home of its own. */
export class Kubectl {
  /** For files that commands read; it is kubectl's home, too. */
  readonly directory: string;
  readonly #environment: Record<string, string | undefined>;

  private constructor(directory: string, kubeconfig: string) {
    this.directory = directory;
    this.#environment = { ...process.env, KUBECONFIG: kubeconfig, HOME: directory };
  }

  static async forKubeconfig(kubeconfig: string): Promise<Kubectl> {
    return new Kubectl(await mkdtemp(join(tmpdir(), 'regatta-kubectl-')), kubeconfig);
  }

  remove(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }

  /** @throws Error with what kubectl said when it fails */
  async run(...parameters: string[]): Promise<string> {
    const { code, output, errors } = await this.try(...parameters);
    if (code !== 0) throw new Error(`kubectl ${parameters.join(' ')}: ${errors}`);
    return output;
  }

  /** Runs a command that may well fail. */
  try(...parameters: string[]): Promise<CommandOutcome> {
    return this.#execute(parameters, this.#environment);
  }

  /** Runs `kubectl edit` with an editor that replaces a text. */
  async edit(resource: string, name: string, from: string, to: string): Promise<CommandOutcome> {
    const editor = await this.file(
      'edit.mjs',
      `import { readFileSync, writeFileSync } from 'node:fs';
const file = process.argv[2];
writeFileSync(file, readFileSync(file, 'utf8').replace(${JSON.stringify(from)}, ${JSON.stringify(to)}));\n`,
    );
    const environment = { ...this.#environment, KUBE_EDITOR: `${process.execPath} ${editor}` };
    return this.#execute(['edit', resource, name], environment);
  }

  /** Runs a command that goes on until it is stopped. */
  follow(...parameters: string[]): { seen(): string; ended(): Promise<void>; stop(): void } {
    const child = spawn(program ?? '', parameters, { env: this.#environment, stdio: ['ignore', 'pipe', 'ignore'] });
    let seen = '';
    let isOver = false;
    child.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    child.once('close', () => {
      isOver = true;
    });
    return {
      seen: () => seen,
      ended: async () => {
        await eventually('the command ends', COMMAND_DEADLINE_MS, () => (isOver ? true : undefined));
      },
      stop: () => child.kill(),
    };
  }

  /** Writes a file and gives its path. */
  async file(name: string, text: string): Promise<string> {
    const path = join(this.directory, name);
    await writeFile(path, text);
    return path;
  }

  #execute(parameters: string[], env: Record<string, string | undefined>): Promise<CommandOutcome> {
    return new Promise((resolve) => {
      execFile(program ?? '', parameters, { env, timeout: COMMAND_DEADLINE_MS }, (error, output, errors) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, output, errors });
      });
    });
  }
}

/** `local` alone, in a process and a folder of its own, and a kubectl for it. */
export class LocalWithKubectl {
  readonly kubectl: Kubectl;
  readonly #local: ChildProgram;
  readonly #directory: string;

  private constructor(kubectl: Kubectl, local: ChildProgram, directory: string) {
    this.kubectl = kubectl;
    this.#local = local;
    this.#directory = directory;
  }

  /** @param images - what LOCAL_IMAGES holds */
  static async start(images: object = {}): Promise<LocalWithKubectl> {
    const directory = await mkdtemp(join(tmpdir(), 'regatta-local-'));
    const local = await ChildProgram.start({
      name: 'local',
      main: 'local/main.ts',
      logFile: join(directory, 'local.log'),
      readyDeadlineMs: 30_000,
      env: {
        LOCAL_STATE_DIR: directory,
        LOCAL_PORT: '0',
        LOCAL_MIN_GAME_PORT: '31500',
        LOCAL_MAX_GAME_PORT: '31999',
        LOCAL_IMAGES: JSON.stringify(images),
      },
    });
    return new LocalWithKubectl(await Kubectl.forKubeconfig(join(directory, 'kubeconfig')), local, directory);
  }

  async stop(): Promise<void> {
    await this.#local.stop();
    await this.kubectl.remove();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
