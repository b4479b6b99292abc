import { STATUS_CODES } from 'node:http';
import { ERRORS } from './errors.ts';
import type { FieldError, ProblemError } from './errors.ts';

/** Where a problem's `type` points: the code's section of the error page. */
export const ERROR_PAGE = '/docs/errors.md';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** A problem document of RFC 9457 with Regatta's extension members. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** The id of the request, as in the log. */
  instance?: string;
  code: string;
  retryable: boolean;
  errors?: FieldError[];
  [extension: string]: unknown;
}

/** The document of a refusal. */
export function problemDocument(error: ProblemError, requestId?: string): ProblemDocument {
  const { status, title, retryable } = ERRORS[error.code];
  return {
    type: `${ERROR_PAGE}#${error.code}`,
    title,
    status,
    detail: error.detail,
    ...(requestId === undefined ? {} : { instance: requestId }),
    code: error.code,
    retryable,
    ...(error.errors.length === 0 ? {} : { errors: error.errors }),
    ...error.extensions,
  };
}

/** The headers that go with it. */
export function problemHeaders(error: ProblemError): Record<string, string> {
  return {
    'content-type': PROBLEM_CONTENT_TYPE,
    'cache-control': 'no-store',
    ...(error.retryAfterSeconds === undefined ? {} : { 'retry-after': String(error.retryAfterSeconds) }),
  };
}

/**
 * The whole HTTP/1.1 answer as text, for a socket that asked for an upgrade and gets a refusal instead.
 * It closes the connection.
 */
export function problemResponse(error: ProblemError, requestId?: string): string {
  const body = JSON.stringify(problemDocument(error, requestId));
  const { status } = ERRORS[error.code];
  const headers = {
    ...problemHeaders(error),
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', body].join('\r\n');
}
