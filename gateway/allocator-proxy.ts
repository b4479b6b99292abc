import { Agent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { ProblemError } from '../lib/errors.ts';
import type { ErrorCode } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { problemDocument, problemHeaders } from '../lib/problem.ts';
import type { ClientOrigin, ClientOrigins } from './client-origin.ts';
import { codeOf } from './game-server-connection.ts';
import { endToEndHeaders, forwardingHeaders, withoutForwarding } from './headers.ts';
import type { RawHeaders } from './headers.ts';
import { requestIdOf } from './session-door.ts';

export interface AllocatorProxyOptions {
  /** Scheme, host and port of the allocator; a path is ignored. */
  allocatorUrl: URL;
  logger: Logger;
  origins: ClientOrigins;
  /** Called for each request that is answered with a problem of our own. */
  onRefused: (code: ErrorCode) => void;
  maxBodyBytes: number;
  /** Requests under way at once; each has a connection of its own, kept for the next. */
  maxRequests: number;
  connectTimeoutMs: number;
  /** Nothing may be heard from the allocator for this long: longer than the longest wait it grants. */
  idleTimeoutMs: number;
}

/** Everything that is not a session goes to the allocator as it came, streaming both ways. */
export class AllocatorProxy {
  readonly #options: AllocatorProxyOptions;
  readonly #agent: Agent;
  #requests = 0;

  constructor(options: AllocatorProxyOptions) {
    this.#options = options;
    // As many sockets as requests: nothing ever waits inside the agent, where no bound would hold.
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.maxRequests, maxFreeSockets: 64 });
  }

  /** Answers a request with the allocator's answer, or with a problem of its own. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = requestIdOf(request);
    this.#requests += 1;
    try {
      this.#admit(request);
      await this.#pass(request, response, requestId);
    } catch (error) {
      this.#fail(error, response, requestId);
    } finally {
      this.#requests -= 1;
    }
  }

  /** Drops the connections to the allocator. */
  close(): void {
    this.#agent.destroy();
  }

  #admit(request: IncomingMessage): void {
    if (this.#requests > this.#options.maxRequests) {
      throw new ProblemError('overloaded', 'Too many requests are under way.', { retryAfterSeconds: 1 });
    }
    if (Number(request.headers['content-length'] ?? 0) > this.#options.maxBodyBytes) throw bodyTooLarge(this.#options);
  }

  async #pass(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    const onward = this.#open(request, requestId);
    const onClientGone = (): void => {
      onward.destroy();
    };
    response.once('close', onClientGone);
    try {
      const answering = answerOf(onward);
      this.#sendBody(request, onward);
      const answer = await answering.catch((error: unknown) => {
        if (!mayBeRepeated(request, onward, error)) throw error;
        return undefined;
      });
      if (answer === undefined) {
        await this.#pass(request, response, requestId);
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEndHeaders(answer));
      response.flushHeaders();
      await pipeline(answer, response);
    } finally {
      response.removeListener('close', onClientGone);
    }
  }

  #open(request: IncomingMessage, requestId: string): ClientRequest {
    const { allocatorUrl, idleTimeoutMs, connectTimeoutMs, origins } = this.#options;
    const onward = httpRequest({
      agent: this.#agent,
      host: allocatorUrl.hostname.replace(/^\[|\]$/g, ''),
      port: allocatorUrl.port === '' ? 80 : allocatorUrl.port,
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      headers: onwardHeaders(request, { host: allocatorUrl.host, requestId, origin: origins.of(request) }),
      setHost: false,
      timeout: idleTimeoutMs,
    });
    onward.once('timeout', () => {
      onward.destroy(new ProblemError('allocator_unreachable', 'The allocator did not answer in time.'));
    });
    onward.once('socket', (socket) => {
      if (!socket.connecting) return;
      const timer = setTimeout(() => {
        onward.destroy(new ProblemError('allocator_unreachable', 'The allocator took no connection in time.'));
      }, connectTimeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
      };
      socket.once('connect', settle);
      socket.once('close', settle);
    });
    return onward;
  }

  #sendBody(request: IncomingMessage, onward: ClientRequest): void {
    let bodyBytes = 0;
    request.on('data', (chunk: Buffer) => {
      bodyBytes += chunk.length;
      if (bodyBytes <= this.#options.maxBodyBytes) return;
      request.unpipe(onward);
      onward.destroy(bodyTooLarge(this.#options));
    });
    request.pipe(onward);
  }

  #fail(error: unknown, response: ServerResponse, requestId: string): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const problem =
      error instanceof ProblemError
        ? error
        : new ProblemError('allocator_unreachable', 'The allocator cannot be reached.', { retryAfterSeconds: 1 });
    if (response.destroyed) return;
    this.#options.onRefused(problem.code);
    const level = problem.code === 'body_too_large' ? 'info' : 'warn';
    this.#options.logger[level](
      { requestId, code: problem.code, reason: codeOf(error) },
      'a request was not passed on',
    );
    const document = problemDocument(problem, requestId);
    // What is left of the body is read and dropped by Node, so that the answer arrives.
    response.writeHead(document.status, problemHeaders(problem));
    response.end(JSON.stringify(document));
  }
}

function answerOf(onward: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    onward.once('response', resolve);
    onward.on('error', reject);
    onward.once('close', () => {
      reject(new ProblemError('allocator_unreachable', 'The allocator gave no answer.'));
    });
  });
}

/**
 * A kept connection may have been closed by the allocator just as it was used again. Each such try removes one kept
 * connection, so that there is an end to it.
 */
function mayBeRepeated(request: IncomingMessage, onward: ClientRequest, error: unknown): boolean {
  const { method, headers } = request;
  const hasBody = headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;
  return onward.reusedSocket && codeOf(error) === 'ECONNRESET' && (method === 'GET' || method === 'HEAD') && !hasBody;
}

interface OnwardOptions {
  host: string;
  requestId: string;
  origin: ClientOrigin;
}

function onwardHeaders(request: IncomingMessage, { host, requestId, origin }: OnwardOptions): RawHeaders {
  return [
    'Host',
    host,
    ...withoutForwarding(endToEndHeaders(request, ['host', 'x-request-id'])),
    ...forwardingHeaders(request, origin),
    'X-Request-Id',
    requestId,
    ...framing(request),
  ];
}

/** Says where the body ends. Left to itself Node would send the body of a GET without framing. */
function framing(request: IncomingMessage): RawHeaders {
  if (request.headers['transfer-encoding'] !== undefined) return ['Transfer-Encoding', 'chunked'];
  if (request.headers['content-length'] !== undefined || request.method === 'GET' || request.method === 'HEAD')
    return [];
  return ['Content-Length', '0'];
}

function bodyTooLarge({ maxBodyBytes }: AllocatorProxyOptions): ProblemError {
  return new ProblemError('body_too_large', `The body may have ${maxBodyBytes} bytes.`);
}
