import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readPort } from './usage.ts';

/** No `local` runs where it was looked for; the message says where, and how to look elsewhere. Exit code 1. */
export class NoLocalError extends Error {}

/** Where to look for a `local` that runs. */
export interface LocalPlace {
  /** Before the folder, when it is given. */
  apiPort: string | undefined;
  stateDirectory: string;
}

/**
 * The address of the API of a `local` that runs, e.g. `http://127.0.0.1:8090`.
 *
 * @throws UsageError when the port is none; NoLocalError when none has run in the folder, or it has ended
 */
export function findLocal({ apiPort, stateDirectory }: LocalPlace): string {
  if (apiPort !== undefined) return `http://127.0.0.1:${readPort('api-port', apiPort)}`;
  const path = join(stateDirectory, 'local', 'kubeconfig');
  const none = `no local runs with --state-dir ${stateDirectory}: start one (regatta local), or name its --api-port`;
  let kubeconfig: { clusters?: { cluster?: { server?: unknown } }[] } | null;
  try {
    kubeconfig = parse(readFileSync(path, 'utf8')) as typeof kubeconfig;
  } catch (error) {
    throw new NoLocalError(none, { cause: error });
  }
  const server = kubeconfig?.clusters?.[0]?.cluster?.server;
  if (typeof server !== 'string') throw new NoLocalError(none);
  return server;
}
