import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../lib/clock.ts';
import { ProblemError } from '../lib/errors.ts';
import { RouteOpener } from '../lib/join-token.ts';
import type { KeySet } from '../lib/key-set.ts';
import type { Logger } from '../lib/logger.ts';
import { problemResponse } from '../lib/problem.ts';
import { AllocatorProxy } from './allocator-proxy.ts';
import type { GatewayConfig } from './config.ts';
import { SessionDoor } from './session-door.ts';
import { isSessionPath } from './session-request.ts';

export interface GatewayOptions {
  config: GatewayConfig;
  sealingKeys: KeySet;
  clock: Clock;
  logger: Logger;
  /** Certificate chain and private key, in PEM: with them the gateway speaks https and wss. */
  tls?: { cert: string; key: string };
}

/** Bytes the system keeps for a listener's queue of connections nobody took yet. */
const LISTEN_BACKLOG = 1024;
/** Node looks for slow requests this often. */
const TIMEOUT_CHECK_MS = 1000;
/** Longer than load balancers keep a connection they do not use, or they would send into one that is closing. */
const KEEP_ALIVE_MS = 75_000;

/** The one public door: sessions to GameServers, everything else to the allocator. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #server: Server;
  readonly #door: SessionDoor;
  readonly #proxy: AllocatorProxy;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { config, logger, clock } = options;
    this.#door = new SessionDoor({
      opener: new RouteOpener(options.sealingKeys),
      clock,
      logger,
      trustProxy: config.TRUST_PROXY,
      isAllowed: config.ALLOWED_NETWORKS,
      connectTimeoutMs: config.CONNECT_TIMEOUT_MS,
      retryRefusedMs: config.CONNECT_RETRY_MS,
      handshakeTimeoutMs: config.HANDSHAKE_TIMEOUT_MS,
      maxHandshakes: config.MAX_HANDSHAKES,
      lingerMs: config.LINGER_MS,
      stallMs: config.STALL_TIMEOUT_MS,
    });
    this.#proxy = new AllocatorProxy({
      allocatorUrl: new URL(config.ALLOCATOR_URL),
      logger,
      trustProxy: config.TRUST_PROXY,
      maxBodyBytes: config.MAX_BODY_BYTES,
      maxRequests: config.MAX_PROXIED_REQUESTS,
      connectTimeoutMs: config.CONNECT_TIMEOUT_MS,
      idleTimeoutMs: config.PROXY_IDLE_TIMEOUT_MS,
    });
    this.#server = this.#createServer();
  }

  /** WebSocket connections that are open. */
  get connections(): number {
    return this.#door.connections;
  }

  /**
   * Starts to listen.
   *
   * @returns the URL under which this machine reaches the gateway
   * @throws Error of the system, with its code, when the port cannot be had
   */
  async listen(): Promise<string> {
    const { PORT: port, LISTEN_ADDRESS: host } = this.#options.config;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, backlog: LISTEN_BACKLOG, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.removeListener('error', reject);
        resolve();
      });
    });
    const { port: boundPort } = this.#server.address() as AddressInfo;
    return `${this.#options.tls === undefined ? 'http' : 'https'}://${urlHost(host)}:${boundPort}`;
  }

  /** Ends in order: waits for load balancers, takes nothing new, tells each client 1012, lets requests finish. */
  async drain(): Promise<void> {
    const { DRAIN_DELAY_MS: delayMs, DRAIN_SPREAD_MS: spreadMs, DRAIN_REQUESTS_MS: requestsMs } = this.#options.config;
    if (delayMs > 0) await delay(delayMs);
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    this.#server.closeIdleConnections();
    const cutOff = setTimeout(() => {
      this.#server.closeAllConnections();
    }, requestsMs);
    await Promise.all([closed, this.#door.drain(spreadMs)]);
    clearTimeout(cutOff);
    this.#proxy.close();
  }

  /** Cuts everything off at once. */
  destroy(): void {
    this.#server.close();
    this.#door.destroy();
    this.#server.closeAllConnections();
    this.#proxy.close();
  }

  #createServer(): Server {
    const { config, tls } = this.#options;
    const options: ServerOptions = {
      maxHeaderSize: config.MAX_HEADER_BYTES,
      headersTimeout: Math.min(config.HEADERS_TIMEOUT_MS, config.REQUEST_TIMEOUT_MS),
      requestTimeout: config.REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, config.HEADERS_TIMEOUT_MS),
      noDelay: true,
      // Clients may offer to speak another protocol (h2c): HTTP allows to go on as if they had not.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
    };
    const server =
      tls === undefined
        ? createServer(options)
        : createTlsServer({ ...options, ...tls, handshakeTimeout: config.HEADERS_TIMEOUT_MS, allowHalfOpen: true });
    server.maxConnections = config.MAX_CONNECTIONS;
    // For the whole life of each socket: between the hands of Node and ours it would have no listener.
    server.on('connection', listenForErrors);
    server.on('secureConnection', listenForErrors);
    server.on('clientError', refuseBrokenRequest);
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      void this.#door.upgrade(request, socket, head);
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      // A connection that is kept for the next request would keep the listener from ending.
      response.once('close', () => {
        if (!server.listening) server.closeIdleConnections();
      });
      const isSession = isSessionPath(request.url ?? '');
      void (isSession ? this.#door.explain(request, response) : this.#proxy.handle(request, response));
    });
    return server;
  }
}

function listenForErrors(socket: Socket): void {
  socket.on('error', () => {
    // Nothing to tell anyone: the peer is gone, and `close`, which follows, is what everything waits for.
    socket.destroy();
  });
}

function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  socket.end(problemResponse(problemOf(error)));
  socket.once('finish', () => socket.destroy());
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

function urlHost(listenAddress: string | undefined): string {
  if (listenAddress === undefined || listenAddress === '0.0.0.0' || listenAddress === '::') return 'localhost';
  return listenAddress.includes(':') ? `[${listenAddress}]` : listenAddress;
}
