import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { accessReviews } from './access-reviews.ts';
import { TAKEN_OVER, jsonAnswer, pageNotFound, sendAnswer, statusAnswer, textAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import { Discovery } from './discovery.ts';
import type { ServedResource } from './discovery.ts';
import { aggregatedDiscoveryVersion } from './negotiation.ts';
import { OpenApi } from './openapi.ts';
import type { PodLogs } from './pod-log.ts';
import { methodNotAllowed } from './refusals.ts';
import type { DecodeProtobuf } from './request-body.ts';
import { parseResourcePath } from './request-path.ts';
import { ResourceRequests } from './resource-requests.ts';
import { StatusError } from './status-error.ts';
import type { ObjectStore } from './store.ts';
import { PlainTextRefusal } from './virtual-resource.ts';
import type { VirtualResource } from './virtual-resource.ts';
import type { OpenWatch } from './watch.ts';

/** What an API server serves, and its bounds. */
export interface ApiServerOptions {
  store: ObjectStore;
  /** Resources that are computed, not stored. */
  virtual?: readonly VirtualResource[];
  /** Without it Pods have no logs. */
  logs?: PodLogs;
  clock: Clock;
  logger: Logger;
  /** Asked before each request; true when it has answered the request itself. */
  beforeRequest?(request: IncomingMessage, response: ServerResponse): boolean | Promise<boolean>;
  /** Asked before each answer that is not a stream; true when it is not to be sent. */
  beforeAnswer?(request: IncomingMessage, response: ServerResponse, answer: Answer): boolean | Promise<boolean>;
  /** Told of each watch as it opens. */
  onWatch?(watch: OpenWatch): void;
  /** Without it no body is read in protobuf. */
  decodeProtobuf?: DecodeProtobuf;
  /** @default 3 MiB, as Kubernetes */
  maxBodyBytes?: number;
  /** @default 1024 */
  maxConnections?: number;
  /** How long a watch lasts that names no `timeoutSeconds`, and at most. @default 45 minutes */
  maxWatchMs?: number;
  /** @default one minute, as Kubernetes */
  bookmarkIntervalMs?: number;
  /** How many events may wait for a slow client before its watch is ended with 410. @default 20_000 */
  maxPendingEvents?: number;
}

/** A Kubernetes API over HTTP/1.1, without TLS and without authentication: for the loopback interface only. */
export interface ApiServer {
  /**
   * Starts to listen.
   *
   * @param port - 0 for any that is free
   * @param host - @default 127.0.0.1
   * @returns the address to reach it at, e.g. `http://127.0.0.1:6443`
   * @throws the error of `node:http`, e.g. `EADDRINUSE`
   */
  listen(port: number, host?: string): Promise<string>;
  /** Ends watches and logs, then every connection. Resolves when nothing is open. May be called again. */
  close(): Promise<void>;
}

const VERSION = {
  major: '1',
  minor: '34',
  emulationMajor: '1',
  emulationMinor: '34',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '33',
  gitVersion: 'v1.34.4+regatta.local',
  gitCommit: '',
  gitTreeState: '',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

/** Makes an API server; it does nothing until it listens. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  return new HttpApiServer(options);
}

class HttpApiServer implements ApiServer {
  readonly #options: ApiServerOptions;
  readonly #resources: ResourceRequests;
  readonly #discovery: Discovery;
  readonly #openApi: OpenApi;
  readonly #server: Server;
  readonly #open = new Set<AbortController>();
  #address = '127.0.0.1:0';

  constructor(options: ApiServerOptions) {
    this.#options = options;
    const virtual = [...(options.virtual ?? []), ...accessReviews];
    const served: ServedResource[] = [
      ...options.store.definitions.map((definition) => ({ definition, isVirtual: false })),
      ...virtual.map(({ definition }) => ({ definition, isVirtual: true })),
    ];
    this.#discovery = new Discovery(served, () => this.#address);
    this.#openApi = new OpenApi(served);
    this.#resources = new ResourceRequests({
      store: options.store,
      virtual,
      ...(options.logs === undefined ? {} : { logs: options.logs }),
      clock: options.clock,
      ...(options.decodeProtobuf === undefined ? {} : { decodeProtobuf: options.decodeProtobuf }),
      maxBodyBytes: options.maxBodyBytes ?? 3 * 1024 * 1024,
      onWatch: (watch) => options.onWatch?.(watch),
      watch: {
        maxWatchMs: options.maxWatchMs ?? 45 * 60_000,
        bookmarkIntervalMs: options.bookmarkIntervalMs ?? 60_000,
        maxPendingEvents: options.maxPendingEvents ?? 20_000,
      },
    });
    // Clients keep connections between calls for longer than Node's 5 s; a short wait here would race with their next.
    this.#server = createServer({ keepAliveTimeout: 120_000, noDelay: true }, (request, response) => {
      void this.#handle(request, response);
    });
    this.#server.maxConnections = options.maxConnections ?? 1024;
  }

  listen(port: number, host = '127.0.0.1'): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        const address = this.#server.address();
        const actualPort = typeof address === 'object' && address !== null ? address.port : port;
        this.#address = `${host.includes(':') ? `[${host}]` : host}:${actualPort}`;
        resolve(`http://${this.#address}`);
      });
    });
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    this.#resources.endWatches();
    for (const open of this.#open) open.abort();
    // The ends of watches are still on their way to their clients.
    setImmediate(() => {
      this.#server.closeAllConnections();
    });
    return closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    this.#open.add(gone);
    response.once('close', () => {
      this.#open.delete(gone);
      gone.abort();
    });
    // A client that breaks off shows as `close`, which ends what its request began.
    response.on('error', () => gone.abort());
    try {
      if ((await this.#options.beforeRequest?.(request, response)) === true) return;
      const answer = await this.#answer(request, response, gone.signal);
      if (answer !== TAKEN_OVER) await this.#send(request, response, answer);
    } catch (error) {
      await this.#send(request, response, this.#refusal(error, request));
    }
  }

  async #send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
    if ((await this.#options.beforeAnswer?.(request, response, answer)) !== true) sendAnswer(response, answer);
  }

  #refusal(error: unknown, request: IncomingMessage): Answer {
    if (error instanceof StatusError) return statusAnswer(error);
    if (error instanceof PlainTextRefusal) return textAnswer(`${error.message}\n`, error.code);
    this.#options.logger.error(
      { err: error, method: request.method, path: request.url?.split('?')[0] },
      'request failed',
    );
    return statusAnswer(new StatusError(500, 'InternalError', 'Internal error occurred'));
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<Answer | typeof TAKEN_OVER> {
    const [pathname, search] = splitOnce(request.url ?? '/', '?');
    const path = parseResourcePath(pathname);
    if (path !== undefined) {
      return this.#resources.answer({ path, query: new URLSearchParams(search), request, response, signal });
    }
    const fixed = this.#fixedAnswer(pathname, request.headers.accept);
    const { method } = request;
    const isRead = method === 'GET' || (method === 'HEAD' && !/^\/(api|apis|api\/v1|version)?\/?$/.test(pathname));
    if (fixed !== undefined && !isRead) throw methodNotAllowed();
    return fixed ?? pageNotFound();
  }

  #fixedAnswer(pathname: string, accept: string | undefined): Answer | undefined {
    const path = pathname.replace(/\/+$/, '');
    const aggregated = aggregatedDiscoveryVersion(accept);
    if ((path === '/api' || path === '/apis') && aggregated !== undefined) {
      const contentType = `application/json;g=apidiscovery.k8s.io;v=${aggregated};as=APIGroupDiscoveryList`;
      return { ...jsonAnswer(this.#discovery.aggregated(path === '/api' ? 'api' : 'apis', aggregated)), contentType };
    }
    switch (path) {
      case '':
        return jsonAnswer({ paths: ['/api', '/apis', '/healthz', '/livez', '/openapi/v3', '/readyz', '/version'] });
      case '/version':
        return jsonAnswer(VERSION);
      case '/healthz':
      case '/livez':
      case '/readyz':
        return textAnswer('ok');
      case '/api':
        return jsonAnswer(this.#discovery.coreVersions());
      case '/apis':
        return jsonAnswer(this.#discovery.groups());
      case '/openapi/v3':
        return jsonAnswer(this.#openApi.index());
      default:
        return this.#documentAnswer(path);
    }
  }

  #documentAnswer(path: string): Answer | undefined {
    const [root, first, second, ...rest] = path.split('/').slice(1);
    if (root === 'openapi' && first === 'v3') {
      const text = this.#openApi.document(path.slice('/openapi/v3/'.length));
      return text === undefined ? undefined : { status: 200, contentType: 'application/json', text };
    }
    if (rest.length > 0 || first === undefined) return undefined;
    const found =
      root === 'api' && second === undefined
        ? this.#discovery.resources('', first)
        : root === 'apis' && second === undefined
          ? this.#discovery.group(first)
          : root === 'apis' && second !== undefined
            ? this.#discovery.resources(first, second)
            : undefined;
    return found === undefined ? undefined : jsonAnswer(found);
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
