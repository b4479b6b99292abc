import { parseBoolean, parseCount } from './request-options.ts';
import { badRequest } from './refusals.ts';

/** Which part of a log is asked for. */
export interface LogOptions {
  container?: string;
  /** Go on with what is written later, until the container ends or the client leaves. */
  follow: boolean;
  /** The log of the container before the last restart. */
  previous: boolean;
  timestamps: boolean;
  /** Only the last lines. */
  tailLines?: number;
  /** Only what was written in the last seconds. */
  sinceSeconds?: number;
  /** Milliseconds since the Unix epoch. */
  sinceMs?: number;
  limitBytes?: number;
  /** Aborted when the client is gone. */
  signal: AbortSignal;
}

/** Where logs of Pods come from. */
export interface PodLogs {
  /** The log in pieces, or `undefined` when the Pod has none (yet). */
  openLog(namespace: string, name: string, options: LogOptions): AsyncIterable<string | Buffer> | undefined;
}

/**
 * Reads the options of a log.
 *
 * @throws StatusError 400
 */
export function parseLogOptions(query: URLSearchParams, signal: AbortSignal): LogOptions {
  const container = query.get('container') ?? '';
  const tailLines = parseCount(query, 'tailLines');
  const sinceSeconds = parseCount(query, 'sinceSeconds');
  const limitBytes = parseCount(query, 'limitBytes');
  const sinceTime = query.get('sinceTime') ?? '';
  const sinceMs = Date.parse(sinceTime);
  if (sinceTime !== '' && Number.isNaN(sinceMs)) throw badRequest('sinceTime must be a time as in RFC 3339');
  if (sinceTime !== '' && sinceSeconds !== undefined) {
    throw badRequest('at most one of sinceTime or sinceSeconds may be specified');
  }
  return {
    follow: parseBoolean(query, 'follow'),
    previous: parseBoolean(query, 'previous'),
    timestamps: parseBoolean(query, 'timestamps'),
    signal,
    ...(container === '' ? {} : { container }),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(sinceTime === '' ? {} : { sinceMs }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}
