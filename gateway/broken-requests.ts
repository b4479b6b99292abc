import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ProblemError } from '../lib/errors.ts';
import { problemDocument, problemHeaders, problemResponse } from '../lib/problem.ts';
import type { LimitFault } from './limits/address-rates.ts';
import { limitProblem } from './limits/session-limits.ts';
import { ANY_ORIGIN_HEADERS } from './session-door.ts';
import type { Tally } from './tally.ts';
import { endGently } from './upgrade-exchange.ts';

/** Answers what is no HTTP, is too large or too slow, and ends the connection. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket, tally: Tally): void {
  const problem = problemOf(error);
  if (problem === undefined || !socket.writable) {
    // Over a connection that is broken, or has no TLS where there should be, nothing can be told.
    if (error.code !== 'ECONNRESET') tally.dropped('handshake');
    socket.destroy();
    return;
  }
  tally.refused(problem.code);
  endGently(socket, problemResponse(problem));
}

/** Tells a client whose connection is over a limit, and ends the connection. */
export function turnAway(response: ServerResponse, fault: LimitFault, tally: Tally): void {
  const problem = limitProblem(fault);
  tally.refused(problem.code);
  const headers = { ...problemHeaders(problem), ...ANY_ORIGIN_HEADERS, connection: 'close' };
  response.writeHead(problemDocument(problem).status, headers);
  response.end(JSON.stringify(problemDocument(problem)));
}

/** The same for one that asked for an upgrade. */
export function turnAwayUpgrade(socket: Socket, fault: LimitFault, tally: Tally): void {
  const problem = limitProblem(fault);
  tally.refused(problem.code);
  endGently(socket, problemResponse(problem));
}

/** What to say of a fault of HTTP; undefined for any other. */
function problemOf({ code = '' }: NodeJS.ErrnoException): ProblemError | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new ProblemError('headers_too_large', 'The request line and the headers are too large.');
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ProblemError('request_timeout', 'The request did not arrive in time.');
  }
  return code.startsWith('HPE_') ? new ProblemError('invalid_request', 'This is not HTTP/1.1.') : undefined;
}
