import { AGONES } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { GAME_LABEL, SESSIONS_LIST } from '../../lib/session.ts';
import { describeSession } from '../allocation/describe-session.ts';
import type { PlaceLedger } from '../allocation/place-ledger.ts';
import { KubernetesDown } from '../allocation/ports.ts';
import type { GameServerView } from '../allocation/ports.ts';
import { guardedPatch } from './guarded-patch.ts';
import { pointerKey } from './json-pointer.ts';
import { asPortError, CallError, GAME_SERVERS } from './kubernetes-connection.ts';
import type { KubernetesCalls } from './kubernetes-connection.ts';
import { SharedSearch } from './shared-search.ts';

export interface SharedGameServersOptions {
  connection: Pick<KubernetesCalls, 'get' | 'list' | 'patch'>;
  clock: Clock;
  ledger: PlaceLedger;
  viewOf: (object: unknown) => GameServerView;
  /** A session with no player this long after it was made is over. */
  joinWithinMs: number;
}

/** What came of a write, and the GameServer as it left it. */
export type WriteOutcome = { state: 'Done'; view: GameServerView } | { state: 'Refuted' | 'Unavailable' | 'Unknown' };

/** Writes of one GameServer that are tried: each that somebody else was quicker than costs two calls. */
const MAX_TRIES = 5;

/**
 * Shared GameServers in Kubernetes: reads and writes that the ledger of places learns from.
 *
 * A write is a patch that tests the version it was made for. So it takes effect on what is known or not at all; it can
 * be sent again when its answer was lost; and once there is another version, a lost one can do nothing any more.
 */
export class SharedGameServers {
  readonly ledger: PlaceLedger;
  readonly #options: SharedGameServersOptions;
  readonly #search: SharedSearch;

  constructor(options: SharedGameServersOptions) {
    this.ledger = options.ledger;
    this.#options = options;
    this.#search = new SharedSearch({ ...options, labelSelector: GAME_LABEL });
  }

  /** The GameServer of a session, as far as is known here. */
  holding(sessionId: string): GameServerView | undefined {
    const place = this.ledger.placeOf(sessionId);
    return place === undefined ? undefined : this.#describe(place.gameServer, sessionId, place.sinceMs);
  }

  /**
   * Asks Kubernetes for every GameServer whose List has this session.
   *
   * @throws KubernetesDown
   */
  async findHolding(sessionId: string): Promise<readonly GameServerView[]> {
    if (this.ledger.isEmpty) return [];
    const doubt = this.ledger.doubtOf(sessionId);
    const views = doubt === undefined ? await this.#search.all() : [await this.read(doubt.name)];
    return views.flatMap((view) =>
      view !== undefined && isOn(view, sessionId) ? [this.#describe(view, sessionId)] : [],
    );
  }

  /**
   * This GameServer as it is now.
   *
   * @returns undefined when it has gone
   * @throws KubernetesDown
   */
  async read(name: string): Promise<GameServerView | undefined> {
    try {
      const view = this.#options.viewOf(await this.#options.connection.get(GAME_SERVERS, name));
      this.ledger.answered(view);
      return view;
    } catch (error) {
      if (error instanceof CallError && error.fault === 'not_found') {
        this.ledger.forget(name);
        return undefined;
      }
      throw asPortError(error);
    }
  }

  /** The session on this GameServer. @returns undefined when it is not there @throws KubernetesDown */
  async readSession(name: string, sessionId: string): Promise<GameServerView | undefined> {
    const view = await this.read(name);
    return view !== undefined && isOn(view, sessionId) ? this.#describe(view, sessionId) : undefined;
  }

  /**
   * Sets the sessions of a GameServer, on the version that this view is of alone. One that is Ready becomes Allocated.
   *
   * @throws KubernetesRefusal
   */
  async setSessions(view: GameServerView, sessionIds: readonly string[]): Promise<WriteOutcome> {
    const { clock } = this.#options;
    return this.#patch(view, [
      {
        op: 'add',
        path: `/status/lists/${pointerKey(SESSIONS_LIST)}`,
        value: { capacity: view.shared?.capacity ?? 0, values: sessionIds },
      },
      ...(view.state === 'Allocated'
        ? []
        : [
            { op: 'replace', path: '/status/state', value: 'Allocated' },
            {
              op: 'add',
              path: `/metadata/annotations/${pointerKey(AGONES.lastAllocatedAnnotation)}`,
              value: new Date(clock.nowMs()).toISOString(),
            },
          ]),
    ]);
  }

  /**
   * Gives a GameServer without sessions back, or ends it: on the version that this view is of alone.
   *
   * @returns whether it was done
   */
  async giveBack(view: GameServerView, state: 'Ready' | 'Shutdown'): Promise<boolean> {
    this.ledger.begin(view.name, []);
    try {
      const { state: outcome } = await this.#patch(view, [{ op: 'replace', path: '/status/state', value: state }]);
      return outcome === 'Done';
    } finally {
      this.ledger.end(view.name);
    }
  }

  /**
   * Takes a session off a GameServer.
   *
   * @returns false when it is not there, and nothing was changed
   * @throws KubernetesDown
   */
  async release(name: string, sessionId: string): Promise<boolean> {
    let mayBeDone = false;
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      const view = await this.read(name);
      if (view === undefined || !isOn(view, sessionId)) return mayBeDone;
      const others = (view.shared?.sessionIds ?? []).filter((other) => other !== sessionId);
      const { state } = await this.setSessions(view, others);
      if (state === 'Done') return true;
      mayBeDone ||= state === 'Unknown';
    }
    throw new KubernetesDown(`GameServer ${name} changes too often to take a session off it`);
  }

  async #patch(view: GameServerView, changes: readonly object[]): Promise<WriteOutcome> {
    const outcome = await guardedPatch(this.#options.connection, view.name, [
      { op: 'test', path: '/metadata/uid', value: view.uid },
      { op: 'test', path: '/metadata/resourceVersion', value: view.resourceVersion },
      ...changes,
    ]);
    if (outcome.state !== 'Done') return { state: outcome.state };
    const written = this.#options.viewOf(outcome.object);
    this.ledger.answered(written);
    return { state: 'Done', view: written };
  }

  #describe(view: GameServerView, sessionId: string, sinceMs?: number): GameServerView {
    const { clock, joinWithinMs } = this.#options;
    const madeAtMs = sinceMs ?? this.ledger.placeOf(sessionId)?.sinceMs ?? clock.nowMs();
    const session = describeSession(
      { sessionId, game: view.game ?? '', mode: 'shared', seats: view.shared?.seats ?? 1 },
      { madeAtMs, joinWithinMs },
    );
    return { ...view, session };
  }
}

/** Whether a shared GameServer holds this session. */
export function isOn({ state, isGoing, shared }: GameServerView, sessionId: string): boolean {
  return state === 'Allocated' && !isGoing && shared?.sessionIds.includes(sessionId) === true;
}
