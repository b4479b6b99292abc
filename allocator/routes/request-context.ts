import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';

/** An id from outside is kept only if it can stand in a log line as it is. */
const REQUEST_ID = /^[\w-]{1,64}$/;

const requestIds = new WeakMap<Request, string>();

/** The id of a request, as in its answer and in the log. */
export function requestIdOf(request: Request): string {
  return requestIds.get(request) ?? '';
}

/** Gives each request an id and writes one line for it when it ends: route, status, duration, and nothing of a body. */
export function requestContext(options: { clock: Clock; logger: Logger; newRequestId: () => string }): RequestHandler {
  return (request: Request, response: Response, next: NextFunction): void => {
    const given = request.get('x-request-id');
    const requestId = given !== undefined && REQUEST_ID.test(given) ? given : options.newRequestId();
    requestIds.set(request, requestId);
    response.set('X-Request-Id', requestId);
    const startedAtMs = options.clock.nowMs();
    response.once('close', () => {
      const fields = {
        requestId,
        method: request.method,
        route: routeOf(request),
        status: response.statusCode,
        durationMs: options.clock.nowMs() - startedAtMs,
        ...(response.writableFinished ? {} : { callerGone: true }),
      };
      if (response.statusCode >= 500) options.logger.error(fields, 'request');
      else options.logger.info(fields, 'request');
    });
    next();
  };
}

/** The pattern, not the path: a path may hold what should not be logged. */
function routeOf(request: Request): string {
  const route: unknown = request.route;
  const path = typeof route === 'object' && route !== null && 'path' in route ? route.path : undefined;
  return typeof path === 'string' ? path : 'other';
}

/** Fires when the client closes the connection before it has its answer. */
export function callerGone(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
