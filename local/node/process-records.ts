import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { identifyProcess } from './process-identity.ts';
import { killGroup } from './process-group.ts';

const recordSchema = z.object({ pid: z.number().int().positive(), identity: z.string(), name: z.string() });
type ProcessRecord = z.infer<typeof recordSchema>;

const SWEEP_DEADLINE_MS = 5000;
const LOOK_AGAIN_MS = 20;

/**
 * Which processes this program started, on disk: so that the next start can end those that a crash of this one left.
 *
 * A record holds when the process started, so a later process that got its number is never touched.
 */
export class ProcessRecords {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
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
    return ended;
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

async function killIfSame({ pid, identity }: ProcessRecord): Promise<boolean> {
  const isRunning = async (): Promise<boolean> => (await identifyProcess(pid)) === identity;
  if (!(await isRunning())) return false;
  killGroup(pid);
  const untilMs = Date.now() + SWEEP_DEADLINE_MS;
  while (Date.now() < untilMs && (await isRunning())) await wait(LOOK_AGAIN_MS);
  return true;
}
