/** The label that says which session a GameServer holds (exclusive mode), and the annotation that describes it. */
export const SESSION_KEY = 'regatta.dev/session';
/** Which game the GameServers of a Fleet play. */
export const GAME_LABEL = 'regatta.dev/game';
/** Where a GameServer runs, as a label of its Fleet's template: a preference of the caller's, no promise. */
export const REGION_LABEL = 'regatta.dev/region';
/** On a Fleet's GameServer template: how many seats a session has. A whole number. */
export const SEATS_ANNOTATION = 'regatta.dev/seats';

/** The Agones List of a shared GameServer: the ids of its sessions. Its capacity is how many it holds at once. */
export const SESSIONS_LIST = 'sessions';
/** The label of a GameServer that is Allocated ahead of need: which allocator claims it. */
export const CLAIM_LABEL = 'regatta.dev/claim';
/** Until when a claim is good unless it is renewed: RFC 3339. */
export const CLAIM_UNTIL_ANNOTATION = 'regatta.dev/claim-until';

/** On a GameServer: it takes no new session and ends with those it has. Its value is since when: RFC 3339. */
export const DRAIN_ANNOTATION = 'regatta.dev/drain';
/** On a Fleet's GameServer template, `true`: its game servers report the first player of each session. */
export const REPORTS_PLAYERS_ANNOTATION = 'regatta.dev/reports-players';
/** On a Fleet, or its GameServer template: how many of a hundred new sessions of its game it gets. */
export const CANARY_ANNOTATION = 'regatta.dev/canary';

export const SESSION_DESCRIPTOR_VERSION = 1;

/** A descriptor larger than this is refused on both sides. */
export const MAX_SESSION_DESCRIPTOR_BYTES = 2048;

/** Seats a session may have at most. */
export const MAX_SEATS = 1000;

/**
 * Seats of a session, as {@link SEATS_ANNOTATION} says it.
 *
 * @returns one when nothing sensible is said: never more players than a game was made for
 */
export function readSeats(text: string | undefined): number {
  const seats = Number(text);
  return Number.isInteger(seats) && seats >= 1 && seats <= MAX_SEATS ? seats : 1;
}

/** What a game server is told of its session, in an annotation of its GameServer and in each join token. */
export interface SessionDescriptor {
  version: typeof SESSION_DESCRIPTOR_VERSION;
  sessionId: string;
  game: string;
  mode: 'exclusive' | 'shared';
  /** Seats: never more players than this. */
  seats: number;
  /** RFC 3339. */
  madeAt: string;
  /** RFC 3339: with nobody there by then, the session ends as a no-show. */
  joinBy: string;
  /** The game server is to report that it has opened the session: whoever asked for it is answered only then. */
  confirm?: true;
}

/** Lower-case letters and digits: fits a label value, a path and a file name as it is. */
const SESSION_ID = /^[a-z0-9]{16,40}$/;

/** Whether this could be a session's id: to refuse nonsense before it is looked up. */
export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text);
}

/** The descriptor as the annotation holds it. */
export function formatSessionDescriptor(descriptor: SessionDescriptor): string {
  return JSON.stringify(descriptor);
}

/**
 * Reads a descriptor, from an annotation (text) or a token (value).
 *
 * @returns undefined when it is missing, too large, of an unknown version or malformed: the caller refuses the session
 */
export function parseSessionDescriptor(raw: unknown): SessionDescriptor | undefined {
  const value = typeof raw === 'string' ? parseJson(raw) : raw;
  if (typeof value !== 'object' || value === null) return undefined;
  const { version, sessionId, game, mode, seats, madeAt, joinBy, confirm } = value as Record<string, unknown>;
  if (version !== SESSION_DESCRIPTOR_VERSION) return undefined;
  if (typeof sessionId !== 'string' || !isSessionId(sessionId)) return undefined;
  if (typeof game !== 'string' || game.length === 0 || game.length > 63) return undefined;
  if (mode !== 'exclusive' && mode !== 'shared') return undefined;
  if (typeof seats !== 'number' || !Number.isInteger(seats) || seats < 1 || seats > MAX_SEATS) return undefined;
  if (!isTimestamp(madeAt) || !isTimestamp(joinBy)) return undefined;
  return { version, sessionId, game, mode, seats, madeAt, joinBy, ...(confirm === true ? { confirm } : {}) };
}

function parseJson(text: string): unknown {
  if (Buffer.byteLength(text) > MAX_SESSION_DESCRIPTOR_BYTES) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isTimestamp(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 40 && !Number.isNaN(Date.parse(value));
}
