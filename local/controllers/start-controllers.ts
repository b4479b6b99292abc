import type { Fleet, FleetAutoscaler, GameServer, GameServerSet, KubernetesObject } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ObjectStore } from '../api/store.ts';
import { EventRecorder } from './event-recorder.ts';
import { autoscalerRetryDelayMs, FleetAutoscalerController } from './fleet-autoscaler-controller.ts';
import { FleetController } from './fleet-controller.ts';
import { GameServerController } from './game-server-controller.ts';
import { GameServerSetController } from './game-server-set-controller.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { NodeLoadCounts } from './node-load-counts.ts';
import { OwnedGameServers } from './owned-game-servers.ts';
import { controllerOf, keyOf } from './ownership.ts';
import type { Node, Pod } from './pods.ts';
import { PortAllocator } from './port-allocator.ts';
import type { IsPortFree } from './port-allocator.ts';
import { WorkQueue } from './work-queue.ts';
import type { Lane } from './work-queue.ts';

export interface ControllersConfig {
  store: ObjectStore;
  clock: Clock;
  log: Logger;
  /** A number in [0, 1). @default Math.random */
  random?: () => number;
  /** First host port for GameServers. @default 7000 */
  minPort?: number;
  /** Last host port for GameServers. @default 8000 */
  maxPort?: number;
  /** Whether nothing else on this machine listens on a port. Without it nothing is asked. */
  isPortFree?: IsPortFree;
  /** Services that autoscaler webhooks may name: `namespace/name` to `host:port`. */
  webhookServices?: ReadonlyMap<string, string>;
  /** @default 15 000 */
  webhookTimeoutMs?: number;
  /** Shared with whoever else writes events, so that the bound holds for all. */
  events?: EventRecorder;
}

export interface Controllers {
  /** Ends all controllers; what they have begun stays as it is. */
  stop(): void;
}

/**
 * Starts Agones' controllers for Fleets, GameServerSets, GameServers and FleetAutoscalers, and the garbage collector.
 *
 * They take up what the store holds already. All work is done from `clock.after`, never within a write.
 */
export function startControllers(config: ControllersConfig): Controllers {
  const { store, clock, log, random = Math.random } = config;
  const events = config.events ?? new EventRecorder({ store, clock, log });
  const ports = new PortAllocator({ minPort: config.minPort ?? 7000, maxPort: config.maxPort ?? 8000, random });
  const webhook = {
    clock,
    services: config.webhookServices ?? new Map<string, string>(),
    ...(config.webhookTimeoutMs === undefined ? {} : { timeoutMs: config.webhookTimeoutMs }),
  };

  const gameServerController = new GameServerController({
    store,
    clock,
    ports,
    isPortFree: config.isPortFree,
    record: events.from('gameserver-controller'),
    enqueue: (key) => {
      gameServers.add(key);
    },
  });
  const owned = new OwnedGameServers(store);
  const nodes = new NodeLoadCounts(store);
  const record = events.from('gameserverset-controller');
  const setController = new GameServerSetController({ store, clock, record, owned, nodes, lane: () => sets });
  const fleetController = new FleetController({ store, record: events.from('fleet-controller'), owned });
  const autoscalerController = new FleetAutoscalerController({
    store,
    clock,
    webhook,
    nodes,
    record: events.from('fleetautoscaler-controller'),
    lane: () => autoscalers,
  });
  const collector = new GarbageCollector(store, () => garbage);

  const queue = new WorkQueue({ clock, log });
  const gameServers = queue.lane('gameservers', (key) => gameServerController.sync(key));
  const garbage = queue.lane('garbage', (address) => {
    collector.sync(address);
  });
  const sets = queue.lane('gameserversets', (key) => {
    setController.sync(key);
  });
  const fleets = queue.lane('fleets', (key) => {
    fleetController.sync(key);
  });
  const autoscalers = queue.lane('fleetautoscalers', (key) => autoscalerController.sync(key), {
    retryDelayMs: autoscalerRetryDelayMs,
  });

  const follow = <T extends KubernetesObject>(resource: string, notice: (object: T, previous?: T) => void) => {
    for (const object of store.list<T>(resource)) notice(object);
    return store.subscribe<T>(resource, ({ object, previous }) => {
      notice(object, previous);
    });
  };
  for (const gameServer of store.list<GameServer>('gameservers')) gameServerController.adopt(gameServer);
  const unsubscribe = [
    store.subscribe<GameServer>('gameservers', ({ type, object }) => {
      if (type === 'DELETED') gameServerController.forget(object);
    }),
    follow<GameServer>('gameservers', (gameServer) => {
      gameServers.add(keyOf(gameServer));
      addController(sets, gameServer, 'GameServerSet');
    }),
    follow<Pod>('pods', (pod) => {
      addController(gameServers, pod, 'GameServer');
    }),
    follow<Node>('nodes', () => {
      for (const gameServer of store.list<GameServer>('gameservers')) {
        if ((gameServer.status?.nodeName ?? '') === '') gameServers.add(keyOf(gameServer));
      }
    }),
    follow<GameServerSet>('gameserversets', (set, previous) => {
      // Its status is the set's own writing and gives it nothing to do.
      if (set.metadata.generation !== previous?.metadata.generation) sets.add(keyOf(set));
      addController(fleets, set, 'Fleet');
    }),
    follow<Fleet>('fleets', (fleet) => {
      fleets.add(keyOf(fleet));
    }),
    follow<FleetAutoscaler>('fleetautoscalers', (autoscaler, previous) => {
      if (autoscaler.metadata.generation !== previous?.metadata.generation) autoscalers.add(keyOf(autoscaler));
    }),
  ];
  collector.start();

  return {
    stop() {
      for (const end of unsubscribe) end();
      collector.stop();
      owned.stop();
      nodes.stop();
      queue.stop();
    },
  };
}

function addController(lane: Lane, object: KubernetesObject, kind: string): void {
  const controller = controllerOf(object);
  if (controller?.kind === kind) lane.add(`${object.metadata.namespace ?? ''}/${controller.name}`);
}
