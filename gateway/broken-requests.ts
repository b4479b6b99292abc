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
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const problem = problemOf(error);
  tally.refused(problem.code);
  socket.end(problemResponse(problem));
  socket.once('finish', () => socket.destroy());
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

function problemOf(error: NodeJS.ErrnoException): ProblemError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new ProblemError('headers_too_large', 'The request line and the headers are too large.');
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ProblemError('request_timeout', 'The request did not arrive in time.');
  }
  return new ProblemError('invalid_request', 'This is not HTTP/1.1.');
}
