import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { Program } from './program.ts';

/** How a process ended. */
export interface ProcessExit {
  /** As a shell and Kubernetes have it: 128 and the signal's number where a signal ended it. */
  exitCode: number;
  /** Its number. */
  signal?: number;
  /** Somebody killed it: that says nothing of the program. */
  killed?: boolean;
}

/** The program cannot be started: it is not there, or may not be run. */
export class ProcessStartError extends Error {
  constructor(program: Program, cause: NodeJS.ErrnoException) {
    const why = cause.code === 'ENOENT' ? 'there is no such program, or no such folder' : cause.message;
    super(`cannot run ${[program.file, ...program.args].join(' ')} in ${program.directory}: ${why}`, { cause });
    this.name = 'ProcessStartError';
  }
}

/** Output of a process that is gone may still be held open by one it let loose: it is waited for so long. */
const LAST_OUTPUT_MS = 1000;

/**
 * A process and all it starts.
 *
 * On POSIX it leads a process group: what it started is killed with it, and a Ctrl-C in the terminal does not reach it:
 * whoever started it says when it ends. On Windows there are no groups and no signals: it is ended with its tree.
 */
export class ProcessGroup {
  readonly pid: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves once the process has ended, what was left of its group is killed, and its output is read. */
  readonly ended: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  #toldExitCode: number | undefined;
  /** How many want it to stand still. */
  #pauses = 0;

  private constructor(child: ChildProcess & { stdout: Readable; stderr: Readable }, pid: number) {
    this.#child = child;
    this.pid = pid;
    this.stdout = child.stdout;
    this.stderr = child.stderr;
    this.ended = this.#untilEnd();
  }

  /** @throws ProcessStartError */
  static start(program: Program): Promise<ProcessGroup> {
    return new Promise((resolve, reject) => {
      const child = spawn(program.file, program.args, {
        cwd: program.directory,
        env: program.environment,
        detached: process.platform !== 'win32',
        stdio: ['ignore', 'pipe', 'pipe'],
        windowsHide: true,
      });
      child.once('error', (error) => {
        reject(new ProcessStartError(program, error));
      });
      child.once('spawn', () => {
        if (child.pid !== undefined) resolve(new ProcessGroup(child, child.pid));
      });
    });
  }

  /**
   * SIGTERM goes to the process alone, as to the first process of a container; SIGKILL to all of it. Does nothing once it has
   * ended.
   */
  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#hasEnded) return;
    if (signal === 'SIGKILL') killGroup(this.pid);
    else this.#child.kill(signal);
  }

  /**
   * Ends it from one moment to the next, with all it started.
   *
   * @param exitCode - told as if it had ended by itself; without it, that it was killed
   */
  crash(exitCode?: number): void {
    this.#toldExitCode = exitCode;
    this.signal('SIGKILL');
  }

  /**
   * Has it stand still with all it started; SIGKILL reaches it all the same. Not on Windows.
   *
   * @returns has it go on, once nobody else wants it to stand still
   */
  pause(): () => void {
    this.#pauses += 1;
    this.#signalGroup('SIGSTOP');
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#pauses -= 1;
      if (this.#pauses === 0) this.#signalGroup('SIGCONT');
    };
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #signalGroup(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.#hasEnded) return;
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      // It has ended, and its exit is not told yet.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  async #untilEnd(): Promise<ProcessExit> {
    const closed = new Promise<void>((resolve) => {
      this.#child.once('close', () => {
        resolve();
      });
    });
    const exit = await new Promise<ProcessExit>((resolve) => {
      this.#child.once('exit', (code, signal) => {
        resolve(toExit(code, signal));
      });
    });
    killGroup(this.pid);
    const deadline = setTimeout(() => {
      this.stdout.destroy();
      this.stderr.destroy();
    }, LAST_OUTPUT_MS);
    await closed;
    clearTimeout(deadline);
    return this.#toldExitCode === undefined ? exit : { exitCode: this.#toldExitCode, killed: true };
  }
}

function toExit(code: number | null, signal: NodeJS.Signals | null): ProcessExit {
  if (signal === null) return { exitCode: code ?? 0 };
  const number = constants.signals[signal];
  return { exitCode: 128 + number, signal: number, killed: signal === 'SIGKILL' };
}

/** Kills a process and all it started; a group that is gone already is what was wanted. */
export function killGroup(pid: number): void {
  if (process.platform === 'win32') {
    execFile('taskkill', ['/pid', String(pid), '/T', '/F'], () => {
      // Its only failure is that the process is gone.
    });
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // macOS answers EPERM where only the leader's zombie is left.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
