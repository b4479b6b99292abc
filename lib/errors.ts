/** One row of the error table: what a client may rely on for every occurrence. */
export interface ErrorSpec {
  status: number;
  title: string;
  /** The same request may succeed later, unchanged. For `allocation_unknown` only under the same Idempotency-Key. */
  retryable: boolean;
}

/**
 * Every problem Regatta answers over HTTP. The code is stable; `docs/errors.md` explains each.
 *
 * No capacity and lost races are results in the domain; they become one of these at the edge.
 */
export const ERRORS = {
  invalid_request: { status: 400, title: 'The request is not valid', retryable: false },
  invalid_json: { status: 400, title: 'The body is not JSON', retryable: false },
  token_missing: { status: 401, title: 'The join token is missing', retryable: false },
  token_invalid: { status: 401, title: 'The join token is not valid', retryable: false },
  token_expired: { status: 401, title: 'The join token has expired', retryable: false },
  credential_invalid: { status: 401, title: 'The service credential is missing or wrong', retryable: false },
  token_not_for_game_server: { status: 403, title: 'The join token is for another GameServer', retryable: false },
  token_not_for_session: { status: 403, title: 'The join token is for another session', retryable: false },
  service_api_off: { status: 403, title: 'The service API is switched off', retryable: false },
  not_found: { status: 404, title: 'There is nothing at this path', retryable: false },
  unknown_game: { status: 404, title: 'No Fleet plays this game', retryable: false },
  session_not_found: { status: 404, title: 'There is no such session', retryable: false },
  method_not_allowed: { status: 405, title: 'The method is not allowed here', retryable: false },
  request_timeout: { status: 408, title: 'The request took too long to arrive', retryable: true },
  session_full: { status: 409, title: 'Every seat of the session is taken', retryable: false },
  session_over: { status: 410, title: 'The session has ended', retryable: false },
  body_too_large: { status: 413, title: 'The body is too large', retryable: false },
  unsupported_media_type: { status: 415, title: 'The body is not application/json', retryable: false },
  idempotency_key_reused: {
    status: 422,
    title: 'The Idempotency-Key was used for another request',
    retryable: false,
  },
  upgrade_required: { status: 426, title: 'This path speaks WebSocket only', retryable: false },
  too_many_connections: { status: 429, title: 'This address has too many connections', retryable: true },
  too_many_requests: { status: 429, title: 'This address asks too often', retryable: true },
  headers_too_large: { status: 431, title: 'The request headers are too large', retryable: false },
  internal: { status: 500, title: 'Something went wrong on our side', retryable: false },
  game_server_unreachable: { status: 502, title: 'The GameServer does not answer', retryable: true },
  route_not_allowed: { status: 502, title: 'The route leads to a network that is not allowed', retryable: false },
  allocator_unreachable: { status: 502, title: 'The allocator does not answer', retryable: true },
  no_capacity: { status: 503, title: 'No GameServer became free in time', retryable: true },
  contention: { status: 503, title: 'Others took each GameServer that was free', retryable: true },
  kubernetes_unavailable: { status: 503, title: 'Kubernetes does not answer', retryable: true },
  session_not_confirmed: { status: 503, title: 'No GameServer opened the session in time', retryable: true },
  request_under_way: { status: 503, title: 'The same request is being worked on', retryable: true },
  store_unavailable: { status: 503, title: 'The store does not answer', retryable: true },
  second_allocator: { status: 503, title: 'Another allocator is at work', retryable: true },
  overloaded: { status: 503, title: 'Too much is waiting already', retryable: true },
  draining: { status: 503, title: 'This process is going away', retryable: true },
  allocation_unknown: { status: 504, title: 'The outcome of the allocation is unknown', retryable: false },
  game_server_timeout: { status: 504, title: 'The GameServer did not answer in time', retryable: true },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof ERRORS;

/** One field of a request that is wrong. */
export interface FieldError {
  /** Where, as a path: `playerId`, `players[0].playerId`, `header Prefer`. */
  field: string;
  /** What is wrong with it, for a person. */
  message: string;
}

export interface ProblemOptions {
  errors?: FieldError[];
  /** Whole seconds after which a retry makes sense; sent as `Retry-After`. */
  retryAfterSeconds?: number;
  /** Further members of the problem document. Nothing secret. */
  extensions?: Record<string, string | number | boolean>;
  cause?: unknown;
}

/** A refusal with a code of the table: the edge writes it as problem+json, so `detail` must be fit for a stranger. */
export class ProblemError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly errors: FieldError[];
  readonly retryAfterSeconds: number | undefined;
  readonly extensions: Record<string, string | number | boolean>;

  constructor(code: ErrorCode, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProblemError';
    this.code = code;
    this.detail = detail;
    this.errors = options.errors ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.extensions = options.extensions ?? {};
  }
}
