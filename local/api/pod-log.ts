import { parseBoolean } from './request-options.ts';
import { badRequest, invalid } from './refusals.ts';

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
 * Reads the options of a log of a Pod.
 *
 * @throws StatusError 400, 422
 */
export function parseLogOptions(pod: string, query: URLSearchParams, signal: AbortSignal): LogOptions {
  const container = query.get('container') ?? '';
  const tailLines = readNumber(pod, query, 'tailLines', 0);
  const sinceSeconds = readNumber(pod, query, 'sinceSeconds', 1);
  const limitBytes = readNumber(pod, query, 'limitBytes', 1);
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

/** @throws StatusError 400 when it is no number, 422 when it is below the least there may be */
function readNumber(pod: string, query: URLSearchParams, name: string, least: number): number | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text)) throw badRequest(`${name}: ${JSON.stringify(text)} is not a whole number`);
  const value = Number(text);
  if (value >= least) return value;
  const message = `Invalid value: ${value}: must be ${least} or more`;
  const fault = { reason: 'FieldValueInvalid', field: name, message } as const;
  throw invalid({ group: '', kind: 'PodLogOptions', plural: '' }, pod, [fault]);
}
