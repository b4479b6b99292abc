import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of the checkout: programs run from here. */
export const PROJECT_DIRECTORY = fileURLToPath(new URL('..', import.meta.url));

const STOP_DEADLINE_MS = 15_000;
const REMEMBERED_OUTPUT_CHARACTERS = 4_000;

export interface ChildProgramOptions {
  name: string;
  /** Path of its main.ts, from the top of the project. */
  main: string;
  env: Record<string, string>;
  /** Options of Node itself. */
  nodeOptions?: readonly string[];
  logFile: string;
  /** It must say that it is ready within this. */
  readyDeadlineMs: number;
  onReport?: (report: ChildReport) => void;
}

/** What a program has to say for people while it runs. */
export type ChildReport = { notice: string } | { gameServer: string; line: string };

/** What a program says over IPC once it serves. */
export interface ReadyMessage {
  ready: true;
  url?: string;
  kubeconfig?: string;
  allocatorService?: { httpPort?: number; grpcPort?: number };
}

/** A program did not come up; the message holds the end of what it printed. */
export class ChildProgramError extends Error {}

/**
 * One of our programs as a child process: logs go to a file, readiness comes over IPC, and the same channel tells the
 * child when this process is gone, however it went.
 */
export class ChildProgram {
  readonly name: string;
  readonly ready: ReadyMessage;
  readonly #process: ChildProcess;
  readonly #exited: Promise<number | null>;

  private constructor(name: string, child: ChildProcess, exited: Promise<number | null>, ready: ReadyMessage) {
    this.name = name;
    this.ready = ready;
    this.#process = child;
    this.#exited = exited;
  }

  /** @throws ChildProgramError when it exits or stays silent instead of becoming ready */
  static async start(options: ChildProgramOptions): Promise<ChildProgram> {
    mkdirSync(dirname(options.logFile), { recursive: true });
    const log = createWriteStream(options.logFile, { flags: 'w' });
    const child = spawn(process.execPath, [...(options.nodeOptions ?? []), options.main], {
      cwd: PROJECT_DIRECTORY,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // In a group of its own, so that Ctrl-C reaches this process alone and it stops them in order.
      detached: process.platform !== 'win32',
    });
    let lastOutput = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        lastOutput = (lastOutput + chunk.toString()).slice(-REMEMBERED_OUTPUT_CHARACTERS);
      });
      stream?.pipe(log, { end: false });
    }
    const { onReport } = options;
    if (onReport !== undefined) {
      child.on('message', (message) => {
        // Only our own programs are started here.
        const candidate = message as Partial<{ report: ChildReport }>;
        if (candidate.report !== undefined) onReport(candidate.report);
      });
    }
    const exited = new Promise<number | null>((resolve) => {
      child.once('exit', (code) => {
        resolve(code);
      });
    });
    void exited.then(() => log.end());
    const ready = await Promise.race([
      firstReadyMessage(child),
      exited.then(() => undefined),
      new Promise<undefined>((resolve) => setTimeout(resolve, options.readyDeadlineMs, undefined).unref()),
    ]);
    if (ready === undefined) {
      child.kill('SIGKILL');
      throw new ChildProgramError(`${options.name} did not start:\n${lastOutput.trim() || `see ${options.logFile}`}`);
    }
    return new ChildProgram(options.name, child, exited, ready);
  }

  get processId(): number | undefined {
    return this.#process.pid;
  }

  /** Resolves with its exit code (null when a signal ended it) once it has ended. */
  get exited(): Promise<number | null> {
    return this.#exited;
  }

  /** SIGTERM, and SIGKILL if it takes too long. */
  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGTERM');
    const kill = setTimeout(() => this.#process.kill('SIGKILL'), STOP_DEADLINE_MS);
    await this.#exited;
    clearTimeout(kill);
  }
}

function firstReadyMessage(child: ChildProcess): Promise<ReadyMessage> {
  return new Promise((resolve) => {
    child.on('message', (message) => {
      // Only our own programs are started here.
      const candidate = message as Partial<ReadyMessage>;
      if (candidate.ready === true) resolve(candidate as ReadyMessage);
    });
  });
}
