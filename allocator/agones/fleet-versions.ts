import { AGONES } from '../../lib/agones.ts';
import type { WireGameServer } from './wire.ts';

/** The GameServerSet of a Fleet that made a GameServer last, and when. */
interface NewestSet {
  name: string;
  /** RFC 3339, whole seconds. */
  madeAt: string;
}

/**
 * Which version of a Fleet is the newest: that of the GameServerSet which made a GameServer last, for no other one makes
 * any. So a version that is rolled back to is the newest again as soon as it is used.
 */
export class FleetVersions {
  readonly #newest = new Map<string, NewestSet>();
  /** Names of the GameServers of each Fleet. */
  readonly #members = new Map<string, Set<string>>();

  learn({ metadata }: WireGameServer): void {
    const fleet = metadata.labels?.[AGONES.fleetLabel];
    const set = metadata.labels?.[AGONES.gameServerSetLabel];
    if (fleet === undefined || set === undefined) return;
    const members = this.#members.get(fleet) ?? new Set();
    const isNew = !members.has(metadata.name);
    this.#members.set(fleet, members.add(metadata.name));
    const madeAt = metadata.creationTimestamp ?? '';
    const newest = this.#newest.get(fleet);
    // Of the same second, the one that was heard of later.
    if (newest === undefined || (isNew && madeAt >= newest.madeAt)) this.#newest.set(fleet, { name: set, madeAt });
  }

  forget(name: string): void {
    for (const [fleet, members] of this.#members) {
      if (!members.delete(name) || members.size > 0) continue;
      this.#members.delete(fleet);
      this.#newest.delete(fleet);
    }
  }

  /** Whether a GameServer of this set has a newer version beside it. What belongs to no Fleet has not. */
  isOutdated(fleet: string | undefined, set: string | undefined): boolean {
    const newest = this.#newest.get(fleet ?? '');
    return newest !== undefined && newest.name !== set;
  }
}
