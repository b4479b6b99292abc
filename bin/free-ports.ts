import { createServer } from 'node:net';
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

/** A port that was free a moment ago, for tests and benchmarks. */
export async function chooseFreePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('the system gave no port'));
      });
    });
  });
}
