import { jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { ClusterView } from '../helpers/cluster-view.ts';
import { eventually } from '../helpers/conditions.ts';

jest.setTimeout(90_000);

let directory: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'regatta-fake-fleet-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

function regatta(...parameters: string[]): { child: ChildProcess; errors: () => string } {
  const child = spawn(process.execPath, ['bin/regatta.js', 'local', '--state-dir', directory, ...parameters], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return { child, errors: () => errors };
}

describe('regatta local --fake', () => {
  it('makes a Fleet of so many GameServers, which live as they were told', async () => {
    const apiPort = await chooseFreePort();
    const { child } = regatta('--api-port', String(apiPort), '--fake', '5', '--fake-ready-ms', '0');
    const cluster = ClusterView.atUrl(`http://127.0.0.1:${apiPort}`);
    const ready = await eventually('five Ready GameServers', 60_000, async () => {
      const all = await cluster.gameServers().catch(() => []);
      return all.length === 5 && all.every(({ status }) => status?.state === 'Ready') ? all : undefined;
    });
    expect(ready[0]?.metadata.labels).toMatchObject({ 'agones.dev/fleet': 'fake', 'regatta.dev/game': 'fake' });
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it.each([
    [['--fake', '10001'], '--fake 10001'],
    [['--fake', 'many'], '--fake many'],
    [['--fake', '1', '--fake-ready-ms', 'soon'], 'LOCAL_FAKE_READY_MS'],
  ])('refuses %j with exit code 2', async (parameters, named) => {
    const { child, errors } = regatta('--api-port', String(await chooseFreePort()), ...parameters);
    expect(await once(child, 'exit')).toEqual([2, null]);
    expect(errors()).toContain(named);
  });
});
