import type { Clock } from '../lib/clock.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import { GAME_LABEL } from '../lib/session.ts';
import { KubernetesAllocations } from './agones/kubernetes-allocations.ts';
import { FLEETS, GAME_SERVERS, KubernetesConnection } from './agones/kubernetes-connection.ts';
import { PatchAllocations } from './agones/patch-allocations.ts';
import { Reflector } from './agones/reflector.ts';
import { WatchedFleets } from './agones/watched-fleets.ts';
import { WatchedGameServers } from './agones/watched-game-servers.ts';
import type { GameServerAllocations, GameServers, Games } from './allocation/ports.ts';
import type { AllocatorConfig } from './config.ts';

/** One cluster as the engine needs it. */
export interface Cluster {
  gameServerAllocations: GameServerAllocations;
  gameServers: GameServers;
  games: Games;
  /** Whether what it holds is known, and was heard of lately. */
  readonly isFresh: boolean;
}

/** Where a cluster's Kubernetes API is. */
export interface KubernetesAccess {
  /** Without one the client's own search. */
  kubeconfigFile: string | undefined;
  /** Without one, that of the kubeconfig's context. */
  namespace: string | undefined;
}

export interface ClusterParts {
  clock: Clock;
  logger: Logger;
  lifecycle: Lifecycle;
  /** 0 ≤ n < 1. */
  random: () => number;
}

/**
 * Puts together what one cluster needs and begins to follow its Fleets and GameServers; does not wait for the first look.
 *
 * @throws Error when the kubeconfig names no cluster
 */
export function startKubernetesCluster(
  access: KubernetesAccess,
  config: AllocatorConfig,
  parts: ClusterParts,
): Cluster {
  const { clock, logger, lifecycle, random } = parts;
  const connection = new KubernetesConnection({ ...access, callTimeoutMs: config.KUBERNETES_TIMEOUT_MS });
  lifecycle.onStop('kubernetes connection', () => connection.close());
  const gameServers = new WatchedGameServers({
    connection,
    clock,
    route: { addressType: config.GAME_SERVER_ADDRESS_TYPE, portName: config.GAME_SERVER_PORT_NAME },
    maxEndedSessions: config.MAX_ENDED_SESSIONS,
  });
  const games = new WatchedFleets();
  const following = {
    connection,
    clock,
    logger,
    random,
    staleAfterMs: config.STALE_AFTER_MS,
    relistMs: config.RELIST_MS,
  };
  const reflectors = [
    new Reflector({ ...following, path: GAME_SERVERS, labelSelector: GAME_LABEL, target: gameServers }),
    new Reflector({ ...following, path: FLEETS, target: games }),
  ];
  for (const reflector of reflectors) {
    reflector.start();
    lifecycle.onStop('reflector', () => reflector.stop());
  }
  return {
    gameServers,
    games,
    gameServerAllocations:
      config.ALLOCATE_BY === 'Patch'
        ? new PatchAllocations({ connection, gameServers, clock, random })
        : new KubernetesAllocations(connection),
    get isFresh() {
      return reflectors.every(({ isFresh }) => isFresh);
    },
  };
}
