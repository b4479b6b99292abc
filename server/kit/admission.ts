import { randomUUID } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { ProblemError } from '../../lib/errors.ts';
import { nameInPlaceOfUid, TokenError } from '../../lib/join-token.ts';
import type { Seat } from '../../lib/join-token.ts';
import { AFTER_PARAMETER } from '../../lib/resume-protocol.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { RunningSession } from './running-session.ts';
import type { Knock } from './web-socket-door.ts';

/** Checks a seat token: `SeatVerifier` of lib. */
export interface SeatCheck {
  /** @throws TokenError */
  verify(seatToken: string, nowSeconds: number): Promise<Seat>;
  /** The same for a seat that may have expired. @throws TokenError */
  verifyOfAnyAge(seatToken: string): Promise<Seat>;
}

/** What admission needs of the session life. */
export interface SessionSource {
  readonly gameServer: { readonly uid: string; readonly namespace: string; readonly name: string };
  /** Those that run now. */
  readonly sessions: readonly RunningSession[];
  /** False from the moment the GameServer goes away. */
  readonly isAdmitting: boolean;
  /**
   * The running session of a seat, opened if need be; waits a bounded time for the allocation to show.
   *
   * @throws ProblemError `token_not_for_session`, `session_over`, `draining`
   */
  sessionFor(descriptor: SessionDescriptor): Promise<RunningSession>;
  /** The session for a player without a token, allocated by the kit itself. @throws ProblemError */
  directSession(): Promise<RunningSession>;
}

export interface AdmissionOptions {
  sessions: SessionSource;
  /** Undefined where the GameServer was given no public keys: then no token is good. */
  seatCheck: SeatCheck | undefined;
  isDirectAdmission: boolean;
  clock: Clock;
}

/** A player who may come in, on a seat that is theirs. */
export interface SeatHeld {
  session: RunningSession;
  playerId: string;
  seat: number;
  /** The player goes on where they were, and has so many messages; undefined for one who begins. */
  after: number | undefined;
}

const MAX_PLAYER_ID_LENGTH = 64;

/**
 * Decides who comes in, and takes the seat.
 *
 * @throws ProblemError with `token_*`, `session_over`, `session_full`, `draining`, `invalid_request`
 */
export async function admitPlayer(knock: Knock, options: AdmissionOptions): Promise<SeatHeld> {
  return (await admitReturning(knock, options)) ?? (await admitNew(knock, options));
}

/**
 * A player who knows the secret of their seat is there already: neither the age of the token counts, nor whether the
 * GameServer takes others. One whose seat was given up meanwhile is none of these, and begins anew.
 */
async function admitReturning(knock: Knock, options: AdmissionOptions): Promise<SeatHeld | undefined> {
  const { resume } = knock;
  if (resume === undefined) return undefined;
  const { playerId, sessions } = await seatsToLookAt(knock, options);
  for (const session of sessions) {
    const held = session.resumableSeat(playerId, resume.secret);
    if (held === undefined) continue;
    if (resume.after > held.sent) {
      throw new ProblemError('invalid_request', 'Fewer messages than that were sent.', {
        errors: [{ field: `query ${AFTER_PARAMETER}`, message: 'is more than was sent' }],
      });
    }
    return { session, playerId, seat: held.seat, after: resume.after };
  }
  return undefined;
}

async function seatsToLookAt(
  knock: Knock,
  { sessions, seatCheck, isDirectAdmission }: AdmissionOptions,
): Promise<{ playerId: string; sessions: readonly RunningSession[] }> {
  if (knock.seatToken === undefined) {
    return { playerId: knock.playerId ?? '', sessions: isDirectAdmission ? sessions.sessions : [] };
  }
  const seatToken = knock.seatToken;
  const seat = await verified(seatCheck, (check) => check.verifyOfAnyAge(seatToken));
  refuseOtherSeat(knock, seat, sessions);
  const { sessionId } = seat.session;
  return {
    playerId: seat.playerId,
    sessions: sessions.sessions.filter(({ descriptor }) => descriptor.sessionId === sessionId),
  };
}

async function admitNew(knock: Knock, options: AdmissionOptions): Promise<SeatHeld> {
  const { sessions } = options;
  refuseIfDraining(sessions);
  const { playerId, session } =
    knock.seatToken === undefined ? await walkIn(knock, options) : await withToken(knock, knock.seatToken, options);
  refuseIfDraining(sessions);
  if (session.hasEnded) throw new ProblemError('session_over', 'The session of this seat has ended.');
  const outcome = session.takeSeat(playerId);
  if (outcome.kind === 'full') throw new ProblemError('session_full', 'All seats of the session are taken.');
  return { session, playerId, seat: outcome.seat, after: undefined };
}

async function withToken(
  knock: Knock,
  seatToken: string,
  { sessions, seatCheck, clock }: AdmissionOptions,
): Promise<{ playerId: string; session: RunningSession }> {
  const seat = await verified(seatCheck, (check) => check.verify(seatToken, Math.floor(clock.nowMs() / 1000)));
  refuseOtherSeat(knock, seat, sessions);
  return { playerId: seat.playerId, session: await sessions.sessionFor(seat.session) };
}

function refuseOtherSeat(knock: Knock, seat: Seat, { gameServer }: SessionSource): void {
  if (seat.gameServerUid !== gameServer.uid && seat.gameServerUid !== nameInPlaceOfUid(gameServer)) {
    throw new ProblemError('token_not_for_game_server', 'The seat is on another GameServer.');
  }
  if (knock.sessionId !== undefined && knock.sessionId !== seat.session.sessionId) {
    throw new ProblemError('token_not_for_session', 'The path names another session than the join token.');
  }
}

async function verified(seatCheck: SeatCheck | undefined, verify: (check: SeatCheck) => Promise<Seat>): Promise<Seat> {
  if (seatCheck === undefined) throw new ProblemError('token_invalid', 'This GameServer has no keys to check it with.');
  try {
    return await verify(seatCheck);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const detail = error.code === 'token_expired' ? 'Ask for a new one.' : 'It was not made by this installation.';
    throw new ProblemError(error.code, detail, { cause: error });
  }
}

async function walkIn(
  knock: Knock,
  { sessions, isDirectAdmission }: AdmissionOptions,
): Promise<{ playerId: string; session: RunningSession }> {
  if (!isDirectAdmission) throw new ProblemError('token_missing', 'Give it as ?token= or as a bearer token.');
  const playerId = knock.playerId ?? randomUUID();
  if (playerId.length === 0 || playerId.length > MAX_PLAYER_ID_LENGTH) {
    throw new ProblemError('invalid_request', 'The player id is too long or empty.', {
      errors: [{ field: 'player', message: `1 to ${MAX_PLAYER_ID_LENGTH} characters` }],
    });
  }
  return { playerId, session: await sessions.directSession() };
}

function refuseIfDraining(sessions: SessionSource): void {
  if (!sessions.isAdmitting) throw new ProblemError('draining', 'The GameServer takes no more players.');
}
