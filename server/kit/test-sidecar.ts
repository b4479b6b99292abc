import { createRequire } from 'node:module';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type {
  sendUnaryData,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
} from '@grpc/grpc-js';
import { AGONES } from '../../lib/agones.ts';
import { DRAIN_ANNOTATION, formatSessionDescriptor, SESSION_KEY } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';

/** A message class that protoc made: the package ships no types for them. */
interface Message {
  [method: string]: (...values: unknown[]) => unknown;
}
type MessageClass = (new () => Message) & Record<string, new () => Message>;

const require = createRequire(import.meta.url);
// Generated CommonJS without types: the adapter's edge of the tests.
const services = require('@google-cloud/agones-sdk/lib/sdk_grpc_pb.js') as Record<string, ServiceDefinition>;
const messages = require('@google-cloud/agones-sdk/lib/sdk_pb.js') as Record<string, MessageClass>;

const betaServices = require('@google-cloud/agones-sdk/lib/beta/beta_grpc_pb.js') as Record<string, ServiceDefinition>;
const betaMessages = require('@google-cloud/agones-sdk/lib/beta/beta_pb.js') as Record<string, MessageClass>;

type Call = 'Ready' | 'Allocate' | 'Shutdown' | 'AddListValue' | 'RemoveListValue';

/**
 * For tests: an SDK sidecar that really speaks gRPC, dies and comes back on its port as told, and writes down what it
 * hears. Its GameServer outlives it, as Agones' does.
 */
export class TestSidecar {
  state = 'Scheduled';
  readonly uid = 'uid-of-the-game-server';
  readonly annotations = new Map<string, string>();
  ports: { name: string; port: number }[] = [];
  readonly lists = new Map<string, { capacity: number; values: string[] }>();
  healthPeriodSeconds = 1;
  readonly calls: Call[] = [];
  pings = 0;
  /** Calls are taken and never answered. */
  isHanging = false;
  /** Calls that change state take this long to be answered. */
  answerAfterMs = 0;
  /** Ready changes nothing: as when the sidecar dies before it has written it. */
  losesReady = false;
  /** The same for annotations. */
  losesAnnotations = false;
  /** What SetAnnotation was called with, as `key=value`. */
  readonly annotationCalls: string[] = [];
  /** Changes of Lists are answered and never written: as when the sidecar dies before it has written them. */
  losesListChanges = false;
  /** Changes of Lists are answered at once and written together, so long after. */
  writeListsAfterMs = 20;
  readonly #watchers = new Set<ServerWritableStream<Message, Message>>();
  #server: Server | undefined;
  #port = 0;
  #version = 0;

  get port(): number {
    return this.#port;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  count(call: Call): number {
    return this.calls.filter((other) => other === call).length;
  }

  /** Listens: on a port the system chooses at first, on the same one later. */
  async start(): Promise<void> {
    const server = new Server();
    const definition = services['agones.dev.sdk.SDK'];
    if (definition === undefined) throw new Error('the SDK package has no service');
    const betaDefinition = betaServices['agones.dev.sdk.beta.SDK'];
    if (betaDefinition === undefined) throw new Error('the SDK package has no beta service');
    server.addService(betaDefinition, {
      addListValue: this.#changeList('AddListValue', (values, value) => [...values, value]),
      removeListValue: this.#changeList('RemoveListValue', (values, value) => {
        if (!values.includes(value)) throw new Error('not found: there is no such value');
        return values.filter((other) => other !== value);
      }),
    });
    server.addService(definition, {
      ready: this.#change('Ready', () => {
        if (!this.losesReady) this.state = 'Ready';
      }),
      allocate: this.#change('Allocate', () => {
        this.#allocated();
      }),
      shutdown: this.#change('Shutdown', () => {
        this.state = 'Shutdown';
      }),
      setAnnotation: (call: ServerUnaryCall<Message, Message>, answer: sendUnaryData<Message>) => {
        const [key, value] = [call.request['getKey']?.(), call.request['getValue']?.()].map(String);
        this.annotationCalls.push(`${key}=${value}`);
        if (!this.losesAnnotations) this.annotations.set(`${AGONES.sdkPrefix}${key}`, value ?? '');
        answer(null, create('Empty'));
        this.tell();
      },
      getGameServer: (_: ServerUnaryCall<Message, Message>, answer: sendUnaryData<Message>) => {
        if (!this.isHanging) answer(null, this.#message());
      },
      health: (call: ServerReadableStream<Message, Message>, answer: sendUnaryData<Message>) => {
        call.on('data', () => {
          this.pings += 1;
        });
        call.on('end', () => {
          answer(null, create('Empty'));
        });
      },
      watchGameServer: (call: ServerWritableStream<Message, Message>) => {
        this.#watchers.add(call);
        call.on('cancelled', () => {
          this.#watchers.delete(call);
        });
        call.write(this.#message());
      },
    });
    this.#port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`localhost:${this.#port}`, ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
    this.#server = server;
  }

  /** Dies: every open call breaks. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.#watchers.clear();
  }

  /** As an allocator does it: annotation, state and time in one write. */
  allocate(descriptor: SessionDescriptor | undefined): void {
    if (descriptor !== undefined) this.annotations.set(SESSION_KEY, formatSessionDescriptor(descriptor));
    this.#allocated();
    this.tell();
  }

  /** As an allocator tells it to drain. */
  drain(): void {
    this.annotations.set(DRAIN_ANNOTATION, new Date().toISOString());
    this.tell();
  }

  /** As an allocator of shared GameServers does it: state and ids in one write. */
  setSessions(sessionIds: readonly string[], state = 'Allocated'): void {
    const { capacity } = this.#list('sessions');
    this.lists.set('sessions', { capacity, values: [...sessionIds] });
    this.state = state;
    this.tell();
  }

  /** Sends the GameServer as it is to each watch. */
  tell(): void {
    this.#version += 1;
    for (const watcher of this.#watchers) watcher.write(this.#message());
  }

  /** Ends each watch without an error. */
  endWatches(): void {
    for (const watcher of this.#watchers) watcher.end();
    this.#watchers.clear();
  }

  #allocated(): void {
    this.#version += 1;
    this.state = 'Allocated';
    this.annotations.set(AGONES.lastAllocatedAnnotation, `${new Date().toISOString()}/${this.#version}`);
  }

  #change(name: Call, change: () => void) {
    return (_: ServerUnaryCall<Message, Message>, answer: sendUnaryData<Message>): void => {
      this.calls.push(name);
      if (this.isHanging) return;
      setTimeout(() => {
        change();
        answer(null, create('Empty'));
        this.tell();
      }, this.answerAfterMs);
    };
  }

  #changeList(name: 'AddListValue' | 'RemoveListValue', change: (values: string[], value: string) => string[]) {
    return (call: ServerUnaryCall<Message, Message>, answer: sendUnaryData<Message>): void => {
      this.calls.push(name);
      if (this.isHanging) return;
      const list = String(call.request['getName']?.());
      const value = String(call.request['getValue']?.());
      try {
        change(this.#list(list).values, value);
      } catch (error) {
        // Agones says everything that is wrong with a List as UNKNOWN.
        answer({ code: 2, details: error instanceof Error ? error.message : '' });
        return;
      }
      answer(null, createBeta('List'));
      if (this.losesListChanges) return;
      setTimeout(() => {
        const { capacity, values } = this.#list(list);
        const isThere = values.includes(value);
        if (isThere === (name === 'AddListValue')) return;
        this.lists.set(list, { capacity, values: change(values, value) });
        this.tell();
      }, this.writeListsAfterMs);
    };
  }

  #list(name: string): { capacity: number; values: string[] } {
    const list = this.lists.get(name);
    if (list === undefined) throw new Error(`list not found: ${name}`);
    return list;
  }

  #message(): Message {
    const gameServer = create('GameServer');
    const meta = create('GameServer', 'ObjectMeta');
    meta['setName']?.('boats-1');
    meta['setNamespace']?.('default');
    meta['setUid']?.(this.uid);
    meta['setResourceVersion']?.(String(this.#version));
    const annotations = meta['getAnnotationsMap']?.() as Map<string, string>;
    makeWritable(annotations);
    for (const [key, value] of this.annotations) annotations.set(key, value);
    gameServer['setObjectMeta']?.(meta);
    const health = create('GameServer', 'Spec', 'Health');
    health['setPeriodSeconds']?.(this.healthPeriodSeconds);
    health['setFailureThreshold']?.(3);
    const spec = create('GameServer', 'Spec');
    spec['setHealth']?.(health);
    gameServer['setSpec']?.(spec);
    const status = create('GameServer', 'Status');
    status['setState']?.(this.state);
    const ports = this.ports.map(({ name, port }) => {
      const message = create('GameServer', 'Status', 'Port');
      message['setName']?.(name);
      message['setPort']?.(port);
      return message;
    });
    status['setPortsList']?.(ports);
    const lists = status['getListsMap']?.() as Map<string, Message>;
    makeWritable(lists);
    for (const [name, { capacity, values }] of this.lists) {
      const list = create('GameServer', 'Status', 'ListStatus');
      list['setCapacity']?.(capacity);
      list['setValuesList']?.(values);
      lists.set(name, list);
    }
    gameServer['setStatus']?.(status);
    return gameServer;
  }
}

interface BinaryWriter {
  writeMessage(field: number, value: object, write: (value: object, writer: BinaryWriter) => void): void;
}
type FieldWriter = (this: BinaryWriter, field: number, value: unknown, write?: unknown) => void;

/** google-protobuf 4.0.1 lost the method by which its own generated code writes maps: each entry is a message. */
function makeWritable(map: Map<string, unknown>): void {
  const serializeBinary = (
    field: number,
    writer: BinaryWriter,
    writeKey: FieldWriter,
    writeValue: FieldWriter,
    write?: unknown,
  ): void => {
    for (const [key, value] of map.entries()) {
      writer.writeMessage(field, {}, (_, entry) => {
        writeKey.call(entry, 1, key);
        writeValue.call(entry, 2, value, write);
      });
    }
  };
  Object.defineProperty(map, 'serializeBinary', { value: serializeBinary });
}

function create(...path: string[]): Message {
  let found = messages as unknown as MessageClass;
  for (const name of path) found = found[name] as MessageClass;
  return new found();
}

function createBeta(name: string): Message {
  return new (betaMessages[name] as MessageClass)();
}
