import type { GameServer } from '../../../lib/agones.ts';
import type { TestCluster } from './test-cluster.ts';

/** Each group of GameServers has a value of its own. */
const GROUP_LABEL = 'regatta.dev/group';

/** What is special about one GameServer of a group. */
export interface Member {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  spec?: Partial<GameServer['spec']>;
}

/** Ready GameServers that allocations know of, and that only allocations with the group's label get. */
export interface AllocatableGroup {
  labels: Record<string, string>;
  /** In order of the members, which is the order of the names as text, too. */
  names: string[];
}

/** Makes GameServers that need no Pods, and waits until allocations know of all of them. */
export async function allocatableGroup(cluster: TestCluster, members: readonly Member[]): Promise<AllocatableGroup> {
  const group = cluster.name('group');
  const labels = { [GROUP_LABEL]: group };
  const made = await Promise.all(
    members.map(({ labels: ownLabels, annotations = {}, spec = {} }, index) =>
      cluster.readyDevGameServer(
        { name: `${group}-${String(index).padStart(3, '0')}`, labels: { ...ownLabels, ...labels }, annotations },
        spec,
      ),
    ),
  );
  await cluster.allocationsCaughtUp();
  return { labels, names: made.map(({ metadata }) => metadata.name) };
}
