/* oxlint-disable no-restricted-imports -- the client's tests run in Node; the client itself does not import this */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

/** A request as it came. */
export interface Heard {
  method: string | undefined;
  path: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

/** A real HTTP and WebSocket server on loopback, with a test's answers. */
export class Harbour {
  readonly heard: Heard[] = [];
  /** What the next requests get, in order; the last one stays. */
  answers: Answer[] = [{ status: 404 }];
  /** Called with each WebSocket, its number, from 1, and its path. Undefined refuses upgrades. */
  onSocket: ((socket: WebSocket, number: number, path: string) => void) | undefined;
  /** So many upgrades from now on are never answered. */
  silentUpgrades = 0;
  /** The subprotocol it chooses where one is offered. */
  chooses: string | false = false;
  /** What each upgrade offered. */
  readonly protocols: (string | undefined)[] = [];
  readonly #silent: Duplex[] = [];
  readonly #http: Server;
  readonly #webSockets = new WebSocketServer({ noServer: true, handleProtocols: () => this.chooses });

  private constructor() {
    this.#http = createServer((request, response) => void this.#answer(request, response));
    this.#http.on('upgrade', (request, socket, head) => {
      this.protocols.push(request.headers['sec-websocket-protocol']);
      if (this.silentUpgrades > 0) {
        this.silentUpgrades -= 1;
        this.#silent.push(socket);
        return;
      }
      if (this.onSocket === undefined) {
        socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
        return;
      }
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        this.onSocket?.(webSocket, this.upgrades, request.url ?? '');
      });
    });
  }

  static async open(): Promise<Harbour> {
    const harbour = new Harbour();
    await new Promise<void>((resolve) => harbour.#http.listen(0, '127.0.0.1', resolve));
    return harbour;
  }

  get url(): string {
    // A server that listens on TCP has an address of this kind.
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get wsUrl(): string {
    return `${this.url.replace('http', 'ws')}/session/s1?token=t`;
  }

  get upgrades(): number {
    return this.protocols.length;
  }

  async close(): Promise<void> {
    for (const client of this.#webSockets.clients) client.terminate();
    for (const socket of this.#silent) socket.destroy();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray()).toString('utf8');
    this.heard.push({ method: request.method, path: request.url, headers: request.headers, body });
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    response.writeHead(answer?.status ?? 500, answer?.headers);
    response.end(answer?.body);
  }
}

/** A problem document as Regatta answers it. */
export function problem(status: number, code: string, more: object = {}, headers: Record<string, string> = {}): Answer {
  const body = JSON.stringify({ type: 'about:blank', status, code, detail: `because ${code}`, ...more });
  return { status, headers: { 'content-type': 'application/problem+json', ...headers }, body };
}
