/** One row of the close code table. */
export interface CloseSpec {
  code: number;
  /** What the Close frame says; at most 123 bytes, nothing secret. */
  reason: string;
  /** May the client connect again with the same URL? */
  mayReconnect: boolean;
}

/**
 * Every way in which Regatta closes a WebSocket on purpose. `docs/errors.md` explains each.
 *
 * 4000–4999 are ours (RFC 6455, 7.4.2); the three below 4000 have their meaning from the RFC and IANA's registry.
 */
export const CLOSE_CODES = {
  session_ended: { code: 4000, reason: 'The session is over', mayReconnect: false },
  seat_taken_over: { code: 4001, reason: 'The same seat was taken by a newer connection', mayReconnect: false },
  seat_expired: { code: 4002, reason: 'The time of the seat has run out', mayReconnect: false },
  session_full: { code: 4003, reason: 'Every seat of the session is taken', mayReconnect: false },
  idle: { code: 4004, reason: 'Nothing was heard for too long', mayReconnect: true },
  bad_message: { code: 4005, reason: 'The client sent what the game does not understand', mayReconnect: false },
  too_slow: { code: 4006, reason: 'The client reads too slowly', mayReconnect: true },
  game_server_lost: { code: 4007, reason: 'The GameServer has gone', mayReconnect: false },
  game_server_shutdown: { code: 4008, reason: 'The GameServer is being shut down', mayReconnect: false },
  too_large: { code: 1009, reason: 'The message is too large', mayReconnect: false },
  gateway_restart: { code: 1012, reason: 'The gateway is restarting', mayReconnect: true },
  try_later: { code: 1013, reason: 'Too busy just now', mayReconnect: true },
} as const satisfies Record<string, CloseSpec>;

export type CloseName = keyof typeof CLOSE_CODES;

/** The row a received close code stands for, or undefined for a code that is not in the table. */
export function closeNameOf(code: number): CloseName | undefined {
  const found = Object.entries(CLOSE_CODES).find(([, spec]) => spec.code === code);
  // The entries of a const object lose their key type in Object.entries.
  return found?.[0] as CloseName | undefined;
}

/** Codes outside the table after which the same URL may work again: going away, lost without a word, internal error. */
const PASSING_CODES: readonly number[] = [1001, 1006, 1011, 1014];

/** Whether the same URL may be tried again after this close code. */
export function mayReconnectAfter(code: number): boolean {
  const closeName = closeNameOf(code);
  return closeName === undefined ? PASSING_CODES.includes(code) : CLOSE_CODES[closeName].mayReconnect;
}
