import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from './conditions.ts';

/** How a user without npm's help starts it. */
export const REGATTA = [process.execPath, fileURLToPath(new URL('../../bin/regatta.js', import.meta.url))];

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

  private constructor(child: ChildProcess) {
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    }
    this.exited = new Promise((resolve) => {
      child.once('close', (code) => {
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

  /** Waits until it has printed this. */
  printed(pattern: RegExp, deadlineMs = 60_000): Promise<RegExpExecArray> {
    return eventually(
      `${String(pattern)} in the output`,
      deadlineMs,
      () => pattern.exec(this.#output) ?? undefined,
    ).catch((error: unknown) => {
      throw new Error(`the output was:\n${this.#output}`, { cause: error });
    });
  }

  /** Ends it as Ctrl-C does. */
  interrupt(): Promise<number | null> {
    this.child.kill('SIGINT');
    return this.exited;
  }

  /** For the end of a test that failed midway. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}
