import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../allocator/config.ts';
import { startAllocator } from '../../allocator/start-allocator.ts';
import { generateKeys } from '../../lib/key-set.ts';
import { Lifecycle } from '../../lib/lifecycle.ts';
import { silentLogger } from '../../lib/logger.ts';

/** An allocator in this process, for the GameServers of some Kubernetes API. */
export interface AllocatorOn {
  url: string;
  metricsUrl: string;
  /** Calls the service API. */
  service: (method: string, path: string) => Promise<{ status: number; body: unknown }>;
  newGame: () => Promise<{ status: number; body: { sessionId: string; allocation: { gameServer: string } } }>;
  stop: () => Promise<void>;
}

const SERVICE_TOKEN = 'a-service-token-for-tests';

export async function startAllocatorOn(
  kubeconfigPath: string,
  environment: Record<string, string> = {},
): Promise<AllocatorOn> {
  const directory = mkdtempSync(join(tmpdir(), 'regatta-allocator-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const keys = generateKeys();
  const lifecycle = new Lifecycle({ logger: silentLogger, stopDeadlineMs: 5000 });
  const config = loadConfig({
    PORT: '0',
    METRICS_PORT: '0',
    LISTEN_ADDRESS: '127.0.0.1',
    KUBECONFIG: kubeconfigPath,
    NAMESPACE: 'default',
    SEALING_KEYS_FILE: file('sealing.json', keys.sealing),
    SIGNING_KEYS_FILE: file('signing.json', keys.signing),
    SERVICE_TOKEN_FILE: file('service-token', SERVICE_TOKEN),
    WEB_DIR: directory,
    ...environment,
  });
  const { url, metricsUrl = '', ready } = await startAllocator(config, { logger: silentLogger, lifecycle });
  await ready;
  return {
    url,
    metricsUrl,
    async service(method, path) {
      const answer = await fetch(url + path, { method, headers: { authorization: `Bearer ${SERVICE_TOKEN}` } });
      const text = await answer.text();
      return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
    },
    async newGame() {
      const answer = await fetch(`${url}/api/new-game`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: 'wait=30' },
        body: '{"playerId":"ann"}',
      });
      return { status: answer.status, body: await answer.json() };
    },
    async stop() {
      await lifecycle.stop();
      rmSync(directory, { recursive: true });
    },
  };
}
