import type { Fleet, GameServer, GameServerSet } from '../../../lib/agones.ts';
import { PATHS, selectorText } from './test-cluster.ts';
import type { TestCluster } from './test-cluster.ts';
import type { WatchedObjects } from './watched-objects.ts';

/** How many GameServers of a Fleet there were after one of them changed; those on their way out are not counted. */
export interface FleetCount {
  total: number;
  ready: number;
}

/** What a watch sees of a Fleet's GameServers and sets from now on. */
export class FleetHistory {
  readonly gameServers: WatchedObjects;
  readonly sets: WatchedObjects;
  readonly #before: Map<string, string>;

  private constructor(before: GameServer[], gameServers: WatchedObjects, sets: WatchedObjects) {
    this.#before = new Map(before.map(({ metadata, status }) => [metadata.name, status?.state ?? '']));
    this.gameServers = gameServers;
    this.sets = sets;
  }

  /** @param fleet - one that is at rest */
  static async open(cluster: TestCluster, fleet: Fleet): Promise<FleetHistory> {
    const ofFleet = `labelSelector=${selectorText({ 'agones.dev/fleet': fleet.metadata.name })}`;
    const sets = await cluster.watch(`${PATHS.gameserversets}?${ofFleet}`);
    const gameServers = await cluster.watchFromNow(`${PATHS.gameservers}?${ofFleet}`);
    return new FleetHistory(await cluster.gameServersOf(fleet.metadata.name), gameServers, sets);
  }

  /** After every change of a GameServer, the oldest first. */
  counts(): FleetCount[] {
    const states = new Map(this.#before);
    return this.gameServers.events.map(({ type, object }) => {
      const { metadata, status } = object as GameServer;
      const isGoing = metadata.deletionTimestamp !== undefined || status?.state === 'Shutdown';
      if (type === 'DELETED' || isGoing) states.delete(metadata.name);
      else states.set(metadata.name, status?.state ?? '');
      const all = [...states.values()];
      return { total: all.length, ready: all.filter((state) => state === 'Ready').length };
    });
  }

  /** The numbers a set was asked for, each once, in order; first the one it had. */
  wantedOf(set: string): number[] {
    const wanted = this.sets.events
      .filter(({ object }) => object.metadata.name === set)
      .map(({ object }) => (object as GameServerSet).spec.replicas);
    return wanted.filter((replicas, at) => replicas !== wanted[at - 1]);
  }
}
