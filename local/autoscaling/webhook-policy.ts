import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Fleet } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { isJsonObject } from '../api/json.ts';
import type { JsonObject, JsonValue } from '../api/json.ts';
import { NO_FLEET_STATUS, PolicyError } from './policy.ts';
import type { DesiredReplicas, WebhookPolicy } from './policy.ts';

export interface WebhookOptions {
  clock: Clock;
  /**
   * Where Services are on this machine: `namespace/name` to `host:port`. There is no cluster network here that could
   * resolve `name.namespace.svc`.
   */
  services: ReadonlyMap<string, string>;
  /** @default 15 000, as in Agones */
  timeoutMs?: number;
  /** @default 1 MiB */
  maxAnswerBytes?: number;
}

const DEFAULT_SERVICE_PORT = 8000;
const SERVICE_HOST = /^([^.]+)\.([^.]+)\.svc(?:\.cluster\.local)?$/;
const MAX_INT32 = 2 ** 31 - 1;

/**
 * Asks the webhooks of one FleetAutoscaler, for as long as its spec stays as it is.
 *
 * As in Agones, the first webhook that is asked settles whom to trust: in a Chain with several, the `caBundle` of the
 * others is not looked at.
 */
export class WebhookClient {
  readonly #options: WebhookOptions;
  #trusted: { authorities: Buffer | undefined } | undefined;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  /**
   * Sends a FleetAutoscaleReview.
   *
   * With `scale: false` the Fleet's present number of replicas is what is wanted, as in Agones, which then writes it. An
   * answer without a `response`, on which Agones' controller crashes, is a fault like any other here.
   *
   * Source: Agones 1.57, `applyWebhookPolicy`; the request as recorded.
   *
   * @throws PolicyError for every fault of the webhook
   */
  async ask(policy: WebhookPolicy, fleet: Fleet): Promise<DesiredReplicas> {
    this.#trusted ??= { authorities: policy.caBundle ? Buffer.from(policy.caBundle, 'base64') : undefined };
    const url = webhookUrl(policy);
    const answer = await post(url, JSON.stringify(reviewOf(fleet)), this.#trusted.authorities, this.#options);
    if (answer.statusCode !== 200) {
      throw new PolicyError(`the webhook ${url.href} answered with status ${answer.statusCode}`);
    }
    const { scale, replicas } = responseOf(answer.body);
    return { replicas: scale ? replicas : (fleet.status?.replicas ?? 0), limited: false };
  }
}

function reviewOf(fleet: Fleet): object {
  const { name, namespace, labels, annotations } = fleet.metadata;
  return {
    request: {
      uid: randomUUID(),
      name,
      namespace,
      status: fleet.status ?? NO_FLEET_STATUS,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    response: null,
  };
}

/** @throws PolicyError */
function webhookUrl({ url, service, caBundle }: WebhookPolicy): URL {
  if (typeof url === 'string') {
    const parsed = URL.parse(url);
    if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) {
      throw new PolicyError(`'${url}' is no URL of a webhook`);
    }
    return parsed;
  }
  if (!service) throw new PolicyError('the policy names neither a url nor a service');
  const { name, namespace = 'default', port = DEFAULT_SERVICE_PORT, path = '' } = service;
  const scheme = caBundle ? 'https' : 'http';
  return new URL(`${scheme}://${name}.${namespace}.svc:${port}/${path.replace(/^\//, '')}`);
}

/** @throws PolicyError */
function responseOf(body: string): { scale: boolean; replicas: number } {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch (error) {
    throw new PolicyError(`the webhook's answer is not JSON: ${String(error)}`);
  }
  const response = isJsonObject(review) ? fieldOf(review, 'response') : undefined;
  if (!isJsonObject(response)) throw new PolicyError("the webhook's answer has no response");
  const scale = fieldOf(response, 'scale') ?? false;
  const replicas = fieldOf(response, 'replicas') ?? 0;
  if (typeof scale !== 'boolean') throw new PolicyError('scale in the answer of the webhook is no boolean');
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || Math.abs(replicas) > MAX_INT32) {
    throw new PolicyError('replicas in the answer of the webhook is no whole number');
  }
  return { scale, replicas };
}

/** Go, which reads the answer in a cluster, takes a key in any case where the exact one is not there. */
function fieldOf(object: JsonObject, name: string): JsonValue | undefined {
  const key = name in object ? name : Object.keys(object).find((candidate) => candidate.toLowerCase() === name);
  return key === undefined ? undefined : object[key];
}

interface Answer {
  statusCode: number;
  body: string;
}

/** Where to connect: a Service's host is one of this machine. @throws PolicyError */
function addressOf({ hostname, port, protocol }: URL, services: ReadonlyMap<string, string>): string {
  const [, name, namespace] = SERVICE_HOST.exec(hostname) ?? [];
  if (name === undefined || namespace === undefined) return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
  const address = services.get(`${namespace}/${name}`);
  if (address !== undefined) return address;
  throw new PolicyError(`where the Service ${namespace}/${name} is was not configured: LOCAL_SERVICES does`);
}

/** @throws PolicyError */
function post(url: URL, body: string, ca: Buffer | undefined, options: WebhookOptions): Promise<Answer> {
  const { clock, services, timeoutMs = 15_000, maxAnswerBytes = 1_048_576 } = options;
  const address = new URL(`http://${addressOf(url, services)}`);
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)({
    method: 'POST',
    host: address.hostname.replace(/^\[|\]$/g, ''),
    port: address.port || 80,
    path: url.pathname + url.search,
    agent: false,
    headers: { host: url.host, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    ...(url.username === '' ? {} : { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }),
    ...(SERVICE_HOST.test(url.hostname) ? { servername: url.hostname } : {}),
    ...(ca === undefined ? {} : { ca }),
  });
  const cancelTimeout = clock.after(timeoutMs, () => {
    request.destroy(new PolicyError(`the webhook ${url.href} did not answer within ${timeoutMs} ms`));
  });
  request.on('error', (cause) => {
    reject(
      cause instanceof PolicyError
        ? cause
        : new PolicyError(`the webhook ${url.href} was not reached: ${cause.message}`),
    );
  });
  request.on('response', (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) request.destroy(new PolicyError(`the webhook ${url.href} answered too much`));
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
