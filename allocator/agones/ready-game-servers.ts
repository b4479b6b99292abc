import { AGONES } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { DRAIN_ANNOTATION, GAME_LABEL, REGION_LABEL, SESSIONS_LIST } from '../../lib/session.ts';
import type { AllocationOrder } from '../allocation/ports.ts';
import { FleetVersions } from './fleet-versions.ts';
import type { WireGameServer } from './wire.ts';

/** A GameServer that was Ready when last heard of. */
export interface ReadyGameServer {
  name: string;
  uid: string;
  game: string;
  fleet: string | undefined;
  gameServerSet: string | undefined;
  region: string | undefined;
  nodeName: string;
}

/** Of a node, as far as packing goes. */
interface NodeLoad {
  allocated: number;
  ready: number;
}

/** By then the watch has shown what came of it, unless nothing did. */
const TAKEN_MS = 15_000;

/**
 * The GameServers that are Ready, as the watch tells, and which of them to take next.
 *
 * Each is given out once: one that was taken is not offered again before the watch has shown it in another state, or had
 * all the time for it. So requests of this process never compete with each other for one.
 */
export class ReadyGameServers {
  readonly #ready = new Map<string, Map<string, ReadyGameServer>>();
  readonly #allocatedNodes = new Map<string, string>();
  readonly #nodes = new Map<string, NodeLoad>();
  readonly #taken = new Map<string, { uid: string; untilMs: number }>();
  readonly #versions = new FleetVersions();
  readonly #listeners = new Set<(game: string) => void>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns ends it */
  onReady(listener: (game: string) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Takes one of the newest version there is, and of these the one that packs best: on the node with the most Allocated,
   * then the most Ready, then by name, as Agones does. Regions that are preferred come before both.
   *
   * @param chance - takes one by chance instead: for who lost the best one to another process
   */
  take(
    order: Pick<AllocationOrder, 'game' | 'fleet' | 'preferredRegions' | 'fleetGroups' | 'exclude'>,
    chance?: () => number,
  ): ReadyGameServer | undefined {
    const { preferredRegions, exclude = [], fleetGroups } = order;
    const allowed = [...(this.#ready.get(order.game)?.values() ?? [])].filter(
      (each) =>
        !this.#isTaken(each) &&
        (order.fleet === undefined || each.fleet === order.fleet) &&
        !exclude.includes(each.name),
    );
    const fitting = fleetGroups === undefined ? allowed : ofFirstGroup(allowed, fleetGroups);
    const nearest = preferredRegions.find((wanted) => fitting.some(({ region }) => region === wanted));
    const reachable = nearest === undefined ? fitting : fitting.filter(({ region }) => region === nearest);
    const newest = reachable.filter((each) => !this.isOutdated(each));
    const offered = newest.length > 0 ? newest : reachable;
    const chosen = chance === undefined ? this.#best(offered) : offered[Math.floor(chance() * offered.length)];
    if (chosen !== undefined) {
      this.#taken.set(chosen.name, { uid: chosen.uid, untilMs: this.#clock.nowMs() + TAKEN_MS });
    }
    return chosen;
  }

  /** Whether a newer version of its Fleet is there. */
  isOutdated({ fleet, gameServerSet }: { fleet: string | undefined; gameServerSet: string | undefined }): boolean {
    return this.#versions.isOutdated(fleet, gameServerSet);
  }

  /** It was not taken after all: nothing was asked of it. */
  giveBack({ name }: ReadyGameServer): void {
    this.#taken.delete(name);
  }

  learn(gameServer: WireGameServer): void {
    const { metadata, status } = gameServer;
    this.#versions.learn(gameServer);
    const { name, uid, labels } = metadata;
    const game = labels?.[GAME_LABEL];
    const isGoing = (metadata.deletionTimestamp ?? undefined) !== undefined;
    const isDraining = metadata.annotations?.[DRAIN_ANNOTATION] !== undefined;
    // One that is shared is given out by its places.
    const isShared = status?.lists?.[SESSIONS_LIST] !== undefined;
    const isReady = status?.state === 'Ready' && !isGoing && !isDraining && !isShared && game !== undefined;
    const wasReady = this.#readyOf(name) !== undefined;
    const nodeName = status?.nodeName ?? '';
    this.#remove(name);
    if (this.#taken.get(name)?.uid !== uid || !isReady) this.#taken.delete(name);
    if (isReady) {
      const byName = this.#ready.get(game) ?? new Map<string, ReadyGameServer>();
      byName.set(name, {
        name,
        uid,
        game,
        fleet: labels?.[AGONES.fleetLabel],
        gameServerSet: labels?.[AGONES.gameServerSetLabel],
        region: labels?.[REGION_LABEL],
        nodeName,
      });
      this.#ready.set(game, byName);
      this.#load(nodeName).ready += 1;
      if (!wasReady) this.#tell(game);
    } else if (status?.state === 'Allocated') {
      this.#allocatedNodes.set(name, nodeName);
      this.#load(nodeName).allocated += 1;
    }
  }

  forget(name: string): void {
    this.#versions.forget(name);
    this.#remove(name);
    this.#taken.delete(name);
  }

  #remove(name: string): void {
    const ready = this.#readyOf(name);
    if (ready !== undefined) {
      this.#ready.get(ready.game)?.delete(name);
      this.#load(ready.nodeName).ready -= 1;
    }
    const allocatedNode = this.#allocatedNodes.get(name);
    if (allocatedNode === undefined) return;
    this.#allocatedNodes.delete(name);
    this.#load(allocatedNode).allocated -= 1;
  }

  #isTaken({ name, uid }: ReadyGameServer): boolean {
    const taken = this.#taken.get(name);
    return taken !== undefined && taken.uid === uid && taken.untilMs > this.#clock.nowMs();
  }

  #readyOf(name: string): ReadyGameServer | undefined {
    for (const byName of this.#ready.values()) {
      const found = byName.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #load(nodeName: string): NodeLoad {
    const load = this.#nodes.get(nodeName) ?? { allocated: 0, ready: 0 };
    this.#nodes.set(nodeName, load);
    return load;
  }

  #best(offered: readonly ReadyGameServer[]): ReadyGameServer | undefined {
    let best: ReadyGameServer | undefined;
    for (const each of offered) if (best === undefined || this.#isBetter(each, best)) best = each;
    return best;
  }

  #isBetter(one: ReadyGameServer, other: ReadyGameServer): boolean {
    const a = this.#load(one.nodeName);
    const b = this.#load(other.nodeName);
    if (a.allocated !== b.allocated) return a.allocated > b.allocated;
    if (a.ready !== b.ready) return a.ready > b.ready;
    if (one.nodeName !== other.nodeName) return one.nodeName < other.nodeName;
    return one.name < other.name;
  }

  #tell(game: string): void {
    for (const listener of this.#listeners) listener(game);
  }
}

/** Those of the first Fleets that have any. */
function ofFirstGroup(
  gameServers: readonly ReadyGameServer[],
  groups: NonNullable<AllocationOrder['fleetGroups']>,
): ReadyGameServer[] {
  for (const group of groups) {
    const found = gameServers.filter(({ fleet }) => fleet !== undefined && group.includes(fleet));
    if (found.length > 0) return found;
  }
  return [];
}
