import { jest } from '@jest/globals';
import { openTarget } from './target.ts';
import type { Target } from './target.ts';
import { TestCluster } from './test-cluster.ts';

/** Room for a Pod to come and go on a busy machine; what a case waits for has its own, shorter deadlines. */
const CASE_DEADLINE_MS = 150_000;

/**
 * For the top of a file of cases: opens the target before them, removes what they made after them.
 *
 * What it gives is to be used within cases and hooks only.
 */
export function useCluster(): TestCluster {
  jest.setTimeout(CASE_DEADLINE_MS);
  let target: Target | undefined;
  let cluster: TestCluster | undefined;

  beforeAll(async () => {
    target = await openTarget();
    cluster = new TestCluster(target);
  }, CASE_DEADLINE_MS);

  afterAll(async () => {
    // What ends with its own `local` needs no cleaning.
    if (target?.kind === 'agones') await cluster?.clean();
    cluster?.close();
    await target?.stop();
  }, CASE_DEADLINE_MS);

  return new Proxy({} as TestCluster, {
    get(_nothing, property) {
      if (cluster === undefined) throw new Error('the cluster is there within cases only');
      const value: unknown = Reflect.get(cluster, property, cluster);
      return typeof value === 'function' ? (value.bind(cluster) as unknown) : value;
    },
  });
}
