import type { IncomingMessage } from 'node:http';
import type { OpenWatch } from '../api/watch.ts';
import { parseResourcePath } from '../api/request-path.ts';
import type { ResourcePath } from '../api/request-path.ts';
import type { RequestTarget, WatchTarget } from './fault-schema.ts';

/** A request as far as targets look at it. */
export interface SeenRequest {
  method: string;
  /** Undefined for what is no resource, e.g. `/healthz`. */
  path: ResourcePath | undefined;
  query: URLSearchParams;
  userAgent: string;
}

/** Reads a request before anybody has; one that is badly formed has no path. */
export function seeRequest({ method = '', url = '/', headers }: IncomingMessage): SeenRequest {
  const at = url.indexOf('?');
  const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
  return {
    method,
    path: readPath(at < 0 ? url : url.slice(0, at)),
    query,
    userAgent: headers['user-agent'] ?? '',
  };
}

function readPath(pathname: string): ResourcePath | undefined {
  try {
    return parseResourcePath(pathname);
  } catch {
    // It is refused with 400 by whoever answers it.
    return undefined;
  }
}

export function matchesRequest(target: RequestTarget, { method, path, userAgent }: SeenRequest): boolean {
  if (target.methods !== undefined && !target.methods.some((wanted) => wanted === method)) return false;
  if (target.resource !== undefined && path?.resource !== target.resource) return false;
  if (target.namespace !== undefined && !isWithin(target.namespace, path)) return false;
  return target.userAgent === undefined || userAgent.includes(target.userAgent);
}

export function matchesWatch(target: WatchTarget, watch: OpenWatch): boolean {
  if (target.resource !== undefined && watch.resource !== target.resource) return false;
  if (target.namespace !== undefined && (watch.namespace ?? target.namespace) !== target.namespace) return false;
  return target.userAgent === undefined || watch.userAgent.includes(target.userAgent);
}

/** A request over all namespaces is one for each of them. */
function isWithin(namespace: string, path: ResourcePath | undefined): boolean {
  return path !== undefined && (path.namespace ?? namespace) === namespace;
}
