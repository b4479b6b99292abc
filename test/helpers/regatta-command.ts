import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from './conditions.ts';

/** How a user without npm's help starts it. */
export const REGATTA = [process.execPath, fileURLToPath(new URL('../../bin/regatta.js', import.meta.url))];

const END_DEADLINE_MS = 20_000;

export interface CommandOptions {
  /** Where the user stands. @default this process's folder */
  directory?: string;
  /** Added to this process's environment. */
  environment?: Record<string, string>;
}

/** A command on the command line, with what it printed so far. */
export class RegattaCommand {
  readonly child: ChildProcess;
  /** Its exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  #output = '';
  #ended = false;

  private constructor(child: ChildProcess) {
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    }
    this.exited = new Promise((resolve) => {
      child.once('close', (code) => {
        this.#ended = true;
        resolve(code);
      });
    });
  }

  static start(words: readonly string[], { directory, environment }: CommandOptions = {}): RegattaCommand {
    const [program = '', ...parameters] = words;
    return new RegattaCommand(
      spawn(program, parameters, {
        stdio: ['ignore', 'pipe', 'pipe'],
        cwd: directory,
        env: { ...process.env, ...environment },
      }),
    );
  }

  /** On standard output and standard error. */
  get output(): string {
    return this.#output;
  }

  /** Waits until it has printed this. @throws Error with all it printed, also when it ends before */
  async printed(pattern: RegExp, deadlineMs = 60_000): Promise<RegExpExecArray> {
    const found = await eventually(`${String(pattern)} in the output`, deadlineMs, () => {
      const match = pattern.exec(this.#output);
      return match ?? (this.#ended ? 'ended' : undefined);
    }).catch((error: unknown) => {
      throw new Error(`the output was:\n${this.#output}`, { cause: error });
    });
    if (found === 'ended') throw new Error(`it ended without ${String(pattern)}; the output was:\n${this.#output}`);
    return found;
  }

  /** Ends it as Ctrl-C does. */
  interrupt(): Promise<number | null> {
    this.child.kill('SIGINT');
    return this.exited;
  }

  /** Ends it, however the test went, with all it has started; does nothing when it has ended. */
  async end(): Promise<void> {
    if (!this.#ended) this.child.kill('SIGTERM');
    const kill = setTimeout(() => this.child.kill('SIGKILL'), END_DEADLINE_MS);
    await this.exited;
    clearTimeout(kill);
  }

  /** Ends it outright, with no time for anything. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}
