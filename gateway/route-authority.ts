import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { ERRORS, ProblemError } from '../lib/errors.ts';
import { RouteOpener } from '../lib/join-token.ts';
import type { KeySet } from '../lib/key-set.ts';
import type { Logger } from '../lib/logger.ts';
import { problemDocument, problemHeaders } from '../lib/problem.ts';
import { findGameServer } from './game-server-connection.ts';
import { InnerPort } from './inner-port.ts';
import type { NetworkCheck } from './networks.ts';
import { openSessionRequest } from './session-request.ts';

export interface RouteAuthorityOptions {
  port: number;
  listenAddress: string | undefined;
  sealingKeys: KeySet;
  isAllowed: NetworkCheck;
  clock: Clock;
  logger: Logger;
}

const PATH = '/route';

/**
 * Tells a stock proxy where a session is, so that the proxy moves the bytes: nginx' `auth_request`, Envoy's `ext_authz`,
 * HAProxy by a few lines of Lua. See docs/proxies/. What it tells is the way into the cluster, seat token included: its port
 * is for the proxy alone.
 *
 * `/route` with the client's request target in `X-Original-URI`, or `/route` put before that target; any method. 200 has
 * `X-Regatta-Upstream` (`ip:port`) and `X-Regatta-Target` (path and query for the GameServer). A refusal is 401 or 403,
 * which is all that `auth_request` passes on, with the problem the gateway's own door would answer; 5xx else.
 */
export class RouteAuthority {
  readonly #options: RouteAuthorityOptions;
  readonly #opener: RouteOpener;
  readonly #port: InnerPort;

  constructor(options: RouteAuthorityOptions) {
    this.#options = options;
    this.#opener = new RouteOpener(options.sealingKeys);
    this.#port = new InnerPort({
      ...options,
      answer: (request, response) => {
        void this.#answer(request, response);
      },
    });
  }

  /**
   * Starts to listen.
   *
   * @returns the port
   * @throws Error of the system, with its code, when the port cannot be had
   */
  listen(): Promise<number> {
    return this.#port.listen();
  }

  /** Questions that are under way are answered. */
  close(): Promise<void> {
    return this.#port.close({ gently: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    try {
      const { clock, isAllowed } = this.#options;
      const { route, gameServerTarget } = await openSessionRequest(targetOf(request), this.#opener, clock);
      const address = await findGameServer(route, isAllowed);
      response.writeHead(200, {
        'x-regatta-upstream': `${isIPv6(address) ? `[${address}]` : address}:${route.port}`,
        'x-regatta-target': gameServerTarget,
        'cache-control': 'no-store',
        'content-length': 0,
      });
      response.end();
    } catch (error) {
      this.#refuse(response, error);
    }
  }

  #refuse(response: ServerResponse, error: unknown): void {
    const problem = error instanceof ProblemError ? error : new ProblemError('internal', 'Something went wrong.');
    if (problem.code === 'internal') this.#options.logger.error({ err: error }, 'a question for a route failed');
    else this.#options.logger.debug({ code: problem.code }, 'a question for a route was refused');
    const { status } = ERRORS[problem.code];
    response.writeHead(status === 401 || status >= 500 ? status : 403, {
      ...problemHeaders(problem),
      'x-regatta-code': problem.code,
    });
    response.end(JSON.stringify(problemDocument(problem)));
  }
}

/** The target that the proxy's client asked for. */
function targetOf(request: IncomingMessage): string {
  const url = request.url ?? '';
  const original = request.headers['x-original-uri'];
  if (url === PATH && typeof original === 'string') return original;
  return url.startsWith(`${PATH}/`) ? url.slice(PATH.length) : '';
}
