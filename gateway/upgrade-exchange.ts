import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { ProblemError } from '../lib/errors.ts';
import { endToEndHeaders } from './headers.ts';
import type { RawHeaders } from './headers.ts';

/** The GameServer's answer to an upgrade may have this much of a head, and of a body when it refuses. */
const MAX_ANSWER_HEAD_BYTES = 16 * 1024;
const MAX_REFUSAL_BODY_BYTES = 64 * 1024;
const GENTLE_END_MS = 2000;

/** What a GameServer said to an upgrade: with a socket it took it, else the response says why not. */
export type Answer =
  | { response: IncomingMessage; gameServer: Socket; head: Buffer }
  | { response: IncomingMessage; gameServer?: undefined };

/**
 * Asks a GameServer to upgrade a fresh connection.
 *
 * @param path - path and query
 * @throws ProblemError game_server_unreachable, or the reason of the signal
 */
export function askToUpgrade(
  gameServer: Socket,
  path: string,
  headers: RawHeaders,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      createConnection: () => gameServer,
      path,
      headers,
      setHost: false,
      maxHeaderSize: MAX_ANSWER_HEAD_BYTES,
    });
    const onAbort = (): void => {
      gameServer.destroy();
      reject(signal.reason as Error);
    };
    const settle = (answer: Answer): void => {
      signal.removeEventListener('abort', onAbort);
      resolve(answer);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    request.once('upgrade', (response, _socket, head) => {
      settle({ response, gameServer, head });
    });
    request.once('response', (response) => {
      response.once('close', () => gameServer.destroy());
      settle({ response });
    });
    request.on('error', (error) => {
      signal.removeEventListener('abort', onAbort);
      gameServer.destroy();
      reject(new ProblemError('game_server_unreachable', 'The GameServer gave no answer.', { cause: error }));
    });
    request.end();
  });
}

/** Passes a refusal of the GameServer on, body and all up to a bound, and ends the client's connection. */
export async function relayRefusal(response: IncomingMessage, client: Socket, signal: AbortSignal): Promise<void> {
  const headers = [...endToEndHeaders(response), 'Connection', 'close'];
  client.write(`${headText(response, headers)}\r\n`);
  let bodyBytes = 0;
  response.on('data', (chunk: Buffer) => {
    bodyBytes += chunk.length;
    if (bodyBytes > MAX_REFUSAL_BODY_BYTES) response.destroy();
    else client.write(chunk);
  });
  await new Promise<void>((resolve) => {
    response.on('error', () => {
      // The head has gone out already: all that can be done is to end, which `close` does.
      response.destroy();
    });
    response.once('close', resolve);
    signal.addEventListener('abort', () => response.destroy(), { once: true });
  });
  endGently(client);
}

/** Status line and headers of an answer, without the empty line behind them. */
export function headText(answer: IncomingMessage, headers: RawHeaders): string {
  let text = `HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ''}\r\n`;
  for (let index = 0; index < headers.length; index += 2) text += `${headers[index]}: ${headers[index + 1]}\r\n`;
  return text;
}

/** Ends a socket so that the last bytes arrive: bytes left unread would make the system reset the connection. */
export function endGently(socket: Socket, lastText = ''): void {
  const timer = setTimeout(() => socket.destroy(), GENTLE_END_MS);
  socket.once('close', () => {
    clearTimeout(timer);
  });
  socket.end(lastText, 'latin1');
  socket.resume();
}
