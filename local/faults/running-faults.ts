import type { GameServer } from '../../lib/agones.ts';
import { badRequest } from '../api/refusals.ts';
import type { ObjectStore } from '../api/store.ts';
import type { ActiveFault } from './active-fault.ts';
import type { FaultOf } from './fault-schema.ts';
import type { FaultSet } from './fault-set.ts';
import { matchesGameServer } from './game-server-target.ts';

/** The process of a game. */
export interface GameProcess {
  crash(exitCode?: number): void;
  /** @returns has it go on */
  pause(): () => void;
}

/** The SDK server of a GameServer. */
export interface SdkServerProcess {
  /** @returns has it come back */
  crash(): () => void;
}

export interface RunningFaultsOptions {
  faults: FaultSet;
  store: ObjectStore;
  /** The process of a GameServer, while it runs. */
  gameOf(namespace: string, gameServerName: string): GameProcess | undefined;
  /** The SDK server of a GameServer, while it is open. */
  sdkServerOf(namespace: string, gameServerName: string): SdkServerProcess | undefined;
}

type RunningKind = 'sidecar-killed' | 'game-server-crashed' | 'game-server-hung';

/**
 * What happens to GameServers that run: to those that match when a fault starts, in an order of its seed, and to those that
 * come to match while it lasts. Each is considered once.
 */
export function startRunningFaults({ faults, store, gameOf, sdkServerOf }: RunningFaultsOptions): void {
  faults.handle('sidecar-killed', (fault) => {
    followRunning(store, fault, sdkServerOf, (sdkServer) => {
      const comeBack = sdkServer.crash();
      fault.onEnd((because) => {
        // One that came back as `local` stops would only end again.
        if (because !== 'stopped') comeBack();
      });
    });
  });
  faults.handle('game-server-crashed', (fault) => {
    followRunning(store, fault, gameOf, (game) => {
      game.crash(fault.request.exitCode);
    });
  });
  faults.handle('game-server-hung', (fault) => {
    if (process.platform === 'win32') throw badRequest('kind: on Windows no process can be made to stand still');
    followRunning(store, fault, gameOf, (game) => {
      fault.onEnd(game.pause());
    });
  });
}

/** @param find - what is struck of a GameServer; undefined while there is nothing to strike */
function followRunning<Part>(
  store: ObjectStore,
  fault: ActiveFault<FaultOf<RunningKind>>,
  find: (namespace: string, gameServerName: string) => Part | undefined,
  strike: (part: Part) => void,
): void {
  const considered = new Set<string>();
  const consider = (gameServer: GameServer): void => {
    const { namespace = '', name, uid = '' } = gameServer.metadata;
    if (considered.has(uid) || !matchesGameServer(fault.request.target, gameServer)) return;
    const part = find(namespace, name);
    if (part === undefined) return;
    considered.add(uid);
    if (fault.strikes()) strike(part);
  };
  for (const gameServer of inDrawnOrder(fault, store.list<GameServer>('gameservers'))) consider(gameServer);
  const ends = [
    store.subscribe<GameServer>('gameservers', ({ type, object }) => {
      if (type === 'DELETED') considered.delete(object.metadata.uid ?? '');
      else consider(object);
    }),
    store.subscribe('pods', ({ object: { metadata } }) => {
      const gameServer = store.find<GameServer>('gameservers', metadata.namespace ?? '', metadata.name);
      if (gameServer !== undefined) consider(gameServer);
    }),
  ];
  fault.onEnd(() => {
    for (const end of ends) end();
  });
}

/** By name, then shuffled by the fault's seed. */
function inDrawnOrder(fault: ActiveFault, gameServers: readonly GameServer[]): GameServer[] {
  const byName = gameServers.toSorted((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1));
  return byName
    .map((gameServer) => ({ gameServer, place: fault.draw() }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ gameServer }) => gameServer);
}
