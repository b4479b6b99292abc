import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildProgram } from '../../../bin/child-program.ts';
import { PUPPET_IMAGE } from '../puppet/puppet.ts';

/** What a run of the suite is about: a cluster by its kubeconfig. */
export interface Target {
  kind: 'agones' | 'local';
  kubeconfigPath: string;
  stop(): Promise<void>;
}

/** Set by `npm run conformance -- --kubeconfig FILE`; without it each file of cases starts a `local` of its own. */
const KUBECONFIG = 'REGATTA_CONFORMANCE_KUBECONFIG';

/** A range for each worker of the test runner, so that files may run side by side. */
const GAME_PORTS_PER_WORKER = 500;
const FIRST_GAME_PORT = 30_000;

export async function openTarget(): Promise<Target> {
  const kubeconfigPath = process.env[KUBECONFIG];
  if (kubeconfigPath !== undefined) return { kind: 'agones', kubeconfigPath, stop: () => Promise.resolve() };
  const stateDirectory = await mkdtemp(join(tmpdir(), 'regatta-conformance-'));
  const firstPort = FIRST_GAME_PORT + Number(process.env['JEST_WORKER_ID'] ?? 1) * GAME_PORTS_PER_WORKER;
  const local = await ChildProgram.start({
    name: 'local',
    main: 'local/main.ts',
    logFile: join(stateDirectory, 'local.log'),
    readyDeadlineMs: 30_000,
    env: {
      LOCAL_STATE_DIR: stateDirectory,
      LOCAL_PORT: '0',
      LOCAL_MIN_GAME_PORT: String(firstPort),
      LOCAL_MAX_GAME_PORT: String(firstPort + GAME_PORTS_PER_WORKER - 1),
      // As an install of Agones that was asked for speed; how long a lone request waits is no case here.
      LOCAL_ALLOCATION_BATCH_WAIT_MS: '1',
      LOCAL_IMAGES: JSON.stringify({ [PUPPET_IMAGE]: { command: ['node'] } }),
    },
  });
  return {
    kind: 'local',
    kubeconfigPath: join(stateDirectory, 'kubeconfig'),
    async stop() {
      await local.stop();
      await rm(stateDirectory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}
