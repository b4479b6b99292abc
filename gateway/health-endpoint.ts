import type { ServerResponse } from 'node:http';
import { ProblemError } from '../lib/errors.ts';
import { problemDocument, problemHeaders } from '../lib/problem.ts';
import { InnerPort } from './inner-port.ts';

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
  readonly #port: InnerPort;

  constructor(options: HealthEndpointOptions) {
    this.#options = options;
    this.#port = new InnerPort({
      ...options,
      answer: (request, response) => {
        this.#answer(request.url ?? '', response);
      },
    });
  }

  /**
   * Starts to listen.
   *
   * @returns the port
   * @throws Error of the system, with its code, when the port cannot be had
   */
  listen(): Promise<number> {
    return this.#port.listen();
  }

  /** Probes are not waited for. */
  close(): Promise<void> {
    return this.#port.close({ gently: false });
  }

  #answer(path: string, response: ServerResponse): void {
    if (path === '/metrics') {
      void this.#answerMetrics(response);
      return;
    }
    const problem = this.#problemAt(path);
    if (problem === undefined) {
      response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' }).end('ok\n');
      return;
    }
    answerProblem(response, problem);
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
