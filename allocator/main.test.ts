import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateKeys } from '../lib/key-set.ts';
import { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';
import { until } from './testing/running-allocator.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'regatta-allocator-main-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function start(environment: Record<string, string>): ChildProcess {
  return fork(MAIN, { env: { PATH: process.env['PATH'], ...environment }, execArgv: [], silent: true });
}

describe('the program', () => {
  it('names every fault of its environment at once and exits with 2', async () => {
    const child = start({ PORT: 'x', TRUST_PROXY: 'maybe' });
    let text = '';
    child.stderr?.on('data', (chunk) => (text += String(chunk)));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(2);
    for (const name of ['PORT', 'TRUST_PROXY', 'SEALING_KEYS_FILE', 'SIGNING_KEYS_FILE']) expect(text).toContain(name);
  }, 20_000);

  it('exits with 2 for a clusters file that is not right, naming the place', async () => {
    const file = join(directory, 'clusters.yaml');
    writeFileSync(file, 'clusters: [{ name: east }]');
    const child = start({ CLUSTERS_FILE: file });
    let text = '';
    child.stderr?.on('data', (chunk) => (text += String(chunk)));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(2);
    for (const name of ['CLUSTERS_FILE.clusters[0].region', 'SEALING_KEYS_FILE']) expect(text).toContain(name);
  }, 20_000);

  it('tells its parent when it is ready, answers who waits and exits with 0 on SIGTERM', async () => {
    const kubernetes = await KubernetesEndpoint.start();
    kubernetes.addFleet('boats', 'boat-race', 8);
    const keys = generateKeys();
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const child = start({
      PORT: '0',
      LISTEN_ADDRESS: '127.0.0.1',
      KUBECONFIG: file('kubeconfig', kubernetes.kubeconfig),
      SEALING_KEYS_FILE: file('sealing.json', keys.sealing),
      SIGNING_KEYS_FILE: file('signing.json', keys.signing),
      ALLOCATE_BY: 'GameServerAllocation',
    });
    child.stdout?.resume();
    const exit = once(child, 'exit');
    const [{ ready, url }] = (await once(child, 'message')) as [{ ready: boolean; url: string }];
    expect(ready).toBe(true);
    const waiting = fetch(`${url}/api/new-game`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=60' },
      body: '{"playerId":"a"}',
    });
    await until(() => kubernetes.allocations.length > 1);
    child.kill('SIGTERM');
    const answer = await waiting;
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'draining' });
    expect((await exit)[0]).toBe(0);
    await kubernetes.close();
  }, 30_000);
});
