import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeys } from '../../lib/key-set.ts';
import type { GeneratedKeys } from '../../lib/key-set.ts';
import { Lifecycle } from '../../lib/lifecycle.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { Logger } from '../../lib/logger.ts';
import { loadConfig } from '../config.ts';
import { startAllocator } from '../start-allocator.ts';
import { KubernetesEndpoint } from './kubernetes-endpoint.ts';

/** A whole allocator on a free port, with a Kubernetes endpoint of its own. */
export interface TestAllocator {
  url: string;
  metricsUrl: string;
  kubernetes: KubernetesEndpoint;
  keys: GeneratedKeys;
  directory: string;
  lifecycle: Lifecycle;
  post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<TestAnswer>;
  stop: () => Promise<void>;
}

export interface TestAnswer {
  status: number;
  headers: Headers;
  // The tests say what they expect of it.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
}

/**
 * @param prepare - fills the Kubernetes endpoint before the allocator looks at it
 * @param predecessor - whose keys and Kubernetes endpoint it goes on with
 * @param options - `waitsUntilReady`: false for one that may never be
 */
export async function startTestAllocator(
  prepare: (kubernetes: KubernetesEndpoint) => void,
  environment: Record<string, string> = {},
  logger: Logger = silentLogger,
  predecessor?: Pick<TestAllocator, 'kubernetes' | 'keys'>,
  { waitsUntilReady = true } = {},
): Promise<TestAllocator> {
  const kubernetes = predecessor?.kubernetes ?? (await KubernetesEndpoint.start());
  prepare(kubernetes);
  const directory = mkdtempSync(join(tmpdir(), 'regatta-allocator-'));
  const keys = predecessor?.keys ?? generateKeys();
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  file('index.html', '<!doctype html><title>page</title>');
  file('page-ABCDEFGH.js', 'page()');
  const lifecycle = new Lifecycle({ logger, stopDeadlineMs: 5000 });
  const { url, metricsUrl, ready } = await startAllocator(
    loadConfig({
      PORT: '0',
      METRICS_PORT: '0',
      LISTEN_ADDRESS: '127.0.0.1',
      KUBECONFIG: file('kubeconfig', kubernetes.kubeconfig),
      SEALING_KEYS_FILE: file('sealing.json', keys.sealing),
      SIGNING_KEYS_FILE: file('signing.json', keys.signing),
      SERVICE_TOKEN_FILE: file('service-token', 'a-service-token-for-tests\n'),
      WEB_DIR: directory,
      FIRST_PAUSE_MS: '5',
      MAX_PAUSE_MS: '20',
      SETTLE_MS: '100',
      ALLOCATE_BY: 'GameServerAllocation',
      WARM_CLAIMS: 'off',
      ...environment,
    }),
    { logger, lifecycle },
  );
  if (waitsUntilReady) await ready;
  return {
    url,
    metricsUrl: metricsUrl ?? '',
    kubernetes,
    keys,
    directory,
    lifecycle,
    async post(path, body, headers = {}) {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
    },
    async stop() {
      await lifecycle.stop();
      if (predecessor === undefined) await kubernetes.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** Resolves when `condition` holds; looks again every few milliseconds. */
export async function until(condition: () => boolean, deadlineMs = 5000): Promise<void> {
  const endMs = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`did not come true in ${deadlineMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
