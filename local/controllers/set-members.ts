import type { GameServer, GameServerState } from '../../lib/agones.ts';
import { isBeingDeleted } from '../resources/game-server-state.ts';
import { AggregateSum } from './aggregates.ts';
import type { Aggregates } from './aggregates.ts';
import { stateOf } from './game-server-states.ts';

/** Where a member of a set stands: its state, or, whatever that is, that it is on its way out. */
export type Standing = Exclude<GameServerState, 'Shutdown'> | 'leaving';

const NONE: ReadonlyMap<string, GameServer> = new Map();

/**
 * The GameServers of one set by where they stand, with the sums of their Counters and Lists, so that their number does
 * not matter to who asks after each change of one of them.
 */
export class SetMembers {
  readonly #byStanding = new Map<Standing, Map<string, GameServer>>();
  readonly #standings = new Map<string, Standing>();
  readonly #counters = new AggregateSum();
  readonly #lists = new AggregateSum();

  get size(): number {
    return this.#standings.size;
  }

  /** The Counters, and the Lists, of those that are not on their way out, summed by name. */
  get sums(): { counters: Aggregates; lists: Aggregates } {
    return { counters: this.#counters.sums, lists: this.#lists.sums };
  }

  /** By name. */
  in(standing: Standing): ReadonlyMap<string, GameServer> {
    return this.#byStanding.get(standing) ?? NONE;
  }

  /** How many stand in one of these. */
  count(standings: Iterable<Standing>): number {
    let count = 0;
    for (const standing of standings) count += this.in(standing).size;
    return count;
  }

  /** Those that scaling down may take. */
  *removable(): Generator<GameServer> {
    for (const [standing, members] of this.#byStanding) {
      if (standing !== 'Allocated' && standing !== 'Reserved' && standing !== 'leaving') yield* members.values();
    }
  }

  /** Notes one that is new, or has changed. */
  put(gameServer: GameServer): void {
    this.remove(gameServer.metadata.name);
    const { name } = gameServer.metadata;
    const standing = standingOf(gameServer);
    const members = this.#byStanding.get(standing) ?? new Map<string, GameServer>();
    this.#byStanding.set(standing, members);
    members.set(name, gameServer);
    this.#standings.set(name, standing);
    this.#sum(gameServer, standing, 1);
  }

  remove(name: string): void {
    const standing = this.#standings.get(name);
    if (standing === undefined) return;
    const members = this.#byStanding.get(standing);
    const gameServer = members?.get(name);
    this.#standings.delete(name);
    members?.delete(name);
    if (gameServer !== undefined) this.#sum(gameServer, standing, -1);
  }

  #sum({ status }: GameServer, standing: Standing, sign: 1 | -1): void {
    if (standing === 'leaving') return;
    const allocated = standing === 'Allocated';
    for (const [name, { count = 0, capacity = 0 }] of Object.entries(status?.counters ?? {})) {
      this.#counters.add(name, { count, capacity, allocated }, sign);
    }
    for (const [name, { values = [], capacity = 0 }] of Object.entries(status?.lists ?? {})) {
      this.#lists.add(name, { count: values.length, capacity, allocated }, sign);
    }
  }
}

function standingOf(gameServer: GameServer): Standing {
  const state = stateOf(gameServer);
  return state === 'Shutdown' || isBeingDeleted(gameServer) ? 'leaving' : state;
}
