import { randomInt } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { notFound } from '../api/refusals.ts';
import { StatusError } from '../api/status-error.ts';
import { ActiveFault } from './active-fault.ts';
import type { FaultEnd, FaultReport } from './active-fault.ts';
import type { FaultBounds, FaultKind, FaultOf, FaultRequest } from './fault-schema.ts';
import { parseFault } from './parse-fault.ts';

export interface FaultSetOptions {
  clock: Clock;
  logger: Logger;
  bounds: FaultBounds;
}

/**
 * What a kind does when a fault of it starts; what it set up ends with `fault.onEnd`.
 *
 * @throws StatusError when it cannot be here; the fault is not started then
 */
export type BeginFault<Kind extends FaultKind> = (fault: ActiveFault<FaultOf<Kind>>) => void;

/** How many that are over are remembered, for their counters. */
const MAX_REMEMBERED = 100;
const MAX_SEED = 2 ** 32;

/**
 * The faults of one `local`: starts them, ends each when its time is over, tells of them.
 *
 * What a fault does is up to its kind: a part either looks for active ones ({@link of}) when it does its work, or is told
 * when one starts ({@link handle}).
 */
export class FaultSet {
  readonly #options: FaultSetOptions;
  readonly #begin = new Map<FaultKind, (fault: ActiveFault) => void>();
  readonly #active = new Map<string, { fault: ActiveFault; cancel: () => void }>();
  readonly #byKind = new Map<FaultKind, ActiveFault[]>();
  #ended: ActiveFault[] = [];
  #nextNumber = 1;

  constructor(options: FaultSetOptions) {
    this.#options = options;
  }

  /** Whether no fault is active: then nothing else has to be asked. */
  get isIdle(): boolean {
    return this.#active.size === 0;
  }

  /** Names what a kind does; a kind without it cannot be started. */
  handle<Kind extends FaultKind>(kind: Kind, begin: BeginFault<Kind>): void {
    // `start` gives it faults of this kind alone.
    this.#begin.set(kind, begin as unknown as (fault: ActiveFault) => void);
  }

  /** The active faults of a kind, oldest first. */
  of<Kind extends FaultKind>(kind: Kind): readonly ActiveFault<FaultOf<Kind>>[] {
    // `start` keeps them by their own kind.
    return (this.#byKind.get(kind) ?? []) as unknown as readonly ActiveFault<FaultOf<Kind>>[];
  }

  /**
   * Starts a fault.
   *
   * @param body - as it came: it is checked here
   * @throws StatusError 400, 422 naming each field; 429 when there are too many; 503 while `local` is still starting
   */
  start(body: unknown): FaultReport {
    const { clock, logger, bounds } = this.#options;
    const request = parseFault(body, bounds);
    const begin = this.#begin.get(request.kind);
    if (begin === undefined) throw new StatusError(503, 'ServiceUnavailable', 'local is still starting');
    if (this.#active.size >= bounds.maxActive) {
      const message = `there are ${bounds.maxActive} faults already: end some, or wait for their ends`;
      throw new StatusError(429, 'TooManyRequests', message);
    }
    const seed = 'seed' in request && request.seed !== undefined ? request.seed : randomInt(MAX_SEED);
    const fault = new ActiveFault({
      id: `fault-${this.#nextNumber}`,
      request: request.kind === 'node-gone' ? request : { ...request, seed },
      seed,
      nowMs: clock.nowMs(),
      onSpent: (spent) => {
        if (!holdsToItsEnd(spent.request)) this.#finish(spent.id, 'spent');
      },
    });
    this.#nextNumber += 1;
    const cancel = clock.after(request.forMs, () => {
      this.#finish(fault.id, 'time');
    });
    this.#active.set(fault.id, { fault, cancel });
    this.#byKind.set(request.kind, [...(this.#byKind.get(request.kind) ?? []), fault]);
    logger.info({ fault: fault.report() }, 'a fault starts');
    try {
      begin(fault);
    } catch (error) {
      this.#finish(fault.id, 'stopped');
      this.#ended = this.#ended.filter((other) => other !== fault);
      throw error;
    }
    return fault.report();
  }

  /** Those that are active, then those that are over, oldest first. */
  list(): FaultReport[] {
    return [...[...this.#active.values()].map(({ fault }) => fault), ...this.#ended].map((fault) => fault.report());
  }

  /** @throws StatusError 404 */
  get(id: string): FaultReport {
    const fault = this.#active.get(id)?.fault ?? this.#ended.find((ended) => ended.id === id);
    if (fault === undefined) throw notFound({ group: 'regatta.dev', kind: 'Fault', plural: 'faults' }, id);
    return fault.report();
  }

  /**
   * Ends a fault before its time. One that is over stays as it is.
   *
   * @throws StatusError 404
   */
  end(id: string): FaultReport {
    this.#finish(id, 'asked');
    return this.get(id);
  }

  /** Ends all that are active, and tells of them. */
  endAll(): FaultReport[] {
    return [...this.#active.keys()].map((id) => this.end(id));
  }

  /** Ends everything, as `local` ends. */
  stop(): void {
    for (const id of this.#active.keys()) this.#finish(id, 'stopped');
    this.#begin.clear();
  }

  #finish(id: string, because: FaultEnd): void {
    const active = this.#active.get(id);
    if (active === undefined) return;
    const { fault, cancel } = active;
    const { kind } = fault.request;
    cancel();
    this.#active.delete(id);
    const left = this.#byKind.get(kind)?.filter((other) => other !== fault) ?? [];
    this.#byKind.set(kind, left);
    this.#ended = [...this.#ended, fault].slice(-MAX_REMEMBERED);
    fault.end(because, this.#options.clock.nowMs());
    this.#options.logger.info({ fault: fault.report() }, 'a fault has ended');
  }
}

/** Whether a fault that has struck as often as it may has more to do: to let go at its end of what it struck. */
function holdsToItsEnd(request: FaultRequest): boolean {
  switch (request.kind) {
    case 'answer-lost':
      return request.how === 'silence';
    case 'api-slow':
    case 'api-black-hole':
    case 'watch-silent':
    case 'sidecar-killed':
    case 'game-server-hung':
    case 'slow-ready':
    case 'node-gone':
      return true;
    case 'watch-cut':
      return request.afterMs > 0;
    case 'conflict-storm':
    case 'error-storm':
    case 'watch-too-old':
    case 'game-server-crashed':
    case 'no-capacity':
      return false;
  }
}
