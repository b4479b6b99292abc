import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Ownership } from './ownership.ts';
import type { GameServers, GameServerView } from './ports.ts';
import type { GameServerUpkeep, UpkeepTask } from './upkeep.ts';

export interface DrainingOptions {
  gameServers: GameServers;
  upkeep: GameServerUpkeep;
  ownership: Ownership;
  clock: Clock;
  logger: Logger;
  /** Whether those of an outdated version are told by themselves. */
  drainsOutdated: boolean;
  /** GameServers that are told in one pass, at most. */
  maxPerPass: number;
}

/** What came of draining a whole Fleet. */
export interface FleetDrain {
  /** Told now. */
  marked: number;
  /** Told before. */
  already: number;
  /** Not told yet: over the bound of one call, changed meanwhile, or not to be reached. */
  left: number;
}

/** GameServers of one Fleet that are told in one call, at most, and at one time. */
const MAX_PER_FLEET = 1000;
const MAX_AT_ONCE = 10;

/** Tells GameServers that they drain: they take no new session, and end with those they have. Each is told once. */
export class Draining implements UpkeepTask {
  readonly name = 'draining';
  readonly #options: DrainingOptions;

  constructor(options: DrainingOptions) {
    this.#options = options;
  }

  /** Those that are Ready, and outdated, Agones replaces itself. */
  async pass(): Promise<void> {
    const { gameServers, maxPerPass, drainsOutdated } = this.#options;
    if (!drainsOutdated) return;
    const due = [...gameServers.all()].filter((each) => mayBeTold(each) && this.#holdsSession(each));
    const outdated = due.filter((each) => gameServers.isOutdated(each)).slice(0, maxPerPass);
    await this.#mark(outdated, 'outdated');
  }

  rest(): void {
    // It remembers nothing: whoever was told says so.
  }

  /** @throws KubernetesRefusal when Kubernetes does not accept what we send */
  async drainFleet(fleet: string): Promise<FleetDrain> {
    const ofFleet = [...this.#options.gameServers.all()].filter((each) => each.fleet === fleet && !isEnding(each));
    const due = ofFleet.filter(mayBeTold);
    const marked = await this.#mark(due.slice(0, MAX_PER_FLEET), 'asked for');
    return { marked, already: ofFleet.length - due.length, left: due.length - marked };
  }

  #holdsSession(gameServer: GameServerView): boolean {
    if (gameServer.state !== 'Allocated') return false;
    return this.#options.ownership.session(gameServer) !== undefined || (gameServer.shared?.sessionIds.length ?? 0) > 0;
  }

  /** @returns how many were told */
  async #mark(gameServers: readonly GameServerView[], why: string): Promise<number> {
    const { upkeep, clock, logger } = this.#options;
    let marked = 0;
    for (let from = 0; from < gameServers.length; from += MAX_AT_ONCE) {
      const batch = gameServers.slice(from, from + MAX_AT_ONCE);
      const outcomes = await Promise.all(batch.map((each) => upkeep.markDraining(each, clock.nowMs())));
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome !== 'done') continue;
        marked += 1;
        logger.info({ gameServer: batch[index]?.name, fleet: batch[index]?.fleet, why }, 'told a GameServer to drain');
      }
    }
    return marked;
  }
}

function mayBeTold(gameServer: GameServerView): boolean {
  return gameServer.drainingSince === undefined && !isEnding(gameServer);
}

function isEnding({ state, isGoing }: GameServerView): boolean {
  return isGoing || state === 'Shutdown' || state === 'Error' || state === 'Unhealthy';
}
