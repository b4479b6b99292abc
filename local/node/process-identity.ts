import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const runFile = promisify(execFile);
const COMMAND_DEADLINE_MS = 5000;

/** Fields of /proc/PID/stat counted from the one after the name, which may hold anything. */
const STATE_FIELD = 0;
const START_TIME_FIELD = 19;

/**
 * Tells a process from a later one with the same number, by when it started.
 *
 * @returns undefined when no such process runs
 */
export async function identifyProcess(pid: number): Promise<string | undefined> {
  switch (process.platform) {
    case 'linux':
      return identifyOnLinux(pid);
    case 'win32':
      return runOrUndefined('powershell', ['-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.Ticks`]);
    default:
      return runOrUndefined('ps', ['-o', 'lstart=', '-p', String(pid)]);
  }
}

async function identifyOnLinux(pid: number): Promise<string | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // No such process: /proc has no other reason not to show it.
    return undefined;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[STATE_FIELD] === 'Z' ? undefined : fields[START_TIME_FIELD];
}

async function runOrUndefined(file: string, args: string[]): Promise<string | undefined> {
  try {
    const { stdout } = await runFile(file, args, { timeout: COMMAND_DEADLINE_MS });
    return stdout.trim() || undefined;
  } catch {
    // Both commands fail when there is no such process.
    return undefined;
  }
}
