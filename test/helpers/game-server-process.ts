import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The process id of a GameServer that `local` runs, from the records it keeps for the case that it crashes.
 *
 * @throws Error when no such process is on record
 */
export function processIdOf(stateDirectory: string, gameServerName: string): number {
  const directory = join(stateDirectory, 'local', 'processes');
  for (const file of readdirSync(directory)) {
    const { pid, name } = JSON.parse(readFileSync(join(directory, file), 'utf8')) as { pid: number; name: string };
    if (name.includes(gameServerName)) return pid;
  }
  throw new Error(`no process of ${gameServerName} is on record`);
}
