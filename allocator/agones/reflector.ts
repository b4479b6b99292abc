import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { backoffMs } from '../allocation/backoff.ts';
import { pause } from '../../lib/pause.ts';
import type { KubernetesConnection, ResourcePath } from './kubernetes-connection.ts';

/** Told of every object: after a list all that are there, then each change. Called in order; must not throw. */
export interface ReflectorTarget {
  /** Everything there is now: what is not in it has gone. */
  replaceAll(objects: readonly unknown[]): void;
  upsert(object: unknown): void;
  remove(object: unknown): void;
}

export interface ReflectorOptions {
  connection: KubernetesConnection;
  path: ResourcePath;
  labelSelector?: string;
  target: ReflectorTarget;
  clock: Clock;
  logger: Logger;
  random: () => number;
  /** With nothing heard from Kubernetes for this long, what we know is called stale. */
  staleAfterMs: number;
  /** The whole list is read again this often, whatever the watch says. */
  relistMs: number;
}

const PAGE_SIZE = 500;
const WATCH_SECONDS = 300;
const PAUSES = { firstMs: 200, maxMs: 15_000 };

const page = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(z.unknown()),
});

const versioned = z.object({ metadata: z.object({ resourceVersion: z.string() }) });

/**
 * Keeps a copy of a list by list and watch: lists again when a version is too old, when an event makes no sense, and
 * from time to time; opens each watch that ends again, with a pause that grows while nothing is heard.
 */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #resourceVersion: string | undefined;
  #listedAtMs = 0;
  #heardAtMs: number | undefined;
  #isWatchOpen = false;

  constructor(options: ReflectorOptions) {
    this.#options = options;
  }

  /** Begins; does not wait for the first list. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Whether there was a list, and Kubernetes was heard from lately. */
  get isFresh(): boolean {
    if (this.#heardAtMs === undefined) return false;
    return this.#isWatchOpen || this.#options.clock.nowMs() - this.#heardAtMs < this.#options.staleAfterMs;
  }

  /** Ends the watch under way and all that would follow. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger, path, random } = this.#options;
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      const startedAtMs = clock.nowMs();
      try {
        if (this.#resourceVersion === undefined || startedAtMs - this.#listedAtMs > this.#options.relistMs) {
          await this.#list();
        }
        await this.#watch();
        // A watch that a server ends at once is a failure too: without a pause it would be a storm.
        failures = clock.nowMs() - startedAtMs < PAUSES.firstMs ? failures + 1 : 0;
      } catch (error) {
        failures += 1;
        if (!this.#stopping.signal.aborted) {
          logger.warn({ err: error, resource: path.plural, failures }, 'cannot follow Kubernetes');
        }
      }
      if (failures > 0) await pause(clock, backoffMs(failures - 1, PAUSES, random()), this.#stopping.signal);
    }
  }

  async #list(): Promise<void> {
    const { connection, path, labelSelector, target, clock } = this.#options;
    const items: unknown[] = [];
    let next: string | undefined;
    let resourceVersion: string;
    do {
      const raw = await connection.list(path, {
        limit: PAGE_SIZE,
        ...(labelSelector === undefined ? {} : { labelSelector }),
        ...(next === undefined ? {} : { continue: next }),
      });
      const { metadata, items: more } = page.parse(raw);
      items.push(...more);
      resourceVersion = metadata.resourceVersion;
      next = metadata.continue === '' ? undefined : metadata.continue;
    } while (next !== undefined);
    target.replaceAll(items);
    this.#resourceVersion = resourceVersion;
    this.#listedAtMs = clock.nowMs();
    this.#heardAtMs = this.#listedAtMs;
  }

  /** One watch, from its opening to its end. Rejects when it could not be opened or broke. */
  async #watch(): Promise<void> {
    const { connection, path, labelSelector } = this.#options;
    const ended = Promise.withResolvers<unknown>();
    let hasEnded = false;
    const controller = await connection.watch(
      path,
      {
        resourceVersion: this.#resourceVersion ?? '0',
        allowWatchBookmarks: true,
        timeoutSeconds: WATCH_SECONDS,
        ...(labelSelector === undefined ? {} : { labelSelector }),
      },
      (type, object) => {
        this.#onEvent(type, object);
      },
      (error) => {
        hasEnded = true;
        ended.resolve(error);
      },
    );
    const stop = (): void => {
      controller.abort();
    };
    this.#stopping.signal.addEventListener('abort', stop, { once: true });
    if (this.#stopping.signal.aborted) stop();
    // Without an early end the watch was accepted: that too is a sign of life.
    if (!hasEnded) {
      this.#heard();
      this.#isWatchOpen = true;
    }
    const error = await ended.promise;
    this.#isWatchOpen = false;
    this.#stopping.signal.removeEventListener('abort', stop);
    if (isGone(error)) this.#resourceVersion = undefined;
    else if (error instanceof Error && error.name !== 'TimeoutError') throw new Error('watch broke', { cause: error });
  }

  /** Events must not throw: the library would swallow it. */
  #onEvent(type: string, object: unknown): void {
    this.#heard();
    try {
      if (type === 'ERROR') {
        // Most often 410: the version is too old. Whatever it is, a new list sets it right.
        this.#resourceVersion = undefined;
        return;
      }
      const { resourceVersion } = versioned.parse(object).metadata;
      if (type === 'DELETED') this.#options.target.remove(object);
      else if (type !== 'BOOKMARK') this.#options.target.upsert(object);
      if (this.#resourceVersion !== undefined) this.#resourceVersion = resourceVersion;
    } catch (error) {
      this.#options.logger.warn({ err: error, resource: this.#options.path.plural }, 'cannot read an event');
      this.#resourceVersion = undefined;
    }
  }

  #heard(): void {
    this.#heardAtMs = this.#options.clock.nowMs();
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 410;
}
