import { createRequire } from 'node:module';
import { Client, credentials } from '@grpc/grpc-js';
import type { ClientWritableStream, MethodDefinition, ServiceDefinition, ServiceError } from '@grpc/grpc-js';
import { CODE } from './sdk-calls.ts';
import type { Counter, CounterChange, List, SdkAnswer, SdkCalls, SdkWatch, SeenGameServer } from './sdk-calls.ts';
import { SeenChanges } from './sdk-watch.ts';

const DEADLINE_MS = 30_000;

/** Within the published SDK: what it brings along is found from there. */
const require = createRequire(createRequire(import.meta.url).resolve('@google-cloud/agones-sdk'));

/** Messages and services as protoc made them for the published SDK, which has no types for them. */
// oxlint-disable-next-line typescript/no-explicit-any
const load = (file: string): any => require(`@google-cloud/agones-sdk/lib/${file}.js`);

const sdk = load('sdk_pb');
const alpha = load('alpha/alpha_pb');
const beta = load('beta/beta_pb');
const { Int64Value } = require('google-protobuf/google/protobuf/wrappers_pb.js');
const { FieldMask } = require('google-protobuf/google/protobuf/field_mask_pb.js');

const SDK = load('sdk_grpc_pb')['agones.dev.sdk.SDK'] as ServiceDefinition;
const ALPHA = load('alpha/alpha_grpc_pb')['agones.dev.sdk.alpha.SDK'] as ServiceDefinition;
const BETA = load('beta/beta_grpc_pb')['agones.dev.sdk.beta.SDK'] as ServiceDefinition;

/** A generated message; what it lacks fails the case. */
// oxlint-disable-next-line typescript/no-explicit-any
type Message = any;

/** The SDK by gRPC, as the published clients speak it. */
export class SdkOverGrpc implements SdkCalls {
  readonly #client: Client;

  constructor(port: number) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  ready(): Promise<SdkAnswer> {
    return this.#call(SDK, 'ready', new sdk.Empty());
  }

  allocate(): Promise<SdkAnswer> {
    return this.#call(SDK, 'allocate', new sdk.Empty());
  }

  shutdown(): Promise<SdkAnswer> {
    return this.#call(SDK, 'shutdown', new sdk.Empty());
  }

  reserve(seconds: number): Promise<SdkAnswer> {
    return this.#call(SDK, 'reserve', filled(new sdk.Duration(), { Seconds: seconds }));
  }

  setLabel(key: string, value: string): Promise<SdkAnswer> {
    return this.#call(SDK, 'setLabel', filled(new sdk.KeyValue(), { Key: key, Value: value }));
  }

  setAnnotation(key: string, value: string): Promise<SdkAnswer> {
    return this.#call(SDK, 'setAnnotation', filled(new sdk.KeyValue(), { Key: key, Value: value }));
  }

  getGameServer(): Promise<SdkAnswer<SeenGameServer>> {
    return this.#call(SDK, 'getGameServer', new sdk.Empty(), toSeenGameServer);
  }

  watchGameServer(): SdkWatch {
    const { path, requestSerialize, responseDeserialize } = methodOf(SDK, 'watchGameServer');
    const stream = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, new sdk.Empty());
    const changes = new SeenChanges(() => {
      stream.cancel();
    });
    stream.on('data', (message: Message) => changes.seen.push(toSeenGameServer(message)));
    stream.on('error', (error: ServiceError) => {
      changes.ended = { code: error.code };
    });
    stream.on('end', () => {
      changes.ended ??= {};
    });
    return changes;
  }

  /** A stream of pings; its answer comes when it is ended. */
  health(): { ping(): void; end(): Promise<SdkAnswer>; cut(): void } {
    const { path, requestSerialize, responseDeserialize } = methodOf(SDK, 'health');
    let stream: ClientWritableStream<object> | undefined;
    const answered = new Promise<SdkAnswer>((resolve) => {
      stream = this.#client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, (error, message) => {
        resolve(toAnswer(error, message, plain));
      });
    });
    return {
      ping: () => stream?.write(new sdk.Empty()),
      end: () => {
        stream?.end();
        return answered;
      },
      cut: () => stream?.cancel(),
    };
  }

  getCounter(name: string): Promise<SdkAnswer<Counter>> {
    return this.#call(BETA, 'getCounter', filled(new beta.GetCounterRequest(), { Name: name }), plain<Counter>);
  }

  updateCounter(name: string, { count, capacity, countDiff }: CounterChange): Promise<SdkAnswer<Counter>> {
    const update = filled(new beta.CounterUpdateRequest(), { Name: name });
    if (count !== undefined) update.setCount(filled(new Int64Value(), { Value: count }));
    if (capacity !== undefined) update.setCapacity(filled(new Int64Value(), { Value: capacity }));
    if (countDiff !== undefined) update.setCountdiff(countDiff);
    const request = filled(new beta.UpdateCounterRequest(), { Counterupdaterequest: update });
    return this.#call(BETA, 'updateCounter', request, plain<Counter>);
  }

  getList(name: string): Promise<SdkAnswer<List>> {
    return this.#call(BETA, 'getList', filled(new beta.GetListRequest(), { Name: name }), toList);
  }

  updateList(name: string, change: { capacity?: number; values?: string[] }): Promise<SdkAnswer<List>> {
    const { capacity = 0, values = [] } = change;
    const list = filled(new beta.List(), { Name: name, Capacity: capacity, ValuesList: values });
    const mask = filled(new FieldMask(), { PathsList: Object.keys(change) });
    return this.updateListWith(filled(new beta.UpdateListRequest(), { List: list, UpdateMask: mask }));
  }

  /** The whole request, to leave out what must not be. */
  updateListWith(request: Message): Promise<SdkAnswer<List>> {
    return this.#call(BETA, 'updateList', request, toList);
  }

  addListValue(name: string, value: string): Promise<SdkAnswer<List>> {
    const request = filled(new beta.AddListValueRequest(), { Name: name, Value: value });
    return this.#call(BETA, 'addListValue', request, toList);
  }

  removeListValue(name: string, value: string): Promise<SdkAnswer<List>> {
    const request = filled(new beta.RemoveListValueRequest(), { Name: name, Value: value });
    return this.#call(BETA, 'removeListValue', request, toList);
  }

  playerConnect(playerId: string): Promise<SdkAnswer> {
    return this.#call(ALPHA, 'playerConnect', filled(new alpha.PlayerID(), { Playerid: playerId }));
  }

  playerDisconnect(playerId: string): Promise<SdkAnswer> {
    return this.#call(ALPHA, 'playerDisconnect', filled(new alpha.PlayerID(), { Playerid: playerId }));
  }

  isPlayerConnected(playerId: string): Promise<SdkAnswer> {
    return this.#call(ALPHA, 'isPlayerConnected', filled(new alpha.PlayerID(), { Playerid: playerId }));
  }

  getConnectedPlayers(): Promise<SdkAnswer> {
    return this.#call(ALPHA, 'getConnectedPlayers', new alpha.Empty());
  }

  getPlayerCount(): Promise<SdkAnswer> {
    return this.#call(ALPHA, 'getPlayerCount', new alpha.Empty());
  }

  getPlayerCapacity(): Promise<SdkAnswer> {
    return this.#call(ALPHA, 'getPlayerCapacity', new alpha.Empty());
  }

  setPlayerCapacity(count: number): Promise<SdkAnswer> {
    return this.#call(ALPHA, 'setPlayerCapacity', filled(new alpha.Count(), { Count: count }));
  }

  /** Bytes of the case's own, as they are, to a path of its own. */
  raw(path: string, bytes: Uint8Array): Promise<SdkAnswer> {
    const asTheyAre = (buffer: Buffer) => buffer;
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(path, asTheyAre, asTheyAre, Buffer.from(bytes), deadline(), (error, answer) => {
        resolve(toAnswer(error, answer, () => ({})));
      });
    });
  }

  close(): void {
    this.#client.close();
  }

  #call<T = object>(
    service: ServiceDefinition,
    method: string,
    request: Message,
    read: (message: Message) => T = plain,
  ): Promise<SdkAnswer<T>> {
    const { path, requestSerialize, responseDeserialize } = methodOf(service, method);
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        deadline(),
        (error, answer) => {
          resolve(toAnswer(error, answer, read));
        },
      );
    });
  }
}

function methodOf(service: ServiceDefinition, name: string): MethodDefinition<Message, Message> {
  const method = service[name];
  if (method === undefined) throw new Error(`the published SDK has no ${name}`);
  return method;
}

function deadline(): { deadline: number } {
  return { deadline: Date.now() + DEADLINE_MS };
}

function toAnswer<T>(error: ServiceError | null, message: Message, read: (message: Message) => T): SdkAnswer<T> {
  if (error !== null) return { code: error.code, message: error.details };
  return { code: CODE.ok, message: '', value: read(message) };
}

function filled(message: Message, fields: Record<string, unknown>): Message {
  for (const [field, value] of Object.entries(fields)) message[`set${field}`](value);
  return message;
}

function plain<T = object>(message: Message): T {
  return message.toObject() as T;
}

function toList(message: Message): List {
  const { name, capacity, valuesList } = message.toObject();
  return { name, capacity, values: valuesList };
}

function toSeenGameServer(message: Message): SeenGameServer {
  const { objectMeta, spec, status } = message.toObject();
  const { labelsMap, annotationsMap, ...meta } = objectMeta;
  const lists = status.listsMap as [string, { capacity: number; valuesList: string[] }][];
  return {
    ...meta,
    labels: Object.fromEntries(labelsMap),
    annotations: Object.fromEntries(annotationsMap),
    health: spec.health,
    state: status.state,
    address: status.address,
    addresses: status.addressesList,
    ports: status.portsList,
    counters: Object.fromEntries(status.countersMap),
    lists: Object.fromEntries(
      lists.map(([name, { capacity, valuesList }]) => [name, { capacity, values: valuesList }]),
    ),
  };
}
