import type { IncomingMessage } from 'node:http';
import { ProblemError } from '../lib/errors.ts';
import { TokenError } from '../lib/join-token.ts';
import type { OpenedRoute, RouteOpener } from '../lib/join-token.ts';
import type { Clock } from '../lib/clock.ts';
import { RESUME_PARAMETER } from '../lib/resume-protocol.ts';

const SESSION_PREFIX = '/session/';

/** A request for a session whose token was opened and is good. */
export interface SessionRequest {
  route: OpenedRoute;
  /** Path and query for the GameServer: the sealed token is replaced by the seat token inside it. */
  gameServerTarget: string;
}

/** Whether this path is the gateway's own, so that it never goes on to the allocator. */
export function isSessionPath(target: string): boolean {
  const path = target.split('?', 1)[0] ?? '';
  return path === '/session' || path.startsWith(SESSION_PREFIX);
}

/**
 * Checks who asks for which session. It does nothing upstream.
 *
 * Who says that they come back may do so with a route that has expired, for as long as the route itself allows: whether
 * they have been there is for the game server to tell.
 *
 * @param target - the request target: path and query
 * @throws ProblemError not_found, invalid_request, token_missing, token_invalid, token_expired, token_not_for_session
 */
export async function openSessionRequest(target: string, opener: RouteOpener, clock: Clock): Promise<SessionRequest> {
  const [path = '', ...queryParts] = target.split('?');
  const sessionId = path.slice(SESSION_PREFIX.length);
  if (!path.startsWith(SESSION_PREFIX) || sessionId === '' || sessionId.includes('/')) {
    throw new ProblemError('not_found', 'A session is at /session/ID.');
  }
  const pairs = queryParts
    .join('?')
    .split('&')
    .filter((pair) => pair !== '');
  const isReturn = pairs.some((pair) => pair.startsWith(`${RESUME_PARAMETER}=`));
  const route = await openToken(sealedTokenOf(pairs), opener, clock, isReturn);
  if (route.sessionId !== sessionId) {
    throw new ProblemError('token_not_for_session', 'The join token was made for another session.');
  }
  const onward = pairs.map((pair) => (isTokenPair(pair) ? `token=${route.seatToken}` : pair));
  return { route, gameServerTarget: `${path}?${onward.join('&')}` };
}

function isTokenPair(pair: string): boolean {
  return pair === 'token' || pair.startsWith('token=');
}

function sealedTokenOf(pairs: string[]): string {
  const [first, second] = pairs.filter(isTokenPair);
  if (second !== undefined) {
    throw new ProblemError('invalid_request', 'There is more than one token.', {
      errors: [{ field: 'query token', message: 'is given more than once' }],
    });
  }
  const sealed = first?.slice('token='.length) ?? '';
  if (sealed === '') throw new ProblemError('token_missing', 'The query has no token.');
  return sealed;
}

async function openToken(sealed: string, opener: RouteOpener, clock: Clock, isReturn: boolean): Promise<OpenedRoute> {
  try {
    return await opener.open(sealed, clock.nowMs() / 1000, { isReturn });
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const detail =
      error.code === 'token_expired' ? 'The time of the join token has run out.' : 'The join token cannot be opened.';
    throw new ProblemError(error.code, detail, { cause: error });
  }
}

/**
 * Checks the opening handshake of a client (RFC 6455, 4.2.1).
 *
 * @throws ProblemError invalid_request, naming each header that is wrong
 */
export function checkHandshake(request: IncomingMessage): void {
  const { headers } = request;
  const faults = [
    { field: 'method', message: 'must be GET', holds: request.method === 'GET' && request.httpVersion === '1.1' },
    {
      field: 'header Sec-WebSocket-Version',
      message: 'must be 13',
      holds: headers['sec-websocket-version'] === '13',
    },
    {
      field: 'header Sec-WebSocket-Key',
      message: 'must be 16 bytes in base64',
      holds: /^[A-Za-z0-9+/]{22}==$/.test(headers['sec-websocket-key'] ?? ''),
    },
    {
      field: 'body',
      message: 'must not be there',
      holds: headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0,
    },
  ].filter((rule) => !rule.holds);
  if (faults.length === 0) return;
  throw new ProblemError('invalid_request', 'The WebSocket handshake is not valid.', {
    errors: faults.map(({ field, message }) => ({ field, message })),
  });
}
