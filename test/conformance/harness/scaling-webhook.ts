import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, createServerPair } from '../../../local/allocator-service/certificates/certificate.ts';
import { eventually } from '../../helpers/conditions.ts';
import type { TestCluster } from './test-cluster.ts';

/** One question of a FleetAutoscaler. */
export interface AskedReview {
  atMs: number;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  // A FleetAutoscaleReview; what is not there fails the expectation.
  // oxlint-disable-next-line typescript/no-explicit-any
  review: any;
}

/** What is answered: the `response` of a review with status 200, or something else altogether. */
export type WebhookAnswer = { scale: boolean; replicas: number } | { status: number; text: string };

const DEADLINE_MS = 60_000;
const DAY_MS = 86_400_000;

/** A webhook for FleetAutoscalers that the cluster can reach, with every question it was asked. */
export class ScalingWebhook {
  readonly asked: AskedReview[] = [];
  /** Without a trailing slash. */
  readonly url: string;
  /** Whom to trust to reach it over https: PEM in base64. */
  readonly caBundle: string;
  readonly #server: Server;
  #answer: WebhookAnswer;

  private constructor(server: Server, origin: string, caBundle: string, answer: WebhookAnswer) {
    this.#server = server;
    this.#answer = answer;
    this.caBundle = caBundle;
    // The server listens, so that its address has a port.
    this.url = `${origin}:${(server.address() as AddressInfo).port}`;
  }

  static async open(
    cluster: TestCluster,
    answer: WebhookAnswer,
    scheme: 'http' | 'https' = 'http',
  ): Promise<ScalingWebhook> {
    const address = await cluster.client.localAddress();
    const validity = { notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + DAY_MS };
    const authority = createAuthority('conformance', validity);
    const { certificate, key } = createServerPair(authority, 'webhook', [address], validity);
    const server = scheme === 'http' ? createServer() : createTlsServer({ cert: certificate, key });
    // A connection that is kept open must not keep the run alive.
    server.unref();
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    const origin = `${scheme}://${address.includes(':') ? `[${address}]` : address}`;
    const caBundle = Buffer.from(authority.certificate).toString('base64');
    const webhook = new ScalingWebhook(server, origin, caBundle, answer);
    webhook.#serve();
    return webhook;
  }

  /** Answers so from now on. */
  answers(answer: WebhookAnswer): void {
    this.#answer = answer;
  }

  /** Waits until it was asked so often in all. */
  async askedTimes(count: number, path?: string): Promise<AskedReview[]> {
    return eventually(`${count} questions`, DEADLINE_MS, () => {
      const asked = this.asked.filter((each) => path === undefined || each.path === path);
      return asked.length >= count ? asked : undefined;
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #serve(): void {
    this.#server.on('request', (request, response) => {
      let text = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        // What is asked is JSON, or the case fails.
        const review = JSON.parse(text) as { request: { uid: string } };
        this.asked.push({ atMs: performance.now(), method, path: url, headers, review });
        const answer = this.#answer;
        if ('status' in answer) response.writeHead(answer.status).end(answer.text);
        else response.end(JSON.stringify({ response: { uid: review.request.uid, ...answer } }));
      });
    });
  }
}
