import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ResourcePath } from './request-path.ts';

/** One request, read as far as its path and query. */
export interface ResourceRequest {
  path: ResourcePath;
  query: URLSearchParams;
  request: IncomingMessage;
  response: ServerResponse;
  /** Aborted when the client is gone. */
  signal: AbortSignal;
}
