import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';

const TIMEOUT_MS = 120_000;

/** What was answered. */
export interface ApiAnswer {
  status: number;
  text: string;
}

/** A client of a Kubernetes API that costs little itself: kept connections, no more parsing than is asked for. */
export class LocalApi {
  readonly #url: string;
  readonly #agent: Agent;

  /** @param connections - the most that are open at once, watches aside */
  constructor(url: string, connections: number) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  call(method: string, path: string, body?: object): Promise<ApiAnswer> {
    return this.#read(this.#send(method, path, this.#agent, body));
  }

  /** Lists as `kubectl get` does. */
  table(path: string): Promise<ApiAnswer> {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    return this.#read(this.#send('GET', path, this.#agent, undefined, { accept }));
  }

  async #read(sent: Promise<IncomingMessage>): Promise<ApiAnswer> {
    const response = await sent;
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    return { status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() };
  }

  /** @throws Error unless it is answered with success */
  async get<T>(path: string): Promise<T> {
    const { status, text } = await this.call('GET', path);
    if (status !== 200) throw new Error(`GET ${path} is answered with ${status}: ${text.slice(0, 200)}`);
    return JSON.parse(text) as T;
  }

  /**
   * Opens a watch on a connection of its own.
   *
   * @param onLine - gets each event as it is on the wire
   * @returns ends it
   */
  async watch(path: string, onLine: (line: string) => void): Promise<() => void> {
    const response = await this.#send('GET', path, new Agent());
    if (response.statusCode !== 200) throw new Error(`the watch is answered with ${response.statusCode}`);
    let rest = '';
    response.setEncoding('utf8').on('data', (piece: string) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
    response.on('error', () => {
      // It is ended by breaking it off.
    });
    return () => {
      response.destroy();
    };
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(
    method: string,
    path: string,
    agent: Agent,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<IncomingMessage> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const sent = request(this.#url + path, {
      method,
      agent,
      timeout: TIMEOUT_MS,
      headers: {
        ...headers,
        ...(text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
      },
    });
    sent.end(text);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response;
  }
}
