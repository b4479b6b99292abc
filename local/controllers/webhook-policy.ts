import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Fleet } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { isJsonObject } from '../api/json.ts';
import { PolicyError } from './buffer-policy.ts';
import type { DesiredReplicas } from './buffer-policy.ts';

/** Where a webhook is: one of `url` and `service`. */
export interface WebhookPolicy {
  url?: string;
  service?: { name: string; namespace?: string; path?: string; port?: number };
  /** PEM of the only authorities trusted, in base64. */
  caBundle?: string;
}

export interface WebhookOptions {
  clock: Clock;
  /**
   * Where Services are on this machine: `namespace/name` to a base URL. There is no cluster network here that could
   * resolve `name.namespace.svc`.
   */
  services: ReadonlyMap<string, string>;
  /** @default 15 000, as in Agones */
  timeoutMs?: number;
  /** @default 1 MiB */
  maxAnswerBytes?: number;
}

/**
 * Asks a webhook with a FleetAutoscaleReview.
 *
 * With `scale: false` the Fleet's present number of replicas is what is wanted, as in Agones, which then writes it. An
 * answer without a `response`, on which Agones' controller crashes, is a fault like any other here.
 *
 * Source: Agones 1.57, `applyWebhookPolicy`; the request as recorded.
 *
 * @throws PolicyError for every fault of the webhook
 */
export async function applyWebhook(
  policy: WebhookPolicy,
  fleet: Fleet,
  options: WebhookOptions,
): Promise<DesiredReplicas> {
  const url = webhookUrl(policy, options.services);
  const answer = await post(url, JSON.stringify(reviewOf(fleet)), policy.caBundle, options);
  if (answer.statusCode !== 200) throw new PolicyError(`the webhook ${url} answered with status ${answer.statusCode}`);
  const response = responseOf(answer.body);
  if (response === undefined) throw new PolicyError(`the webhook ${url} answered without a valid response`);
  return { replicas: response.scale ? response.replicas : (fleet.status?.replicas ?? 0), limited: false };
}

function reviewOf(fleet: Fleet): object {
  const { name, namespace, labels, annotations } = fleet.metadata;
  return {
    request: {
      uid: randomUUID(),
      name,
      namespace,
      status: fleet.status ?? { replicas: 0, readyReplicas: 0, reservedReplicas: 0, allocatedReplicas: 0 },
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    response: null,
  };
}

function webhookUrl(policy: WebhookPolicy, services: ReadonlyMap<string, string>): string {
  if (policy.url !== undefined && policy.url !== '') {
    if (!URL.canParse(policy.url)) throw new PolicyError(`'${policy.url}' is not a URL`);
    return policy.url;
  }
  if (policy.service === undefined) throw new PolicyError('the policy names neither a url nor a service');
  const { name, namespace = 'default', path = '' } = policy.service;
  const base = services.get(`${namespace}/${name}`);
  if (base === undefined) throw new PolicyError(`where the Service ${namespace}/${name} is was not configured`);
  return `${base.replace(/\/$/, '')}/${path.replace(/^\//, '')}`;
}

function responseOf(body: string): { scale: boolean; replicas: number } | undefined {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch (error) {
    throw new PolicyError(`the webhook's answer is not JSON: ${String(error)}`);
  }
  const response = isJsonObject(review) ? review['response'] : undefined;
  if (!isJsonObject(response)) return undefined;
  const { scale = false, replicas = 0 } = response;
  if (typeof scale !== 'boolean' || !Number.isInteger(replicas)) return undefined;
  return { scale, replicas: Number(replicas) };
}

interface Answer {
  statusCode: number;
  body: string;
}

function post(url: string, body: string, caBundle: string | undefined, options: WebhookOptions): Promise<Answer> {
  const { clock, timeoutMs = 15_000, maxAnswerBytes = 1_048_576 } = options;
  const secure = url.startsWith('https:');
  const trusted = caBundle === undefined || caBundle === '' ? {} : { ca: Buffer.from(caBundle, 'base64') };
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = (secure ? httpsRequest : httpRequest)(url, { method: 'POST', agent: false, headers, ...trusted });
  const cancelTimeout = clock.after(timeoutMs, () => {
    request.destroy(new PolicyError(`the webhook ${url} did not answer within ${timeoutMs} ms`));
  });
  request.on('error', (cause) => {
    reject(
      cause instanceof PolicyError ? cause : new PolicyError(`the webhook ${url} was not reached: ${cause.message}`),
    );
  });
  request.on('response', (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) request.destroy(new PolicyError(`the webhook ${url} answered too much`));
      else chunks.push(chunk);
    });
    response.on('error', reject);
    response.on('end', () => {
      resolve({ statusCode: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
    });
  });
  request.end(body);
  return promise.finally(cancelTimeout);
}
