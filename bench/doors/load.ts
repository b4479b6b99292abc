import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What the load client is told to do. Players are kept in groups, so that several ways in can be open at once. */
export type LoadCommand = { group: string } & (
  | { what: 'open' | 'open and cut'; port: number; path: string; count: number; inFlight: number }
  | { what: 'play'; perSecond: number; seconds: number }
  | { what: 'cut' }
);

export interface Opened {
  opened: number;
  failed: number;
  seconds: number;
}

export interface RoundTrips {
  sent: number;
  /** Of the messages that came back. */
  durationsMs: Float64Array;
}

export type LoadResult = Opened | RoundTrips;

/** The load client's process, from outside. One command at a time. */
export class LoadClient {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<LoadClient> {
    return new LoadClient((await startProgram('load-client.ts')).child);
  }

  async open(group: string, port: number, path: string, count: number, inFlight: number): Promise<Opened> {
    return (await this.#run({ group, what: 'open', port, path, count, inFlight })) as Opened;
  }

  /** Each connection is cut when it is upgraded. */
  async openAndCut(port: number, path: string, count: number, inFlight: number): Promise<Opened> {
    return (await this.#run({ group: 'cut', what: 'open and cut', port, path, count, inFlight })) as Opened;
  }

  async play(group: string, perSecond: number, seconds: number): Promise<RoundTrips> {
    return (await this.#run({ group, what: 'play', perSecond, seconds })) as RoundTrips;
  }

  async cut(group: string): Promise<void> {
    await this.#run({ group, what: 'cut' });
  }

  stop(): void {
    this.#child.kill();
  }

  async #run(command: LoadCommand): Promise<LoadResult> {
    this.#child.send(command);
    const [result] = (await once(this.#child, 'message')) as [LoadResult];
    return result;
  }
}

/** Starts one of the programs in this folder, and waits until it says that it is ready. */
export async function startProgram(file: string): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { serialization: 'advanced' });
  const [ready] = (await once(child, 'message')) as [{ port: number }];
  return { child, port: ready.port };
}
