import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../lib/clock.ts';

/** How a process ended. */
export interface ProcessEnd {
  /** 128 + the signal's number where a signal ended it, as containers have it. */
  exitCode: number;
  signal: string | undefined;
}

export interface ProcessOptions {
  command: readonly string[];
  cwd: string;
  env: Record<string, string>;
  onOutput: (chunk: Buffer) => void;
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};
const BEYOND_EXIT_CODES = 128;

/** One process with all its children, in a process group of its own where the platform has them. */
export class RunningProcess {
  readonly processId: number;
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, processId: number, ended: Promise<ProcessEnd>) {
    this.#child = child;
    this.processId = processId;
    this.ended = ended;
  }

  /** @throws Error when the program cannot be started */
  static async start({ command, cwd, env, onOutput }: ProcessOptions): Promise<RunningProcess> {
    const [program = '', ...parameters] = command;
    const child = spawn(program, parameters, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.on('error', () => {
      // A signal that could not be sent: the process is gone, and `exit` says so.
    });
    child.stdout.on('data', onOutput);
    child.stderr.on('data', onOutput);
    const ended = new Promise<ProcessEnd>((resolve) => {
      child.once('close', (code, signal) => {
        const exitCode = code ?? BEYOND_EXIT_CODES + (SIGNAL_NUMBERS[signal ?? ''] ?? 0);
        resolve({ exitCode, signal: signal ?? undefined });
      });
    });
    return new RunningProcess(child, child.pid ?? 0, ended);
  }

  /** SIGTERM to the process, as a container's first process gets it; after the grace SIGKILL to all of its group. */
  async stop(graceMs: number, clock: Clock): Promise<ProcessEnd> {
    this.#child.kill('SIGTERM');
    const cancel = clock.after(graceMs, () => {
      this.kill();
    });
    const end = await this.ended;
    cancel();
    return end;
  }

  /** SIGKILL, at once, to it and its children. */
  kill(): void {
    try {
      if (process.platform === 'win32') this.#child.kill('SIGKILL');
      else process.kill(-this.processId, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}
