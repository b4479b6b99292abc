import { createServer, STATUS_CODES } from 'node:http';
import type { ServerOptions as HttpOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { ServerOptions, WebSocket } from 'ws';
import type { CertificatePair } from '../../lib/certificate-files.ts';
import { CLOSE_CODES } from '../../lib/close-codes.ts';
import type { CloseName } from '../../lib/close-codes.ts';
import { ERRORS, ProblemError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { parseResumeRequest, RESUME_SUBPROTOCOL } from '../../lib/resume-protocol.ts';
import type { ResumeRequest } from '../../lib/resume-protocol.ts';
import { problemDocument, problemHeaders, problemResponse } from '../../lib/problem.ts';

/** What the game server shows in TLS. It may be another each time. */
export interface CertificateSource {
  /** The same object while it is the same. */
  current(): CertificatePair;
}

/** Who knocks: what the upgrade request says. */
export interface Knock {
  /** The path's last part, for `/session/ID`; undefined for `/play`. */
  sessionId: string | undefined;
  /** From the query or from `Authorization: Bearer`. */
  seatToken: string | undefined;
  /** Only looked at where players are admitted without a token. */
  playerId: string | undefined;
  /** The client says that it comes back. */
  resume: ResumeRequest | undefined;
}

/** A seat that is held for the moment of the handshake: one of the two is called, at once. */
export interface Admitted {
  accept(socket: WebSocket): void;
  /** The handshake itself was not good. */
  cancel(): void;
}

export interface DoorOptions {
  /** 0 lets the system choose. */
  port: number;
  host: string;
  maxMessageBytes: number;
  maxConnections: number;
  /** With them the game port speaks TLS. */
  certificates?: CertificateSource;
  /** A closing handshake takes no longer than this. */
  closeWaitMs: number;
  logger: Logger;
  /** For `GET /healthz`. */
  isHealthy(): boolean;
  /** @throws ProblemError to refuse */
  admit(knock: Knock): Promise<Admitted>;
}

/** A request that has not come whole by then is cut: nothing else holds a connection without a player. */
const REQUEST_TIMEOUT_MS = 5000;

/** HTTP and WebSocket on the game port. Who may not come in is refused before the upgrade, as problem+json. */
export class WebSocketDoor {
  readonly #options: DoorOptions;
  readonly #http: Server;
  readonly #webSockets: WebSocketServer;

  private constructor(options: DoorOptions) {
    this.#options = options;
    this.#http = createHttpServer(options.certificates);
    this.#http.maxConnections = options.maxConnections;
    // ws 8.23 has closeTimeout, its types do not.
    const webSocketOptions: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      closeTimeout: options.closeWaitMs,
      clientTracking: false,
      handleProtocols: (offered) => (offered.has(RESUME_SUBPROTOCOL) ? RESUME_SUBPROTOCOL : firstOf(offered)),
    };
    this.#webSockets = new WebSocketServer(webSocketOptions);
    this.#http.on('request', (request, response) => {
      this.#answer(request, response);
    });
    this.#http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#upgrade(request, socket, head);
    });
  }

  /** Listens. @throws when the port is taken */
  static async open(options: DoorOptions): Promise<WebSocketDoor> {
    const door = new WebSocketDoor(options);
    await new Promise<void>((resolve, reject) => {
      door.#http.once('error', reject);
      door.#http.listen(options.port, options.host, () => {
        door.#http.off('error', reject);
        resolve();
      });
    });
    door.#http.on('error', (error) => {
      options.logger.error({ err: error }, 'the game port failed');
    });
    return door;
  }

  get port(): number {
    // A TCP server that listens has an address object.
    return (this.#http.address() as AddressInfo).port;
  }

  /** Takes no more connections. Resolves when those that were upgraded are closed too: close them first. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#http.close(() => {
        resolve();
      });
      this.#http.closeIdleConnections();
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    const path = pathOf(request);
    if (path === '/healthz' && (request.method === 'GET' || request.method === 'HEAD')) {
      const status = this.#options.isHealthy() ? 200 : 503;
      response.writeHead(status, { 'content-type': 'text/plain', 'cache-control': 'no-store' });
      response.end(`${STATUS_CODES[status] ?? ''}\n`);
      return;
    }
    const problem =
      readKnock(request) === undefined
        ? new ProblemError('not_found', 'A game server has /session/ID and /healthz.')
        : new ProblemError('upgrade_required', 'Connect with a WebSocket client.');
    const headers = problem.code === 'upgrade_required' ? { upgrade: 'websocket', connection: 'Upgrade' } : {};
    response.writeHead(ERRORS[problem.code].status, { ...problemHeaders(problem), ...headers });
    response.end(JSON.stringify(problemDocument(problem)));
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // While the admission waits nobody else listens: a reset would end the process.
    const ignoreReset = (): void => {
      socket.destroy();
    };
    socket.on('error', ignoreReset);
    try {
      const knock = readKnock(request);
      if (knock === undefined) throw new ProblemError('not_found', 'A WebSocket is at /session/ID.');
      const admitted = await this.#options.admit({ ...knock, resume: readResume(request) });
      socket.off('error', ignoreReset);
      this.#shakeHands(request, socket, head, admitted);
    } catch (error) {
      const closeName = closeNameFor(error);
      if (closeName === undefined || !offersResume(request)) {
        this.#refuse(socket, error);
        return;
      }
      socket.off('error', ignoreReset);
      this.#shakeHands(request, socket, head, refusalByClosing(closeName));
    }
  }

  #shakeHands(request: IncomingMessage, socket: Duplex, head: Buffer, admitted: Admitted): void {
    let isAccepted = false;
    if (!socket.destroyed) {
      // Without verifyClient, ws calls back before it returns, or has refused.
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        isAccepted = true;
        admitted.accept(webSocket);
      });
    }
    if (!isAccepted) admitted.cancel();
  }

  #refuse(socket: Duplex, error: unknown): void {
    const problem =
      error instanceof ProblemError
        ? error
        : new ProblemError('internal', 'The game server could not take the connection.', { cause: error });
    if (problem !== error) this.#options.logger.error({ err: error }, 'could not admit a player');
    else this.#options.logger.info({ code: problem.code }, 'refused a player');
    if (!socket.destroyed) socket.end(problemResponse(problem), () => socket.destroy());
  }
}

function createHttpServer(certificates: CertificateSource | undefined): Server {
  const options: HttpOptions = {
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: REQUEST_TIMEOUT_MS,
  };
  if (certificates === undefined) return createServer(options);
  let shown = certificates.current();
  const server = createTlsServer({ ...options, ...tlsOptionsOf(shown), handshakeTimeout: REQUEST_TIMEOUT_MS });
  // Before Node's own listener: who comes first after a change is shown what is new. Who is there keeps what they saw.
  server.prependListener('connection', () => {
    const found = certificates.current();
    if (found !== shown) server.setSecureContext(tlsOptionsOf(found));
    shown = found;
  });
  return server;
}

function tlsOptionsOf({ certificate, key }: CertificatePair): { cert: Buffer; key: Buffer } {
  return { cert: certificate, key };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

function readKnock(request: IncomingMessage): Omit<Knock, 'resume'> | undefined {
  const path = pathOf(request);
  const sessionId = /^\/session\/([^/]+)$/.exec(path)?.[1];
  if (sessionId === undefined && path !== '/play') return undefined;
  const query = queryOf(request);
  const bearer = /^Bearer ([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return {
    sessionId,
    seatToken: query.get('token') ?? bearer,
    playerId: query.get('player') ?? undefined,
  };
}

/** What a client says that comes back, of those that can. @throws ProblemError `invalid_request` */
function readResume(request: IncomingMessage): ResumeRequest | undefined {
  if (!offersResume(request)) return undefined;
  const resume = parseResumeRequest(queryOf(request));
  if (resume === undefined || !('wrong' in resume)) return resume;
  throw new ProblemError('invalid_request', 'What it says of its return makes no sense.', {
    errors: [{ field: `query ${resume.wrong}`, message: 'is missing or malformed' }],
  });
}

function offersResume(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((protocol) => protocol.trim() === RESUME_SUBPROTOCOL);
}

/** Browsers do not tell a page why an upgrade was refused. A close code they do. */
function closeNameFor(error: unknown): CloseName | undefined {
  if (!(error instanceof ProblemError)) return undefined;
  if (error.code === 'session_full') return 'session_full';
  if (error.code === 'session_over') return 'session_ended';
  return error.code === 'token_expired' ? 'seat_expired' : undefined;
}

function refusalByClosing(name: CloseName): Admitted {
  return {
    accept(webSocket) {
      webSocket.on('error', () => {
        webSocket.terminate();
      });
      const { code, reason } = CLOSE_CODES[name];
      webSocket.close(code, reason);
    },
    cancel() {
      // Nothing was held for it.
    },
  };
}

function queryOf(request: IncomingMessage): URLSearchParams {
  return new URLSearchParams((request.url ?? '').slice(pathOf(request).length));
}

function firstOf(protocols: ReadonlySet<string>): string | false {
  const [first = false] = protocols;
  return first;
}
