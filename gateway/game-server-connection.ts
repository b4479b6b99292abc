import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ProblemError } from '../lib/errors.ts';
import type { Route } from '../lib/join-token.ts';
import { NetworkNotAllowedError, resolveAllowed } from './networks.ts';
import type { NetworkCheck } from './networks.ts';

const FIRST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 500;

export interface GameServerConnectorOptions {
  isAllowed: NetworkCheck;
  /** One attempt may take this long. */
  connectTimeoutMs: number;
  /** A refused connection is tried again for this long: a GameServer may be about to listen. */
  retryRefusedMs: number;
}

/**
 * Opens TCP connections to GameServers.
 *
 * @param route - where to
 * @param signal - ends the attempt; the promise rejects then
 * @returns a connected socket, half-open allowed, with a listener for errors
 * @throws ProblemError route_not_allowed, game_server_unreachable, game_server_timeout; never names the address
 */
export async function connectToGameServer(
  route: Route,
  options: GameServerConnectorOptions,
  signal: AbortSignal,
): Promise<Socket> {
  const address = await findGameServer(route, options.isAllowed);
  const giveUpAtMs = performance.now() + options.retryRefusedMs;
  for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS)) {
    signal.throwIfAborted();
    try {
      return await attempt(address, route.port, options.connectTimeoutMs, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ProblemError) throw error;
      if (codeOf(error) !== 'ECONNREFUSED' || performance.now() + waitMs > giveUpAtMs) {
        throw new ProblemError('game_server_unreachable', 'The GameServer cannot be reached.', { cause: error });
      }
      await delay(waitMs, undefined, { signal });
    }
  }
}

/**
 * Where a route leads, without going there.
 *
 * @returns an IP address in an allowed network
 * @throws ProblemError route_not_allowed, game_server_unreachable; never names the address
 */
export async function findGameServer(route: Route, isAllowed: NetworkCheck): Promise<string> {
  try {
    return await resolveAllowed(route.address, isAllowed);
  } catch (error) {
    if (error instanceof NetworkNotAllowedError) {
      throw new ProblemError('route_not_allowed', 'The route leads to a network that is not allowed.', {
        cause: error,
      });
    }
    throw new ProblemError('game_server_unreachable', 'The GameServer cannot be reached.', { cause: error });
  }
}

/** The system's code of an error (`ECONNREFUSED`): all of a network error that is fit for a log. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : 'unknown';
}

function attempt(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onAbort = (): void => {
      socket.destroy();
      settle(() => {
        reject(signal.reason as Error);
      });
    };
    const timer = setTimeout(() => {
      socket.destroy();
      settle(() => {
        reject(new ProblemError('game_server_timeout', 'The GameServer did not take the connection in time.'));
      });
    }, timeoutMs);
    signal.addEventListener('abort', onAbort);
    // Stays for the life of the socket: an error without a listener would end the process.
    socket.on('error', ignoreError);
    const onError = (error: Error): void => {
      settle(() => {
        reject(error);
      });
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.removeListener('error', onError);
      settle(() => {
        resolve(socket);
      });
    });
  });
}

function ignoreError(): void {
  // `close` follows, and is what everything waits for. A function for all sockets: a connection holds on to nothing of its start.
}
