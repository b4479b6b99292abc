import { AGONES } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { DRAIN_ANNOTATION, GAME_LABEL, REGION_LABEL, SESSIONS_LIST } from '../../lib/session.ts';
import { placementRank } from '../allocation/placement-rank.ts';
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

/** Those that differ in nothing that matters to who gets them. */
interface ReadyKind extends Omit<ReadyGameServer, 'name' | 'uid'> {
  /** By name, in the order in which they became known. */
  members: Map<string, ReadyGameServer>;
}

/** Of a node, as far as packing goes. */
interface NodeLoad {
  allocated: number;
  ready: number;
}

/** A kind that fits an order: lower ranks first. */
interface RankedKind {
  kind: ReadyKind;
  rank: number;
}

type TakeOrder = Pick<AllocationOrder, 'game' | 'fleet' | 'preferredRegions' | 'fleetGroups' | 'exclude'>;

/** By then the watch has shown what came of it, unless nothing did. */
const TAKEN_MS = 15_000;

/**
 * The GameServers that are Ready, as the watch tells, and which of them to take next.
 *
 * Each is given out once: one that was taken is not offered again before the watch has shown it in another state, or had
 * all the time for it. So requests of this process never compete with each other for one.
 */
export class ReadyGameServers {
  /** By game, and then by what they have in common: of thousands there are a few kinds on each node. */
  readonly #kinds = new Map<string, Map<string, ReadyKind>>();
  readonly #kindOf = new Map<string, ReadyKind>();
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
   * then the most Ready, as Agones does. Regions that are preferred come before both.
   *
   * @param chance - takes one by chance instead: for who lost the best one to another process
   */
  take(order: TakeOrder, chance?: () => number): ReadyGameServer | undefined {
    const ranked = this.#rankedKinds(order);
    const chosen = chance === undefined ? this.#first(ranked, order) : this.#anyOf(ranked, order, chance);
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
    const wasReady = this.#kindOf.has(name);
    const nodeName = status?.nodeName ?? '';
    this.#remove(name);
    if (this.#taken.get(name)?.uid !== uid || !isReady) this.#taken.delete(name);
    if (isReady) {
      this.#add({
        name,
        uid,
        game,
        fleet: labels?.[AGONES.fleetLabel],
        gameServerSet: labels?.[AGONES.gameServerSetLabel],
        region: labels?.[REGION_LABEL],
        nodeName,
      });
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

  #add(gameServer: ReadyGameServer): void {
    const { name, uid: _uid, ...common } = gameServer;
    const key = JSON.stringify(common);
    const kinds = this.#kinds.get(common.game) ?? new Map<string, ReadyKind>();
    const kind = kinds.get(key) ?? { ...common, members: new Map<string, ReadyGameServer>() };
    this.#kinds.set(common.game, kinds.set(key, kind));
    this.#kindOf.set(name, kind);
    kind.members.set(name, gameServer);
  }

  #remove(name: string): void {
    const kind = this.#kindOf.get(name);
    if (kind !== undefined) {
      this.#kindOf.delete(name);
      kind.members.delete(name);
      this.#load(kind.nodeName).ready -= 1;
      if (kind.members.size === 0) this.#forgetKind(kind);
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

  #forgetKind({ members: _members, ...common }: ReadyKind): void {
    this.#kinds.get(common.game)?.delete(JSON.stringify(common));
  }

  #load(nodeName: string): NodeLoad {
    const load = this.#nodes.get(nodeName) ?? { allocated: 0, ready: 0 };
    this.#nodes.set(nodeName, load);
    return load;
  }

  /** Those that fit, the best first. */
  #rankedKinds(order: TakeOrder): RankedKind[] {
    const ranked: RankedKind[] = [];
    for (const kind of this.#kinds.get(order.game)?.values() ?? []) {
      const rank = placementRank({ ...kind, isOutdated: this.isOutdated(kind) }, order);
      if (rank !== undefined) ranked.push({ kind, rank });
    }
    return ranked.toSorted((a, b) => (a.rank === b.rank ? this.#packedFirst(a.kind, b.kind) : a.rank - b.rank));
  }

  #packedFirst(one: ReadyKind, other: ReadyKind): number {
    const a = this.#load(one.nodeName);
    const b = this.#load(other.nodeName);
    return b.allocated - a.allocated || b.ready - a.ready || one.nodeName.localeCompare(other.nodeName);
  }

  #first(ranked: readonly RankedKind[], { exclude = [] }: TakeOrder): ReadyGameServer | undefined {
    for (const { kind } of ranked) {
      for (const each of kind.members.values()) if (!this.#isTaken(each) && !exclude.includes(each.name)) return each;
    }
    return undefined;
  }

  #anyOf(
    ranked: readonly RankedKind[],
    { exclude = [] }: TakeOrder,
    chance: () => number,
  ): ReadyGameServer | undefined {
    const offered = ranked.flatMap(({ kind, rank }) =>
      [...kind.members.values()]
        .filter((each) => !this.#isTaken(each) && !exclude.includes(each.name))
        .map((gameServer) => ({ gameServer, rank })),
    );
    const best = offered.filter(({ rank }) => rank === offered[0]?.rank);
    return best[Math.floor(chance() * best.length)]?.gameServer;
  }

  #tell(game: string): void {
    for (const listener of this.#listeners) listener(game);
  }
}
