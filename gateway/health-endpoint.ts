import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ProblemError } from '../lib/errors.ts';
import { problemDocument, problemHeaders } from '../lib/problem.ts';

export interface HealthEndpointOptions {
  port: number;
  listenAddress: string | undefined;
  /** Whether the program takes new work. */
  isReady: () => boolean;
  /** What Prometheus is told. */
  metrics: () => Promise<{ contentType: string; text: string }>;
}

/** `/healthz` and `/readyz` for the platform's probes, `/metrics` for Prometheus. */
export class HealthEndpoint {
  readonly #options: HealthEndpointOptions;
  readonly #server: Server;

  constructor(options: HealthEndpointOptions) {
    this.#options = options;
    this.#server = createServer({ headersTimeout: 5000, requestTimeout: 5000 }, (request, response) => {
      if (request.url === '/metrics') {
        void this.#answerMetrics(response);
        return;
      }
      const problem = this.#problemAt(request.url ?? '');
      if (problem === undefined) {
        response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' }).end('ok\n');
        return;
      }
      answerProblem(response, problem);
    });
  }

  /**
   * Starts to listen.
   *
   * @returns the port
   * @throws Error of the system, with its code, when the port cannot be had
   */
  async listen(): Promise<number> {
    const { port, listenAddress: host } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }

  async #answerMetrics(response: ServerResponse): Promise<void> {
    try {
      const { contentType, text } = await this.#options.metrics();
      response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text);
    } catch (error) {
      answerProblem(response, new ProblemError('internal', 'Something went wrong.', { cause: error }));
    }
  }

  #problemAt(path: string): ProblemError | undefined {
    if (path === '/healthz') return undefined;
    if (path !== '/readyz')
      return new ProblemError('not_found', 'Probes are at /healthz and /readyz, metrics at /metrics.');
    return this.#options.isReady() ? undefined : new ProblemError('draining', 'The gateway takes no new work.');
  }
}

function answerProblem(response: ServerResponse, problem: ProblemError): void {
  const document = problemDocument(problem);
  response.writeHead(document.status, problemHeaders(problem)).end(JSON.stringify(document));
}
