import { networkError, problemOf, RegattaError } from './problem.ts';

/** A seat in a session: connect to `wsUrl` before `expiresAt`. */
export interface Seat {
  sessionId: string;
  /** Carries the join token: to be shown to nobody. */
  wsUrl: string;
  /** RFC 3339. */
  expiresAt: string;
  /** How the GameServer was had, where the allocator tells it. */
  allocation: { durationMs: number; gameServer: string } | undefined;
}

export interface PlayerRequest {
  /** Where the allocator is; in a browser the page's own origin by default. */
  baseUrl?: string;
  playerId: string;
  /** How long the allocator may keep the request waiting in line, in whole seconds. */
  waitSeconds?: number;
  signal?: AbortSignal;
}

export interface NewGameRequest extends PlayerRequest {
  game?: string;
  attributes?: Record<string, string>;
  /** One key, one session: use the same for each retry of one wish to play. */
  idempotencyKey?: string;
}

/**
 * Asks for a session of its own.
 *
 * @throws RegattaError `no_capacity` when none became free in time, or another code of the error table
 * @throws the signal's reason once it is aborted
 */
export async function newGame(request: NewGameRequest): Promise<Seat> {
  const { playerId, game, attributes, idempotencyKey } = request;
  const body = {
    playerId,
    ...(game === undefined ? {} : { game }),
    ...(attributes === undefined ? {} : { attributes }),
  };
  return await askForSeat('/api/new-game', body, request, idempotencyKey);
}

/**
 * Asks for a seat in a session that runs already: what an invitation leads to. Asking again moves the same seat.
 *
 * @throws RegattaError `session_full`, `session_over`, `session_not_found`, or another code of the error table
 * @throws the signal's reason once it is aborted
 */
export async function joinSession(sessionId: string, request: PlayerRequest): Promise<Seat> {
  const path = `/api/sessions/${encodeURIComponent(sessionId)}/join`;
  return await askForSeat(path, { playerId: request.playerId }, request, undefined);
}

async function askForSeat(
  path: string,
  body: object,
  { baseUrl = '', waitSeconds, signal }: PlayerRequest,
  idempotencyKey: string | undefined,
): Promise<Seat> {
  const response = await fetch(baseUrl + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, application/problem+json',
      ...(waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    body: JSON.stringify(body),
    signal: signal ?? null,
  }).catch((cause: unknown) => {
    throw networkError(cause, signal);
  });
  if (!response.ok) throw await problemOf(response);
  const answer: unknown = await response.json().catch(() => undefined);
  signal?.throwIfAborted();
  const seat = parseSeat(answer);
  if (seat === undefined) {
    throw new RegattaError('unexpected_answer', 'The answer names no session', {
      status: response.status,
      retryable: false,
    });
  }
  return seat;
}

function parseSeat(value: unknown): Seat | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { sessionId, wsUrl, expiresAt, allocation } = {
    sessionId: '',
    wsUrl: '',
    expiresAt: '',
    allocation: {},
    ...value,
  };
  if (typeof sessionId !== 'string' || typeof wsUrl !== 'string' || !/^wss?:\/\//.test(wsUrl)) return undefined;
  return { sessionId, wsUrl, expiresAt: String(expiresAt), allocation: parseAllocation(allocation) };
}

function parseAllocation(value: unknown): Seat['allocation'] {
  if (typeof value !== 'object' || value === null || !('durationMs' in value) || !('gameServer' in value)) {
    return undefined;
  }
  const { durationMs, gameServer } = value;
  return typeof durationMs === 'number' && typeof gameServer === 'string' ? { durationMs, gameServer } : undefined;
}
