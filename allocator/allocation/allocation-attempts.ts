import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { pause } from '../../lib/pause.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { backoffMs } from './backoff.ts';
import type { Confirmations } from './confirmations.ts';
import { fleetGroups } from './canaries.ts';
import { oldestFirst } from './doubles.ts';
import { describeSession } from './describe-session.ts';
import { KubernetesDown } from './ports.ts';
import type {
  AllocationObserver,
  Game,
  GameServerRef,
  GameServers,
  GameServerView,
  PlacedAllocations,
} from './ports.ts';

export interface AllocationAttemptsOptions {
  gameServerAllocations: PlacedAllocations;
  gameServers: GameServers;
  clock: Clock;
  logger: Logger;
  observer: AllocationObserver;
  /** 0 ≤ n < 1. */
  random: () => number;
  firstPauseMs: number;
  maxPauseMs: number;
  /** How long Agones may still carry out an allocation whose answer was lost. */
  settleMs: number;
  /** A session with no player this long after it was made is over. */
  joinWithinMs: number;
  /** Where game servers confirm that they have opened their session. */
  confirmations?: Confirmations;
}

/** What is to be got for a session. */
export interface Wanted {
  sessionId: string;
  game: Game;
  fleet?: string;
  preferredRegions: readonly string[];
  /** Names of GameServers that are not to be given. */
  exclude?: readonly string[];
}

/** Why an attempt got nothing, though nothing was changed either. The names are problem codes. */
export type AttemptRefusal = 'no_capacity' | 'contention' | 'kubernetes_unavailable' | 'session_not_confirmed';

/** `unknown`: nobody could tell before the time was up whether a GameServer was allocated. */
export type AttemptOutcome =
  | { state: 'made'; session: SessionDescriptor; gameServer: GameServerView }
  | { state: 'refused'; refusal: AttemptRefusal }
  | { state: 'unknown' };

/** How often Kubernetes is asked about an allocation whose answer was lost. */
const LOOKUP_PAUSE_MS = 250;

/**
 * Attempts to get a GameServer for a session, one at a time for each session.
 *
 * A session's id is chosen before Agones is asked and is written on the GameServer by the allocation itself. So when an
 * answer is lost, the id finds what came of it, and nothing is asked for twice.
 */
export class AllocationAttempts {
  readonly #options: AllocationAttemptsOptions;
  /** Of whose allocations an answer was lost once: a second GameServer may show up for them. */
  readonly #mayHaveDoubles = new Set<string>();

  constructor(options: AllocationAttemptsOptions) {
    this.#options = options;
  }

  /**
   * @param until - fires when nobody looks for a lost answer any longer
   * @param onLost - called when the answer is lost and is looked for
   * @throws KubernetesRefusal when Kubernetes does not accept what we send
   */
  async attempt(wanted: Wanted, until: AbortSignal, onLost: () => void): Promise<AttemptOutcome> {
    const { clock, observer, gameServerAllocations, random } = this.#options;
    const { sessionId, game, fleet, preferredRegions, exclude } = wanted;
    const startedAtMs = clock.nowMs();
    const session = this.#describe(game, sessionId);
    const groups = fleet === undefined ? fleetGroups(game, random()) : undefined;
    const order = {
      game: game.name,
      fleet,
      preferredRegions,
      ...(groups === undefined ? {} : { fleetGroups: groups }),
      ...(exclude === undefined ? {} : { exclude }),
      session,
    };
    const outcome = await gameServerAllocations.allocate(order, until);
    observer.attempted(game.name, outcome.state, clock.nowMs() - startedAtMs);
    switch (outcome.state) {
      case 'Unknown':
        onLost();
        return this.#adopt(sessionId, outcome.cluster, until);
      case 'Allocated':
        return this.#read(
          outcome.gameServer ?? { cluster: outcome.cluster, name: outcome.gameServerName },
          sessionId,
          until,
        );
      case 'UnAllocated':
      case 'Contention':
      case 'Unavailable':
        return { state: 'refused', refusal: REFUSAL_OF[outcome.state] };
    }
  }

  /**
   * What this session got before, by its label: from an attempt nobody here may know of.
   *
   * @param ask - Kubernetes itself, where the watch knows nothing: every cluster, or the only one that can hold it
   * @throws KubernetesDown
   */
  async find(
    sessionId: string,
    ask: 'nobody' | 'everybody' | { cluster: string },
  ): Promise<AttemptOutcome | undefined> {
    const { gameServers } = this.#options;
    const known = gameServers.holding(sessionId);
    if (known !== undefined) return this.#made(known, sessionId);
    if (ask === 'nobody') return undefined;
    const only = ask === 'everybody' ? undefined : ask.cluster;
    const [first, ...doubles] = oldestFirst(await gameServers.findHolding(sessionId, only));
    await Promise.all(doubles.map((double) => this.release(double, sessionId)));
    // What was begun before may still be carried out.
    if (first === undefined) this.#mayHaveDoubles.add(sessionId);
    return first === undefined ? undefined : this.#made(first, sessionId);
  }

  /**
   * Gives a GameServer up that was got for a session of which another replica has taken care meanwhile, where that one got
   * another; else it is left to them.
   */
  async yieldTo(sessionId: string, got: GameServerRef): Promise<void> {
    const { gameServers, logger } = this.#options;
    try {
      const holding = await gameServers.findHolding(sessionId);
      if (holding.some((other) => !isSame(other, got))) await this.release(got, sessionId);
    } catch (error) {
      if (!(error instanceof KubernetesDown)) throw error;
      logger.warn({ err: error, sessionId }, 'cannot look for doubles; one would end as a no-show');
    }
  }

  /** The same outcome once its game server has opened the session; where it does not, its GameServer is given up. */
  async confirmed(outcome: AttemptOutcome): Promise<AttemptOutcome> {
    const { confirmations } = this.#options;
    if (outcome.state !== 'made' || outcome.session.confirm !== true || confirmations === undefined) return outcome;
    const { gameServer, session } = outcome;
    if (await confirmations.isConfirmed(gameServer, session.sessionId)) return outcome;
    await this.release(gameServer, session.sessionId);
    return { state: 'refused', refusal: 'session_not_confirmed' };
  }

  /** No further attempt will be made for this session. */
  forget(sessionId: string): void {
    this.#mayHaveDoubles.delete(sessionId);
  }

  /** Gives a GameServer up that got a session nobody will play. What cannot be given up ends by itself, as a no-show. */
  async release({ cluster, name }: GameServerRef, sessionId: string): Promise<void> {
    const { gameServers, logger } = this.#options;
    try {
      const released = await gameServers.release({ cluster, name }, sessionId);
      logger.info({ cluster, gameServer: name, sessionId, released }, 'gave a GameServer up');
    } catch (error) {
      logger.warn({ err: error, cluster, gameServer: name, sessionId }, 'left a GameServer to its no-show limit');
    }
  }

  #describe(game: Game, sessionId: string): SessionDescriptor {
    const { clock, joinWithinMs, confirmations } = this.#options;
    const { name, mode, seats } = game;
    const described = describeSession(
      { sessionId, game: name, mode, seats },
      { madeAtMs: clock.nowMs(), joinWithinMs },
    );
    // A shared GameServer's list says who is there, and nobody confirms it.
    return confirmations === undefined || mode === 'shared' ? described : { ...described, confirm: true };
  }

  /**
   * Looks for what an allocation with a lost answer came to. It was none only when Kubernetes said so after all the time
   * Agones could still have taken.
   */
  async #adopt(sessionId: string, cluster: string, until: AbortSignal): Promise<AttemptOutcome> {
    const { clock, logger, settleMs } = this.#options;
    this.#mayHaveDoubles.add(sessionId);
    const settledAtMs = clock.nowMs() + settleMs;
    for (;;) {
      const askedAtMs = clock.nowMs();
      try {
        const found = await this.find(sessionId, { cluster });
        if (found !== undefined) {
          logger.info({ sessionId }, 'adopted an allocation whose answer was lost');
          return found;
        }
        if (askedAtMs >= settledAtMs) return { state: 'refused', refusal: 'kubernetes_unavailable' };
      } catch (error) {
        if (!(error instanceof KubernetesDown)) throw error;
        logger.warn({ err: error, sessionId }, 'cannot look for an allocation whose answer was lost');
      }
      if (until.aborted) return { state: 'unknown' };
      await pause(clock, LOOKUP_PAUSE_MS, until);
    }
  }

  /** The GameServer that an allocation named. */
  async #read(named: GameServerView | GameServerRef, sessionId: string, until: AbortSignal): Promise<AttemptOutcome> {
    const { clock, gameServers, logger, firstPauseMs, maxPauseMs, random } = this.#options;
    if (this.#mayHaveDoubles.has(sessionId)) await this.#releaseDoubles(sessionId, named);
    if ('uid' in named) return this.#made(named, sessionId);
    const { cluster, name } = named;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const gameServer = await gameServers.read(named, sessionId);
        // It vanished between the answer and the look at it: somebody was quicker.
        if (gameServer === undefined) return { state: 'refused', refusal: 'contention' };
        return await this.#made(gameServer, sessionId);
      } catch (error) {
        if (!(error instanceof KubernetesDown)) throw error;
        logger.warn({ err: error, cluster, gameServer: name, sessionId }, 'cannot read an allocated GameServer');
      }
      if (attempt > 0 && until.aborted) {
        await this.release(named, sessionId);
        return { state: 'refused', refusal: 'kubernetes_unavailable' };
      }
      await pause(clock, backoffMs(attempt, { firstMs: firstPauseMs, maxMs: maxPauseMs }, random()), until);
    }
  }

  async #made(gameServer: GameServerView, sessionId: string): Promise<AttemptOutcome> {
    const { session, route } = gameServer;
    if (session !== undefined && route !== undefined) return { state: 'made', session, gameServer };
    await this.release(gameServer, sessionId);
    throw new Error(`GameServer ${gameServer.name} has no address or no TCP port for its game`);
  }

  async #releaseDoubles(sessionId: string, kept: GameServerRef): Promise<void> {
    const { gameServers, logger } = this.#options;
    try {
      const holding = await gameServers.findHolding(sessionId);
      const doubles = holding.filter((each) => !isSame(each, kept));
      await Promise.all(doubles.map((double) => this.release(double, sessionId)));
    } catch (error) {
      if (!(error instanceof KubernetesDown)) throw error;
      logger.warn({ err: error, sessionId }, 'cannot look for doubles; one would end as a no-show');
    }
  }
}

const REFUSAL_OF = {
  UnAllocated: 'no_capacity',
  Contention: 'contention',
  Unavailable: 'kubernetes_unavailable',
} as const satisfies Record<string, AttemptRefusal>;

function isSame(one: GameServerRef, other: GameServerRef): boolean {
  return one.cluster === other.cluster && one.name === other.name;
}
