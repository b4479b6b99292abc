import AgonesSdkModule from '@google-cloud/agones-sdk';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { pause } from '../../lib/pause.ts';
import { SdkCallError } from './game-server-sdk.ts';
import type { GameServerSdk, GameServerView } from './game-server-sdk.ts';

/** A gRPC stream of the package, as far as we touch it. */
interface RawStream {
  cancel(): void;
  on(event: 'status' | 'end', listener: () => void): void;
}

/** The GameServer as the package hands it out: protoc's object form, maps as pairs, int64 as number. */
interface RawGameServer {
  objectMeta?: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    deletionTimestamp: number;
    annotationsMap: [string, string][];
  };
  spec?: { health?: { disabled: boolean; periodSeconds: number; failureThreshold: number } };
  status?: {
    state: string;
    portsList: { name: string; port: number }[];
    listsMap: [string, { capacity: number; valuesList: string[] }][];
  };
}

/** What the package really has, where its own types lack it: streams, Lists, and the clients that `close` forgets. */
interface RawSdk {
  streams: RawStream[];
  healthStream: RawStream | undefined;
  alpha: { client: { close(): void } };
  beta: {
    client: { close(): void };
    appendListValue(list: string, value: string): Promise<void>;
    deleteListValue(list: string, value: string): Promise<void>;
  };
  close(): void;
  ready(): Promise<unknown>;
  allocate(): Promise<unknown>;
  shutdown(): Promise<unknown>;
  setAnnotation(key: string, value: string): Promise<unknown>;
  getGameServer(): Promise<RawGameServer>;
  health(onError: (error: unknown) => void): void;
  watchGameServer(onView: (gameServer: RawGameServer) => void, onError: (error: unknown) => void): void;
}

// The package is CommonJS (`module.exports = class`) with types that claim an ES default export: under nodenext the
// import is not constructable although at run time it is the class.
const RawAgonesSdk = AgonesSdkModule as unknown as abstract new () => RawSdk;

export interface AgonesSdkOptions {
  /** The sidecar's gRPC port on this host: `AGONES_SDK_GRPC_PORT`. */
  grpcPort: number;
  /** How long the sidecar may take to appear. */
  connectBudgetMs: number;
  /** A call without an answer by then has failed. */
  callDeadlineMs: number;
  /** The watch is opened again after this long, twice as long each time, up to `maxBackoffMs`. */
  minBackoffMs: number;
  maxBackoffMs: number;
  /** The health stream is made anew this often, whatever it looks like. */
  healthStreamMaxAgeMs: number;
  clock: Clock;
  logger: Logger;
  /** Gives up connecting when it is aborted. */
  signal?: AbortSignal;
}

/** Pings are at least this often before the GameServer's own health settings are known. */
const FIRST_PING_MS = 1000;
const MIN_PING_MS = 200;

/**
 * Agones' SDK with what it lacks: deadlines, a health stream and a watch that survive a restart of the sidecar.
 *
 * The package keeps a dead health stream for ever and reports nothing; it never opens its watch again. So one
 * connection object is thrown away whole and made anew whenever its watch ends, its health stream ends, or a
 * GetGameServer between two pings gets no answer. That GetGameServer also shows what the watch missed.
 */
export class AgonesSdk implements GameServerSdk {
  readonly #options: AgonesSdkOptions;
  readonly #listeners = new Set<(view: GameServerView) => void>();
  #raw: RawSdk;
  #view: GameServerView;
  #isClosed = false;
  #backoffMs: number;
  #healthStreamMadeAtMs = 0;
  #isChecking = false;
  #cancelPing: () => void = () => {};
  #cancelReopen: (() => void) | undefined;

  private constructor(options: AgonesSdkOptions, raw: RawSdk, view: GameServerView) {
    this.#options = options;
    this.#raw = raw;
    this.#view = view;
    this.#backoffMs = options.minBackoffMs;
  }

  /**
   * Waits for the sidecar, then keeps up pings and watch until `close`.
   *
   * @throws SdkCallError when the sidecar has not appeared within the budget, or on abort
   */
  static async connect(options: AgonesSdkOptions): Promise<AgonesSdk> {
    const { clock, logger } = options;
    const deadlineMs = clock.nowMs() + options.connectBudgetMs;
    let backoffMs = options.minBackoffMs;
    for (;;) {
      // A fresh object for each try: the channel's own backoff would grow to minutes.
      const raw = newRawSdk(options.grpcPort);
      try {
        const view = toView(await withDeadline('GetGameServer', raw.getGameServer(), options));
        const sdk = new AgonesSdk(options, raw, view);
        sdk.#startStreams();
        sdk.#ping();
        return sdk;
      } catch (error) {
        closeRaw(raw);
        if (options.signal?.aborted === true || clock.nowMs() + backoffMs > deadlineMs) throw error;
        logger.info({ err: error }, 'waiting for the sidecar');
        await pause(clock, backoffMs, options.signal);
        backoffMs = Math.min(backoffMs * 2, options.maxBackoffMs);
      }
    }
  }

  get gameServer(): GameServerView {
    return this.#view;
  }

  async refresh(): Promise<GameServerView> {
    const raw = await this.#call('GetGameServer', (sdk) => sdk.getGameServer());
    this.#receive(raw);
    return this.#view;
  }

  async ready(): Promise<void> {
    await this.#call('Ready', (sdk) => sdk.ready());
  }

  async allocate(): Promise<void> {
    await this.#call('Allocate', (sdk) => sdk.allocate());
  }

  async shutdown(): Promise<void> {
    await this.#call('Shutdown', (sdk) => sdk.shutdown());
  }

  async setAnnotation(name: string, value: string): Promise<void> {
    await this.#call('SetAnnotation', (sdk) => sdk.setAnnotation(name, value));
  }

  async addListValue(list: string, value: string): Promise<void> {
    await this.#call('AddListValue', (sdk) => sdk.beta.appendListValue(list, value));
  }

  async removeListValue(list: string, value: string): Promise<void> {
    await this.#call('RemoveListValue', (sdk) => sdk.beta.deleteListValue(list, value));
  }

  onChange(listener: (view: GameServerView) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelPing();
    this.#cancelReopen?.();
    this.#listeners.clear();
    closeRaw(this.#raw);
  }

  #call<Answer>(name: string, call: (raw: RawSdk) => Promise<Answer>): Promise<Answer> {
    return withDeadline(name, call(this.#raw), this.#options);
  }

  #startStreams(): void {
    const raw = this.#raw;
    raw.watchGameServer(
      (gameServer) => {
        if (raw !== this.#raw) return;
        this.#backoffMs = this.#options.minBackoffMs;
        this.#receive(gameServer);
      },
      (error) => {
        this.#reopenSoon(raw, 'watch failed', error);
      },
    );
    raw.streams.at(-1)?.on('end', () => {
      this.#reopenSoon(raw, 'watch ended');
    });
    this.#sendPing();
  }

  /** Sends one ping and sets the next. Between two pings the sidecar is asked whether it is there. */
  #ping(): void {
    const intervalMs = pingIntervalMs(this.#view);
    this.#cancelPing = this.#options.clock.after(intervalMs, () => {
      this.#sendPing();
      this.#ping();
      void this.#check();
    });
  }

  #sendPing(): void {
    if (this.#view.health.isDisabled || this.#cancelReopen !== undefined) return;
    const raw = this.#raw;
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#healthStreamMadeAtMs > this.#options.healthStreamMaxAgeMs) {
      raw.healthStream?.cancel();
      raw.healthStream = undefined;
    }
    const isNew = raw.healthStream === undefined;
    raw.health((error) => {
      this.#reopenSoon(raw, 'health ping failed', error);
    });
    if (!isNew) return;
    this.#healthStreamMadeAtMs = nowMs;
    const stream = raw.healthStream;
    stream?.on('status', () => {
      if (stream === raw.healthStream) this.#reopenSoon(raw, 'health stream ended');
    });
  }

  /** One question at a time: a sidecar that hangs must not pile them up. */
  async #check(): Promise<void> {
    if (this.#isChecking || this.#cancelReopen !== undefined) return;
    this.#isChecking = true;
    const raw = this.#raw;
    try {
      await this.refresh();
    } catch (error) {
      this.#reopenSoon(raw, 'sidecar does not answer', error);
    } finally {
      this.#isChecking = false;
    }
  }

  #reopenSoon(raw: RawSdk, why: string, error?: unknown): void {
    if (this.#isClosed || raw !== this.#raw || this.#cancelReopen !== undefined) return;
    this.#options.logger.warn({ err: error, why, backoffMs: this.#backoffMs }, 'connecting to the sidecar again');
    this.#cancelReopen = this.#options.clock.after(this.#backoffMs, () => {
      this.#cancelReopen = undefined;
      this.#backoffMs = Math.min(this.#backoffMs * 2, this.#options.maxBackoffMs);
      const old = this.#raw;
      this.#raw = newRawSdk(this.#options.grpcPort);
      closeRaw(old);
      this.#startStreams();
    });
  }

  #receive(rawGameServer: RawGameServer): void {
    if (this.#isClosed) return;
    const view = toView(rawGameServer);
    if (isSameView(view, this.#view)) return;
    this.#view = view;
    for (const listener of this.#listeners) listener(view);
  }
}

function newRawSdk(grpcPort: number): RawSdk {
  // The constructor of the package asks `port` of itself and reads the environment there.
  class SdkOnPort extends RawAgonesSdk {
    get port(): string {
      return String(grpcPort);
    }
  }
  return new SdkOnPort();
}

/** `close` of the package leaves open streams alive, and the process with them; and it forgets two clients. */
function closeRaw(raw: RawSdk): void {
  for (const stream of raw.streams) stream.cancel();
  raw.healthStream?.cancel();
  raw.healthStream = undefined;
  raw.close();
  raw.alpha.client.close();
  raw.beta.client.close();
}

/** Twice in a period at least, so that one lost ping does no harm. */
function pingIntervalMs({ health }: GameServerView): number {
  if (health.periodMs <= 0) return FIRST_PING_MS;
  return Math.max(MIN_PING_MS, Math.floor(health.periodMs / 2) - 50);
}

function toView(raw: RawGameServer): GameServerView {
  const meta = raw.objectMeta;
  const health = raw.spec?.health;
  return {
    name: meta?.name ?? '',
    namespace: meta?.namespace ?? '',
    uid: meta?.uid ?? '',
    resourceVersion: meta?.resourceVersion ?? '',
    state: raw.status?.state ?? '',
    // Absent is 0 from Kubernetes' sidecar and the year 1, negative, from `sdk-server --local` with a file.
    isDeleting: (meta?.deletionTimestamp ?? 0) > 0,
    annotations: new Map(meta?.annotationsMap),
    lists: new Map(
      raw.status?.listsMap.map(([name, { capacity, valuesList }]) => [name, { capacity, values: valuesList }]),
    ),
    ports: raw.status?.portsList ?? [],
    health: {
      isDisabled: health?.disabled ?? false,
      periodMs: (health?.periodSeconds ?? 0) * 1000,
      failureThreshold: health?.failureThreshold ?? 0,
    },
  };
}

/** The local SDK server keeps one resourceVersion through all changes: it alone does not tell. */
function isSameView(a: GameServerView, b: GameServerView): boolean {
  return fingerprint(a) === fingerprint(b);
}

function fingerprint(view: GameServerView): string {
  const { annotations, lists } = view;
  return JSON.stringify({ ...view, annotations: Object.fromEntries(annotations), lists: Object.fromEntries(lists) });
}

function withDeadline<Answer>(
  name: string,
  call: Promise<Answer>,
  { clock, callDeadlineMs }: { clock: Clock; callDeadlineMs: number },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(callDeadlineMs, () => {
      reject(new SdkCallError(name, { cause: new Error(`no answer within ${callDeadlineMs} ms`) }));
    });
    call
      .then(resolve, (cause: unknown) => {
        reject(new SdkCallError(name, { cause }));
      })
      .finally(cancel);
  });
}
