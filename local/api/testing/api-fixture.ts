import { systemClock } from '../../../lib/clock.ts';
import { silentLogger } from '../../../lib/logger.ts';
import { createApiServer } from '../api-server.ts';
import type { ApiServer, ApiServerOptions } from '../api-server.ts';
import { createObjectStore } from '../memory-store.ts';
import type { ObjectStoreOptions } from '../memory-store.ts';
import type { ObjectStore } from '../store.ts';
import { testDefinitions } from './boat-definitions.ts';

/** What an answer holds; the body is parsed where it is JSON. */
export interface TestAnswer {
  status: number;
  contentType: string;
  headers: Headers;
  text: string;
  // Tests read answers of many shapes; what is not there fails the expectation.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
}

/** A watch as a test reads it: event by event. */
export interface TestWatch {
  next(): Promise<{ type: string; object: Record<string, unknown> & { metadata: Record<string, unknown> } }>;
  /** Every event that is left, once the server has ended the watch. */
  rest(): Promise<{ type: string }[]>;
  stop(): Promise<void>;
}

/** A store with a namespace, served over HTTP on a port of its own. */
export interface TestApi {
  url: string;
  store: ObjectStore;
  server: ApiServer;
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<TestAnswer>;
  watch(path: string, headers?: Record<string, string>): Promise<TestWatch>;
}

/** Where the boats of the default namespace are. */
export const BOATS = '/apis/harbour.example/v1/namespaces/default/boats';

/** Starts an API; to be closed by `server.close()`. */
export async function startApi(
  options: Partial<ApiServerOptions> = {},
  storeOptions: Partial<ObjectStoreOptions> = {},
): Promise<TestApi> {
  const store = createObjectStore(testDefinitions, { clock: systemClock, logger: silentLogger, ...storeOptions });
  store.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  const server = createApiServer({ store, clock: systemClock, logger: silentLogger, ...options });
  const url = await server.listen(0);
  return {
    url,
    store,
    server,
    async request(method, path, body, headers = {}) {
      const response = await fetch(url + path, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const contentType = response.headers.get('content-type') ?? '';
      const parsed: unknown = contentType.startsWith('application/json') && text !== '' ? JSON.parse(text) : undefined;
      return { status: response.status, contentType, headers: response.headers, text, body: parsed };
    },
    watch: (path, headers) => openWatch(url + path, headers),
  };
}

/** Opens a watch at a URL. @throws Error when it is refused */
export async function openWatch(url: string, headers: Record<string, string> = {}): Promise<TestWatch> {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  if (response.status !== 200 || response.body === null) throw new Error(`watch refused: ${await response.text()}`);
  // Locked from the start: a stream that nobody reads yet would be cancelled with its collected response.
  const events = readEvents(response.body.values());
  return {
    async next() {
      const { value, done } = await events.next();
      if (done === true) throw new Error('the watch is over');
      return value;
    },
    async rest() {
      const all: { type: string }[] = [];
      for await (const event of events) all.push(event);
      return all;
    },
    async stop() {
      abort.abort();
      // What was being read fails with the abort, which is what was asked for.
      await events.return(undefined).catch(() => undefined);
    },
  };
}

async function* readEvents(body: AsyncIterable<Uint8Array>) {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      // Each line of a watch is one event.
      yield JSON.parse(line) as {
        type: string;
        object: Record<string, unknown> & { metadata: Record<string, unknown> };
      };
    }
  }
}
