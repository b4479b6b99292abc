import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { ProblemError } from '../lib/errors.ts';
import type { RouteOpener } from '../lib/join-token.ts';
import type { Logger } from '../lib/logger.ts';
import { problemDocument, problemHeaders, problemResponse } from '../lib/problem.ts';
import type { ClientOrigin, ClientOrigins } from './client-origin.ts';
import { leavesAfterMs } from './drain-spread.ts';
import { codeOf, connectToGameServer, findGameServer } from './game-server-connection.ts';
import type { GameServerConnectorOptions } from './game-server-connection.ts';
import { endToEndHeaders, forwardingHeaders, withoutForwarding } from './headers.ts';
import type { RawHeaders } from './headers.ts';
import { askToUpgrade, endGently, headText, relayRefusal } from './upgrade-exchange.ts';
import type { Answer } from './upgrade-exchange.ts';
import { checkHandshake, isSessionPath, openSessionRequest } from './session-request.ts';
import type { SessionRequest } from './session-request.ts';
import type { SessionLimits } from './limits/session-limits.ts';
import { Splice } from './splice.ts';
import type { SpliceOptions } from './splice.ts';
import type { Tally } from './tally.ts';

/** A game server has no business with the credentials a browser keeps for the site: the seat token is its proof. */
const CREDENTIAL_HEADERS = ['cookie', 'authorization'];

/**
 * Why an upgrade was refused is told to any page: browsers hide it from the one that asked, which may come from another
 * origin than the gateway's. It says nothing to whom does not have the URL.
 */
export const ANY_ORIGIN_HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'retry-after',
};

export interface SessionDoorOptions extends GameServerConnectorOptions, Omit<SpliceOptions, 'onClosed'> {
  opener: RouteOpener;
  clock: Clock;
  logger: Logger;
  origins: ClientOrigins;
  limits: SessionLimits;
  tally: Tally;
  /** Whether GameServers are told who the client is. */
  tellsGameServers: boolean;
  /** From the client's request to the GameServer's answer. */
  handshakeTimeoutMs: number;
  /** Upgrades under way at once. */
  maxHandshakes: number;
}

/** The way to sessions: unseals the token, connects to the GameServer it names, and splices. */
export class SessionDoor {
  readonly #options: SessionDoorOptions;
  readonly #spliceOptions: Omit<SpliceOptions, 'onClosed'>;
  readonly #splices = new Set<Splice>();
  readonly #handshakes = new Set<AbortController>();
  #isDraining = false;
  #whenEmpty: (() => void) | undefined;

  constructor(options: SessionDoorOptions) {
    this.#options = options;
    const { lingerMs, stallMs, clientBytesPerSecond, gameServerBytesPerSecond } = options;
    this.#spliceOptions = { lingerMs, stallMs, clientBytesPerSecond, gameServerBytesPerSecond };
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#splices.size;
  }

  /** Upgrades that are under way. */
  get handshakes(): number {
    return this.#handshakes.size;
  }

  /** Bytes that the connections now open have passed on. */
  get passedBytes(): { toClient: number; toGameServer: number } {
    const total = { toClient: 0, toGameServer: 0 };
    for (const { passedBytes } of this.#splices) {
      total.toClient += passedBytes.toClient;
      total.toGameServer += passedBytes.toGameServer;
    }
    return total;
  }

  /** Takes a request to upgrade, on any path. The socket must have a listener for errors. */
  async upgrade(request: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
    const requestId = requestIdOf(request);
    const handshake = new AbortController();
    const onClientClosed = (): void => {
      handshake.abort(new ProblemError('request_timeout', 'The client has gone.'));
    };
    const timer = setTimeout(() => {
      handshake.abort(new ProblemError('game_server_timeout', 'The GameServer did not answer in time.'));
    }, this.#options.handshakeTimeoutMs);
    client.once('close', onClientClosed);
    try {
      const origin = this.#options.origins.of(request);
      this.#admit(handshake, origin, client);
      const session = await this.#check(request);
      const answer = await this.#forward(request, session, origin, handshake.signal);
      if (answer.gameServer === undefined) await relayRefusal(answer.response, client, handshake.signal);
      else this.#splice(client, head, answer.gameServer, answer.head, answer.response);
    } catch (error) {
      this.#refuse(client, error, requestId);
    } finally {
      clearTimeout(timer);
      client.removeListener('close', onClientClosed);
      this.#handshakes.delete(handshake);
      this.#tellIfEmpty();
    }
  }

  /** Answers a plain request: why an upgrade would be refused, which browsers hide, or that one is needed. */
  async explain(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = requestIdOf(request);
    const problem = await this.#faultOf(request);
    if (problem.code !== 'upgrade_required') this.#options.tally.refused(problem.code);
    this.#logRefusal(problem, requestId);
    const extra: Record<string, string> = {};
    if (problem.code === 'upgrade_required') Object.assign(extra, { upgrade: 'websocket', connection: 'upgrade' });
    if (problem.code === 'method_not_allowed') extra['allow'] = 'GET';
    const document = problemDocument(problem, requestId);
    response.writeHead(document.status, { ...problemHeaders(problem), ...ANY_ORIGIN_HEADERS, ...extra });
    response.end(request.method === 'HEAD' ? undefined : JSON.stringify(document));
  }

  /**
   * Ends every connection with 1012, spread evenly over a window so that players do not all come back at once, and
   * refuses new ones.
   *
   * @returns when the last is closed
   */
  async drain(spreadMs: number): Promise<void> {
    this.#isDraining = true;
    const splices = [...this.#splices];
    const timers = splices.map((splice, index) =>
      setTimeout(
        () => {
          splice.leave();
        },
        leavesAfterMs(index, splices.length, spreadMs),
      ),
    );
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
      this.#tellIfEmpty();
    });
    for (const timer of timers) clearTimeout(timer);
  }

  /** Cuts everything off at once. */
  destroy(): void {
    this.#isDraining = true;
    for (const handshake of this.#handshakes) handshake.abort(new ProblemError('draining', 'The gateway is stopping.'));
    for (const splice of this.#splices) splice.destroy();
  }

  #admit(handshake: AbortController, origin: ClientOrigin, client: Socket): void {
    if (this.#isDraining) throw new ProblemError('draining', 'The gateway is stopping.', { retryAfterSeconds: 1 });
    const release = this.#options.limits.admit(origin);
    if (client.closed) release();
    else client.once('close', release);
    if (this.#handshakes.size >= this.#options.maxHandshakes) {
      throw new ProblemError('overloaded', 'Too many connections are being opened.', { retryAfterSeconds: 1 });
    }
    this.#handshakes.add(handshake);
  }

  async #check(request: IncomingMessage): Promise<SessionRequest> {
    const target = request.url ?? '';
    if (!isSessionPath(target)) throw new ProblemError('not_found', 'WebSockets are at /session/ID only.');
    const session = await openSessionRequest(target, this.#options.opener, this.#options.clock);
    checkHandshake(request);
    return session;
  }

  async #faultOf(request: IncomingMessage): Promise<ProblemError> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return new ProblemError('method_not_allowed', 'A session takes GET with an upgrade to WebSocket.');
    }
    try {
      this.#options.limits.ask(this.#options.origins.of(request));
      const { route } = await openSessionRequest(request.url ?? '', this.#options.opener, this.#options.clock);
      await findGameServer(route, this.#options.isAllowed);
    } catch (error) {
      return asProblem(error);
    }
    return new ProblemError('upgrade_required', 'The token is good. Connect with a WebSocket.');
  }

  async #forward(
    request: IncomingMessage,
    session: SessionRequest,
    origin: ClientOrigin,
    signal: AbortSignal,
  ): Promise<Answer> {
    const gameServer = await connectToGameServer(session.route, this.#options, signal);
    return askToUpgrade(gameServer, session.gameServerTarget, this.#onwardHeaders(request, origin), signal);
  }

  #onwardHeaders(request: IncomingMessage, origin: ClientOrigin): RawHeaders {
    return [
      ...withoutForwarding(endToEndHeaders(request, [...CREDENTIAL_HEADERS, 'content-length'])),
      ...(this.#options.tellsGameServers ? forwardingHeaders(request, origin) : []),
      'Connection',
      'Upgrade',
      'Upgrade',
      'websocket',
    ];
  }

  #splice(
    client: Socket,
    clientHead: Buffer,
    gameServer: Socket,
    gameServerHead: Buffer,
    answer: IncomingMessage,
  ): void {
    const { tally } = this.#options;
    tally.sessions += 1;
    const splice: Splice = new Splice(client, gameServer, {
      ...this.#spliceOptions,
      onClosed: () => {
        this.#splices.delete(splice);
        tally.bytesToClients += splice.passedBytes.toClient;
        tally.bytesToGameServers += splice.passedBytes.toGameServer;
        this.#tellIfEmpty();
      },
    });
    this.#splices.add(splice);
    client.setNoDelay(true);
    client.write(`${headText(answer, answer.rawHeaders)}\r\n`);
    splice.start(clientHead, gameServerHead);
    if (this.#isDraining) splice.leave();
  }

  #refuse(client: Socket, error: unknown, requestId: string): void {
    const problem = asProblem(error);
    this.#options.tally.refused(problem.code);
    this.#logRefusal(problem, requestId);
    if (client.writable) endGently(client, problemResponse(problem, requestId));
    else client.destroy();
  }

  #logRefusal(problem: ProblemError, requestId: string): void {
    // The cause of a network error would name the address of a GameServer: only its code is written.
    const fields = { requestId, code: problem.code, reason: reasonOf(problem.cause) };
    if (problem.code === 'internal') this.#options.logger.error(fields, 'a request for a session failed');
    else if (problem.code.startsWith('game_server')) this.#options.logger.warn(fields, 'no way to a GameServer');
    else this.#options.logger.debug(fields, 'a request for a session was refused');
  }

  #tellIfEmpty(): void {
    if (this.#isDraining && this.#splices.size === 0 && this.#handshakes.size === 0) this.#whenEmpty?.();
  }
}

function asProblem(error: unknown): ProblemError {
  return error instanceof ProblemError
    ? error
    : new ProblemError('internal', 'Something went wrong.', { cause: error });
}

function reasonOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return codeOf(cause) === 'unknown' ? cause.name : codeOf(cause);
}

/** The id a proxy gave the request, if it is fit for a log, or a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : randomUUID();
}
