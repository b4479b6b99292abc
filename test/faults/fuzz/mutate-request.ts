import { mutateBytes } from './byte-mutations.ts';
import type { Choices } from './choices.ts';
import type { FuzzRequest } from './fuzz-request.ts';
import { mutateJson, mutateString } from './json-mutations.ts';
import type { ValidRequest } from './valid-requests.ts';

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'SEARCH',
  'LINK',
] as const;

const QUERY_NAMES = [
  'allowWatchBookmarks',
  'container',
  'continue',
  'dryRun',
  'fieldManager',
  'fieldSelector',
  'fieldValidation',
  'follow',
  'force',
  'gracePeriodSeconds',
  'includeObject',
  'labelSelector',
  'limit',
  'limitBytes',
  'orphanDependents',
  'pretty',
  'propagationPolicy',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'sinceSeconds',
  'sinceTime',
  'tailLines',
  'timeoutSeconds',
  'watch',
  '__proto__',
] as const;

const QUERY_VALUES = [
  '',
  '0',
  '-1',
  '1',
  '1.5',
  '1e3',
  'x',
  'true',
  'TRUE',
  'maybe',
  'All',
  'None',
  'Strict',
  'Ignore',
  'Exact',
  'NotOlderThan',
  'Background',
  'Orphan',
  '99999999999999999999',
  '9223372036854775807',
  'a=b',
  'a in (b',
  'a in (),!b',
  '===',
  '!',
  ',,,',
  'a>1,b<x',
  `${'a/'.repeat(200)}b=c`,
  'x'.repeat(9000),
  'metadata.name=canary',
  'status.phase=Running',
  'metadata.name\\=x',
  '__proto__=1',
  'metadata.__proto__=1',
  'constructor',
  '\ud800',
  '\0',
  'ü',
  '%zz',
  'eyJ2ZXJzaW9uIjoiMSIsImFmdGVyIjoiIn0',
  'eyJ2ZXJzaW9uIjpudWxsfQ',
  'bnVsbA',
  '2026-01-01T00:00:00Z',
] as const;

const CONTENT_TYPES = [
  '',
  'application/json',
  'application/json; charset=utf-16',
  'application/JSON',
  'application/yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/apply-patch+cbor',
  'application/vnd.kubernetes.protobuf',
  'application/cbor',
  'text/plain',
  'multipart/form-data; boundary=x',
  ';;;',
  'application/__proto__',
] as const;

const ACCEPTS = [
  '',
  '*/*',
  'text/html',
  'application/yaml',
  'application/json;as=Table;v=v9;g=meta.k8s.io',
  'application/json;as=Table;g=meta.k8s.io;v=v1;q=x',
  'application/json;as=PartialObjectMetadataList;v=v1beta1;g=meta.k8s.io',
  'application/json;as=__proto__;v=v1;g=constructor',
  ',;=,',
  `${'a/b,'.repeat(1500)}*/*`,
  'application/vnd.kubernetes.protobuf',
] as const;

const OTHER_HEADERS: readonly [string, string][] = [
  ['user-agent', ''],
  ['user-agent', `${'x'.repeat(500)}/1`],
  ['content-encoding', 'gzip'],
  ['accept-encoding', 'gzip, br;q=x'],
  ['if-match', '*'],
  ['range', 'bytes=0-1'],
  ['expect', '100-continue'],
  ['transfer-encoding', 'chunked'],
  ['x-http-method-override', 'DELETE'],
  ['impersonate-user', 'nobody'],
  ['host', 'evil.example:1'],
  ['upgrade', 'h2c'],
  ['connection', 'Upgrade'],
  ['cookie', 'a=b'],
  ['authorization', 'Bearer x'],
];

/** What goes out for a request: mostly with something wrong about it. */
export function mutateRequest(choices: Choices, valid: ValidRequest, service: FuzzRequest['service']): FuzzRequest {
  const request: FuzzRequest = {
    service,
    method: valid.method,
    path: valid.path,
    query: [...(valid.query ?? [])],
    headers: { ...valid.headers },
    body: undefined,
  };
  let body: unknown = valid.body;
  if (valid.body !== undefined) request.headers['content-type'] ??= 'application/json';
  // Most of what is taken after all changes nothing, so that the next request finds what the one before found.
  if (service === 'api' && isWrite(valid.method) && choices.happens(0.8)) request.query.push(['dryRun', 'All']);
  const how = choices.below(100);
  if (how < 50 && typeof body === 'object' && !(body instanceof Uint8Array)) body = mutateJson(choices, body);
  else if (how < 65) mutateQuery(choices, request);
  else if (how < 75) mutatePath(choices, request);
  else if (how < 80) request.method = choices.of(METHODS);
  else if (how < 90) mutateHeaders(choices, request);
  if (choices.happens(0.1)) mutateQuery(choices, request);
  if (body === undefined) return request;
  const isJson = typeof body !== 'string' && !(body instanceof Uint8Array);
  const bytes = isJson
    ? Buffer.from(JSON.stringify(body) ?? '')
    : Buffer.from(body as string | Uint8Array<ArrayBuffer>);
  request.body = !isJson || how >= 90 ? mutateBytes(choices, bytes) : bytes;
  return request;
}

function isWrite(method: string): boolean {
  return method !== 'GET';
}

function mutateQuery(choices: Choices, request: FuzzRequest): void {
  const { query } = request;
  if (query.length > 0 && choices.happens(0.4)) {
    const changed = choices.of(query);
    changed[1] = choices.happens(0.5) ? mutateString(choices, changed[1]) : choices.of(QUERY_VALUES);
  } else {
    query.push([choices.of(QUERY_NAMES), choices.of(QUERY_VALUES)]);
  }
}

function mutatePath(choices: Choices, request: FuzzRequest): void {
  const parts = request.path.split('/');
  const at = choices.below(parts.length);
  switch (choices.below(5)) {
    case 0:
      parts.splice(at, 1);
      break;
    case 1:
      parts.splice(at, 0, choices.of(['', '..', '.', 'status', 'x', '__proto__']));
      break;
    case 2:
      parts.push(choices.of(['status', 'scale', 'log', 'exec', 'finalize', 'eviction', 'token', 'x', '']));
      break;
    case 3:
      parts[at] = choices.of([
        '__proto__',
        'constructor',
        '%00',
        '%zz',
        '%2e%2e',
        '%2F',
        'A',
        'x'.repeat(5000),
        '*',
        'ü',
      ]);
      break;
    default:
      parts[at] = mutateString(choices, parts[at] ?? '');
  }
  const path = parts.join('/');
  request.path = path.startsWith('/') ? path : `/${path}`;
}

function mutateHeaders(choices: Choices, request: FuzzRequest): void {
  const [name, value] = choices.of<[string, string]>([
    ['content-type', choices.of(CONTENT_TYPES)],
    ['content-type', choices.of(CONTENT_TYPES)],
    ['accept', choices.of(ACCEPTS)],
    choices.of(OTHER_HEADERS),
  ]);
  request.headers[name] = value;
}
