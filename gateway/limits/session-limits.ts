import { ProblemError } from '../../lib/errors.ts';
import type { ClientOrigin } from '../client-origin.ts';
import type { AddressRates, LimitFault } from './address-rates.ts';
import type { ConnectionLimits } from './connection-limits.ts';

export interface SessionLimitsOptions {
  /** Requests for sessions, whether they ask for an upgrade or why one was refused. */
  requests: AddressRates;
  /** Connections of clients that a proxy tells of in a header, for many of them on few connections of its own. */
  forwarded: ConnectionLimits;
}

/** How many requests for sessions are heard, and how many of them may become connections. */
export class SessionLimits {
  readonly #options: SessionLimitsOptions;

  constructor(options: SessionLimitsOptions) {
    this.#options = options;
  }

  /** @throws ProblemError too_many_requests, overloaded */
  ask(origin: ClientOrigin): void {
    const fault = this.#options.requests.take(origin.address);
    if (fault !== undefined) throw limitProblem(fault);
  }

  /**
   * Takes a place for an upgrade.
   *
   * @returns what gives the place back, to be called when the connection has ended
   * @throws ProblemError too_many_connections, too_many_requests, overloaded
   */
  admit(origin: ClientOrigin): () => void {
    this.ask(origin);
    // A client's own connection was counted when it was opened.
    if (!origin.isForwarded) return () => {};
    const admission = this.#options.forwarded.admit(origin.address);
    if (admission.fault !== undefined) throw limitProblem(admission.fault);
    return admission.release;
  }
}

/** What somebody is told who goes over a limit. */
export function limitProblem({ code, retryAfterSeconds }: LimitFault): ProblemError {
  const details = {
    too_many_connections: 'Too many connections are open from this address.',
    too_many_requests: 'This address asks too often.',
    overloaded: 'Too many connections are being opened.',
  };
  return new ProblemError(code, details[code], { retryAfterSeconds });
}
