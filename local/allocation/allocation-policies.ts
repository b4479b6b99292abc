import type { KubernetesObject } from '../../lib/agones.ts';

/** How a GameServerAllocationPolicy says to reach a cluster. */
export interface ClusterConnection {
  clusterName?: string;
  /** Host and port of its allocator service, tried in order. Without any the cluster is this one. */
  allocationEndpoints?: string[];
  /** The Secret with `tls.crt` and `tls.key` to show, and `ca.crt` to trust. */
  secretName?: string;
  /** Where to allocate there. */
  namespace: string;
  /** More certificates to trust: PEM in base64. */
  serverCa?: string;
}

export interface GameServerAllocationPolicy extends KubernetesObject {
  spec: { priority: number; weight: number; connectionInfo: ClusterConnection };
}

/**
 * The clusters of some policies in the order to ask them: by priority, lower first; within one priority at random by
 * the average weight of the policies that name the cluster. Each cluster comes once, by its first policy. Where all
 * weights that are left of a priority are 0, the rest of it is skipped.
 *
 * Source: Agones 1.57, `pkg/apis/multicluster/v1`.
 *
 * @param random - a number in [0, 1)
 */
export function* clustersInOrder(
  policies: readonly GameServerAllocationPolicy[],
  random: () => number,
): Generator<ClusterConnection> {
  const asked = new Set<string>();
  const priorities = [...new Set(policies.map(({ spec }) => spec.priority))].toSorted((left, right) => left - right);
  for (const priority of priorities) {
    const clusters = Map.groupBy(
      policies.filter(({ spec }) => spec.priority === priority),
      ({ spec }) => spec.connectionInfo.clusterName ?? '',
    );
    for (;;) {
      for (const name of asked) clusters.delete(name);
      const chosen = chooseByWeight(clusters, random);
      if (chosen === undefined) break;
      asked.add(chosen.clusterName ?? '');
      yield chosen;
    }
  }
}

function chooseByWeight(
  clusters: ReadonlyMap<string, GameServerAllocationPolicy[]>,
  random: () => number,
): ClusterConnection | undefined {
  const weighted = [...clusters.values()].map((policies) => ({
    connection: policies[0]?.spec.connectionInfo,
    weight: Math.trunc(policies.reduce((sum, { spec }) => sum + spec.weight, 0) / policies.length),
  }));
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  let left = Math.floor(random() * total);
  return weighted.find(({ weight }) => {
    left -= weight;
    return left < 0;
  })?.connection;
}
