import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Which processes `local` runs, in files: so that whoever starts after a crash ends what the crash left running.
 *
 * A process id is used again some day; when the process was started is remembered with it, and only a process with
 * both the same is touched.
 */
export class ProcessRegister {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  add(processId: number): void {
    const startMark = startMarkOf(processId);
    if (startMark !== undefined) writeFileSync(join(this.#directory, String(processId)), startMark);
  }

  remove(processId: number): void {
    rmSync(join(this.#directory, String(processId)), { force: true });
  }
}

/**
 * Ends, with their children, the processes that a register of an earlier run still lists.
 *
 * @returns how many there were
 */
export function endOrphans(directory: string): number {
  let ended = 0;
  for (const file of listFiles(directory)) {
    const path = join(directory, file);
    const processId = Number(file);
    if (Number.isInteger(processId) && startMarkOf(processId) === readFileSync(path, 'utf8')) {
      try {
        process.kill(process.platform === 'win32' ? processId : -processId, 'SIGKILL');
        ended += 1;
      } catch {
        // It ended between the look and the signal.
      }
    }
    rmSync(path, { force: true });
  }
  return ended;
}

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

const START_TIME_FIELD = 19;

/** When a process was started, in the platform's words; undefined when there is no such process. */
function startMarkOf(processId: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${processId}/stat`, 'utf8');
      // The name in brackets may hold blanks: fields are counted from behind it.
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_FIELD];
    } catch {
      return undefined;
    }
  }
  try {
    const shown = execFileSync('ps', ['-o', 'lstart=', '-p', String(processId)], { encoding: 'utf8' }).trim();
    return shown === '' ? undefined : shown;
  } catch {
    return undefined;
  }
}
