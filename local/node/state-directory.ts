import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { identifyProcess } from './process-identity.ts';

const ownerSchema = z.object({ pid: z.number().int().positive(), identity: z.string() });
type Owner = z.infer<typeof ownerSchema>;

/** Another `local` that runs keeps its state in this folder: both would end each other's processes. */
export class StateDirectoryInUseError extends Error {
  constructor(directory: string, pid: number) {
    super(
      `process ${pid} already runs with the state directory ${directory}: ` +
        'stop it, or choose another with --state-dir (LOCAL_STATE_DIR)',
    );
    this.name = 'StateDirectoryInUseError';
  }
}

/**
 * Takes a folder for this process alone. What a crash left of an earlier owner does not count.
 *
 * @returns lets go of it
 * @throws StateDirectoryInUseError
 */
export async function takeStateDirectory(directory: string): Promise<() => void> {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'owner.json');
  const owner = readOwner(path);
  if (owner !== undefined && (await identifyProcess(owner.pid)) === owner.identity) {
    throw new StateDirectoryInUseError(directory, owner.pid);
  }
  rmSync(path, { force: true });
  const self: Owner = { pid: process.pid, identity: (await identifyProcess(process.pid)) ?? '' };
  try {
    // Of two that start at once, one finds the file there.
    writeFileSync(path, JSON.stringify(self), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new StateDirectoryInUseError(directory, readOwner(path)?.pid ?? 0);
  }
  return () => {
    rmSync(path, { force: true });
  };
}

function readOwner(path: string): Owner | undefined {
  try {
    return ownerSchema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
  } catch {
    // Nobody's, or half written by one that crashed.
    return undefined;
  }
}
