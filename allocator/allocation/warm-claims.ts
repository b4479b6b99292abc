import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { pause } from '../../lib/pause.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { backoffMs } from './backoff.ts';
import type { Bindings } from './bindings.ts';
import { fleetGroups, isOpen } from './canaries.ts';
import { ClaimDemand } from './claim-demand.ts';
import type { Claim, Claims } from './claims.ts';
import type {
  AllocationObserver,
  AllocationOrder,
  AllocationOutcome,
  ClaimEvent,
  GameServerAllocations,
  Games,
  GameServers,
  GameServerView,
} from './ports.ts';
import { StoreDown } from './store.ts';

export interface WarmClaimsOptions {
  claims: Claims;
  /** Where there is no claim. */
  otherwise: GameServerAllocations;
  /** Undefined: a claim is bound on its GameServer, before the answer. */
  bindings: Bindings | undefined;
  gameServers: Pick<GameServers, 'noteSession'>;
  observer: Pick<AllocationObserver, 'claimed'>;
  games: Games;
  clock: Clock;
  logger: Logger;
  /** 0 ≤ n < 1. */
  random: () => number;
  /** Whose claims these are. */
  holder: string;
  minClaims: number;
  maxClaims: number;
  /** Claims are made for what may come within this time. */
  aheadMs: number;
  /** A claim runs out after this, unless it is renewed. */
  claimMs: number;
  firstPauseMs: number;
  maxPauseMs: number;
  /** Whether requests for a game wait in line: what is Ready is theirs. */
  isWaitedFor: (game: string) => boolean;
}

/** Claims of a game that are made at the same time. */
const MAX_MAKING = 8;
/** How often claims are renewed or given back, and made where some are missing. */
const TEND_MS = 250;
/** A claim is renewed, or given back, when less than this part of its time is left. */
const RENEW_PART = 0.5;

/**
 * GameServers that are Allocated ahead of need, and their use: who wants a session takes one from memory, and only binds it.
 *
 * Where there is a shared store the binding is made there, and the GameServer is told in the background; else on the
 * GameServer, in one write. Whoever finds no claim gets a GameServer as without any.
 */
export class WarmClaims implements GameServerAllocations {
  readonly #options: WarmClaimsOptions;
  readonly #demands = new Map<string, ClaimDemand>();
  readonly #making = new Map<string, number>();
  /** Of sessions bound in the store whose GameServer has yet to be told. */
  readonly #telling = new Map<string, Promise<void>>();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #tended = new Set<string>();
  #cancelTending: () => void = () => {};
  #isClosing = false;

  constructor(options: WarmClaimsOptions) {
    this.#options = options;
  }

  /** Begins to make claims, and to renew them. */
  start(): void {
    this.#tend();
  }

  async allocate(order: AllocationOrder): Promise<AllocationOutcome> {
    const { claims, otherwise } = this.#options;
    this.#demandOf(order.game).note();
    for (let claim = claims.take(order); claim !== undefined; claim = claims.take(order)) {
      this.#refill(order.game);
      const outcome = await this.#bind(claim, order.session);
      this.#options.observer.claimed(order.game, outcome === undefined ? 'lost' : 'bound');
      if (outcome !== undefined) return outcome;
    }
    return otherwise.allocate(order);
  }

  /**
   * The GameServer that this session was given in the store, whether or not it has been told.
   *
   * @throws StoreDown, KubernetesDown
   */
  async findBound(sessionId: string): Promise<GameServerView | undefined> {
    const { bindings, claims } = this.#options;
    const binding = await bindings?.find(sessionId);
    if (binding === undefined) return undefined;
    const claim = await claims.read(binding.gameServerName);
    if (claim?.id !== binding.claimId) {
      // It has been told, and is found by its label; or it has gone.
      await bindings?.forget(binding);
      return undefined;
    }
    return this.#bound(claim, binding.session);
  }

  /** Resolves when the GameServer of this session knows of it, or has gone. */
  async told(sessionId: string): Promise<void> {
    await this.#telling.get(sessionId);
  }

  /**
   * Decides about a claim that ran out, of whoever died: it is given up for good, or is told the session that it was bound
   * to.
   *
   * @returns whether it may be given back
   * @throws StoreDown
   */
  async giveUp(claim: Claim): Promise<boolean> {
    const binding = await this.#options.bindings?.giveUp(claim.id);
    if (binding === undefined) return true;
    this.#bound(claim, binding.session);
    return false;
  }

  /** By game. */
  get freeClaims(): ReadonlyMap<string, number> {
    const { claims, games } = this.#options;
    return new Map(games.all().map(({ name }) => [name, claims.free(name).length]));
  }

  /** Makes no more claims and gives back those that are left. Waits until every bound GameServer has been told. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#cancelTending();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    const { claims, games } = this.#options;
    const left = games.all().flatMap(({ name }) => claims.free(name));
    await Promise.all(left.map((claim) => this.#giveBack(claim)));
    await Promise.all(this.#telling.values());
  }

  /** @returns undefined when the claim is lost */
  async #bind(claim: Claim, session: SessionDescriptor): Promise<AllocationOutcome | undefined> {
    const { bindings, claims, logger } = this.#options;
    let mayBeBound = false;
    if (bindings !== undefined) {
      try {
        const gameServerName = claim.gameServer.name;
        const outcome = await bindings.bind({ claimId: claim.id, gameServerName, session });
        if (outcome.state === 'bound') {
          return { state: 'Allocated', gameServerName, gameServer: this.#bound(claim, session) };
        }
        if (outcome.state === 'taken') return undefined;
        // This claim is given up by now: it runs out.
        return { state: 'Unknown', cluster: outcome.cluster };
      } catch (error) {
        if (!(error instanceof StoreDown)) throw error;
        logger.warn({ err: error }, 'cannot bind a claim in the store; binding it on its GameServer');
        mayBeBound = true;
      }
    }
    const written = await claims.bind(claim, session);
    switch (written) {
      case 'Done':
        return { state: 'Allocated', gameServerName: claim.gameServer.name, gameServer: withSession(claim, session) };
      case 'Refuted':
        return undefined;
      case 'Unavailable':
        // The store may have it as this session's: nobody else's, then.
        if (mayBeBound) return { state: 'Unknown' };
        claims.putBack(claim);
        return { state: 'Unavailable' };
      case 'Unknown':
        return { state: 'Unknown' };
    }
  }

  /** Known here at once; the GameServer is told. */
  #bound(claim: Claim, session: SessionDescriptor): GameServerView {
    const gameServer = withSession(claim, session);
    this.#options.gameServers.noteSession(gameServer);
    if (!this.#telling.has(session.sessionId)) {
      const telling = this.#tell(claim, session).finally(() => this.#telling.delete(session.sessionId));
      this.#telling.set(session.sessionId, telling);
    }
    return gameServer;
  }

  /** As often as it takes. There is no more of this than there are claims. */
  async #tell(claim: Claim, session: SessionDescriptor): Promise<void> {
    const { claims, clock, logger, firstPauseMs, maxPauseMs, random } = this.#options;
    const gameServer = claim.gameServer.name;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const written = await claims.bind(claim, session);
        if (written === 'Done') return;
        if (written === 'Refuted') {
          logger.info({ gameServer, sessionId: session.sessionId }, 'a bound GameServer knew already, or has gone');
          return;
        }
      } catch (error) {
        logger.error({ err: error, gameServer }, 'cannot tell a GameServer its session');
      }
      await pause(clock, backoffMs(attempt, { firstMs: firstPauseMs, maxMs: maxPauseMs }, random()));
    }
  }

  #tend(): void {
    for (const { name } of this.#options.games.all()) this.#tendGame(name);
    this.#cancelTending = this.#options.clock.after(TEND_MS, () => {
      this.#tend();
    });
  }

  #tendGame(game: string): void {
    const { claims, clock, claimMs, games } = this.#options;
    const known = games.byName(game);
    let surplus = claims.free(game).length - this.#demandOf(game).wanted;
    for (const claim of claims.free(game)) {
      const isDue = claim.untilMs - clock.nowMs() < claimMs * RENEW_PART;
      const isUnfit = claim.isOutdated || (known !== undefined && !isOpen(known, claim.gameServer.fleet));
      if (!(isDue || isUnfit) || this.#tended.has(claim.id)) continue;
      // Little by little, as they come due: who comes again soon finds some.
      const isNeeded = !isUnfit && surplus <= 0;
      if (!isNeeded) surplus -= 1;
      this.#tended.add(claim.id);
      const tending = isNeeded ? this.#renew(claim) : this.#giveBack(claim);
      this.#follow(tending.finally(() => this.#tended.delete(claim.id)));
    }
    this.#refill(game);
  }

  async #renew(claim: Claim): Promise<void> {
    const { claims, clock, claimMs } = this.#options;
    try {
      const written = await claims.renew(claim, clock.nowMs() + claimMs);
      if (written === 'Done') this.#note(claim, 'renewed');
    } catch (error) {
      this.#warn(error, claim, 'cannot renew a claim');
    }
  }

  async #giveBack(claim: Claim): Promise<void> {
    const { claims, bindings } = this.#options;
    try {
      if ((await bindings?.giveUp(claim.id)) !== undefined) return;
      if ((await claims.giveBack(claim)) === 'Done') this.#note(claim, 'given back');
    } catch (error) {
      this.#warn(error, claim, 'cannot give a claim back; it runs out');
    }
  }

  #note({ gameServer }: Claim, event: ClaimEvent): void {
    this.#options.observer.claimed(gameServer.game ?? '', event);
  }

  #warn(error: unknown, claim: Claim, what: string): void {
    this.#options.logger.warn({ err: error, gameServer: claim.gameServer.name }, what);
  }

  #refill(game: string): void {
    const { claims, isWaitedFor } = this.#options;
    const isShared = this.#options.games.byName(game)?.mode === 'shared';
    if (this.#isClosing || isShared || isWaitedFor(game)) return;
    const making = this.#making.get(game) ?? 0;
    const missing = this.#demandOf(game).wanted - claims.free(game).length - making;
    for (let count = Math.min(missing, MAX_MAKING - making); count > 0; count -= 1) this.#follow(this.#make(game));
  }

  async #make(game: string): Promise<void> {
    const { claims, clock, claimMs, games, holder, logger, observer, random } = this.#options;
    const known = games.byName(game);
    const groups = known === undefined ? undefined : fleetGroups(known, random());
    const order = { game, ...(groups === undefined ? {} : { fleetGroups: groups }) };
    this.#making.set(game, (this.#making.get(game) ?? 0) + 1);
    let isMade = false;
    try {
      const { state } = await claims.make(order, { holder, untilMs: clock.nowMs() + claimMs });
      isMade = state === 'Allocated';
      if (isMade) observer.claimed(game, 'made');
    } catch (error) {
      logger.error({ err: error, game }, 'cannot claim a GameServer');
    } finally {
      this.#making.set(game, (this.#making.get(game) ?? 1) - 1);
    }
    // Where there is none, tending comes back to it.
    if (isMade) this.#refill(game);
  }

  #follow(work: Promise<unknown>): void {
    const followed = work.finally(() => this.#underWay.delete(followed));
    this.#underWay.add(followed);
  }

  #demandOf(game: string): ClaimDemand {
    const demand = this.#demands.get(game) ?? new ClaimDemand(this.#options);
    this.#demands.set(game, demand);
    return demand;
  }
}

function withSession(claim: Claim, session: SessionDescriptor): Claim['gameServer'] {
  return { ...claim.gameServer, session, claim: undefined };
}
