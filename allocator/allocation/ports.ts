import type { SessionReport } from '../../lib/session-report.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { SessionEnding } from './session-ending.ts';

/** A game that some Fleet plays. */
export interface Game {
  name: string;
  /** Seats of a session, as its Fleets' templates say. */
  seats: number;
  /** `shared` when every Fleet that plays it declares the List `sessions`. */
  mode: SessionDescriptor['mode'];
  /** Names of the Fleets that play it, in order of the alphabet. */
  fleets: readonly string[];
  /** Those of them that get a share of new sessions only. Absent where there are none. */
  canaries?: readonly Canary[];
}

/** A Fleet that gets so many of a hundred new sessions of its game; 0 is none at all. */
export interface Canary {
  fleet: string;
  percent: number;
}

/** A Fleet that plays a game. */
export interface GameFleet {
  fleet: string;
  game: string;
  mode: SessionDescriptor['mode'];
}

/** Which games there are. Answers from memory. */
export interface Games {
  byName(name: string): Game | undefined;
  all(): readonly Game[];
  /** In order of their names. */
  fleets(): readonly GameFleet[];
}

/** Which GameServer: names are unique only within a cluster. */
export interface GameServerRef {
  /** Name of the cluster, as the configuration has it. */
  cluster: string;
  name: string;
}

/** What the engine knows of a GameServer. */
export interface GameServerView extends GameServerRef {
  uid: string;
  /** Opaque; differs after every change. */
  resourceVersion: string;
  game: string | undefined;
  fleet: string | undefined;
  /** Of which version of its Fleet. */
  gameServerSet: string | undefined;
  region: string | undefined;
  /** As Agones spells it. */
  state: string;
  /** Somebody asked for its deletion. */
  isGoing: boolean;
  /** Who claims it, and until when, while it is Allocated ahead of need. */
  claim: { holder: string; untilMs: number } | undefined;
  /** The List `sessions` of a shared GameServer, and how many seats each session has. */
  shared: { sessionIds: readonly string[]; capacity: number; seats: number } | undefined;
  /**
   * The session it holds now: undefined unless it is Allocated, not being deleted, and carries a descriptor. Of a shared
   * GameServer, the session it was asked about.
   */
  session: SessionDescriptor | undefined;
  /** RFC 3339, when it was last allocated; empty when never. */
  lastAllocatedAt: string;
  /** Where the gateway reaches it: undefined when it has no address or no TCP port that fits. */
  route: { address: string; port: number } | undefined;
  /** Where a client outside the cluster reaches it. */
  direct: { address: string; ports: readonly { name: string; port: number }[] };
  /** Since when it drains: RFC 3339. */
  drainingSince: string | undefined;
  /** What its game server said last of a session, which may be one of before. */
  report: SessionReport | undefined;
  /** Its Fleet promises that it reports the first player of each session. */
  reportsPlayers: boolean;
  /** A program on somebody's machine stands for it: it never has a Pod. */
  isDevelopment: boolean;
}

/** Which GameServers exist and what they hold. */
export interface GameServers {
  /** The GameServer of this session as last heard, from memory. */
  holding(sessionId: string): GameServerView | undefined;
  /** Every GameServer of a game as last heard, from memory. */
  all(): Iterable<GameServerView>;
  /** This GameServer is known to hold its session, though the watch has not shown it yet. */
  noteSession(gameServer: GameServerView): void;
  /** Whether its Fleet has a newer version. */
  isOutdated(gameServer: GameServerView): boolean;
  /** How this session ended, where it is known to have done so not long ago; from memory. */
  endOf(sessionId: string): SessionEnding | undefined;
  /**
   * This GameServer, as fresh as an allocation that was just answered.
   *
   * @returns undefined when it does not hold the session
   * @throws KubernetesDown
   */
  read(gameServer: GameServerRef, sessionId: string): Promise<GameServerView | undefined>;
  /**
   * Asks Kubernetes itself for every GameServer that holds this session: more than one is a double.
   *
   * @param cluster - the only one to ask, where it is known that no other can hold it
   * @throws KubernetesDown also when none is found and a cluster could not be asked
   */
  findHolding(sessionId: string, cluster?: string): Promise<readonly GameServerView[]>;
  /**
   * Shuts the GameServer down if, and only if, it still holds this session. A shared one loses the session and goes on.
   *
   * @returns false when it holds it no more, and nothing was changed
   * @throws KubernetesDown
   */
  release(gameServer: GameServerRef, sessionId: string): Promise<boolean>;
  /**
   * Calls back with the game of each GameServer that becomes Ready, or is claimed by this allocator, and where places of a
   * shared one become free.
   *
   * @param listener - `sessions`: how many more there is a place for; one where nothing is said
   * @returns ends it
   */
  onReady(listener: (game: string, sessions?: number) => void): () => void;
}

/** What is asked of Agones. */
export interface AllocationOrder {
  game: string;
  /** Only GameServers of this Fleet. */
  fleet: string | undefined;
  /** GameServers of these regions first, in this order, any other next. */
  preferredRegions: readonly string[];
  /** Where given: only GameServers of these Fleets, those of the first group first. */
  fleetGroups?: readonly (readonly string[])[];
  /** Names of GameServers that are not to be given. Honoured where it is we who choose. */
  exclude?: readonly string[];
  session: SessionDescriptor;
}

/**
 * What came of one GameServerAllocation. `Unavailable`: it was not carried out. `Unknown`: nobody can tell, and it may
 * yet be carried out, for Agones cannot take one back.
 */
export type AllocationOutcome =
  /** `gameServer`: as the allocation left it, where its answer tells. */
  | { state: 'Allocated'; gameServerName: string; gameServer?: GameServerView }
  | { state: 'UnAllocated' }
  | { state: 'Contention' }
  | { state: 'Unavailable' }
  /** `cluster`: where it may be, if that is not the one that was asked. */
  | { state: 'Unknown'; cluster?: string };

export type AllocationOutcomeState = AllocationOutcome['state'];

/** Sends GameServerAllocations of one cluster, one a call. Bounded in time. */
export interface GameServerAllocations {
  /** @throws KubernetesRefusal when Kubernetes does not accept what we send: a fault of ours or of the installation */
  allocate(order: AllocationOrder): Promise<AllocationOutcome>;
}

/** What came of an allocation that any cluster could carry out, and in which one it was or may have been. */
export type PlacedOutcome =
  | (Extract<AllocationOutcome, { state: 'Allocated' | 'Unknown' }> & { cluster: string })
  | Extract<AllocationOutcome, { state: 'UnAllocated' | 'Contention' | 'Unavailable' }>;

/** Allocates in whichever cluster can. */
export interface PlacedAllocations {
  /**
   * @param until - once it fires, no further cluster is asked
   * @throws KubernetesRefusal when no cluster accepts what we send
   */
  allocate(order: AllocationOrder, until: AbortSignal): Promise<PlacedOutcome>;
}

/** Kubernetes did not answer, or not well. The same call may succeed later. */
export class KubernetesDown extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KubernetesDown';
  }
}

/** Kubernetes understood and refused: missing rights, or a request it does not accept. */
export class KubernetesRefusal extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KubernetesRefusal';
  }
}

/** What becomes of a claim. */
export type ClaimEvent = 'made' | 'bound' | 'lost' | 'renewed' | 'given back';

/** Told of what happens, for metrics. */
export interface AllocationObserver {
  /** One GameServerAllocation was answered. */
  attempted(game: string, outcome: AllocationOutcomeState, durationMs: number): void;
  claimed(game: string, event: ClaimEvent): void;
  /** One cluster was asked. `Refused`: it did not accept what we sent. */
  asked(cluster: string, outcome: AllocationOutcomeState | 'Refused', durationMs: number): void;
  /** A request for a session ended. */
  finished(game: string, result: string, durationMs: number): void;
}
