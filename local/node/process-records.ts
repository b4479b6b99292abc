import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { identifyProcess } from './process-identity.ts';
import { killGroup } from './process-group.ts';

const recordSchema = z.object({ pid: z.number().int().positive(), identity: z.string(), name: z.string() });
type ProcessRecord = z.infer<typeof recordSchema>;

/** In the environment of what is started here. */
const OWNER_VARIABLE = 'REGATTA_PROCESS_RECORDS';

const SWEEP_DEADLINE_MS = 5000;
const LOOK_AGAIN_MS = 20;

/**
 * Which processes this program started, on disk: so that the next start can end those that a crash of this one left.
 *
 * A record holds when the process started, so a later process that got its number is never touched. On Linux one is found
 * by its environment, too: a crash may come between its start and its record.
 */
export class ProcessRecords {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  /** What each process is to have in its environment. */
  get environment(): Record<string, string> {
    return { [OWNER_VARIABLE]: this.#directory };
  }

  /** Notes a process that runs. One that has ended already is not noted. */
  async add(pid: number, name: string): Promise<void> {
    const identity = await identifyProcess(pid);
    if (identity === undefined) return;
    const record: ProcessRecord = { pid, identity, name };
    writeFileSync(this.#pathOf(pid), JSON.stringify(record));
  }

  remove(pid: number): void {
    rmSync(this.#pathOf(pid), { force: true });
  }

  /**
   * Kills what an earlier run left, and waits until it is gone.
   *
   * @returns the names of the processes it ended
   */
  async sweep(): Promise<string[]> {
    const ended: string[] = [];
    for (const file of await readdir(this.#directory)) {
      const path = join(this.#directory, file);
      const record = parseRecord(await readFile(path, 'utf8'));
      if (record !== undefined && (await killIfSame(record))) ended.push(record.name);
      rmSync(path, { force: true });
    }
    for (const pid of await this.#findUnnoted()) {
      const identity = await identifyProcess(pid);
      if (identity !== undefined && (await killIfSame({ pid, identity, name: '' }))) ended.push(`process ${pid}`);
    }
    return ended;
  }

  /** What runs with its mark: processes that were started here, and what those have started. */
  async #findUnnoted(): Promise<number[]> {
    if (process.platform !== 'linux') return [];
    const mark = `${OWNER_VARIABLE}=${this.#directory}`;
    const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
    const found = await Promise.all(pids.map((pid) => hasVariable(pid, mark)));
    return pids.filter((_, index) => found[index]);
  }

  #pathOf(pid: number): string {
    return join(this.#directory, `${pid}.json`);
  }
}

function parseRecord(text: string): ProcessRecord | undefined {
  try {
    return recordSchema.safeParse(JSON.parse(text)).data;
  } catch {
    // A crash in the middle of writing it: the process is not known, and the record goes.
    return undefined;
  }
}

async function hasVariable(pid: number, assignment: string): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0').includes(assignment);
  } catch {
    // It has ended since, or is somebody else's.
    return false;
  }
}

/** For one that leads no group. */
function killAlone(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function killIfSame({ pid, identity }: ProcessRecord): Promise<boolean> {
  const isRunning = async (): Promise<boolean> => (await identifyProcess(pid)) === identity;
  if (!(await isRunning())) return false;
  killGroup(pid);
  killAlone(pid);
  const untilMs = Date.now() + SWEEP_DEADLINE_MS;
  while (Date.now() < untilMs && (await isRunning())) await wait(LOOK_AGAIN_MS);
  return true;
}
