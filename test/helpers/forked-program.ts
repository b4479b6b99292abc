import { fork } from 'node:child_process';
import type { ChildProcess, Serializable } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

const START_DEADLINE_MS = 60_000;

/** A program of the repository as a process of its own, that says when it is ready. */
export class ForkedProgram {
  /** What it said when it was ready. */
  readonly ready: Serializable;
  readonly #child: ChildProcess;

  private constructor(ready: Serializable, child: ChildProcess) {
    this.ready = ready;
    this.#child = child;
  }

  /**
   * @param main - its file, from the repository's root
   * @throws Error with what it printed when it ends before it is ready
   */
  static async start(main: string, environment: Record<string, string>): Promise<ForkedProgram> {
    const child = fork(resolve(main), {
      env: { PATH: process.env['PATH'], LOG_LEVEL: 'warn', ...environment },
      execArgv: [],
      silent: true,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      // The end of what it said is enough to see why it did not start.
      stream?.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-10_000)));
    }
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`${main} ended with ${String(code)}: ${output}`);
    });
    const message = once(child, 'message', { signal: AbortSignal.timeout(START_DEADLINE_MS) });
    const [ready] = (await Promise.race([message, ended])) as [Serializable];
    ended.catch(() => {
      // Whoever ends it knows.
    });
    return new ForkedProgram(ready, child);
  }

  get processId(): number | undefined {
    return this.#child.pid;
  }

  /** Sends a message, and gives the next one that comes. */
  async ask(message: Serializable): Promise<unknown> {
    const answer = once(this.#child, 'message', { signal: AbortSignal.timeout(START_DEADLINE_MS) });
    this.#child.send(message);
    return ((await answer) as unknown[])[0];
  }

  /** Ends it outright, with no time for anything. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exit;
  }
}
