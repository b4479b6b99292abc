import type { FieldFault } from './resource.ts';

/** `Status.details` of the Kubernetes API. */
export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: FieldFault[];
  retryAfterSeconds?: number;
}

/** A refusal of the Kubernetes API: becomes a `Status` object on the wire. */
export class StatusError extends Error {
  readonly code: number;
  /** Machine-readable, e.g. `NotFound`; '' where Kubernetes gives none. */
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.name = 'StatusError';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}
