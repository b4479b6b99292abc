import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';

/** What the Kubernetes API answered. */
export interface Answer {
  status: number;
  contentType: string;
  headers: IncomingMessage['headers'];
  text: string;
  // Cases read answers of many shapes; what is not there fails the expectation.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
}

/** A response whose body is read as it comes. */
export interface OpenAnswer {
  status: number;
  response: IncomingMessage;
  /** Breaks the connection. */
  cut(): void;
}

export type RequestHeaders = Record<string, string>;

const REQUEST_DEADLINE_MS = 40_000;

/**
 * The Kubernetes API that a kubeconfig names, spoken by plain HTTP: a case decides every header and sees every byte of
 * the answer, which a client library would hide.
 */
export class ApiClient {
  readonly #server: URL;
  readonly #agent: Agent | undefined;
  readonly #headers: RequestHeaders;

  private constructor(server: URL, agent: Agent | undefined, headers: RequestHeaders) {
    this.#server = server;
    this.#agent = agent;
    this.#headers = headers;
  }

  static fromKubeconfig(path: string): ApiClient {
    const kubeconfig = new KubeConfig();
    kubeconfig.loadFromFile(path);
    const server = kubeconfig.getCurrentCluster();
    const user = kubeconfig.getCurrentUser();
    if (server === null) throw new Error(`${path} names no current cluster`);
    const agent = new Agent({
      keepAlive: true,
      ca: decode(server.caData),
      cert: decode(user?.certData),
      key: decode(user?.keyData),
      rejectUnauthorized: server.skipTLSVerify !== true,
    });
    const headers: RequestHeaders = user?.token === undefined ? {} : { authorization: `Bearer ${user.token}` };
    const url = new URL(server.server);
    return new ApiClient(url, url.protocol === 'https:' ? agent : undefined, headers);
  }

  /** @param body - an object is sent as JSON, a string or bytes as they are */
  async request(
    method: string,
    path: string,
    body?: object | string | Uint8Array,
    headers: RequestHeaders = {},
  ): Promise<Answer> {
    const { response } = await this.open(method, path, body, headers);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const contentType = response.headers['content-type'] ?? '';
    return {
      status: response.statusCode ?? 0,
      contentType,
      headers: response.headers,
      text,
      body: contentType.includes('json') && text !== '' ? JSON.parse(text) : undefined,
    };
  }

  open(
    method: string,
    path: string,
    body?: object | string | Uint8Array,
    headers: RequestHeaders = {},
  ): Promise<OpenAnswer> {
    const bytes =
      body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    const send = this.#agent === undefined ? httpRequest : httpsRequest;
    return new Promise((resolve, reject) => {
      const request = send(
        {
          method,
          host: this.#server.hostname,
          port: this.#server.port,
          path: this.#server.pathname.replace(/\/$/, '') + path,
          ...(this.#agent === undefined ? {} : { agent: this.#agent }),
          headers: {
            ...(bytes === undefined
              ? {}
              : {
                  'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
                  'content-length': Buffer.byteLength(bytes),
                }),
            ...this.#headers,
            ...headers,
          },
          signal: AbortSignal.timeout(REQUEST_DEADLINE_MS),
        },
        (response) => {
          resolve({ status: response.statusCode ?? 0, response, cut: () => request.destroy() });
        },
      );
      request.on('error', reject);
      request.end(bytes);
    });
  }

  /** The address of this machine on the way to the cluster: what runs there can connect to it. */
  localAddress(): Promise<string> {
    return new Promise((resolve, reject) => {
      const port = Number(this.#server.port || (this.#server.protocol === 'https:' ? 443 : 80));
      const socket = connect(port, this.#server.hostname.replace(/^\[|\]$/g, ''), () => {
        resolve(socket.localAddress ?? '127.0.0.1');
        socket.destroy();
      });
      socket.once('error', reject);
    });
  }

  close(): void {
    this.#agent?.destroy();
  }
}

function decode(base64: string | undefined): Buffer | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}
