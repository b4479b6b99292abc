import { ERRORS } from '../lib/errors.ts';
import type { ErrorCode, FieldError } from '../lib/errors.ts';

/**
 * Why a request failed, beyond the codes Regatta answers itself: `network` when no answer came,
 * `unexpected_answer` when what answered is not Regatta (a proxy's error page, say).
 */
export type ClientErrorCode = ErrorCode | 'network' | 'unexpected_answer';

export interface RegattaErrorOptions {
  status?: number | undefined;
  retryable: boolean;
  retryAfterMs?: number | undefined;
  fields?: FieldError[] | undefined;
  position?: number | undefined;
  cause?: unknown;
}

/** A request that did not give what it asked for. Decide on `code`; `message` is for people. */
export class RegattaError extends Error {
  readonly code: ClientErrorCode;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** The same request, with the same Idempotency-Key, may succeed later. */
  readonly retryable: boolean;
  /** How long the answer asks to wait before a retry. */
  readonly retryAfterMs: number | undefined;
  /** The fields of the request that are wrong. */
  readonly fields: FieldError[];
  /** The place in the waiting line, from 1, where the answer tells it. */
  readonly position: number | undefined;

  constructor(code: ClientErrorCode, message: string, options: RegattaErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RegattaError';
    this.code = code;
    this.status = options.status;
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.fields = options.fields ?? [];
    this.position = options.position;
  }
}

/** An answer larger than this is not read: a problem document is small. */
const MAX_PROBLEM_CHARACTERS = 16_384;

/** Reads the refusal in an answer that is not a success. Never throws: what cannot be read is `unexpected_answer`. */
export async function problemOf(response: Response): Promise<RegattaError> {
  const document = parseObject(await response.text().catch(() => ''));
  const code = document?.['code'];
  const retryAfterMs = retryAfterOf(response.headers.get('retry-after'));
  if (document === undefined || typeof code !== 'string' || !isErrorCode(code)) {
    return new RegattaError('unexpected_answer', `An answer with status ${response.status} is not Regatta's`, {
      status: response.status,
      retryable: response.status >= 500,
      retryAfterMs,
    });
  }
  const { title, retryable } = ERRORS[code];
  const position = document['position'];
  return new RegattaError(code, typeof document['detail'] === 'string' ? document['detail'] : title, {
    status: response.status,
    retryable,
    retryAfterMs,
    fields: fieldsOf(document['errors']),
    position: typeof position === 'number' && position > 0 ? Math.ceil(position) : undefined,
  });
}

/** What to make of a fetch that gave no answer at all. An abort is passed on as it is. */
export function networkError(cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  return new RegattaError('network', 'No answer came', { retryable: true, cause });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

function parseObject(text: string): Record<string, unknown> | undefined {
  if (text.length > MAX_PROBLEM_CHARACTERS) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): FieldError[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null || !('field' in entry) || !('message' in entry)) return [];
    return [{ field: String(entry.field), message: String(entry.message) }];
  });
}

function retryAfterOf(header: string | null): number | undefined {
  if (header === null || !/^\d{1,5}$/.test(header)) return undefined;
  return Number(header) * 1000;
}
