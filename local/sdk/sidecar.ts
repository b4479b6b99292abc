import { AGONES } from '../../lib/agones.ts';
import type { GameServer, GameServerState } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { StatusError } from '../api/status-error.ts';
import type { ObjectStore } from '../api/store.ts';
import type { RecordEvent } from '../controllers/event-recorder.ts';
import { toTimestamp } from '../controllers/timestamps.ts';
import { CountersAndLists, LIST_FIELDS, updatedList } from './counters-and-lists.ts';
import type { CounterUpdate, ListUpdate, SdkCounter, SdkList } from './counters-and-lists.ts';
import { HealthCheck } from './health-check.ts';
import { checkAnnotationKey, checkLabel } from './metadata-rules.ts';
import { PlayerTracking } from './player-tracking.ts';
import { GRPC_CODE, SdkError } from './sdk-error.ts';

export interface SidecarOptions {
  store: ObjectStore;
  namespace: string;
  name: string;
  clock: Clock;
  record: RecordEvent;
  /** How long a change waits, and gathers others of its kind, before it is written. */
  writeIntervalMs: number;
  /** Whether a game server that sends no pings becomes Unhealthy. @default true */
  checksHealth?: boolean;
  /** Told when the game server has been Unhealthy for so long that its container is to end. */
  onDead?: (() => void) | undefined;
  /** Whether there was one before it that crashed: the probe of the game's health goes on. @default false */
  isRestarted?: boolean;
  /** Asked when the game says Ready; undefined passes it on at once, else it is passed on when that resolves. */
  holdReady?(namespace: string, name: string, calledOff: AbortSignal): Promise<void> | undefined;
  /** Told when it becomes Unhealthy for want of pings. */
  onSilent?: OnSilent | undefined;
  /**
   * For a game outside any cluster: whichever GameServer has the name is served, pings are not asked for, and `UpdateList`
   * works.
   */
  standAlone?: StandAlone | undefined;
}

/** What the SDK server of a game outside any cluster does otherwise. */
export interface StandAlone {
  /** Puts a new GameServer of the same name in the place of one that has ended: the game goes on, or was started again. */
  replaceEnded(): void;
  /** The feature gate of the alpha calls. */
  playerTracking: boolean;
}

/** Told of a GameServer whose pings stay away; `everPinged` is false when none ever came. */
export type OnSilent = (gameServer: GameServer, everPinged: boolean) => void;

/** What is gathered and written apart, as Agones' sidecar does: each has its own wait. */
type Update = 'state' | 'labels' | 'annotations' | 'counters' | 'lists';

/** However short the interval is: a write may be refused for ever. */
const MIN_RETRY_MS = 100;

/** Timers of the platform hold no longer delay; longer waits are made of several. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * What the SDK server of one GameServer does, whatever protocol it is asked by.
 *
 * State, label, annotation, Counter and List calls return when queued: they are seen on the GameServer up to
 * `writeIntervalMs` later. State changes of a GameServer that is Shutdown, Unhealthy or being deleted are dropped without
 * an error.
 *
 * Source: Agones 1.57, `pkg/sdkserver/sdkserver.go`.
 */
export class Sidecar {
  readonly #options: SidecarOptions;
  readonly #uid: string | undefined;
  readonly #health: HealthCheck;
  readonly #queue = new Map<Update, () => void>();
  readonly #watchers = new Set<(gameServer: GameServer) => void>();
  readonly #labels = new Map<string, string>();
  readonly #annotations = new Map<string, string>();
  readonly #countersAndLists = new CountersAndLists();
  /** The alpha calls. */
  readonly players: PlayerTracking;
  #state: GameServerState | undefined;
  #reserveMs: number | undefined;
  #cancelReserve: () => void = () => {};
  #readyHold: AbortController | undefined;

  constructor(options: SidecarOptions, gameServer: GameServer) {
    this.#options = options;
    this.#uid = gameServer.metadata.uid;
    const unchecked = options.checksHealth === false || options.standAlone !== undefined || probedByItself(gameServer);
    const health = unchecked ? { disabled: true } : (gameServer.spec.health ?? {});
    const looksAtOnce = options.isRestarted === true ? { initialDelaySeconds: 0 } : {};
    this.#health = new HealthCheck({ ...health, ...looksAtOnce }, options.clock, {
      onUnhealthy: () => {
        this.#enqueueState('Unhealthy');
        const current = this.#find();
        if (current !== undefined) options.onSilent?.(current, this.#health.everPinged);
      },
      onDead: () => options.onDead?.(),
    });
    this.players = new PlayerTracking({
      enabled: options.standAlone?.playerTracking ?? false,
      status: () => this.gameServer().status,
      write: (players) => {
        this.#modify((copy) => {
          if (copy.status !== undefined) copy.status.players = players;
        });
      },
    });
    const { state, reservedUntil } = gameServer.status ?? {};
    if (state === 'Reserved' && typeof reservedUntil === 'string') this.#readyAt(Date.parse(reservedUntil));
  }

  /** Asks for Ready; the controller makes it so once `RequestReady` is written. */
  ready(): void {
    this.#stopReserve();
    if (this.#readyHold !== undefined) return;
    const { holdReady, namespace, name } = this.#options;
    const hold = new AbortController();
    const held = holdReady?.(namespace, name, hold.signal);
    if (held === undefined) {
      this.#enqueueState('RequestReady');
      return;
    }
    this.#readyHold = hold;
    void held.then(() => {
      if (hold.signal.aborted) return;
      this.#readyHold = undefined;
      this.#enqueueState('RequestReady');
    });
  }

  allocate(): void {
    this.#stopWaiting();
    this.#enqueueState('Allocated');
  }

  shutdown(): void {
    this.#stopWaiting();
    this.#enqueueState('Shutdown');
  }

  /** @param seconds - after so long the sidecar asks for Ready by itself; 0 or less is for ever */
  reserve(seconds: number): void {
    this.#stopWaiting();
    if (seconds > 0) this.#reserveMs = seconds * 1000;
    this.#enqueueState('Reserved');
  }

  /** Whether a ping ever came. */
  get everPinged(): boolean {
    return this.#health.everPinged;
  }

  /** A health ping. */
  ping(): void {
    this.#health.ping();
  }

  /**
   * The GameServer as it is stored: without what is queued.
   *
   * @throws SdkError when it is gone
   */
  gameServer(): GameServer {
    const { namespace, name } = this.#options;
    const gameServer = this.#find();
    if (gameServer === undefined) {
      throw new SdkError(GRPC_CODE.unknown, `could not retrieve GameServer ${namespace}/${name}`);
    }
    return gameServer;
  }

  /**
   * Calls back with each later state of the GameServer, synchronously with its change.
   *
   * @returns ends it
   */
  watch(listener: (gameServer: GameServer) => void): () => void {
    this.#watchers.add(listener);
    return () => {
      this.#watchers.delete(listener);
    };
  }

  /** @throws SdkError INVALID_ARGUMENT */
  setLabel(key: string, value: string): void {
    checkLabel(key, value);
    this.#labels.set(AGONES.sdkPrefix + key, value);
    this.#enqueue('labels');
  }

  /** @throws SdkError INVALID_ARGUMENT */
  setAnnotation(key: string, value: string): void {
    checkAnnotationKey(key);
    this.#annotations.set(AGONES.sdkPrefix + key, value);
    this.#enqueue('annotations');
  }

  /** @throws SdkError */
  counter(name: string): SdkCounter {
    return this.#countersAndLists.counter(this.gameServer().status, name);
  }

  /** @throws SdkError */
  updateCounter(update: CounterUpdate): SdkCounter {
    const counter = this.#countersAndLists.updateCounter(this.gameServer().status, update);
    this.#enqueue('counters');
    return counter;
  }

  /** @throws SdkError */
  list(name: string): SdkList {
    return this.#countersAndLists.list(this.gameServer().status, name);
  }

  /**
   * Sets the capacity or the values of a List, which no game in production can do.
   *
   * Agones 1.57 first looks for the largest List there may be, where it finds nothing (a Fleet of a fixed name, or an object
   * it has no right to read), and refuses; so games are refused here too, before they meet it on a cluster. Its local mode
   * does it, at once and without an event, and so does a sidecar that stands alone.
   *
   * @throws SdkError
   */
  updateList(update: ListUpdate): SdkList {
    if (!update.paths.every((path) => LIST_FIELDS.includes(path))) {
      const rule = `Use valid field name(s): ${LIST_FIELDS.join(', ')}`;
      const message = `invalid argument. Field Mask Path(s): [${update.paths.join(' ')}] are invalid for List. ${rule}`;
      throw new SdkError(GRPC_CODE.unknown, message);
    }
    if (this.#options.standAlone === undefined) throw new SdkError(GRPC_CODE.unknown, 'no gameservers for fleet');
    const list = updatedList(this.list(update.name), update);
    this.#modify((copy) => {
      const { capacity, values } = list;
      if (copy.status !== undefined) copy.status.lists = { ...copy.status.lists, [update.name]: { capacity, values } };
    });
    return list;
  }

  /** @throws SdkError */
  addListValue(name: string, value: string): SdkList {
    const list = this.#countersAndLists.addValue(this.gameServer().status, name, value);
    this.#enqueue('lists');
    return list;
  }

  /** @throws SdkError */
  removeListValue(name: string, value: string): SdkList {
    const list = this.#countersAndLists.removeValue(this.gameServer().status, name, value);
    this.#enqueue('lists');
    return list;
  }

  /** For the owner of the sidecar: the GameServer changed in the store. */
  gameServerChanged(gameServer: GameServer): void {
    for (const watcher of this.#watchers) watcher(gameServer);
  }

  /** Ends every timer; what was queued is not written. */
  stop(): void {
    this.#health.stop();
    this.#endWaiting();
  }

  /** What a crash of it does: what was queued is not written, and the game's liveness probe fails until {@link stop}. */
  crash(): void {
    this.#health.lose();
    this.#endWaiting();
  }

  #endWaiting(): void {
    this.#stopWaiting();
    for (const cancel of this.#queue.values()) cancel();
    this.#queue.clear();
    this.#watchers.clear();
  }

  #enqueueState(state: GameServerState): void {
    if (this.#state !== 'Unhealthy') this.#state = state;
    this.#enqueue('state');
  }

  #enqueue(update: Update, delayMs = this.#options.writeIntervalMs): void {
    if (this.#queue.has(update)) return;
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#queue.delete(update);
      this.#tryToWrite(update);
    });
    this.#queue.set(update, cancel);
  }

  /**
   * Writes, and again after another interval as long as the write is refused.
   *
   * The SDK's prefix makes names of labels that were good before too long, or gives them two slashes: none of the labels
   * of such a game server is ever written again, nor annotations once they are too large together.
   */
  #tryToWrite(update: Update): void {
    try {
      this.#write(update);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.#enqueue(update, Math.max(this.#options.writeIntervalMs, MIN_RETRY_MS));
    }
  }

  #write(update: Update): void {
    switch (update) {
      case 'state':
        this.#writeState();
        return;
      case 'labels':
        this.#modify((copy) => {
          copy.metadata.labels = { ...copy.metadata.labels, ...Object.fromEntries(this.#labels) };
        });
        return;
      case 'annotations':
        this.#modify((copy) => {
          copy.metadata.annotations = { ...copy.metadata.annotations, ...Object.fromEntries(this.#annotations) };
        });
        return;
      case 'counters':
        this.#writeCounters();
        return;
      case 'lists':
        this.#writeLists();
    }
  }

  #writeState(): void {
    const state = this.#state;
    this.#replaceEnded();
    const current = this.#find();
    if (state === undefined || current === undefined || isEnding(current)) return;
    const { clock, record } = this.#options;
    const reserveMs = state === 'Reserved' ? this.#reserveMs : undefined;
    const written = this.#modify((copy) => {
      if (copy.status === undefined) return;
      copy.status.state = state;
      copy.status.reservedUntil = reserveMs === undefined ? null : toTimestamp(clock.nowMs() + reserveMs);
      if (state === 'Allocated') {
        copy.metadata.annotations = {
          ...copy.metadata.annotations,
          [AGONES.lastAllocatedAnnotation]: new Date(clock.nowMs()).toISOString(),
        };
      }
    });
    if (written === undefined) return;
    if (reserveMs !== undefined) this.#readyAt(clock.nowMs() + reserveMs);
    if (state === 'Unhealthy') record(written, 'Warning', state, 'Health check failure');
    else record(written, 'Normal', state, `SDK state change${describeReserve(reserveMs)}`);
  }

  #replaceEnded(): void {
    const { standAlone } = this.#options;
    const current = this.#find();
    if (standAlone === undefined || current === undefined || !isEnding(current) || this.#state === 'Shutdown') return;
    this.#labels.clear();
    this.#annotations.clear();
    standAlone.replaceEnded();
  }

  #writeCounters(): void {
    let counters: SdkCounter[] = [];
    const written = this.#modify((copy) => {
      if (copy.status !== undefined) counters = this.#countersAndLists.applyCounters(copy.status);
    });
    this.#countersAndLists.countersWritten();
    if (written === undefined) return;
    for (const { name, count, capacity } of counters) {
      const message = `Counter ${name} updated to Count:${count} Capacity:${capacity}`;
      this.#options.record(written, 'Normal', 'UpdateCounter', message);
    }
  }

  #writeLists(): void {
    let lists: SdkList[] = [];
    const written = this.#modify((copy) => {
      if (copy.status !== undefined) lists = this.#countersAndLists.applyLists(copy.status);
    });
    this.#countersAndLists.listsWritten();
    if (written === undefined) return;
    for (const { name } of lists) {
      this.#options.record(written, 'Normal', 'UpdateList', `List ${name} updated`);
    }
  }

  #readyAt(dueMs: number): void {
    const { clock } = this.#options;
    this.#cancelReserve = clock.after(Math.min(dueMs - clock.nowMs(), MAX_TIMER_MS), () => {
      if (clock.nowMs() >= dueMs) this.ready();
      else this.#readyAt(dueMs);
    });
  }

  /** Calls off what would ask for Ready later. */
  #stopWaiting(): void {
    this.#readyHold?.abort();
    this.#readyHold = undefined;
    this.#stopReserve();
  }

  #stopReserve(): void {
    this.#cancelReserve();
    this.#reserveMs = undefined;
  }

  /** Another GameServer may have taken the name since. */
  #find(): GameServer | undefined {
    const { store, namespace, name, standAlone } = this.#options;
    const found = store.find<GameServer>('gameservers', namespace, name);
    return standAlone !== undefined || found?.metadata.uid === this.#uid ? found : undefined;
  }

  #modify(change: (copy: GameServer) => void): GameServer | undefined {
    const { store, namespace, name } = this.#options;
    if (this.#find() === undefined) return undefined;
    return store.modify<GameServer>('gameservers', namespace, name, change);
  }
}

/** With a liveness probe of its own the game's health is Kubernetes' matter: Agones' check never starts. */
function probedByItself(gameServer: GameServer): boolean {
  const { containers } = gameServer.spec.template.spec;
  const game = containers.find((container) => container.name === gameServer.spec.container) ?? containers[0];
  return game?.['livenessProbe'] !== undefined;
}

function isEnding(gameServer: GameServer): boolean {
  const state = gameServer.status?.state;
  return gameServer.metadata.deletionTimestamp !== undefined || state === 'Shutdown' || state === 'Unhealthy';
}

function describeReserve(reserveMs: number | undefined): string {
  return reserveMs === undefined ? '' : `, for ${reserveMs / 1000}s`;
}
