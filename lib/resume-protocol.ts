/**
 * How a player comes back to a seat: what the client in `client/` and the kit in `server/kit/` say to each other beside
 * the messages of the game. docs/adr/0014-coming-back.md has the whole of it.
 *
 * The client offers the subprotocol. Where it is chosen, text frames are the game's messages as ever, and binary frames
 * are control messages, JSON in UTF-8. The kit sends one, first on each connection: {@link SeatMessage}; later ones only
 * tell that it lives. The client sends none: what it has to say is in the query of the URL it comes back with.
 */

/** The WebSocket subprotocol (RFC 6455, 1.9) under which a player may come back. */
export const RESUME_SUBPROTOCOL = 'regatta.v1';

/** Query parameters of a client that comes back: the secret of its seat, and how many messages it has. */
export const RESUME_PARAMETER = 'resume';
export const AFTER_PARAMETER = 'after';

/** A control message larger than this is not read. */
export const MAX_CONTROL_BYTES = 512;

/** Counts beyond this are nonsense: a thousand messages a second for thirty years. */
const MAX_COUNT = 1e12;

/** The kit's first word on each connection: where both streams of messages stand. */
export interface SeatMessage {
  type: 'seat';
  /** What to come back with. The same for as long as the streams go on; another one means that they begin anew. */
  resume: string;
  /** Messages of the game that the kit has from this player. */
  received: number;
  /** How many messages to this player are lost for good: they follow those that `after` counted, and are not repeated. */
  missed: number;
  /** A client that has heard nothing for so long, no control message either, may take the connection for dead. */
  silenceMs: number;
}

/** What a client that comes back says in its query. */
export interface ResumeRequest {
  /** A secret: it is never logged. */
  secret: string;
  /** Messages of the game that the client has, and will not be sent again. */
  after: number;
}

/** Base64url of at least 128 bits. */
const SECRET = /^[\w-]{22,64}$/;

export function formatSeatMessage(message: Omit<SeatMessage, 'type'>): string {
  return JSON.stringify({ type: 'seat', ...message });
}

/** The control message that tells no more than that the kit lives. */
export const ALIVE_MESSAGE = '{"type":"alive"}';

/** @returns undefined for what is no seat message */
export function parseSeatMessage(text: string): SeatMessage | undefined {
  if (text.length > MAX_CONTROL_BYTES) return undefined;
  const { type, resume, received, missed, silenceMs } = parseObject(text);
  if (type !== 'seat' || typeof resume !== 'string' || !SECRET.test(resume)) return undefined;
  if (!isCount(received) || !isCount(missed) || !isCount(silenceMs)) return undefined;
  return { type, resume, received, missed, silenceMs };
}

/** The URL to come back with. */
export function returnUrl(wsUrl: string, { secret, after }: ResumeRequest): string {
  return `${wsUrl}${wsUrl.includes('?') ? '&' : '?'}${RESUME_PARAMETER}=${secret}&${AFTER_PARAMETER}=${after}`;
}

/**
 * Reads what a client that comes back says.
 *
 * @returns undefined for one that says nothing of it; the parameter that is wrong, where one is
 */
export function parseResumeRequest(query: URLSearchParams): ResumeRequest | { wrong: string } | undefined {
  const secret = query.get(RESUME_PARAMETER);
  if (secret === null) return undefined;
  if (!SECRET.test(secret)) return { wrong: RESUME_PARAMETER };
  const after = query.get(AFTER_PARAMETER) ?? '';
  return /^\d{1,12}$/.test(after) ? { secret, after: Number(after) } : { wrong: AFTER_PARAMETER };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_COUNT;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
