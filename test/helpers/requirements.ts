import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that some tests need, by the names under which they may be found. */
const PROGRAMS = {
  cargo: ['cargo'],
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
  haproxy: ['haproxy'],
  kubectl: ['kubectl'],
  nginx: ['nginx'],
  python: ['python3', 'python'],
  'redis-server': ['redis-server', 'valkey-server'],
} as const;

/** Where Debian has programs that it does not put into everybody's path. */
const SYSTEM_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin'];

/**
 * The path of a program a test needs, or undefined after saying on the console why the tests will be skipped.
 *
 * Where nothing may be skipped (REGATTA_SKIP_NOTHING, as .ci/run sets it) a missing program is an error.
 */
export function findProgram(name: keyof typeof PROGRAMS): string | undefined {
  for (const directory of [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_DIRECTORIES]) {
    for (const file of PROGRAMS[name]) {
      const path = join(directory, file);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not in this directory.
      }
    }
  }
  saySkipped(`${name} is not installed`);
  return undefined;
}

/**
 * Whether the kernel tells of processes and what they hold, which is Linux's `/proc`; says why the tests will be skipped
 * where it does not.
 *
 * Where nothing may be skipped it is an error.
 */
export function hasProcessFiles(): boolean {
  if (process.platform === 'linux') return true;
  saySkipped('there is no /proc here');
  return false;
}

function saySkipped(reason: string): void {
  if (process.env['REGATTA_SKIP_NOTHING'] === 'true') throw new Error(`${reason}, and nothing may be skipped`);
  process.stderr.write(`SKIPPED: ${reason}\n`);
}
