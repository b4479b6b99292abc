import type { ServerResponse } from 'node:http';
import { statusObject } from './refusals.ts';
import type { StatusError } from './status-error.ts';

/** What is sent back, unless the handler has taken over the response. */
export interface Answer {
  status: number;
  contentType: string;
  text: string;
  /** For `Warning` headers. */
  warnings?: readonly string[];
  retryAfterSeconds?: number;
}

/** The handler has taken over the response and ends it itself. */
export const TAKEN_OVER = Symbol('taken over');

const MAX_WARNINGS = 32;
const MAX_WARNING_LENGTH = 512;

export function jsonAnswer(body: object, status = 200): Answer {
  return { status, contentType: 'application/json', text: JSON.stringify(body) };
}

export function textAnswer(text: string, status = 200): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', text };
}

/** What a path without a meaning gets. */
export function pageNotFound(): Answer {
  return textAnswer('404 page not found\n', 404);
}

export function statusAnswer(error: StatusError): Answer {
  const answer = jsonAnswer(statusObject(error), error.code);
  const retryAfterSeconds = error.details?.retryAfterSeconds;
  return retryAfterSeconds === undefined ? answer : { ...answer, retryAfterSeconds };
}

/** Sends the answer, if the client still listens. */
export function sendAnswer(response: ServerResponse, answer: Answer): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = Buffer.from(answer.text);
  response.statusCode = answer.status;
  response.setHeader('content-type', answer.contentType);
  response.setHeader('cache-control', 'no-cache, private');
  response.setHeader('content-length', body.length);
  if (answer.retryAfterSeconds !== undefined) response.setHeader('retry-after', answer.retryAfterSeconds);
  const warnings = (answer.warnings ?? []).slice(0, MAX_WARNINGS).map(warningHeader);
  if (warnings.length > 0) response.setHeader('warning', warnings);
  response.end(body);
}

/** Source: RFC 7234, 5.5, code 299. What a header cannot hold is left out of the text. */
function warningHeader(text: string): string {
  const safe = text
    .slice(0, MAX_WARNING_LENGTH)
    .replace(/[^\x20-\x7e]/g, '?')
    .replace(/["\\]/g, '\\$&');
  return `299 - "${safe}"`;
}
