import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { ERRORS } from '../../lib/errors.ts';
import type { ErrorCode } from '../../lib/errors.ts';
import { TICK_MS } from '../race/interpolation.ts';
import { ScriptedRace } from '../scripted-race.ts';

export interface ScriptedServerOptions {
  /** Where the built page is; without it only the API answers. */
  pageDirectory?: string;
  /** How long a race waits for others. @default 4000 */
  waitMs?: number;
  /** Ticks of the race for each real one. @default 1 */
  haste?: number;
}

const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** The strictest policy the page has to live with. */
export const STRICT_POLICY = "default-src 'self'; connect-src 'self' ws: wss:; style-src 'self'; object-src 'none'";

/** Allocator, gateway and game server in one, with a script: a real HTTP server and real WebSockets on loopback. */
export class ScriptedServer {
  /** Refusals to give to the next requests for a seat, in order. */
  readonly refusals: { code: ErrorCode; retryAfterSeconds?: number; position?: number }[] = [];
  /** Refuses each upgrade, and tells why to a GET, while it is set. */
  upgradeRefusal: ErrorCode | undefined;
  /** The only session that it refuses then; undefined: all. */
  refusedSessionId: string | undefined;
  /** Where the players of a lost session are sent; undefined: to the session they had. */
  successorId: string | undefined;
  /** Method and path of each request for a seat, with what came along. */
  readonly asked: { path: string; body: unknown; idempotencyKey: string | undefined }[] = [];
  /** Each text heard over a WebSocket. */
  readonly heard: string[] = [];
  readonly #options: ScriptedServerOptions;
  readonly #http: Server;
  readonly #webSockets = new WebSocketServer({ noServer: true });
  readonly #timers = new Set<NodeJS.Timeout>();

  private constructor(options: ScriptedServerOptions) {
    this.#options = options;
    this.#http = createServer((request, response) => void this.#answer(request, response));
    this.#http.on('upgrade', (request, socket, head) => {
      if (this.upgradeRefusal !== undefined && this.#isRefused(request)) {
        socket.end(`HTTP/1.1 ${ERRORS[this.upgradeRefusal].status} Refused\r\nConnection: close\r\n\r\n`);
        return;
      }
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#play(webSocket));
    });
  }

  static async start(options: ScriptedServerOptions = {}): Promise<ScriptedServer> {
    const server = new ScriptedServer(options);
    await new Promise<void>((resolve) => server.#http.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    // A server that listens on TCP has an address of this kind.
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get connectionCount(): number {
    return this.#webSockets.clients.size;
  }

  /** Closes every WebSocket with this code. */
  closeAll(code: number): void {
    for (const client of this.#webSockets.clients) client.close(code);
  }

  /** Breaks every WebSocket without a word. */
  breakAll(): void {
    for (const client of this.#webSockets.clients) client.terminate();
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.breakAll();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #isRefused({ url = '' }: IncomingMessage): boolean {
    return this.refusedSessionId === undefined || url.startsWith(`/session/${this.refusedSessionId}?`);
  }

  #play(webSocket: WebSocket): void {
    const { waitMs, haste = 1 } = this.#options;
    const race = new ScriptedRace(waitMs);
    const say = (messages: object[]): void => messages.forEach((message) => webSocket.send(JSON.stringify(message)));
    say(race.greeting());
    webSocket.on('message', (data: Buffer) => {
      const text = data.toString('utf8');
      this.heard.push(text);
      say(race.hear(JSON.parse(text)));
    });
    const timer = setInterval(() => {
      for (let tick = 0; tick < haste; tick++) say(race.step());
    }, TICK_MS);
    this.#timers.add(timer);
    webSocket.on('close', () => {
      clearInterval(timer);
      this.#timers.delete(timer);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', this.url).pathname;
    if (path.startsWith('/session/')) refuse(response, { code: this.upgradeRefusal ?? 'upgrade_required' });
    else if (request.method === 'POST') await this.#giveSeat(path, request, response);
    else await this.#giveFile(path, response);
  }

  async #giveSeat(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: unknown = JSON.parse(Buffer.concat(await request.toArray()).toString('utf8'));
    this.asked.push({ path, body, idempotencyKey: request.headers['idempotency-key']?.toString() });
    const refusal = this.refusals.shift();
    if (refusal !== undefined) {
      refuse(response, refusal);
      return;
    }
    const [, named, how] = /^\/api\/sessions\/([^/]+)\/(join|resume)$/.exec(path) ?? [];
    const sessionId = (how === 'resume' ? this.successorId : undefined) ?? named ?? 'session-1';
    response.writeHead(201, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        sessionId,
        wsUrl: `${this.url.replace('http', 'ws')}/session/${sessionId}?token=scripted`,
        expiresAt: new Date(Date.now() + 60_000).toISOString(),
        game: 'boat-race',
        ...(named === undefined ? { allocation: { durationMs: 7.4, gameServer: 'boat-race-scripted-0' } } : {}),
      }),
    );
  }

  async #giveFile(path: string, response: ServerResponse): Promise<void> {
    const file = normalize(path === '/' ? '/index.html' : path);
    const content = await readFile(join(this.#options.pageDirectory ?? '/nowhere', file)).catch(() => undefined);
    if (content === undefined) {
      refuse(response, { code: 'not_found' });
      return;
    }
    const contentType = CONTENT_TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': contentType, 'content-security-policy': STRICT_POLICY });
    response.end(content);
  }
}

function refuse(
  response: ServerResponse,
  { code, retryAfterSeconds, position }: { code: ErrorCode; retryAfterSeconds?: number; position?: number },
): void {
  const { status, title, retryable } = ERRORS[code];
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(
    JSON.stringify({ code, title, status, retryable, detail: title, ...(position === undefined ? {} : { position }) }),
  );
}
