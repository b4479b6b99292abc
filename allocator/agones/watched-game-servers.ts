import type { Clock } from '../../lib/clock.ts';
import { PlaceLedger } from '../allocation/place-ledger.ts';
import { SESSION_KEY } from '../../lib/session.ts';
import { oldestFirst } from '../allocation/doubles.ts';
import { KubernetesDown } from '../allocation/ports.ts';
import type { GameServerRef, GameServers, GameServerView } from '../allocation/ports.ts';
import { isOlderVersion } from '../allocation/resource-version.ts';
import { endingOf } from '../allocation/session-ending.ts';
import type { SessionEnding } from '../allocation/session-ending.ts';
import { ClaimIndex } from './claim-index.ts';
import { viewOf } from './game-server-view.ts';
import type { RouteChoice } from './game-server-view.ts';
import { pointerKey } from './json-pointer.ts';
import { asPortError, CallError, GAME_SERVERS } from './kubernetes-connection.ts';
import type { KubernetesCalls } from './kubernetes-connection.ts';
import { ReadyGameServers } from './ready-game-servers.ts';
import type { ReflectorTarget } from './reflector.ts';
import { SharedGameServers } from './shared-game-servers.ts';
import { gameServerListSchema, gameServerSchema, namedSchema } from './wire.ts';
import type { WireGameServer } from './wire.ts';

export interface WatchedGameServersOptions {
  /** Name of the cluster. */
  cluster: string;
  clock: Clock;
  connection: KubernetesCalls;
  route: RouteChoice;
  /** Sessions that ended are remembered, the newest this many, to tell "over" from "lost" and from "never was". */
  maxEndedSessions: number;
  /** Under whose name this allocator claims GameServers. */
  claimHolder: string;
  /** A session with no player this long after it was made is over. */
  joinWithinMs: number;
  /** A write to a shared GameServer that takes longer than this is not waited for: other sessions go elsewhere. */
  sharedPatienceMs: number;
}

/** A session is on one GameServer; a few more would be doubles. */
const MAX_HOLDING = 10;

/** The GameServers of a namespace as its watch tells them, and what of them has to be asked or changed. */
export class WatchedGameServers implements GameServers, ReflectorTarget {
  /** Those that are Ready. */
  readonly ready: ReadyGameServers;
  /** Those that this allocator claims. */
  readonly claims: ClaimIndex;
  /** Those that hold several sessions. */
  readonly shared: SharedGameServers;
  readonly #options: WatchedGameServersOptions;
  readonly #byName = new Map<string, GameServerView>();
  /** More than one where there are doubles. */
  readonly #namesBySession = new Map<string, Set<string>>();
  /** By their names: those whose session the watch has yet to show. */
  readonly #noted = new Map<string, GameServerView>();
  /** The oldest first. */
  readonly #endings = new Map<string, SessionEnding>();

  constructor(options: WatchedGameServersOptions) {
    this.#options = options;
    this.ready = new ReadyGameServers(options.clock);
    this.claims = new ClaimIndex(options.claimHolder);
    this.shared = new SharedGameServers({
      ...options,
      viewOf: (object) => this.viewOf(object),
      ledger: new PlaceLedger({
        clock: options.clock,
        patienceMs: options.sharedPatienceMs,
        isOutdated: (gameServer) => this.ready.isOutdated(gameServer),
        onEnded: (sessionId, ending) => {
          this.#remember(sessionId, ending);
        },
      }),
    });
  }

  holding(sessionId: string): GameServerView | undefined {
    const shared = this.shared.holding(sessionId);
    if (shared !== undefined) return shared;
    const names = this.#namesBySession.get(sessionId) ?? [];
    const [oldest] = oldestFirst([...names].flatMap((name) => this.#noted.get(name) ?? this.#byName.get(name) ?? []));
    return oldest;
  }

  all(): Iterable<GameServerView> {
    return this.#byName.values();
  }

  isOutdated(gameServer: GameServerView): boolean {
    return this.ready.isOutdated(gameServer);
  }

  noteSession(gameServer: GameServerView): void {
    const { name, session } = gameServer;
    if (session === undefined || !this.#byName.has(name)) return;
    this.#noted.set(name, gameServer);
    this.#holds(name, session.sessionId);
  }

  /** What a claim of our own was answered: the watch tells it later, unless it has told more by now. */
  noteClaim(gameServer: GameServerView): void {
    const known = this.#byName.get(gameServer.name);
    const isLate = known !== undefined && isOlderVersion(gameServer.resourceVersion, known.resourceVersion);
    if (!isLate) this.claims.learn(gameServer);
  }

  endOf(sessionId: string): SessionEnding | undefined {
    return this.#endings.get(sessionId);
  }

  async read({ name }: GameServerRef, sessionId: string): Promise<GameServerView | undefined> {
    const watched = this.#holder(name);
    if (watched?.session?.sessionId === sessionId) return watched;
    if (this.#isShared(name)) return this.shared.readSession(name, sessionId);
    try {
      const view = this.viewOf(await this.#options.connection.get(GAME_SERVERS, name));
      return view.session?.sessionId === sessionId ? view : undefined;
    } catch (error) {
      if (error instanceof CallError && error.fault === 'not_found') return undefined;
      throw asPortError(error);
    }
  }

  async findHolding(sessionId: string): Promise<readonly GameServerView[]> {
    let raw: unknown;
    try {
      const labelSelector = `${SESSION_KEY}=${sessionId}`;
      raw = await this.#options.connection.list(GAME_SERVERS, { labelSelector, limit: MAX_HOLDING });
    } catch (error) {
      throw asPortError(error);
    }
    const parsed = gameServerListSchema.safeParse(raw);
    if (!parsed.success) throw new KubernetesDown('a list of GameServers makes no sense', { cause: parsed.error });
    const exclusive = parsed.data.items
      .map((item) => this.#view(item))
      .filter(({ session }) => session?.sessionId === sessionId);
    return exclusive.length > 0 ? exclusive : this.shared.findHolding(sessionId);
  }

  async release({ name }: GameServerRef, sessionId: string): Promise<boolean> {
    if (this.#isShared(name)) return this.shared.release(name, sessionId);
    try {
      await this.#options.connection.patch(GAME_SERVERS, name, [
        { op: 'test', path: `/metadata/labels/${pointerKey(SESSION_KEY)}`, value: sessionId },
        { op: 'test', path: '/status/state', value: 'Allocated' },
        { op: 'replace', path: '/status/state', value: 'Shutdown' },
      ]);
      return true;
    } catch (error) {
      // 422: a test did not hold, so it is not ours any more.
      if (error instanceof CallError && (error.fault === 'not_found' || error.status === 422)) return false;
      throw asPortError(error);
    }
  }

  onReady(listener: (game: string, sessions?: number) => void): () => void {
    const ends = [this.ready.onReady(listener), this.claims.onClaimed(listener), this.shared.ledger.onFree(listener)];
    return () => {
      for (const end of ends) end();
    };
  }

  replaceAll(objects: readonly unknown[]): void {
    const gameServers = objects.map(parse);
    const present = new Set(gameServers.map(({ metadata }) => metadata.name));
    for (const name of this.#byName.keys()) if (!present.has(name)) this.#forget(name);
    for (const gameServer of gameServers) this.#learn(gameServer);
  }

  upsert(object: unknown): void {
    this.#learn(parse(object));
  }

  remove(object: unknown): void {
    this.#forget(namedSchema.parse(object).metadata.name);
  }

  /** @throws KubernetesDown when it is no GameServer */
  viewOf(object: unknown): GameServerView {
    return this.#view(parse(object));
  }

  #view(gameServer: WireGameServer): GameServerView {
    return viewOf(gameServer, this.#options.route, this.#options.cluster);
  }

  #learn(gameServer: WireGameServer): void {
    const view = this.#view(gameServer);
    const before = this.#holder(view.name);
    // A claim that was bound elsewhere is the session's before it says so.
    if (view.claim === undefined) this.#noted.delete(view.name);
    const now = this.#noted.get(view.name)?.session?.sessionId ?? view.session?.sessionId;
    this.#byName.set(view.name, view);
    if (before?.session !== undefined && before.session.sessionId !== now) this.#end(before, view);
    if (now !== undefined) this.#holds(view.name, now);
    this.ready.learn(gameServer);
    this.claims.learn(view);
    if (view.shared === undefined) this.shared.ledger.forget(view.name);
    else this.shared.ledger.learn(view);
  }

  #isShared(name: string): boolean {
    return this.#byName.get(name)?.shared !== undefined;
  }

  #forget(name: string): void {
    const before = this.#holder(name);
    this.#byName.delete(name);
    this.#noted.delete(name);
    this.ready.forget(name);
    this.claims.forget(name);
    this.shared.ledger.forget(name);
    if (before !== undefined) this.#end(before, undefined);
  }

  #holds(name: string, sessionId: string): void {
    this.#namesBySession.set(sessionId, (this.#namesBySession.get(sessionId) ?? new Set()).add(name));
  }

  /** This GameServer as it is known to hold its session. */
  #holder(name: string): GameServerView | undefined {
    return this.#noted.get(name) ?? this.#byName.get(name);
  }

  /** @param now - undefined when it has gone */
  #end(before: GameServerView, now: GameServerView | undefined): void {
    const { name, session } = before;
    if (session === undefined) return;
    const { sessionId } = session;
    const names = this.#namesBySession.get(sessionId);
    // The end of a double is not the end of its session.
    if (names?.delete(name) !== true || names.size > 0) return;
    this.#namesBySession.delete(sessionId);
    this.#remember(sessionId, endingOf(sessionId, before, now));
  }

  #remember(sessionId: string, ending: SessionEnding): void {
    this.#endings.set(sessionId, ending);
    for (const oldest of this.#endings.keys()) {
      if (this.#endings.size <= this.#options.maxEndedSessions) break;
      this.#endings.delete(oldest);
    }
  }
}

function parse(object: unknown): WireGameServer {
  const parsed = gameServerSchema.safeParse(object);
  if (!parsed.success) throw new KubernetesDown('a GameServer makes no sense', { cause: parsed.error });
  return parsed.data;
}
