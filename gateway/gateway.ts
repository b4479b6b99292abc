import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { CertificatePair } from '../lib/certificate-files.ts';
import type { Clock } from '../lib/clock.ts';
import { RouteOpener } from '../lib/join-token.ts';
import type { KeySet } from '../lib/key-set.ts';
import type { Logger } from '../lib/logger.ts';
import { AllocatorProxy } from './allocator-proxy.ts';
import { answerBrokenRequest, turnAway, turnAwayUpgrade } from './broken-requests.ts';
import { ClientOrigins } from './client-origin.ts';
import type { GatewayConfig } from './config.ts';
import { ConnectionIntake } from './connection-intake.ts';
import { Connections } from './connections.ts';
import type { ConnectionOrigin } from './connections.ts';
import { connectionLimitsOf, sessionLimitsOf, shareOf } from './limits/limits-of-config.ts';
import { Listener } from './listener.ts';
import { SessionDoor } from './session-door.ts';
import { isSessionPath } from './session-request.ts';
import { Tally } from './tally.ts';
import type { TallySnapshot } from './tally.ts';

export interface GatewayOptions {
  config: GatewayConfig;
  sealingKeys: KeySet;
  clock: Clock;
  logger: Logger;
  /** With them the gateway speaks https and wss. */
  certificate?: CertificatePair;
  /** How many processes serve together; this one has its share of each bound. @default 1 */
  processes?: number;
}

/** Node looks for slow requests this often. */
const TIMEOUT_CHECK_MS = 1000;
/** Longer than load balancers keep a connection they do not use, or they would send into one that is closing. */
const KEEP_ALIVE_MS = 75_000;

/** The one public door: sessions to GameServers, everything else to the allocator. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #tally = new Tally();
  readonly #connections = new Connections();
  readonly #server: Server;
  readonly #tlsServer: TlsServer | undefined;
  readonly #door: SessionDoor;
  readonly #proxy: AllocatorProxy;
  readonly #intake: ConnectionIntake;
  #listener: Listener | undefined;
  #isDraining = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { config, logger, clock, processes = 1 } = options;
    const origins = new ClientOrigins({
      connections: this.#connections,
      trustProxy: config.TRUST_PROXY,
      isTrustedProxy: config.TRUSTED_PROXIES,
    });
    this.#door = new SessionDoor({
      opener: new RouteOpener(options.sealingKeys),
      clock,
      logger,
      origins,
      limits: sessionLimitsOf(config, clock, processes),
      tally: this.#tally,
      tellsGameServers: config.TRUST_PROXY || config.TRUST_PROXY_PROTOCOL,
      isAllowed: config.ALLOWED_NETWORKS,
      connectTimeoutMs: config.CONNECT_TIMEOUT_MS,
      retryRefusedMs: config.CONNECT_RETRY_MS,
      handshakeTimeoutMs: config.HANDSHAKE_TIMEOUT_MS,
      maxHandshakes: shareOf(config.MAX_HANDSHAKES, processes),
      lingerMs: config.LINGER_MS,
      stallMs: config.STALL_TIMEOUT_MS,
      clientBytesPerSecond: config.CLIENT_BYTES_PER_SECOND,
      gameServerBytesPerSecond: config.GAME_SERVER_BYTES_PER_SECOND,
    });
    this.#proxy = new AllocatorProxy({
      allocatorUrl: new URL(config.ALLOCATOR_URL),
      logger,
      origins,
      onRefused: (code) => {
        this.#tally.refused(code);
      },
      maxBodyBytes: config.MAX_BODY_BYTES,
      maxRequests: shareOf(config.MAX_PROXIED_REQUESTS, processes),
      connectTimeoutMs: config.CONNECT_TIMEOUT_MS,
      idleTimeoutMs: config.PROXY_IDLE_TIMEOUT_MS,
    });
    this.#intake = new ConnectionIntake({
      clock,
      limits: connectionLimitsOf(config, clock, processes),
      speaksProxyProtocol: (address) => config.TRUST_PROXY_PROTOCOL && config.TRUSTED_PROXIES(address),
      headerTimeoutMs: config.HEADERS_TIMEOUT_MS,
      onTaken: (socket, origin, release) => {
        socket.once('close', release);
        this.takeAdmitted(socket, origin);
      },
      onDropped: (reason) => {
        this.#tally.dropped(reason);
      },
    });
    const serverOptions = serverOptionsOf(config);
    this.#tlsServer =
      options.certificate === undefined
        ? undefined
        : createTlsServer({
            ...serverOptions,
            ...tlsOptionsOf(options.certificate),
            handshakeTimeout: config.HEADERS_TIMEOUT_MS,
          });
    this.#server = this.#tlsServer ?? createServer(serverOptions);
    this.#serveConnections();
  }

  /** WebSocket connections that are open. */
  get connections(): number {
    return this.#door.connections;
  }

  /** What it has done, and holds. */
  tally(): TallySnapshot {
    const { toClient, toGameServer } = this.#door.passedBytes;
    return this.#tally.snapshot({
      openConnections: this.#connections.size,
      openSessions: this.#door.connections,
      handshakesUnderWay: this.#door.handshakes,
      bytesToClients: toClient,
      bytesToGameServers: toGameServer,
    });
  }

  /**
   * Starts to listen on a port of its own.
   *
   * @returns the URL under which this machine reaches the gateway
   * @throws Error of the system, with its code, when the port cannot be had
   */
  async listen(): Promise<string> {
    const { PORT: port, LISTEN_ADDRESS: address } = this.#options.config;
    this.#listener = new Listener({
      port,
      address,
      handsOn: false,
      onConnection: (socket) => {
        this.take(socket);
      },
    });
    return `${this.#tlsServer === undefined ? 'http' : 'https'}://${await this.#listener.listen()}`;
  }

  /** Takes a fresh connection that nobody has looked at. */
  take(socket: Socket): void {
    this.#intake.take(socket);
  }

  /** Takes a fresh connection for which limits were looked at. */
  takeAdmitted(socket: Socket, origin: ConnectionOrigin): void {
    this.#tally.connections += 1;
    if (this.#connections.add(socket, origin)) this.#server.emit('connection', socket);
    else socket.destroy();
  }

  /** Uses another certificate from the next connection on; those there are live on with theirs. */
  useCertificate(certificate: CertificatePair): void {
    this.#tlsServer?.setSecureContext(tlsOptionsOf(certificate));
  }

  /**
   * Ends in order: where it listens itself it waits for load balancers, and listens no more; then it tells each client
   * 1012, and lets requests finish.
   */
  async drain(): Promise<void> {
    const { DRAIN_DELAY_MS: delayMs, DRAIN_SPREAD_MS: spreadMs, DRAIN_REQUESTS_MS: requestsMs } = this.#options.config;
    if (this.#listener !== undefined && delayMs > 0) await delay(delayMs);
    this.#listener?.close();
    this.#isDraining = true;
    this.#server.closeIdleConnections();
    const cutOff = setTimeout(() => {
      this.#connections.destroyPlain();
    }, requestsMs);
    await Promise.all([this.#door.drain(spreadMs), this.#connections.empty()]);
    clearTimeout(cutOff);
    this.#end();
  }

  /** Cuts everything off at once. */
  destroy(): void {
    this.#isDraining = true;
    this.#listener?.close();
    this.#door.destroy();
    this.#connections.destroyPlain();
    this.#end();
  }

  #end(): void {
    this.#proxy.close();
    // Ends the timer that looks for slow requests.
    this.#server.close();
  }

  #serveConnections(): void {
    const server = this.#server;
    // For the whole life of each socket: between the hands of Node and ours it would have no listener.
    server.on('connection', listenForErrors);
    server.on('secureConnection', listenForErrors);
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      answerBrokenRequest(error, socket, this.#tally);
    });
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      const connection = this.#connections.of(socket);
      if (connection !== undefined) connection.isUpgraded = true;
      if (connection?.refusal !== undefined) turnAwayUpgrade(socket, connection.refusal, this.#tally);
      else void this.#door.upgrade(request, socket, head);
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { refusal } = this.#connections.of(request.socket) ?? {};
      if (refusal !== undefined) {
        turnAway(response, refusal, this.#tally);
        return;
      }
      // A connection that is kept for the next request would keep the gateway from ending.
      response.once('close', () => {
        if (this.#isDraining) server.closeIdleConnections();
      });
      const isSession = isSessionPath(request.url ?? '');
      void (isSession ? this.#door.explain(request, response) : this.#proxy.handle(request, response));
    });
    // It is given its connections and never listens, and looks for slow requests only when it is told that it does.
    server.emit('listening');
  }
}

function serverOptionsOf(config: GatewayConfig): ServerOptions {
  return {
    maxHeaderSize: config.MAX_HEADER_BYTES,
    headersTimeout: Math.min(config.HEADERS_TIMEOUT_MS, config.REQUEST_TIMEOUT_MS),
    requestTimeout: config.REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, config.HEADERS_TIMEOUT_MS),
    // Clients may offer to speak another protocol (h2c): HTTP allows to go on as if they had not.
    shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
  };
}

function tlsOptionsOf({ certificate, key }: CertificatePair): { cert: Buffer; key: Buffer } {
  return { cert: certificate, key };
}

function listenForErrors(socket: Socket): void {
  socket.on('error', () => {
    // Nothing to tell anyone: the peer is gone, and `close`, which follows, is what everything waits for.
    socket.destroy();
  });
}
