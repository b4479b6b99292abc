import type { SessionDescriptor } from '../../lib/session.ts';
import type { AllocationOrder, AllocationOutcome, GameServerView } from './ports.ts';

/** On which terms a GameServer is claimed. */
export interface ClaimTerms {
  /** Whose it is. */
  holder: string;
  /** Milliseconds since the epoch: whose claim is not renewed by then has died. */
  untilMs: number;
}

/** What is to be claimed: any GameServer of a game, or those of these Fleets alone. */
export type ClaimOrder = Pick<AllocationOrder, 'game' | 'fleetGroups'>;

/** A GameServer that is Allocated to this allocator and has no session yet. */
export interface Claim {
  /** Of this claim alone: the same GameServer claimed again has another. */
  id: string;
  gameServer: GameServerView;
  untilMs: number;
  /** A newer version of its Fleet is there, or it drains. */
  isOutdated: boolean;
}

/**
 * What came of a write to a claim. `Refuted`: it was not ours any more, and nothing was changed. `Unavailable`: it was not
 * carried out. `Unknown`: nobody can tell.
 */
export type ClaimWrite = 'Done' | 'Refuted' | 'Unavailable' | 'Unknown';

/** The claims of this allocator, as the watch tells them and as they are changed. */
export interface Claims {
  /** Those of a game that nobody has taken, from memory. */
  free(game: string): readonly Claim[];
  /** The claim that a GameServer is, whoever's; undefined when it is none. */
  claimOf(gameServer: GameServerView): Claim | undefined;
  /** One that fits, from memory. Each is given out once, unless it is put back. */
  take(order: AllocationOrder): Claim | undefined;
  /** It was not used: nothing was asked of it. */
  putBack(claim: Claim): void;
  /**
   * Claims a Ready GameServer.
   *
   * @throws KubernetesRefusal
   */
  make(order: ClaimOrder, terms: ClaimTerms): Promise<AllocationOutcome>;
  /** @throws KubernetesRefusal */
  renew(claim: Claim, untilMs: number): Promise<ClaimWrite>;
  /** Makes it Ready again, if nobody has bound it. @throws KubernetesRefusal */
  giveBack(claim: Claim): Promise<ClaimWrite>;
  /** Makes it the GameServer of a session, if nobody else has bound it. @throws KubernetesRefusal */
  bind(claim: Claim, session: SessionDescriptor): Promise<ClaimWrite>;
  /**
   * Whoever's claim this GameServer is, as Kubernetes itself holds it now.
   *
   * @returns undefined when it is no claim
   * @throws KubernetesDown
   */
  read(gameServerName: string): Promise<Claim | undefined>;
}
