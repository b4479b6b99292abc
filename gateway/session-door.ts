import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { ProblemError } from '../lib/errors.ts';
import type { RouteOpener } from '../lib/join-token.ts';
import type { Logger } from '../lib/logger.ts';
import { problemDocument, problemHeaders, problemResponse } from '../lib/problem.ts';
import { codeOf, connectToGameServer } from './game-server-connection.ts';
import type { GameServerConnectorOptions } from './game-server-connection.ts';
import { endToEndHeaders, forwardingHeaders, withoutForwarding } from './headers.ts';
import type { RawHeaders } from './headers.ts';
import { askToUpgrade, endGently, headText, relayRefusal } from './upgrade-exchange.ts';
import type { Answer } from './upgrade-exchange.ts';
import { checkHandshake, isSessionPath, openSessionRequest } from './session-request.ts';
import type { SessionRequest } from './session-request.ts';
import { Splice } from './splice.ts';

/** A game server has no business with the credentials a browser keeps for the site: the seat token is its proof. */
const CREDENTIAL_HEADERS = ['cookie', 'authorization'];

export interface SessionDoorOptions extends GameServerConnectorOptions {
  opener: RouteOpener;
  clock: Clock;
  logger: Logger;
  /** Whether forwarding headers of clients count, and are sent to GameServers. */
  trustProxy: boolean;
  /** From the client's request to the GameServer's answer. */
  handshakeTimeoutMs: number;
  /** Upgrades under way at once. */
  maxHandshakes: number;
  lingerMs: number;
  stallMs: number;
}

/** The way to sessions: unseals the token, connects to the GameServer it names, and splices. */
export class SessionDoor {
  readonly #options: SessionDoorOptions;
  readonly #splices = new Set<Splice>();
  readonly #handshakes = new Set<AbortController>();
  #isDraining = false;
  #whenEmpty: (() => void) | undefined;

  constructor(options: SessionDoorOptions) {
    this.#options = options;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#splices.size;
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
      this.#admit(handshake);
      const session = await this.#check(request);
      const answer = await this.#forward(request, session, handshake.signal);
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
    this.#logRefusal(problem, requestId);
    const extra: Record<string, string> = {};
    if (problem.code === 'upgrade_required') Object.assign(extra, { upgrade: 'websocket', connection: 'upgrade' });
    if (problem.code === 'method_not_allowed') extra['allow'] = 'GET';
    const document = problemDocument(problem, requestId);
    response.writeHead(document.status, { ...problemHeaders(problem), ...extra });
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
        (spreadMs * index) / splices.length,
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

  #admit(handshake: AbortController): void {
    if (this.#isDraining) throw new ProblemError('draining', 'The gateway is stopping.', { retryAfterSeconds: 1 });
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
      await openSessionRequest(request.url ?? '', this.#options.opener, this.#options.clock);
    } catch (error) {
      return asProblem(error);
    }
    return new ProblemError('upgrade_required', 'The token is good. Connect with a WebSocket.');
  }

  async #forward(request: IncomingMessage, session: SessionRequest, signal: AbortSignal): Promise<Answer> {
    const gameServer = await connectToGameServer(session.route, this.#options, signal);
    return askToUpgrade(gameServer, session.gameServerTarget, this.#onwardHeaders(request), signal);
  }

  #onwardHeaders(request: IncomingMessage): RawHeaders {
    const { trustProxy } = this.#options;
    return [
      ...withoutForwarding(endToEndHeaders(request, [...CREDENTIAL_HEADERS, 'content-length'])),
      ...(trustProxy ? forwardingHeaders(request, trustProxy) : []),
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
    const splice: Splice = new Splice(client, gameServer, {
      lingerMs: this.#options.lingerMs,
      stallMs: this.#options.stallMs,
      onClosed: () => {
        this.#splices.delete(splice);
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
