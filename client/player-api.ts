import { ask, unexpected } from './ask.ts';
import type { AskOptions } from './ask.ts';
import type { JoinRequest, NewGame, NewGameRequest as NewGameBody, ResumeRequest as ResumeBody } from './api-types.ts';
import type { Seat as SeatAnswer } from './api-types.ts';

/** A seat in a session: connect to `wsUrl` before `expiresAt`. `wsUrl` carries the join token: to be shown to nobody. */
export interface Seat extends Pick<SeatAnswer, 'sessionId' | 'wsUrl' | 'expiresAt'> {
  /** How the GameServer was had, where the allocator tells it. */
  allocation: NewGame['allocation'] | undefined;
}

export interface SeatRequest extends AskOptions {
  /** How long the allocator may keep the request waiting in line, in whole seconds. */
  waitSeconds?: number;
}

export interface PlayerRequest extends SeatRequest, JoinRequest {}

export interface NewGameRequest extends SeatRequest, NewGameBody {
  /** One key, one session: use the same for each retry of one wish to play. */
  idempotencyKey?: string;
}

export interface ResumeRequest extends SeatRequest {
  /** That of the seat one had: its token proves that one had it. */
  wsUrl: string;
  /** What the connection was closed with. After a loss the answer waits a moment until that is seen there too. */
  closeCode?: number;
}

/**
 * Asks for a session of its own.
 *
 * @throws RegattaError `no_capacity` when none became free in time, or another code of the error table
 * @throws the signal's reason once it is aborted
 */
export async function newGame(request: NewGameRequest): Promise<Seat> {
  const { playerId, game, region, latencies, attributes, exclude } = request;
  // What is undefined is not written.
  const body = { playerId, game, region, latencies, attributes, exclude } satisfies Record<keyof NewGameBody, unknown>;
  return await askForSeat('/api/new-game', body, request, request.idempotencyKey);
}

/**
 * Asks for a seat in a session that runs already: what an invitation leads to. Asking again moves the same seat.
 *
 * @throws RegattaError `session_full`, `session_over`, `session_not_found`, or another code of the error table
 * @throws the signal's reason once it is aborted
 */
export async function joinSession(sessionId: string, request: PlayerRequest): Promise<Seat> {
  const body: JoinRequest = { playerId: request.playerId };
  return await askForSeat(`${pathOf(sessionId)}/join`, body, request);
}

/**
 * Asks where to go on after the GameServer of a session was lost, or could not be reached with the seat one had: in the
 * same session while it runs, else in one that comes in its place, for all its players, before all who wait for their
 * first. It may be asked again and again. Until the loss is seen there the answer is the old place: connect, and ask again.
 *
 * @throws RegattaError `session_over` when it was played to its end, `token_expired` when none can be left, or another
 *   code of the error table
 * @throws the signal's reason once it is aborted
 */
export async function resumeSession(sessionId: string, request: ResumeRequest): Promise<Seat> {
  const { wsUrl, closeCode } = request;
  const token = new URL(wsUrl).searchParams.get('token') ?? '';
  const body = { token, closeCode } satisfies Record<keyof ResumeBody, unknown>;
  return await askForSeat(`${pathOf(sessionId)}/resume`, body, request);
}

function pathOf(sessionId: string): string {
  return `/api/sessions/${encodeURIComponent(sessionId)}`;
}

async function askForSeat(
  path: string,
  body: object,
  { waitSeconds, ...options }: SeatRequest,
  idempotencyKey?: string,
): Promise<Seat> {
  const answer = await ask(path, options, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    body: JSON.stringify(body),
  });
  const seat = parseSeat(answer);
  if (seat === undefined) throw unexpected('The answer names no session');
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
