import { randomInt } from 'node:crypto';
import { isPortFree } from '../local/node/free-ports.ts';
import { UsageError } from './usage.ts';

/** A port the command is about to use, and the option that changes it. */
export interface WantedPort {
  port: number;
  option: string;
  purpose: string;
}

/** @throws UsageError naming every taken port and the option that changes it */
export async function requireFreePorts(wanted: WantedPort[]): Promise<void> {
  const taken: string[] = [];
  for (const { port, option, purpose } of wanted) {
    if (port !== 0 && !(await isPortFree(port, 'TCP'))) {
      taken.push(`port ${port} (${purpose}) is taken: stop what uses it, or choose another with --${option} N`);
    }
  }
  if (taken.length > 0) throw new UsageError(taken.join('\n'));
}

/**
 * Above what programs ask for by number, below what systems hand out for connections (32768 on Linux, 49152 elsewhere):
 * nothing takes such a port between this look and its use by accident.
 */
const QUIET_PORTS = { first: 20_000, last: 27_999 };
const MAX_TRIES = 100;

/** A port that was free a moment ago, for tests and benchmarks. */
export async function chooseFreePort(): Promise<number> {
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const port = randomInt(QUIET_PORTS.first, QUIET_PORTS.last + 1);
    if (await isPortFree(port, 'TCP')) return port;
  }
  throw new Error('found no free port');
}
