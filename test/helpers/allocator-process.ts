import { ForkedProgram } from './forked-program.ts';

/** An allocator as a process of its own, on a free port. */
export class AllocatorProcess {
  readonly url: string;
  readonly #program: ForkedProgram;

  private constructor(program: ForkedProgram) {
    this.url = (program.ready as { url: string }).url;
    this.#program = program;
  }

  /** Resolves when it says that it is ready. */
  static async start(environment: Record<string, string>): Promise<AllocatorProcess> {
    const defaults = { PORT: '0', LISTEN_ADDRESS: '127.0.0.1' };
    return new AllocatorProcess(await ForkedProgram.start('allocator/main.ts', { ...defaults, ...environment }));
  }

  /** Ends it outright, with no time for anything. */
  kill(): Promise<void> {
    return this.#program.kill();
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
