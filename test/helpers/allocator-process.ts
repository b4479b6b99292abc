import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

const START_DEADLINE_MS = 60_000;

/** An allocator as a process of its own, on a free port. */
export class AllocatorProcess {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /** Resolves when it says that it is ready. */
  static async start(environment: Record<string, string>): Promise<AllocatorProcess> {
    const child = fork(resolve('allocator/main.ts'), {
      env: { PATH: process.env['PATH'], PORT: '0', LISTEN_ADDRESS: '127.0.0.1', LOG_LEVEL: 'warn', ...environment },
      execArgv: [],
      silent: true,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      // The end of what it said is enough to see why it did not start.
      stream?.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-10_000)));
    }
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the allocator ended with ${String(code)}: ${output}`);
    });
    const message = once(child, 'message', { signal: AbortSignal.timeout(START_DEADLINE_MS) });
    const [{ url }] = (await Promise.race([message, ended])) as [{ url: string }];
    ended.catch(() => {
      // Whoever ends it knows.
    });
    return new AllocatorProcess(url, child);
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
