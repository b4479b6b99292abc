import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express';
import { ERRORS, ProblemError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { problemDocument, problemHeaders } from '../../lib/problem.ts';
import { requestIdOf } from './request-context.ts';

/** Writes every fault as problem+json. Express' own page would show message and stack. */
export function answerErrors(logger: Logger): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (fault: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const problem = asProblem(fault);
    const requestId = requestIdOf(request);
    if (problem.code === 'internal') logger.error({ err: fault, requestId }, 'a request failed');
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    // Only what is certain to have been read whole leaves the connection usable.
    if (!request.complete) response.set('connection', 'close');
    response
      .status(ERRORS[problem.code].status)
      .set(problemHeaders(problem))
      .send(Buffer.from(JSON.stringify(problemDocument(problem, requestId))));
  };
}

function asProblem(fault: unknown): ProblemError {
  if (fault instanceof ProblemError) return fault;
  const { type, status } = (typeof fault === 'object' && fault !== null ? fault : {}) as {
    type?: unknown;
    status?: unknown;
  };
  switch (type) {
    case 'entity.parse.failed':
      return new ProblemError('invalid_json', 'The body cannot be parsed as JSON', { cause: fault });
    case 'entity.too.large':
      return new ProblemError('body_too_large', 'The body is larger than this path takes', { cause: fault });
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new ProblemError('unsupported_media_type', 'Send plain UTF-8 JSON, not compressed', { cause: fault });
    default:
      break;
  }
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new ProblemError('invalid_request', 'The request cannot be read', { cause: fault });
  }
  return new ProblemError('internal', 'The fault is in our log, under the id of this request', { cause: fault });
}
