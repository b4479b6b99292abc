import type { Games, GameServerAllocations, GameServers } from '../ports.ts';
import type { ClusterBreaker } from './cluster-breaker.ts';

/** Where a cluster stands among the others. */
export interface ClusterRank {
  /** Where its GameServers run; undefined where nobody said. */
  region: string | undefined;
  /** Lower first. */
  priority: number;
  /** Its share among those of the same priority; 0: only after them. */
  weight: number;
}

/** One cluster, and the ports of it. Its name tells it from the others and stands in each view of a GameServer. */
export interface Cluster extends ClusterRank {
  name: string;
  gameServerAllocations: GameServerAllocations;
  gameServers: GameServers;
  games: Games;
  breaker: ClusterBreaker;
}
