import { seededRandom } from '../../lib/seeded-random.ts';
import { silentLogger } from '../../lib/logger.ts';
import { ClaimedGameServers } from '../agones/claimed-game-servers.ts';
import { KubernetesUpkeep } from '../agones/game-server-upkeep.ts';
import { CallError } from '../agones/kubernetes-connection.ts';
import { PatchAllocations } from '../agones/patch-allocations.ts';
import { WatchedGameServers } from '../agones/watched-game-servers.ts';
import { Allocations } from '../allocation/allocations.ts';
import { Bindings } from '../allocation/bindings.ts';
import { BoundGameServers } from '../allocation/bound-game-servers.ts';
import { MissingPods } from '../allocation/missing-pods.ts';
import { AllocationsAcrossClusters } from '../allocation/clusters/allocations-across-clusters.ts';
import { ClusterBreaker } from '../allocation/clusters/cluster-breaker.ts';
import { Once } from '../allocation/once.ts';
import { MAX_PATCH_DELAY_MS, Ownership } from '../allocation/ownership.ts';
import type { Game, GameServers } from '../allocation/ports.ts';
import { Reaper } from '../allocation/reaper.ts';
import { StoreDown } from '../allocation/store.ts';
import type { Store } from '../allocation/store.ts';
import { WarmClaims } from '../allocation/warm-claims.ts';
import { MemoryStore } from '../store/memory-store.ts';
import { heldSession, SimulatedKubernetes } from './simulated-kubernetes.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import type { NetworkFaults } from './simulated-network.ts';
import { SimulatedTime } from './simulated-time.ts';
import type { SimulatedProcess } from './simulated-time.ts';

export interface SimulationOptions {
  seed: number;
  /** Several allocators share a store that outlives them; without it there is one, whose memory dies with it. */
  isStoreShared: boolean;
  allocators: number;
  gameServers: number;
  faults: NetworkFaults;
}

/** What a player is told. */
export interface Answer {
  sessionId: string;
  gameServer: string;
  uid: string;
}

const GAME: Game = { name: 'boat-race', seats: 8, mode: 'exclusive', fleets: ['boats'] };
const GAMES = {
  byName: (name: string) => (name === GAME.name ? GAME : undefined),
  all: () => [GAME],
  fleets: () => [],
};
const DAY_MS = 86_400_000;
const CLAIM_MS = 4000;
const JOIN_WITHIN_MS = 20_000;
const REQUEST_WAIT_MS = 5000;
const REAP_GRACE_MS = 500;
const MAX_SESSION_MS = 600_000;
const OBSERVER = { attempted() {}, asked() {}, finished() {}, claimed() {}, reaped() {}, orphaned() {} };
const CLUSTER = 'default';

/** Allocators of one cluster over simulated time, with networks that lose things and processes that are killed. */
export class SimulatedAllocators {
  readonly time = new SimulatedTime();
  readonly random: () => number;
  readonly kubernetes: SimulatedKubernetes;
  readonly apiNetwork: SimulatedNetwork;
  readonly storeNetwork: SimulatedNetwork;
  readonly #options: SimulationOptions;
  readonly #sharedStore: MemoryStore;
  #allocators: SimulatedAllocator[] = [];
  #started = 0;
  readonly #playing = new Map<string, string>();
  readonly #ended = new Set<string>();
  readonly #answered = new Map<string, Answer>();
  /** What must never be, as sentences. */
  readonly violations: string[] = [];

  constructor(options: SimulationOptions) {
    const { seed, faults, gameServers, allocators } = options;
    const { time } = this;
    this.#options = options;
    const random = seededRandom(seed);
    this.random = random;
    const call = (fault: 'lost' | 'busy') => () => new CallError(fault, 'simulated', undefined, undefined);
    this.apiNetwork = new SimulatedNetwork({
      time,
      random,
      faults,
      maxLatencyMs: 40,
      isInOrder: false,
      lost: call('lost'),
      refused: call('busy'),
    });
    const down = () => new StoreDown('simulated');
    const link = { maxLatencyMs: 3, isInOrder: true };
    this.storeNetwork = new SimulatedNetwork({ time, random, faults, ...link, lost: down, refused: down });
    this.kubernetes = new SimulatedKubernetes({
      time,
      network: this.apiNetwork,
      random,
      game: GAME.name,
      maxWatchLagMs: 60,
    });
    this.#sharedStore = new MemoryStore({ clock: time.clockOf({ isDead: false }), maxEntries: 1_000_000 });
    for (let count = 0; count < gameServers; count += 1) this.kubernetes.addReady();
    for (let count = 0; count < allocators; count += 1) this.#start();
  }

  /** SIGKILL: nothing of it goes on but what is under way outside. Another one is started a while later. */
  kill(): void {
    const victim = this.#pick();
    if (victim === undefined) return;
    victim.process.isDead = true;
    this.#allocators = this.#allocators.filter((other) => other !== victim);
    this.time.after(100 + this.random() * 400, () => {
      this.#start();
    });
  }

  /**
   * A player who wants a game under a key and asks again and again, wherever, until there is an answer that they hear.
   *
   * @returns every answer that was given out under the key, the last of them heard; none after `patienceMs`
   */
  async play(key: string, patienceMs: number): Promise<Answer[]> {
    const endMs = this.time.nowMs + patienceMs;
    const answers: Answer[] = [];
    while (this.time.nowMs < endMs) {
      const allocator = this.#pick();
      const answer = await Promise.race([allocator?.newGame(key), this.#passed(REQUEST_WAIT_MS + 1500)]);
      if (answer !== undefined) {
        this.#checkAnswer(key, answer);
        answers.push(answer);
      }
      const isHeard = answer !== undefined && this.random() > 0.2;
      if (isHeard) {
        this.#join(answer);
        return answers;
      }
      await this.#passed(this.random() * 300);
    }
    return answers;
  }

  /** A GameServer goes, whatever it is doing, as with its node. A new one is Ready a while later. */
  lose(name: string): void {
    if (!this.kubernetes.gameServers.has(name)) return;
    this.kubernetes.delete(name);
    this.#playing.delete(name);
    this.time.after(50 + this.random() * 250, () => {
      this.kubernetes.addReady();
    });
  }

  /** SIGTERM to all of them. */
  async stop(): Promise<void> {
    const stopped = this.#allocators.map((allocator) => allocator.stop());
    await this.time.run(30_000);
    await Promise.all(stopped);
  }

  #start(): void {
    this.#started += 1;
    const { isStoreShared } = this.#options;
    const process: SimulatedProcess = { isDead: false };
    const clock = this.time.clockOf(process);
    const store = isStoreShared
      ? overNetwork(this.#sharedStore, this.storeNetwork, process)
      : new MemoryStore({ clock, maxEntries: 1_000_000 });
    const holder = isStoreShared ? `allocator-${this.#started}` : 'allocator';
    this.#allocators.push(new SimulatedAllocator(this, { process, clock, store, holder, number: this.#started }));
  }

  #pick(): SimulatedAllocator | undefined {
    return this.#allocators[Math.floor(this.random() * this.#allocators.length)];
  }

  #passed(ms: number): Promise<undefined> {
    return new Promise((resolve) => {
      this.time.after(ms, () => {
        resolve(undefined);
      });
    });
  }

  #checkAnswer(key: string, answer: Answer): void {
    const first = this.#answered.get(key);
    this.#answered.set(key, answer);
    if (first === undefined || first.uid === answer.uid) return;
    const held = this.kubernetes.gameServers.get(first.gameServer);
    const isThere = held?.metadata.uid === first.uid && heldSession(held) === first.sessionId;
    // Without a store that outlives it, an allocator knows of what runs and of nothing that has ended.
    if (this.#options.isStoreShared || isThere) {
      this.violations.push(`key ${key} was answered ${first.gameServer} and ${answer.gameServer}`);
    }
  }

  /** What the kit does: a session of its own for each GameServer, some time of play, then Ready again or Shutdown. */
  #join({ gameServer, uid, sessionId }: Answer): void {
    const held = this.kubernetes.gameServers.get(gameServer);
    if (held?.metadata.uid !== uid || held.status.state !== 'Allocated') return;
    const playing = this.#playing.get(gameServer);
    if (playing === sessionId || this.#ended.has(`${uid}/${sessionId}`)) return;
    if (playing !== undefined) this.violations.push(`${gameServer} was given to ${playing} and to ${sessionId}`);
    this.#playing.set(gameServer, sessionId);
    this.time.after(500 + this.random() * 4000, () => {
      if (this.#playing.get(gameServer) !== sessionId) return;
      this.#ended.add(`${uid}/${sessionId}`);
      this.#end(gameServer);
    });
  }

  #end(gameServer: string): void {
    this.#playing.delete(gameServer);
    if (this.random() < 0.5) this.kubernetes.setState(gameServer, 'Ready');
    else this.lose(gameServer);
  }

  /** What kits do with what they were told: a session that nobody joins in time is over; Shutdown is the end. */
  startTending(): void {
    this.time.after(200, () => {
      for (const { metadata, status } of this.kubernetes.gameServers.values()) {
        const session = metadata.annotations['regatta.dev/session'] ?? '';
        const isNoShow =
          status.state === 'Allocated' &&
          session !== '' &&
          !this.#playing.has(metadata.name) &&
          Date.parse((JSON.parse(session) as { joinBy: string }).joinBy) < this.time.nowMs;
        if (isNoShow || status.state === 'Shutdown') this.lose(metadata.name);
      }
      for (const allocator of this.#allocators) void allocator.reaper.pass();
      this.startTending();
    });
  }
}

/** One allocator without its HTTP surface: everything between a request's key and its answer is the real thing. */
class SimulatedAllocator {
  readonly process: SimulatedProcess;
  readonly reaper: Reaper;
  readonly #once: Once;
  readonly #allocations: Allocations;
  readonly #gameServers: GameServers;
  readonly #warmClaims: WarmClaims;
  readonly #claims: ClaimedGameServers;
  readonly #world: SimulatedAllocators;

  constructor(
    world: SimulatedAllocators,
    parts: {
      process: SimulatedProcess;
      clock: ReturnType<SimulatedTime['clockOf']>;
      store: Store;
      holder: string;
      number: number;
    },
  ) {
    const { process, clock, store, holder, number } = parts;
    const { kubernetes, random } = world;
    this.#world = world;
    this.process = process;
    const connection = kubernetes.callsOf(process);
    const watched = new WatchedGameServers({
      cluster: CLUSTER,
      connection,
      clock,
      route: { addressType: 'PodIP', portName: 'game' },
      maxEndedSessions: 10_000,
      claimHolder: holder,
      joinWithinMs: 60_000,
      sharedPatienceMs: 250,
    });
    const patches = new PatchAllocations({ connection, gameServers: watched, clock, random });
    this.#claims = new ClaimedGameServers({ connection, gameServers: watched, maker: patches, clock });
    const timing = { clock, logger: silentLogger, random, firstPauseMs: 20, maxPauseMs: 200 };
    this.#warmClaims = new WarmClaims({
      ...timing,
      claims: this.#claims,
      otherwise: patches,
      bindings: store.isShared ? new Bindings({ store, cluster: CLUSTER, keptMs: DAY_MS }) : undefined,
      gameServers: watched,
      games: GAMES,
      observer: OBSERVER,
      holder,
      minClaims: 2,
      maxClaims: 6,
      aheadMs: 500,
      claimMs: CLAIM_MS,
      isWaitedFor: (game) => this.#allocations.isWaitedFor(game),
    });
    this.#gameServers = new BoundGameServers(watched, this.#warmClaims);
    this.#allocations = new Allocations({
      ...timing,
      gameServerAllocations: new AllocationsAcrossClusters({
        clusters: [
          {
            name: CLUSTER,
            region: undefined,
            priority: 0,
            weight: 1,
            gameServerAllocations: this.#warmClaims,
            gameServers: this.#gameServers,
            games: GAMES,
            breaker: new ClusterBreaker({ clock, maxFaults: 3, slowMs: 1000, openMs: 1000 }),
          },
        ],
        clock,
        logger: silentLogger,
        observer: OBSERVER,
        random,
      }),
      gameServers: this.#gameServers,
      observer: OBSERVER,
      newSessionId: () => 'never00000000000',
      maxConcurrentAttempts: 10,
      maxWaitingRequests: 1000,
      settleMs: 200,
      answerGraceMs: 1000,
      joinWithinMs: JOIN_WITHIN_MS,
    });
    this.#once = new Once({
      store,
      clock,
      processId: `allocator-${number}`,
      keptMs: DAY_MS,
      leaseMs: 300,
      pollMs: 50,
      maxWatchedKeys: 1000,
    });
    const upkeep = new KubernetesUpkeep({
      connection: {
        ...connection,
        namespace: 'default',
        podPhase: () => Promise.resolve('Running'),
        createEvent: () => Promise.resolve(),
      },
      clock,
      logger: silentLogger,
    });
    const ownership = new Ownership(MAX_PATCH_DELAY_MS);
    this.reaper = new Reaper({
      gameServers: this.#gameServers,
      upkeep,
      missingPods: new MissingPods({
        upkeep,
        ownership,
        clock,
        logger: silentLogger,
        againAfterMs: 1000,
        maxLookups: 5,
      }),
      clock,
      logger: silentLogger,
      observer: OBSERVER,
      mode: 'on',
      graceMs: REAP_GRACE_MS,
      maxPerPass: 10,
      rules: {
        ownership,
        maxSessionMs: MAX_SESSION_MS,
        noShowMarginMs: 0,
        maxDrainMs: 0,
        isPursuing: (sessionId) => this.#allocations.isPursuing(sessionId),
        answeredWith: (sessionId) => this.#allocations.answeredWith(sessionId)?.name,
      },
      mayGiveBack: async (gameServer) => {
        const claim = this.#claims.claimOf(gameServer);
        return claim !== undefined && this.#warmClaims.giveUp(claim);
      },
    });
    kubernetes.watch(process, watched);
    this.#warmClaims.start();
  }

  /** @returns undefined when it was refused */
  async newGame(key: string): Promise<Answer | undefined> {
    const deadlineMs = this.#world.time.nowMs + REQUEST_WAIT_MS;
    try {
      const result = await this.#once.run<string>({ key, fingerprint: '', deadlineMs }, async (isFirst, lost) => {
        const made = await this.#allocations.allocate({
          game: GAME,
          preferredRegions: [],
          // A fifth of them, as if they came back from a session that was lost: whoever goes first, nothing is got twice.
          isReturning: /[05]$/.test(key),
          session: { id: sessionIdOf(key), mayExist: !isFirst, lost },
          deadlineMs,
          gone: new AbortController().signal,
        });
        if (made.state === 'refused') return { refused: made.refusal };
        const { session, gameServer } = made;
        const answer: Answer = { sessionId: session.sessionId, gameServer: gameServer.name, uid: gameServer.uid };
        return { answer: JSON.stringify(answer) };
      });
      return result.state === 'answered' ? (JSON.parse(result.answer) as Answer) : undefined;
    } catch (error) {
      if (error instanceof StoreDown) return undefined;
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#allocations.close();
    await this.#warmClaims.close();
  }
}

/** An id that fits, the same for a key each time. */
function sessionIdOf(key: string): string {
  return `session${key.padStart(13, '0')}`;
}

function overNetwork(store: MemoryStore, network: SimulatedNetwork, process: SimulatedProcess): Store {
  const call = <Answer>(carryOut: () => Promise<Answer>): Promise<Answer> => network.call(process, carryOut);
  return {
    isShared: true,
    unbrokenSinceMs: Number.NEGATIVE_INFINITY,
    putIfAbsent: (key, text, keptMs) => call(() => store.putIfAbsent(key, text, keptMs)),
    replace: (key, expected, text, keptMs) => call(() => store.replace(key, expected, text, keptMs)),
    get: (key) => call(() => store.get(key)),
  };
}
