import type { Clock } from '../../lib/clock.ts';
import { choosePlaces } from './choose-places.ts';
import type { PlaceChoice, PlacesOffer } from './choose-places.ts';
import type { AllocationOrder, GameServerView } from './ports.ts';
import { placementRank } from './placement-rank.ts';
import { isOlderVersion } from './resource-version.ts';
import type { SessionEnding } from './session-ending.ts';

export interface PlaceLedgerOptions {
  clock: Clock;
  /** Whether a newer version of its Fleet is there. */
  isOutdated: (gameServer: GameServerView) => boolean;
  /** A write that takes longer than this is not waited for: others go elsewhere. */
  patienceMs: number;
  /**
   * Its id was in a List and is no more: it was over, for its game server takes it off; or its GameServer has gone with it.
   */
  onEnded: (sessionId: string, ending: SessionEnding) => void;
}

/** Which places will do. */
export type PlacesWanted = Omit<AllocationOrder, 'session'>;

/** A session that has a place. */
export interface PlacedSession {
  gameServer: GameServerView;
  /** When it was first heard of here. */
  sinceMs: number;
}

/** What is known of one shared GameServer. */
interface Entry {
  view: GameServerView;
  /** Until then, versions before the one we were told in person are late news. */
  surelyNewUntilMs: number;
  /** The write that is under way: ids it adds, and since when. */
  write: { sessionIds: readonly string[]; startedAtMs: number } | undefined;
  /** Since when it is Allocated and holds nothing. */
  emptySinceMs: number | undefined;
}

/**
 * How long our own answers count for more than what comes by the watch. A watch lags by far less; and the versions of a
 * cluster that was restored from a backup start over.
 */
const SURELY_NEW_MS = 60_000;

/**
 * The places of shared GameServers: which session has one where, how many are free, and which are being written.
 *
 * It is never behind itself: what one of our own calls was answered is not undone by an older event of the watch.
 */
export class PlaceLedger {
  readonly #options: PlaceLedgerOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #namesByGame = new Map<string, Set<string>>();
  readonly #sessions = new Map<string, { name: string; sinceMs: number }>();
  /** Writes whose answers were lost, by GameServer. One can take effect on the version it was made for alone. */
  readonly #doubts = new Map<string, { sessionIds: Set<string>; version: string }>();
  readonly #listeners = new Set<(game: string, places: number) => void>();

  constructor(options: PlaceLedgerOptions) {
    this.#options = options;
  }

  /** Whether no shared GameServer is known. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Calls back when places of a game become free, with how many. @returns ends it */
  onFree(listener: (game: string, places: number) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** News of the watch or of a list: old news where we were told better. */
  learn(view: GameServerView): void {
    const known = this.#entries.get(view.name);
    const isLate =
      known !== undefined &&
      known.surelyNewUntilMs > this.#options.clock.nowMs() &&
      isOlderVersion(view.resourceVersion, known.view.resourceVersion);
    if (!isLate) this.#put(view, known?.surelyNewUntilMs ?? Number.NEGATIVE_INFINITY);
  }

  /** What a call of our own was answered. */
  answered(view: GameServerView): void {
    const known = this.#entries.get(view.name)?.view.resourceVersion;
    if (known !== undefined && isOlderVersion(view.resourceVersion, known)) return;
    this.#put(view, this.#options.clock.nowMs() + SURELY_NEW_MS);
  }

  /** It has gone, or is not shared any more. */
  forget(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.#doubts.delete(name);
    this.#namesByGame.get(entry.view.game ?? '')?.delete(name);
    for (const sessionId of sessionsOn(entry.view)) this.#end(sessionId, entry.view, { isLost: true });
  }

  /** Where a session is. */
  placeOf(sessionId: string): PlacedSession | undefined {
    const place = this.#sessions.get(sessionId);
    const entry = this.#entries.get(place?.name ?? '');
    return place === undefined || entry === undefined ? undefined : { gameServer: entry.view, sinceMs: place.sinceMs };
  }

  /** Of a session whose write's answer was lost: the GameServer it may be on, as it was when it was written. */
  doubtOf(sessionId: string): GameServerView | undefined {
    for (const [name, { sessionIds }] of this.#doubts) {
      if (sessionIds.has(sessionId)) return this.#entries.get(name)?.view;
    }
    return undefined;
  }

  /** Where so many sessions of one kind go next. `begin` must follow before anything else is asked. */
  choose(wanted: PlacesWanted, count: number): PlaceChoice {
    return choosePlaces(this.#offers(wanted), count);
  }

  /** The most places that one GameServer has, whatever is being written. */
  mostFree(wanted: PlacesWanted): number {
    const fitting = this.#named(wanted.game).filter(({ view }) => this.#rankOf(view, wanted) !== undefined);
    return Math.max(0, ...fitting.map(({ view }) => freeOn(view)));
  }

  /** How long until a write that is under way is not waited for; undefined when there is none. */
  patienceLeftMs(wanted: PlacesWanted): number | undefined {
    const nowMs = this.#options.clock.nowMs();
    const endsMs = this.#named(wanted.game).flatMap(({ write }) =>
      write === undefined ? [] : [write.startedAtMs + this.#options.patienceMs],
    );
    const ahead = endsMs.filter((endMs) => endMs > nowMs);
    return ahead.length === 0 ? undefined : Math.min(...ahead) - nowMs;
  }

  /** A write is under way. One at a time for each GameServer. */
  begin(name: string, sessionIds: readonly string[]): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    entry.write = { sessionIds, startedAtMs: this.#options.clock.nowMs() };
  }

  /** It is not any more. `answered` comes before, where there was an answer. */
  end(name: string): void {
    const entry = this.#entries.get(name);
    if (entry !== undefined) entry.write = undefined;
  }

  /** Nobody can tell what came of a write that was made for this version. */
  doubt(name: string, sessionIds: readonly string[], version: string): void {
    if (this.#entries.get(name)?.view.resourceVersion !== version) return;
    const doubt = this.#doubts.get(name) ?? { sessionIds: new Set(), version };
    for (const sessionId of sessionIds) doubt.sessionIds.add(sessionId);
    this.#doubts.set(name, doubt);
  }

  /** Those that have been Allocated without a session for longer than this, and are not being written. */
  emptyFor(quietMs: number): GameServerView[] {
    const beforeMs = this.#options.clock.nowMs() - quietMs;
    return [...this.#entries.values()].flatMap(({ view, write, emptySinceMs }) =>
      write === undefined && emptySinceMs !== undefined && emptySinceMs <= beforeMs ? [view] : [],
    );
  }

  #put(view: GameServerView, surelyNewUntilMs: number): void {
    const { game = '', name } = view;
    const known = this.#entries.get(name);
    const isEmpty = view.state === 'Allocated' && sessionsOn(view).length === 0 && view.claim === undefined;
    const nowMs = this.#options.clock.nowMs();
    this.#entries.set(name, {
      view,
      surelyNewUntilMs,
      write: known?.write,
      emptySinceMs: isEmpty ? (known?.emptySinceMs ?? nowMs) : undefined,
    });
    // Another version is there now: if a write in doubt was not part of it, it never will be.
    if (this.#doubts.get(name)?.version !== view.resourceVersion) this.#doubts.delete(name);
    this.#namesByGame.set(game, (this.#namesByGame.get(game) ?? new Set()).add(name));
    this.#noteSessions(view, known?.view);
    const freed = freeOn(view) - (known === undefined ? 0 : freeOn(known.view));
    if (freed > 0) for (const listener of this.#listeners) listener(game, freed);
  }

  #noteSessions(view: GameServerView, before: GameServerView | undefined): void {
    const now = new Set(sessionsOn(view));
    const nowMs = this.#options.clock.nowMs();
    for (const sessionId of now) {
      const place = this.#sessions.get(sessionId);
      if (place?.name !== view.name) this.#sessions.set(sessionId, { name: view.name, sinceMs: nowMs });
    }
    if (before === undefined) return;
    const isLost = view.state !== 'Allocated' || view.isGoing;
    for (const sessionId of sessionsOn(before)) if (!now.has(sessionId)) this.#end(sessionId, before, { isLost });
  }

  #end(sessionId: string, { name, region }: GameServerView, { isLost }: { isLost: boolean }): void {
    if (this.#sessions.get(sessionId)?.name !== name) return;
    this.#sessions.delete(sessionId);
    this.#options.onEnded(sessionId, { isLost, region });
  }

  #rankOf(view: GameServerView, wanted: PlacesWanted): number | undefined {
    if (wanted.exclude?.includes(view.name) === true) return undefined;
    return placementRank({ ...view, isOutdated: this.#options.isOutdated(view) }, wanted);
  }

  #offers(wanted: PlacesWanted): PlacesOffer[] {
    const { clock, patienceMs } = this.#options;
    const nowMs = clock.nowMs();
    return this.#named(wanted.game).flatMap(({ view, write }) => {
      const free = freeOn(view) - (write?.sessionIds.length ?? 0);
      const rank = free > 0 ? this.#rankOf(view, wanted) : undefined;
      if (rank === undefined) return [];
      const isStuck = write !== undefined && nowMs - write.startedAtMs >= patienceMs;
      const progress = write === undefined ? 'none' : isStuck ? 'stuck' : 'under way';
      return [{ gameServer: view, free, rank, write: progress } satisfies PlacesOffer];
    });
  }

  #named(game: string): Entry[] {
    return [...(this.#namesByGame.get(game) ?? [])].flatMap((name) => this.#entries.get(name) ?? []);
  }
}

/** The ids that count: a List says nothing of a GameServer that is not Allocated, or is going. */
function sessionsOn({ state, isGoing, shared }: GameServerView): readonly string[] {
  return state === 'Allocated' && !isGoing ? (shared?.sessionIds ?? []) : [];
}

/** Places of a GameServer that sessions can be given to. */
function freeOn({ state, isGoing, drainingSince, shared, route, claim }: GameServerView): number {
  const isThere = (state === 'Allocated' || state === 'Ready') && !isGoing && route !== undefined;
  const isOpen = isThere && drainingSince === undefined && claim === undefined;
  return isOpen && shared !== undefined ? Math.max(0, shared.capacity - shared.sessionIds.length) : 0;
}
