import type { GameServer, Priority } from '../../lib/agones.ts';
import { stableText } from '../api/json.ts';
import { SortedList } from '../api/sorted-list.ts';
import { comparePriorities } from '../controllers/priorities.ts';
import { compareText } from '../controllers/removal-order.ts';

/** So many orders of its members a group keeps up; the one that was not asked for the longest goes. */
const MAX_ORDERS = 4;

/**
 * GameServers of one namespace and state that are on the same Node and have the same labels: what a request says of these is
 * looked at once for all of them.
 */
export class GameServerGroup {
  readonly labels: Readonly<Record<string, string>>;
  readonly #members = new Set<GameServer>();
  /** By the text of the priorities they are for. */
  readonly #orders = new Map<string, SortedList<GameServer>>();

  /** @param example - what its members are like; not yet one of them */
  constructor({ metadata }: GameServer) {
    this.labels = metadata.labels ?? {};
  }

  get size(): number {
    return this.#members.size;
  }

  add(gameServer: GameServer): void {
    this.#members.add(gameServer);
    for (const order of this.#orders.values()) order.add(gameServer);
  }

  /** @param gameServer - the very object that was added */
  remove(gameServer: GameServer): void {
    this.#members.delete(gameServer);
    for (const order of this.#orders.values()) order.remove(gameServer);
  }

  /** All, ordered by the priorities and then by name. Not to be kept, as it changes with the group. */
  inOrder(priorities: readonly Priority[]): readonly GameServer[] {
    const key = stableText(priorities);
    const order = this.#orders.get(key) ?? new SortedList(this.#members, compareByPriorities(priorities));
    this.#orders.delete(key);
    this.#orders.set(key, order);
    const oldest = this.#orders.keys().next();
    if (this.#orders.size > MAX_ORDERS && !oldest.done) this.#orders.delete(oldest.value);
    return order.items;
  }
}

/** By the priorities and then by name. */
export function compareByPriorities(priorities: readonly Priority[]) {
  return (left: GameServer, right: GameServer): number =>
    comparePriorities(priorities, left, right) || compareText(left.metadata.name, right.metadata.name);
}

const texts = new WeakMap<object, string>();

/** The same for GameServers of one namespace and state that belong into one group. */
export function groupKeyOf({ metadata: { labels = {} }, status }: GameServer): string {
  let text = texts.get(labels);
  if (text === undefined) {
    text = stableText(labels);
    texts.set(labels, text);
  }
  return `${status?.nodeName ?? ''} ${text}`;
}
