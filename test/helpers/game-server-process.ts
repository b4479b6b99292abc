import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface ProcessRecord {
  pid: number;
  name: string;
}

/** What `local` keeps for the case that it crashes. */
function recordsOf(stateDirectory: string): ProcessRecord[] {
  const directory = join(stateDirectory, 'local', 'processes');
  return readdirSync(directory).map((file) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as ProcessRecord);
}

/** The process ids of all GameServers that `local` runs. */
export function processIds(stateDirectory: string): number[] {
  return recordsOf(stateDirectory).map(({ pid }) => pid);
}

/**
 * The process id of one GameServer that `local` runs.
 *
 * @throws Error when no such process is on record
 */
export function processIdOf(stateDirectory: string, gameServerName: string): number {
  const record = recordsOf(stateDirectory).find(({ name }) => name.includes(gameServerName));
  if (record === undefined) throw new Error(`no process of ${gameServerName} is on record`);
  return record.pid;
}
