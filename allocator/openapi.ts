import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { extendZodWithOpenApi, OpenApiGeneratorV31, OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import type { ResponseConfig, RouteConfig } from '@asteasolutions/zod-to-openapi';
import { stringify } from 'yaml';
import { z } from 'zod';
import { ERRORS } from '../lib/errors.ts';
import type { ErrorCode } from '../lib/errors.ts';
import { PROBLEM_CONTENT_TYPE } from '../lib/problem.ts';
import { typesOf } from './openapi-types.ts';
import {
  allocationAnswer,
  allocationRequest,
  drainAnswer,
  fleetsAnswer,
  fleetsQuery,
  healthAnswer,
  joinRequest,
  newGameAnswer,
  newGameRequest,
  problemAnswer,
  regionsAnswer,
  resumeRequest,
  seatAnswer,
  serversAnswer,
  serversQuery,
  serviceSessionAnswer,
  sessionAnswer,
  sessionsAnswer,
  sessionsQuery,
} from './routes/schemas.ts';

/** The OpenAPI document, as an object. */
export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

export const OPENAPI_FILE = new URL('../docs/api/openapi.yaml', import.meta.url);
/** The client knows the API by these types alone. */
export const CLIENT_TYPES_FILE = new URL('../client/api-types.ts', import.meta.url);

/** What players ask for and are answered. */
const PLAYER_SCHEMAS = ['NewGameRequest', 'JoinRequest', 'ResumeRequest', 'Seat', 'NewGame', 'Session', 'Regions'];

const READ_BODY = [
  'invalid_request',
  'invalid_json',
  'body_too_large',
  'unsupported_media_type',
  'request_timeout',
  'headers_too_large',
] as const;
const ALLOCATE = [
  'unknown_game',
  'no_capacity',
  'contention',
  'kubernetes_unavailable',
  'session_not_confirmed',
  'overloaded',
  'draining',
  'allocation_unknown',
  'request_under_way',
  'store_unavailable',
  'second_allocator',
] as const;
const KEYED = [...ALLOCATE, 'idempotency_key_reused'] as const;
const SERVICE = ['credential_invalid', 'service_api_off'] as const;
const ANYWHERE = ['method_not_allowed', 'internal'] as const;

/** What a session's URL, at the gateway, may answer in place of the upgrade. */
const CONNECT = [
  'token_missing',
  'token_invalid',
  'token_expired',
  'token_not_for_game_server',
  'token_not_for_session',
  'session_full',
  'session_over',
  'upgrade_required',
  'too_many_connections',
  'too_many_requests',
  'draining',
  'overloaded',
  'route_not_allowed',
  'game_server_unreachable',
  'game_server_timeout',
] as const;

const waitHeaders = z.object({
  prefer: z.string().optional().meta({
    description:
      'How long to wait for a GameServer, in whole seconds (RFC 7240). What was applied is told in Preference-Applied',
    example: 'wait=10',
  }),
});
const allocateHeaders = waitHeaders.extend({
  'idempotency-key': z.string().min(1).max(255).optional().meta({
    description:
      'Makes repetitions of the request safe: each gets the answer of the first one. The same body is required; kept 24 h',
    example: 'b1946ac9-2d3c-4f5e-8a7b-6c1d0e9f8a7b',
  }),
});
const sessionParameter = z.object({ sessionId: z.string() });

const ROUTES: RouteConfig[] = [
  {
    method: 'post',
    path: '/api/new-game',
    summary: 'A new session on a GameServer of its own, and a seat in it',
    request: { headers: allocateHeaders, body: json(newGameRequest) },
    responses: answers(201, newGameAnswer, 'The session. `wsUrl` plays', [...READ_BODY, ...KEYED]),
  },
  {
    method: 'post',
    path: '/api/sessions/{sessionId}/join',
    summary: 'A seat in a session that runs. Whoever knows its id is invited',
    request: { params: sessionParameter, body: json(joinRequest) },
    responses: answers(201, seatAnswer, 'The seat. `wsUrl` plays', [
      ...READ_BODY,
      'session_not_found',
      'session_over',
      'kubernetes_unavailable',
    ]),
  },
  {
    method: 'post',
    path: '/api/sessions/{sessionId}/resume',
    summary:
      'A fresh seat for who was in the session. Where its GameServer was lost: in the session that comes in its place, for all its players, before all who wait for their first',
    request: { params: sessionParameter, headers: waitHeaders, body: json(resumeRequest) },
    responses: answers(201, seatAnswer, 'The seat, in the session that `sessionId` names. `wsUrl` plays', [
      ...READ_BODY,
      'token_invalid',
      'token_expired',
      'token_not_for_session',
      'session_not_found',
      'session_over',
      ...ALLOCATE,
    ]),
  },
  {
    method: 'get',
    path: '/api/sessions/{sessionId}',
    summary: 'What a page may show of a session',
    request: { params: sessionParameter },
    responses: answers(200, sessionAnswer, 'The session', ['session_not_found', 'kubernetes_unavailable']),
  },
  {
    method: 'get',
    path: '/api/regions',
    summary: 'Where GameServers are, for a client to measure and to prefer',
    responses: answers(200, regionsAnswer, 'The regions; none where the installation names none', []),
  },
  {
    method: 'post',
    path: '/v1/allocations',
    summary: 'A session for players the caller has put together',
    security: [{ serviceCredential: [] }],
    request: { headers: allocateHeaders, body: json(allocationRequest) },
    responses: answers(201, allocationAnswer, 'The session, and a seat for each player', [
      ...READ_BODY,
      ...KEYED,
      ...SERVICE,
    ]),
  },
  {
    method: 'get',
    path: '/v1/sessions/{sessionId}',
    summary: 'A session and where its GameServer is',
    security: [{ serviceCredential: [] }],
    request: { params: sessionParameter },
    responses: answers(200, serviceSessionAnswer, 'The session', [
      'session_not_found',
      'session_over',
      'kubernetes_unavailable',
      ...SERVICE,
    ]),
  },
  {
    method: 'delete',
    path: '/v1/sessions/{sessionId}',
    summary: 'Ends a session, and its GameServer with it',
    security: [{ serviceCredential: [] }],
    request: { params: sessionParameter },
    responses: {
      204: { description: 'It ends' },
      ...problems(['session_not_found', 'session_over', 'kubernetes_unavailable', ...SERVICE, ...ANYWHERE]),
    },
  },
  {
    method: 'get',
    path: '/v1/sessions',
    summary: 'The sessions that run',
    security: [{ serviceCredential: [] }],
    request: { query: sessionsQuery },
    responses: answers(200, sessionsAnswer, 'A page of them', ['invalid_request', ...SERVICE]),
  },
  {
    method: 'get',
    path: '/v1/servers',
    summary: 'GameServers, what they hold and since when',
    security: [{ serviceCredential: [] }],
    request: { query: serversQuery },
    responses: answers(200, serversAnswer, 'A page of them', ['invalid_request', ...SERVICE]),
  },
  {
    method: 'get',
    path: '/v1/fleets',
    summary: 'The Fleets that play games, and how their GameServers stand',
    security: [{ serviceCredential: [] }],
    request: { query: fleetsQuery },
    responses: answers(200, fleetsAnswer, 'A page of them', ['invalid_request', ...SERVICE]),
  },
  {
    method: 'post',
    path: '/v1/fleets/{fleet}/drain',
    summary: 'Tells every GameServer of a Fleet to take no new session and to end with those it has',
    security: [{ serviceCredential: [] }],
    request: { params: z.object({ fleet: z.string() }) },
    responses: answers(200, drainAnswer, 'How many were told', ['unknown_game', ...SERVICE]),
  },
  {
    method: 'get',
    path: '/session/{sessionId}',
    summary: 'Plays: the WebSocket, at the gateway',
    request: { params: sessionParameter, query: z.object({ token: z.string() }) },
    responses: {
      101: { description: 'The connection is the game’s. docs/errors.md lists the codes it may be closed with' },
      ...problems(['not_found', ...CONNECT, 'allocator_unreachable']),
    },
  },
  {
    method: 'get',
    path: '/healthz',
    summary: 'Whether the process is alive',
    responses: answers(200, healthAnswer, 'It is', []),
  },
  {
    method: 'get',
    path: '/readyz',
    summary: 'Whether requests should be sent here',
    responses: {
      ...answers(200, healthAnswer, 'They should', []),
      503: { description: 'They should not', ...json(healthAnswer) },
    },
  },
];

/** The API as OpenAPI 3.1, made from the schemas that check requests. */
export function openApiDocument(): OpenApiDocument {
  extendZodWithOpenApi(z);
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'serviceCredential', { type: 'http', scheme: 'bearer' });
  for (const route of ROUTES) registry.registerPath(route);
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Regatta',
      version: '1',
      description: 'One click, one game server. Every fault is a problem document (RFC 9457) with a stable `code`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
  });
}

/** The document as its file holds it. */
export function openApiYaml(): string {
  return `# Made by \`node allocator/openapi.ts --write\` from allocator/routes/schemas.ts.\n${stringify(openApiDocument(), { aliasDuplicateObjects: false, lineWidth: 0 })}`;
}

/** The types of the player API as their file holds them. */
export function clientTypes(): string {
  const head = '// Made by `node allocator/openapi.ts --write` from allocator/routes/schemas.ts.\n\n';
  return head + typesOf(openApiDocument(), PLAYER_SCHEMAS);
}

function json(schema: z.ZodType): { content: { 'application/json': { schema: z.ZodType } } } {
  return { content: { 'application/json': { schema } } };
}

function answers(
  status: number,
  schema: z.ZodType,
  description: string,
  codes: readonly ErrorCode[],
): Record<string, ResponseConfig> {
  return { [status]: { description, ...json(schema) }, ...problems([...codes, ...ANYWHERE]) };
}

/** One response for each status, which names the codes that come with it. */
function problems(codes: readonly ErrorCode[]): Record<string, ResponseConfig> {
  const byStatus = Map.groupBy(codes, (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, sameStatus]) => [
      status,
      {
        description: sameStatus.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join('. '),
        content: { [PROBLEM_CONTENT_TYPE]: { schema: problemAnswer } },
      },
    ]),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const made = new Map([
    [OPENAPI_FILE, openApiYaml()],
    [CLIENT_TYPES_FILE, clientTypes()],
  ]);
  for (const [file, text] of made) {
    if (process.argv.includes('--write')) writeFileSync(file, text);
    else if (readFileSync(file, 'utf8') !== text) {
      process.stderr.write(`${fileURLToPath(file)} is stale: node allocator/openapi.ts --write\n`);
      process.exitCode = 1;
    }
  }
}
