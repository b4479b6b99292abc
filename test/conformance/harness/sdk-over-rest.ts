import { request } from 'node:http';
import { WebSocket } from 'ws';
import type { Puppet } from '../puppet/puppet.ts';
import { CODE } from './sdk-calls.ts';
import type { Counter, CounterChange, List, SdkAnswer, SdkCalls, SdkWatch, SeenGameServer } from './sdk-calls.ts';
import { SeenChanges } from './sdk-watch.ts';

/** What HTTP says for each code of gRPC. */
const HTTP_STATUS: Readonly<Record<number, number>> = {
  [CODE.ok]: 200,
  [CODE.unknown]: 500,
  [CODE.invalidArgument]: 400,
  [CODE.notFound]: 404,
  [CODE.resourceExhausted]: 429,
  [CODE.unimplemented]: 501,
};

/** JSON of many shapes; what is not there fails the expectation. */
// oxlint-disable-next-line typescript/no-explicit-any
type Json = any;

/** The SDK by REST, as a game speaks it that has no SDK of its own. */
export class SdkOverRest implements SdkCalls {
  readonly #puppet: Puppet;

  constructor(puppet: Puppet) {
    this.#puppet = puppet;
  }

  ready(): Promise<SdkAnswer> {
    return this.call('POST', '/ready', {});
  }

  allocate(): Promise<SdkAnswer> {
    return this.call('POST', '/allocate', {});
  }

  shutdown(): Promise<SdkAnswer> {
    return this.call('POST', '/shutdown', {});
  }

  reserve(seconds: number): Promise<SdkAnswer> {
    return this.call('POST', '/reserve', { seconds: String(seconds) });
  }

  setLabel(key: string, value: string): Promise<SdkAnswer> {
    return this.call('PUT', '/metadata/label', { key, value });
  }

  setAnnotation(key: string, value: string): Promise<SdkAnswer> {
    return this.call('PUT', '/metadata/annotation', { key, value });
  }

  getGameServer(): Promise<SdkAnswer<SeenGameServer>> {
    return this.call('GET', '/gameserver', undefined, toSeenGameServer);
  }

  /** As lines of JSON. */
  watchGameServer(): SdkWatch {
    const asked = request({
      host: '127.0.0.1',
      port: this.#puppet.sdkHttpPort,
      path: '/watch/gameserver',
      agent: false,
    });
    const changes = new SeenChanges(() => asked.destroy());
    const end = () => {
      changes.ended ??= {};
    };
    asked.on('error', end);
    asked.on('response', (response) => {
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        changes.seen.push(...lines.map(readWatchLine));
      });
      response.on('error', end);
      response.on('close', end);
    });
    asked.end();
    return changes;
  }

  /** As a WebSocket of one message for each line. */
  watchGameServerBySocket(): SdkWatch {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#puppet.sdkHttpPort}/watch/gameserver`);
    const changes = new SeenChanges(() => {
      socket.terminate();
    });
    socket.on('message', (data: Buffer) => changes.seen.push(readWatchLine(data.toString())));
    socket.on('error', () => {
      // Its end is told by `close`, too.
    });
    socket.on('close', () => {
      changes.ended = {};
    });
    return changes;
  }

  getCounter(name: string): Promise<SdkAnswer<Counter>> {
    return this.call('GET', `/v1beta1/counters/${name}`, undefined, toCounter);
  }

  updateCounter(name: string, change: CounterChange): Promise<SdkAnswer<Counter>> {
    const body = Object.fromEntries(Object.entries(change).map(([field, value]) => [field, String(value)]));
    return this.call('PATCH', `/v1beta1/counters/${name}`, body, toCounter);
  }

  getList(name: string): Promise<SdkAnswer<List>> {
    return this.call('GET', `/v1beta1/lists/${name}`, undefined, toList);
  }

  updateList(name: string, { capacity, values }: { capacity?: number; values?: string[] }): Promise<SdkAnswer<List>> {
    const body = { ...(capacity === undefined ? {} : { capacity: String(capacity) }), ...(values && { values }) };
    return this.call('PATCH', `/v1beta1/lists/${name}`, body, toList);
  }

  addListValue(name: string, value: string): Promise<SdkAnswer<List>> {
    return this.call('POST', `/v1beta1/lists/${name}:addValue`, { value }, toList);
  }

  removeListValue(name: string, value: string): Promise<SdkAnswer<List>> {
    return this.call('POST', `/v1beta1/lists/${name}:removeValue`, { value }, toList);
  }

  playerConnect(playerId: string): Promise<SdkAnswer> {
    return this.call('POST', '/alpha/player/connect', { playerID: playerId });
  }

  playerDisconnect(playerId: string): Promise<SdkAnswer> {
    return this.call('POST', '/alpha/player/disconnect', { playerID: playerId });
  }

  isPlayerConnected(playerId: string): Promise<SdkAnswer> {
    return this.call('GET', `/alpha/player/connected/${playerId}`);
  }

  getConnectedPlayers(): Promise<SdkAnswer> {
    return this.call('GET', '/alpha/player/connected');
  }

  getPlayerCount(): Promise<SdkAnswer> {
    return this.call('GET', '/alpha/player/count');
  }

  getPlayerCapacity(): Promise<SdkAnswer> {
    return this.call('GET', '/alpha/player/capacity');
  }

  setPlayerCapacity(count: number): Promise<SdkAnswer> {
    return this.call('PUT', '/alpha/player/capacity', { count: String(count) });
  }

  /**
   * @param body - an object is sent as JSON, a string as it is
   * @throws Error when what HTTP says is not what the body says
   */
  async call<T = object>(
    method: string,
    path: string,
    body?: object | string,
    read: (body: Json) => T = (answer) => answer as T,
    headers: Record<string, string> = {},
  ): Promise<SdkAnswer<T>> {
    const answer = await this.#puppet.sdk(method, path, body, headers);
    const code = answer.status === 200 ? CODE.ok : Number(answer.body?.code);
    if (HTTP_STATUS[code] !== answer.status || !answer.contentType.startsWith('application/json')) {
      throw new Error(`${method} ${path}: ${answer.status}, ${answer.contentType}, ${JSON.stringify(answer.body)}`);
    }
    if (code === CODE.ok) return { code, message: '', value: read(answer.body) };
    return { code, message: answer.body.message };
  }

  close(): void {
    // Each call has a connection of its own.
  }
}

function toCounter({ name, count, capacity }: Json): Counter {
  return { name, count: Number(count), capacity: Number(capacity) };
}

function toList({ name, capacity, values }: Json): List {
  return { name, capacity: Number(capacity), values };
}

function readWatchLine(line: string): SeenGameServer {
  return toSeenGameServer((JSON.parse(line) as { result: Json }).result);
}

function toSeenGameServer({ object_meta: meta, spec, status }: Json): SeenGameServer {
  const numbers = ({ count, capacity }: Json) => ({ count: Number(count), capacity: Number(capacity) });
  const { health } = spec;
  return {
    name: meta.name,
    namespace: meta.namespace,
    uid: meta.uid,
    resourceVersion: meta.resource_version,
    generation: Number(meta.generation),
    creationTimestamp: Number(meta.creation_timestamp),
    deletionTimestamp: Number(meta.deletion_timestamp),
    labels: meta.labels,
    annotations: meta.annotations,
    health: {
      disabled: health.disabled,
      periodSeconds: health.period_seconds,
      failureThreshold: health.failure_threshold,
      initialDelaySeconds: health.initial_delay_seconds,
    },
    state: status.state,
    address: status.address,
    addresses: status.addresses,
    ports: status.ports,
    counters: mapValues(status.counters, numbers),
    lists: mapValues(status.lists, ({ capacity, values }) => ({ capacity: Number(capacity), values })),
  };
}

function mapValues<T>(object: Json, change: (value: Json) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}
