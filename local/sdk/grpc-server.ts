import { Server, ServerCredentials } from '@grpc/grpc-js';
import type {
  sendUnaryData,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { GameServer } from '../../lib/agones.ts';
import { INT64, nearestWithin } from '../protobuf/json-integer.ts';
import type { CounterUpdate, ListUpdate, SdkCounter, SdkList } from './counters-and-lists.ts';
import { toGrpcGameServer } from './game-server-message.ts';
import { latestOnly } from './latest-only.ts';
import { ALPHA_SERVICE, alphaMessages, BETA_SERVICE, betaMessages, SDK_SERVICE, sdkMessages } from './sdk-protocol.ts';
import type { Message, MessageClass } from './sdk-protocol.ts';
import { GRPC_CODE, MAX_MESSAGE_BYTES, SdkError } from './sdk-error.ts';
import type { Sidecar } from './sidecar.ts';

/** A server that listens. */
export interface Listening {
  port: number;
  /** Cuts open calls and frees the port. */
  close(): Promise<void>;
}

/** Serves the SDK's three gRPC services for one GameServer. With port 0 the system chooses. */
export async function serveGrpc(sidecar: Sidecar, host: string, wantedPort: number): Promise<Listening> {
  const server = new Server({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES });
  server.addService(SDK_SERVICE, sdkImplementation(sidecar));
  server.addService(BETA_SERVICE, betaImplementation(sidecar));
  server.addService(ALPHA_SERVICE, alphaImplementation(sidecar));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${wantedPort}`, ServerCredentials.createInsecure(), (error, boundPort) => {
      if (error === null) resolve(boundPort);
      else reject(error);
    });
  });
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.tryShutdown(() => {
          resolve();
        });
        server.forceShutdown();
      }),
  };
}

type Unary = (call: ServerUnaryCall<Message, Message>, answer: sendUnaryData<Message>) => void;

function unary(handle: (request: Message) => Message): Unary {
  return (call, answer) => {
    try {
      answer(null, handle(call.request));
    } catch (error) {
      answer(toStatus(error));
    }
  };
}

function toStatus(error: unknown): { code: number; details: string } {
  if (error instanceof SdkError) return { code: error.code, details: error.message };
  return { code: GRPC_CODE.unknown, details: 'the SDK server failed' };
}

function emptyMessage(): Message {
  return create(sdkMessages['Empty']);
}

function create(message: MessageClass | undefined): Message {
  if (message === undefined) throw new Error('the Agones SDK package lacks a message');
  return new message();
}

function text(message: Message, field: string): string {
  const value = message[`get${field}`]?.();
  return typeof value === 'string' ? value : '';
}

function int64(value: unknown): number {
  return nearestWithin(Number(value ?? 0), INT64);
}

function sdkImplementation(sidecar: Sidecar): UntypedServiceImplementation {
  const state = (change: () => void): Unary =>
    unary(() => {
      change();
      return emptyMessage();
    });
  return {
    ready: state(() => {
      sidecar.ready();
    }),
    allocate: state(() => {
      sidecar.allocate();
    }),
    shutdown: state(() => {
      sidecar.shutdown();
    }),
    reserve: unary((request) => {
      sidecar.reserve(int64(request['getSeconds']?.()));
      return emptyMessage();
    }),
    health(call: ServerReadableStream<Message, Message>, answer: sendUnaryData<Message>) {
      call.on('data', () => {
        sidecar.ping();
      });
      call.on('end', () => {
        answer(null, emptyMessage());
      });
    },
    getGameServer: unary(() => toGrpcGameServer(sidecar.gameServer())),
    watchGameServer(call: ServerWritableStream<Message, Message>) {
      watchGameServer(sidecar, call);
    },
    setLabel: unary((request) => {
      sidecar.setLabel(text(request, 'Key'), text(request, 'Value'));
      return emptyMessage();
    }),
    setAnnotation: unary((request) => {
      sidecar.setAnnotation(text(request, 'Key'), text(request, 'Value'));
      return emptyMessage();
    }),
  };
}

function watchGameServer(sidecar: Sidecar, call: ServerWritableStream<Message, Message>): void {
  const send = latestOnly<Message>(call);
  const sendGameServer = (gameServer: GameServer): void => {
    send(toGrpcGameServer(gameServer));
  };
  try {
    sendGameServer(sidecar.gameServer());
  } catch (error) {
    call.emit('error', toStatus(error));
    return;
  }
  const unwatch = sidecar.watch(sendGameServer);
  call.on('cancelled', unwatch);
  call.on('close', unwatch);
}

function betaImplementation(sidecar: Sidecar): UntypedServiceImplementation {
  return {
    getCounter: unary((request) => counterMessage(sidecar.counter(text(request, 'Name')))),
    updateCounter: unary((request) => counterMessage(sidecar.updateCounter(readCounterUpdate(request)))),
    getList: unary((request) => listMessage(sidecar.list(text(request, 'Name')))),
    updateList: unary((request) => listMessage(sidecar.updateList(readListUpdate(request)))),
    addListValue: unary((request) => listMessage(sidecar.addListValue(text(request, 'Name'), text(request, 'Value')))),
    removeListValue: unary((request) =>
      listMessage(sidecar.removeListValue(text(request, 'Name'), text(request, 'Value'))),
    ),
  };
}

function readListUpdate(request: Message): ListUpdate {
  const list = request['getList']?.() as Message | undefined;
  const mask = request['getUpdateMask']?.() as Message | undefined;
  if (list === undefined || mask === undefined) {
    throw new SdkError(GRPC_CODE.unknown, 'invalid argument. List and UpdateMask cannot be nil');
  }
  return {
    name: text(list, 'Name'),
    capacity: int64(list['getCapacity']?.()),
    values: texts(list['getValuesList']?.()),
    paths: texts(mask['getPathsList']?.()),
  };
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function readCounterUpdate(request: Message): CounterUpdate {
  const update = request['getCounterupdaterequest']?.() as Message | undefined;
  if (update === undefined) {
    throw new SdkError(GRPC_CODE.unknown, 'invalid argument. CounterUpdateRequest: <nil> cannot be nil');
  }
  const wrapped = (field: string): number | undefined => {
    const value = update[`get${field}`]?.() as Message | undefined;
    return value === undefined ? undefined : int64(value['getValue']?.());
  };
  return {
    name: text(update, 'Name'),
    count: wrapped('Count'),
    capacity: wrapped('Capacity'),
    countDiff: int64(update['getCountdiff']?.()),
  };
}

function counterMessage({ name, count, capacity }: SdkCounter): Message {
  const message = create(betaMessages['Counter']);
  message['setName']?.(name);
  message['setCount']?.(count);
  message['setCapacity']?.(capacity);
  return message;
}

function listMessage({ name, capacity, values }: SdkList): Message {
  const message = create(betaMessages['List']);
  message['setName']?.(name);
  message['setCapacity']?.(capacity);
  message['setValuesList']?.(values);
  return message;
}

function alphaImplementation({ players }: Sidecar): UntypedServiceImplementation {
  const bool = (value: boolean): Message => filled('Bool', 'Bool', value);
  const count = (value: number): Message => filled('Count', 'Count', value);
  const id = (request: Message): string => text(request, 'Playerid');
  return {
    playerConnect: unary((request) => bool(players.connect(id(request)))),
    playerDisconnect: unary((request) => bool(players.disconnect(id(request)))),
    setPlayerCapacity: unary((request) => {
      players.setCapacity(int64(request['getCount']?.()));
      return create(alphaMessages['Empty']);
    }),
    getPlayerCapacity: unary(() => count(players.capacity)),
    getPlayerCount: unary(() => count(players.count)),
    isPlayerConnected: unary((request) => bool(players.isConnected(id(request)))),
    getConnectedPlayers: unary(() => filled('PlayerIDList', 'ListList', players.connected)),
  };
}

/** A message of the alpha service with its one field. */
function filled(name: string, field: string, value: unknown): Message {
  const message = create(alphaMessages[name]);
  message[`set${field}`]?.(value);
  return message;
}
