import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { sendAnswer, statusAnswer } from '../api/answer.ts';
import { conflict } from '../api/refusals.ts';
import { StatusError } from '../api/status-error.ts';
import type { ActiveFault } from './active-fault.ts';
import type { FaultOf } from './fault-schema.ts';
import type { FaultSet } from './fault-set.ts';
import { delayAnswer, leaveUnanswered } from './held-connections.ts';
import { matchesRequest, seeRequest } from './request-target.ts';
import type { SeenRequest } from './request-target.ts';

const ERROR_REASONS = { 500: 'InternalError', 503: 'ServiceUnavailable', 429: 'TooManyRequests' } as const;

/** What happens to requests before the API looks at them: they wait, vanish, or are refused. */
export class RequestFaults {
  readonly #faults: FaultSet;
  readonly #clock: Clock;
  /** Requests that a black hole has looked at, and either taken or let go. */
  readonly #considered = new WeakMap<ActiveFault, WeakSet<IncomingMessage>>();

  constructor(options: { faults: FaultSet; clock: Clock }) {
    this.#faults = options.faults;
    this.#clock = options.clock;
    for (const kind of ['api-slow', 'conflict-storm', 'error-storm'] as const) options.faults.handle(kind, () => {});
  }

  /** True when the request has had its answer, or will never get one. */
  beforeRequest(request: IncomingMessage, response: ServerResponse): boolean | Promise<boolean> {
    return this.#faults.isIdle ? false : this.#strike(request, response);
  }

  /** True when the answer of a request that was under way as a black hole opened is not to be sent. */
  beforeAnswer(request: IncomingMessage, response: ServerResponse): boolean | Promise<boolean> {
    if (this.#faults.of('api-black-hole').length === 0) return false;
    return this.#vanish(seeRequest(request), request, response);
  }

  async #strike(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const seen = seeRequest(request);
    for (const fault of this.#faults.of('api-slow')) {
      if (!matchesRequest(fault.request.target, seen) || !fault.strikes()) continue;
      const { latencyMs, jitterMs } = fault.request;
      await delayAnswer(fault, response, { clock: this.#clock, delayMs: latencyMs + jitterMs * fault.draw() });
    }
    if (response.destroyed) return true;
    if (await this.#vanish(seen, request, response)) return true;
    const refusal = this.#refusal(seen);
    if (refusal !== undefined) sendAnswer(response, statusAnswer(refusal));
    return refusal !== undefined;
  }

  async #vanish(seen: SeenRequest, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    for (const fault of this.#faults.of('api-black-hole')) {
      if (!matchesRequest(fault.request.target, seen) || this.#isConsidered(fault, request)) continue;
      if (!fault.strikes()) continue;
      await leaveUnanswered(fault, response);
      return true;
    }
    return false;
  }

  #isConsidered(fault: ActiveFault, request: IncomingMessage): boolean {
    const considered = this.#considered.get(fault) ?? new WeakSet();
    this.#considered.set(fault, considered);
    if (considered.has(request)) return true;
    considered.add(request);
    return false;
  }

  #refusal(seen: SeenRequest): StatusError | undefined {
    for (const fault of this.#faults.of('conflict-storm')) {
      if (isUpdate(seen) && matchesRequest(fault.request.target, seen) && fault.strikes()) return conflictOn(seen);
    }
    for (const fault of this.#faults.of('error-storm')) {
      if (matchesRequest(fault.request.target, seen) && fault.strikes()) return errorOf(fault.request);
    }
    return undefined;
  }
}

/** What Kubernetes may answer with a conflict of versions. */
function isUpdate({ method, path }: SeenRequest): boolean {
  return path?.name !== undefined && (method === 'PUT' || method === 'PATCH');
}

function conflictOn({ path }: SeenRequest): StatusError {
  const { group = '', resource = '', name = '' } = path ?? {};
  return conflict({ group, plural: resource, kind: '' }, name);
}

function errorOf({ status, retryAfterSeconds }: FaultOf<'error-storm'>): StatusError {
  const seconds = retryAfterSeconds ?? (status === 429 ? 1 : undefined);
  const details = seconds === undefined ? undefined : { retryAfterSeconds: seconds };
  return new StatusError(status, ERROR_REASONS[status], 'a fault that was asked for', details);
}
